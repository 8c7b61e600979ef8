"""What the replicates allow to say, and nothing more."""

import csv
import dataclasses
import io

import numpy as np
import pytest
import scipy.stats

from tf_gan_lth import findings
from tf_gan_lth.experiment.errors import EvaluationError
from tf_gan_lth.findings import Result, judge
from tf_gan_lth.findings.comparison import compare, comparison_table, in_words


def result(number, fid, branch="main", replicate=0):
    return Result(
        replicate=replicate,
        round=number,
        branch=branch,
        generator="generator",
        generator_sparsity=1 - 0.8**number,
        discriminator_sparsity=0.0,
        generator_params_left=1,
        protocol="p",
        steps=1,
        seed=0,
        train_seconds=1.0,
        eval_seconds=1.0,
        scores={"fid": fid},
    )


def rows(number, fids, branch="main"):
    return [result(number, fid, branch, replicate) for replicate, fid in enumerate(fids)]


def test_one_replicate_never_matches_but_the_sparsest_within_the_margin_is_named():
    verdict = judge([result(0, 20), result(1, 19), result(2, 21.9), result(3, 22.1)], margin=0.1)
    assert verdict.matching is None and verdict.best == 2
    assert (
        verdict.sentence
        == "at 36.0% sparsity (round 2) the ticket is at most 10% worse than the dense GAN: FID"
        " 21.9 vs 20.0 in 1 replicate; whether it matches is undetermined (at least 1 more"
        " replicate)."
    )


def test_no_match_is_said():
    verdict = judge([result(0, 20), result(1, 30)], margin=0.1)
    assert (
        verdict.best is None
        and verdict.sentence == "no ticket matches the dense GAN (FID 20.0) as far as is known."
    )


def test_the_tests_are_welchs():
    dense, ticket = [10.0, 10.4, 9.7, 10.1], [10.9, 11.6, 10.2]
    found = compare(rows(0, dense) + rows(1, ticket), 0.1)[1, "main"]
    worse = scipy.stats.ttest_ind(ticket, dense, equal_var=False, alternative="greater").pvalue
    limit = np.array(dense) * 1.1
    matching = scipy.stats.ttest_ind(ticket, limit, equal_var=False, alternative="less").pvalue
    assert found.p_worse == pytest.approx(worse) and found.p_matching == pytest.approx(matching)
    assert found.fid_mean == pytest.approx(
        np.mean(ticket)
    ) and found.fid_standard_deviation == pytest.approx(np.std(ticket, ddof=1))


@pytest.mark.parametrize(
    ("ticket", "verdict"),
    [
        ([10.0, 10.1, 9.9], "matching"),
        ([9.0, 8.9, 9.1], "matching"),
        ([10.3, 10.31, 10.32], "slightly worse"),  # for certain, but by less than the margin
        ([12.0, 12.1, 11.9], "worse"),
        ([11.0, 12.5, 9.0], "undetermined"),
    ],
)
def test_a_word_needs_its_evidence(ticket, verdict):
    found = compare(rows(0, [10.0, 10.05, 9.95]) + rows(1, ticket), 0.1)[1, "main"]
    assert found.verdict == verdict
    assert (found.replicates_needed is None) == (verdict != "undetermined")


def test_the_number_of_replicates_needed_would_decide_with_the_same_mean_and_deviation():
    dense, ticket = [10.0, 10.5, 9.5], [10.2, 9.6, 10.8]
    found = compare(rows(0, dense) + rows(1, ticket), 0.1)[1, "main"]
    assert found.verdict == "undetermined" and 1 <= found.replicates_needed < 30

    def p_matching(count):
        sides = [
            (np.mean(f) * scale, np.std(f, ddof=1) * scale, count)
            for f, scale in [(dense, 1.1), (ticket, 1.0)]
        ]
        return scipy.stats.ttest_ind_from_stats(
            *sides[0], *sides[1], equal_var=False, alternative="greater"
        ).pvalue

    assert p_matching(3 + found.replicates_needed) < 0.05 < p_matching(2 + found.replicates_needed)
    assert in_words(found).startswith(f"undetermined ({found.replicates_needed} more replicate")


def test_a_mean_on_the_margin_is_never_decided():
    found = compare(rows(0, [10.0, 12.0, 8.0]) + rows(1, [11.0, 12.0, 10.0]), 0.1)[1, "main"]
    assert found.verdict == "undetermined" and (
        found.replicates_needed is None or found.replicates_needed > 10
    )


def test_equal_scores_in_all_replicates_are_decided():
    assert compare(rows(0, [10, 10]) + rows(1, [10, 10]), 0.1)[1, "main"].verdict == "matching"
    assert compare(rows(0, [10, 10]) + rows(1, [12, 12]), 0.1)[1, "main"].verdict == "worse"
    assert compare(rows(0, [10, 10]) + rows(1, [10, 10]), 0.0)[1, "main"].verdict == "undetermined"


def test_the_sparsest_matching_round_and_the_sparsest_open_one_are_both_named():
    results = (
        rows(0, [10, 10.1, 9.9])
        + rows(1, [10, 10.1, 9.9])
        + rows(2, [10.9, 9.0, 10.5])
        + rows(3, [14, 14.1, 14.2])
    )
    verdict = judge(results, margin=0.1)
    assert verdict.matching == verdict.best == 1
    found = (
        "at 20.0% sparsity (round 1) the ticket matches the dense GAN: FID 10.0 +- 0.10 vs 10.0 +-"
        " 0.10 in 3 replicates (within"
    )
    assert verdict.sentence.startswith(found)
    assert "at 36.0% sparsity (round 2) the ticket is at most 10% worse" in verdict.sentence


def test_controls_are_named_at_the_sparsest_round_that_has_them():
    results = [
        result(0, 20),
        result(1, 20),
        result(1, 25, "random_mask"),
        result(1, 30, "random_init"),
        result(2, 40),
    ]
    assert judge(results, 0.1).sentence.endswith(
        "At 20.0% sparsity (round 1): ticket 20.0, random_init 30.0, random_mask 25.0."
    )


def test_scores_of_different_protocols_are_not_compared():
    with pytest.raises(EvaluationError, match="p, q"):
        judge([result(0, 20), dataclasses.replace(result(1, 20), protocol="q")], 0.1)


def test_a_dense_run_alone_is_judged():
    assert judge([result(0, 20)], 0.1).best is None


def test_the_comparison_is_in_the_csv_and_on_the_terminal(finished):
    verdict = findings.write_results(finished.run)[1]["generator"]
    found = list(csv.DictReader(io.StringIO((finished.run.path / "results.csv").read_text())))
    assert [row["verdict"] for row in found] == ["dense"] + ["undetermined"] * 5
    assert {row["replicates_needed"] for row in found[1:]} == {"1"}
    assert found[0]["fid_mean"] == found[0]["fid"]
    lines = comparison_table(verdict.comparisons).splitlines()
    assert len(lines) == 7 and lines[1].endswith("dense")
    assert lines[2].endswith("undetermined (at least 1 more replicate)")
