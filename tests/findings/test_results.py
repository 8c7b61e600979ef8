import csv
import io
import shutil

from tf_gan_lth import findings
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.findings.columns import with_values

COLUMNS = (
    "replicate,round,branch,generator,generator_sparsity,discriminator_sparsity,"
    "generator_params_left,macs_left,macs,"
    "fid,kid,kid_standard_error,inception_score,inception_score_std,precision,recall,density,"
    "coverage,l1_inside,l1_outside,"
    "protocol,steps,seed,train_seconds,eval_seconds,"
    "replicates,fid_mean,fid_standard_deviation,p_worse,p_matching,verdict,replicates_needed,"
    "fid_ratio,fid_ratio_low,fid_ratio_high,p_worse_than_ticket,"
    "planned_replicates,looks,paired,margin"
)
TRAININGS = [
    (0, "main"),
    (1, "main"),
    (2, "main"),
    (2, "random_init"),
    (2, "random_mask"),
    (3, "main"),
]


def test_the_table_of_results_has_the_agreed_columns(finished):
    rows = list(csv.DictReader(io.StringIO((finished.run.path / "results.csv").read_text())))
    assert ",".join(rows[0]) == COLUMNS
    assert [(int(row["round"]), row["branch"]) for row in rows] == TRAININGS
    assert len({row["protocol"] for row in rows}) == 1 and rows[0]["steps"] == "2"


def test_a_row_has_the_scores_the_costs_and_the_training_of_its_folder(finished):
    results = findings.read_results(finished.run)
    assert [(result.round, result.branch) for result in results] == TRAININGS
    rows = findings.rows(results)
    assert all(",".join(row) == COLUMNS[: COLUMNS.index(",replicates,")] for row in rows)
    folder = finished.replicate.round(2).branch("random_mask")
    scores = folder.scores.get()["generator"]
    sparsity = folder.sparsity.get()["generator"]
    row = rows[TRAININGS.index((2, "random_mask"))]
    assert row["fid"] == scores["fid"] and row["kid"] == scores["kid"]
    assert row["generator_sparsity"] == sparsity["sparsity"] and row["macs"] == sparsity["macs"]
    assert row["macs_left"] == sparsity["macs_left"] < row["macs"]
    assert row["generator_params_left"] == sparsity["parameters_left"]
    assert row["discriminator_sparsity"] == 0.0 and row["l1_inside"] is None


def test_the_printed_table_has_a_line_for_each_training(finished):
    lines = findings.table(findings.read_results(finished.run)).splitlines()
    assert len(lines) == 7 and "random_mask" in lines[5] and "64.1%" in lines[5]
    assert "FID" in lines[0] and "L1 inside" not in lines[0] and "direction" not in lines[0]
    assert len({line.index("main") for line in lines[1:4]}) == 1


def test_where_a_run_has_no_value_a_dash_stands(finished, tmp_path):
    run = RunFolder(shutil.copytree(finished.run.path, tmp_path / "older"))
    folder = run.replicate(0).round(1)
    record = folder.scores.get()["generator"]
    folder.scores.put({"generator": {**record, "kid": None}})
    result = findings.read_results(run)[1]
    shown = {column.name: column.text(result) for column in findings.columns()}
    assert shown["kid"] == "-" and shown["fid"] == f"{record['fid']:.3f}"
    lines = findings.table(findings.read_results(run)).splitlines()
    assert [" - " in line for line in lines] == [False, False, True, False, False, False, False]


def test_optional_columns_are_shown_where_any_result_has_a_value(finished):
    results = findings.read_results(finished.run)
    optional = {column.name for column in findings.columns() if column.optional}
    assert optional == {"generator", "l1_inside", "l1_outside"}
    left = {column.name for column in with_values(findings.columns(), results)}
    assert left == {column.name for column in findings.columns()} - optional
    results[0].scores["l1_inside"] = 0.5
    assert "l1_inside" in {column.name for column in with_values(findings.columns(), results)}
