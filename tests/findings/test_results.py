import csv
import io

from tf_gan_lth import lottery


def test_the_table_of_results_has_the_agreed_columns(finished):
    rows = list(csv.DictReader(io.StringIO((finished.run.path / "results.csv").read_text())))
    columns = (
        "replicate,round,branch,generator_sparsity,discriminator_sparsity,generator_params_left,fid,kid,"
        "inception_score,protocol,steps,seed,train_seconds,eval_seconds,"
        "kid_standard_error,inception_score_std,precision,recall,density,coverage,"
        "replicates,fid_mean,fid_standard_deviation,p_worse,p_matching,verdict,replicates_needed,generator,l1_inside,l1_outside"
    )
    assert ",".join(rows[0]) == columns
    assert [(row["round"], row["branch"]) for row in rows] == [
        ("0", "main"),
        ("1", "main"),
        ("2", "main"),
        ("2", "random_init"),
        ("2", "random_mask"),
        ("3", "main"),
    ]
    assert len({row["protocol"] for row in rows}) == 1 and rows[0]["steps"] == "2"


def test_the_printed_table_has_a_line_for_each_training(finished):
    lines = lottery.table(lottery.read_results(finished.run)).splitlines()
    assert len(lines) == 7 and "random_mask" in lines[5] and "64.1%" in lines[5]
