"""What the replicates allow to say, and nothing more."""

import csv
import dataclasses
import io
import re

import numpy as np
import pytest
import scipy.stats
from made_results import put_scores, result, rows, run_of

from tf_gan_lth import findings
from tf_gan_lth.experiment.errors import EvaluationError
from tf_gan_lth.findings import comparison_table, judge
from tf_gan_lth.findings.comparison import compare, in_words
from tf_gan_lth.findings.looks import Plan
from tf_gan_lth.report import chart
from tf_gan_lth.report.axes import SHARE
from tf_gan_lth.report.series import curves


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


def test_a_paired_plan_compares_replicate_by_replicate():
    """Also where a replicate lacks a round: the others stay with their own dense GAN."""
    results = rows(0, [10.0, 14.0, 18.0, 12.0])
    results += [result(1, fid, replicate=n) for n, fid in ((0, 10.2), (2, 18.3), (3, 12.1))]
    found = compare(results, 0.1, Plan(4, paired=True))[1, "main"]
    pairs = [10.2, 18.3, 12.1], np.array([10.0, 18.0, 12.0])
    worse = scipy.stats.ttest_rel(*pairs, alternative="greater").pvalue
    within = scipy.stats.ttest_rel(pairs[0], 1.1 * pairs[1], alternative="less").pvalue
    assert (found.p_worse, found.p_matching) == pytest.approx((worse, within), rel=1e-6)
    assert found.replicates == 3 and found.verdict == "slightly worse"
    assert compare(results, 0.1, Plan(4))[1, "main"].verdict == "undetermined"
    assert Plan(4, paired=True).tests == "t-tests of differences within replicates"
    assert Plan(4).tests == "Welch tests over replicates"


def test_a_paired_plan_without_a_pair_decides_nothing_and_tells_the_scores():
    results = rows(0, [10, 11]) + [result(1, 9.0, replicate=2), result(1, 9.5, replicate=3)]
    found = compare(results, 0.1, Plan(4, paired=True))[1, "main"]
    assert (found.fid_mean, found.replicates, found.p_worse) == (9.25, 2, None)
    assert in_words(found) == "undetermined (at least 2 more replicates)"


def test_a_ticket_is_named_beside_the_dense_scores_that_it_was_compared_with():
    """Of a look that the dense GAN alone has reached, and of replicates that the ticket lacks."""
    results = rows(0, [10, 11, 12, 30, 31, 32]) + rows(1, [10.1, 11, 11.9])
    for plan in (Plan(9, 3), Plan(6, paired=True)):
        verdict = judge(results, 0.1, plan)
        ticket = verdict.comparisons[1, "main"]
        assert verdict.best == 1 and ticket.fid_ratio == pytest.approx(1.0)
        assert "FID 11.0 +- 0.90 vs 11.0 +- 1.00 in 3 replicates" in verdict.sentence
        (tickets,) = curves(results, verdict)
        assert tickets.points[1].floor == pytest.approx(11 * ticket.fid_ratio_low)
    # What is far above the dense scores of its own look is not near those of a later one.
    worse = rows(0, [10, 11, 12, 30, 31, 32]) + rows(1, [14, 19, 16])
    assert judge(worse, 0.1, Plan(9, 3)).best is None


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
    total = 3 + found.replicates_needed
    assert in_words(found) == f"undetermined (takes {total} replicates)"


@pytest.mark.parametrize("counts", [(3, 5), (5, 3)])
def test_the_number_is_of_all_replicates_where_one_side_has_more(counts):
    dense, ticket = [10.0, 10.5, 9.5, 10.6, 9.4][: counts[0]], [10.2, 9.0, 11.8, 9, 12][: counts[1]]
    found = compare(rows(0, dense) + rows(1, ticket), 0.1)[1, "main"]
    total = int(re.search("takes ([0-9]+) replicates", in_words(found)).group(1))

    def p_matching(count):
        sides = [
            (np.mean(f) * scale, np.std(f, ddof=1) * scale, max(count, len(f)))
            for f, scale in [(dense, 1.1), (ticket, 1.0)]
        ]
        return scipy.stats.ttest_ind_from_stats(
            *sides[0], *sides[1], equal_var=False, alternative="greater"
        ).pvalue

    assert total > 5 and p_matching(total) < 0.05 < p_matching(total - 1)


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
    assert ". At 36.0% sparsity (round 2) the ticket is at most 10% worse" in verdict.sentence


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


def test_the_sparsity_that_is_named_is_the_tickets_whatever_comes_first():
    """Random channels of as many MACs are another share; a table may have been sorted by branch."""
    control = dataclasses.replace(result(1, 25, "random_mask"), generator_sparsity=0.5)
    sentence = judge([control, result(1, 20), result(0, 20)], 0.1).sentence
    assert sentence.startswith("at 20.0% sparsity (round 1)") and "50.0%" not in sentence


def test_scores_of_different_protocols_are_not_compared():
    with pytest.raises(EvaluationError, match="p, q"):
        judge([result(0, 20), dataclasses.replace(result(1, 20), protocol="q")], 0.1)


def test_a_dense_run_alone_is_judged():
    assert judge([result(0, 20)], 0.1).best is None


EQUAL, NOISY, BAD = [10, 10.1, 9.9], [10.9, 9.0, 10.5], [14, 14.1, 14.2]


def test_tickets_are_tested_in_order_from_the_densest():
    results = rows(0, EQUAL) + rows(1, EQUAL) + rows(2, [10.1, 10.3, 9.8]) + rows(3, EQUAL)
    verdict = judge(results, margin=0.1)
    # The p-value of the statement is the largest of those that it needs.
    p = max(verdict.comparisons[number, "main"].p_matching for number in (1, 2, 3))
    assert verdict.matching == 3 and p > verdict.comparisons[3, "main"].p_matching
    assert f"(within 10%, as all denser ones, p {p:.2g})" in verdict.sentence


def test_a_ticket_beyond_the_first_that_is_open_matches_alone():
    results = rows(0, EQUAL) + rows(1, EQUAL) + rows(2, NOISY) + rows(3, EQUAL)
    verdict = judge(results, margin=0.1)
    ticket = verdict.comparisons[3, "main"]
    assert verdict.matching == verdict.best == 1 and ticket.verdict == "matching alone"
    assert ticket.p_matching == verdict.comparisons[1, "main"].p_matching < 0.05
    open_ticket = in_words(verdict.comparisons[2, "main"])
    assert (
        ". At 48.8% sparsity (round 3) the ticket is at most 10% worse than the dense GAN: FID 10.0"
        " +- 0.10 vs 10.0 +- 0.10 in 3 replicates; its own p is"
        f" {ticket.p_matching:.2g}, but round 2, which is denser, is {open_ticket}."
    ) in verdict.sentence


def test_where_round_1_does_not_match_nothing_does():
    verdict = judge(rows(0, EQUAL) + rows(1, BAD) + rows(2, EQUAL), margin=0.1)
    assert verdict.matching is None and verdict.best == 2
    assert "but round 1, which is denser, is worse" in verdict.sentence


def test_a_slightly_worse_ticket_is_within_the_margin_and_does_not_end_the_order():
    tight = [10.0, 10.05, 9.95]
    results = rows(0, tight) + rows(1, [10.3, 10.31, 10.32]) + rows(2, tight)
    verdict = judge(results, margin=0.1)
    assert verdict.comparisons[1, "main"].verdict == "slightly worse" and verdict.matching == 2
    # But it is not what matches.
    assert judge(results[:6], margin=0.1).matching is None


def test_the_order_is_over_the_rounds_that_are_there():
    verdict = judge(rows(0, EQUAL) + rows(5, EQUAL), margin=0.1)
    assert verdict.matching == 5 and "denser" not in verdict.sentence


def test_budgets_that_were_given_from_the_smallest_on_are_tested_from_the_densest():
    """--budgets=0.1,0.25,0.5 makes round 3 the densest."""

    def of(number, sparsity, fids, branch="main"):
        found = rows(number, fids, branch)
        return [dataclasses.replace(r, generator_sparsity=sparsity) for r in found]

    results = rows(0, EQUAL) + of(1, 0.9, BAD) + of(2, 0.75, EQUAL) + of(3, 0.5, EQUAL)
    results += of(3, 0.5, BAD, "random_mask")
    verdict = judge(results, margin=0.1)
    assert verdict.matching == verdict.best == 2
    assert verdict.sentence.startswith("at 75.0% sparsity (round 2) the ticket matches")
    assert "as all denser ones" in verdict.sentence
    order = [number for number, _ in verdict.comparisons]
    assert order == [0, 3, 3, 2, 1]
    # Where the densest is open, the others match alone.
    results = rows(0, EQUAL) + of(1, 0.9, EQUAL) + of(2, 0.5, NOISY)
    verdict = judge(results, margin=0.1)
    assert verdict.matching is None and verdict.best == 1
    assert "but round 2, which is denser, is undetermined" in verdict.sentence


def test_the_ratio_has_an_interval_that_agrees_with_the_tests():
    results = rows(0, EQUAL) + rows(1, EQUAL) + rows(2, NOISY) + rows(2, BAD, "random_mask")
    for (number, branch), found in compare(results, 0.1).items():
        if not number:
            assert (found.fid_ratio, found.fid_ratio_low, found.fid_ratio_high) == (None,) * 3
            continue
        assert found.fid_ratio_low < found.fid_ratio < found.fid_ratio_high
        assert (found.fid_ratio_high < 1.1) == (found.p_matching < 0.05), branch
        assert (found.fid_ratio_low > 1.0) == (found.p_worse < 0.05), branch
    single = compare([result(0, 20), result(1, 21)], 0.1)[1, "main"]
    assert single.fid_ratio == pytest.approx(1.05) and single.fid_ratio_low is None


def test_controls_are_tested_against_the_ticket_of_their_round():
    results = (
        rows(0, [9.0, 9.1, 8.9])
        + rows(1, EQUAL)
        + rows(1, BAD, "random_mask")
        + rows(1, [10.1, 9.8, 10.3], "random_init")
    )
    verdict = judge(results, 0.1)
    p = scipy.stats.ttest_ind(BAD, EQUAL, equal_var=False, alternative="greater").pvalue
    found = verdict.comparisons
    assert found[1, "random_mask"].p_worse_than_ticket == pytest.approx(p)
    assert found[1, "random_init"].p_worse_than_ticket > 0.05
    assert found[0, "main"].p_worse_than_ticket is found[1, "main"].p_worse_than_ticket is None
    # What is not decided is not said.
    assert verdict.sentence.endswith(
        "At 20.0% sparsity (round 1): ticket 10.0, random_init 10.1, random_mask 14.1; random_mask"
        f" is worse than the ticket (p {p:.2g})."
    )


def test_the_comparison_is_in_the_csv_and_on_the_terminal(tmp_path):
    run = run_of(tmp_path / "run", replicates=3, rounds=2)
    for number, fids in enumerate((EQUAL, EQUAL, NOISY)):
        put_scores(run, number, fids)
    verdict = findings.write_results(run)[1]["generator"]
    found = list(csv.DictReader(io.StringIO((run.path / "results.csv").read_text())))
    ticket = verdict.comparisons[2, "main"]
    assert [row["verdict"] for row in found] == ["dense", "matching", "undetermined"] * 3
    assert float(found[2]["fid_ratio"]) == ticket.fid_ratio
    assert float(found[2]["fid_ratio_low"]) == ticket.fid_ratio_low
    assert float(found[2]["fid_ratio_high"]) == ticket.fid_ratio_high
    assert found[0]["fid_ratio"] == found[2]["p_worse_than_ticket"] == ""
    lines = comparison_table(verdict.comparisons).splitlines()
    assert len(lines) == 4 and lines[1].endswith("dense") and lines[2].endswith("matching")
    interval = f"{ticket.fid_ratio_low:.2f} to {ticket.fid_ratio_high:.2f}"
    assert interval in lines[3] and lines[3].endswith(in_words(ticket))


def test_the_comparison_of_a_trained_run(finished):
    verdict = findings.write_results(finished.run)[1]["generator"]
    found = list(csv.DictReader(io.StringIO((finished.run.path / "results.csv").read_text())))
    assert [row["verdict"] for row in found] == ["dense"] + ["undetermined"] * 5
    assert {row["replicates_needed"] for row in found[1:]} == {"1"}
    assert found[0]["fid_mean"] == found[0]["fid"]
    lines = comparison_table(verdict.comparisons).splitlines()
    assert len(lines) == 7 and lines[2].endswith("undetermined (at least 1 more replicate)")


def test_the_figure_has_a_band_where_there_is_an_interval():
    single = [result(0, 10.0), result(1, 10.2)]
    (tickets,) = curves(single, judge(single, 0.1))
    assert all(p.floor is None and p.low is None for p in tickets.points)
    # The band of two replicates may have no upper end; the axis is that of the points.
    for fids in ([EQUAL, EQUAL, NOISY], [[1.0, 19.0], [10.0, 10.1], [10.0, 10.1]]):
        results = [row for number, f in enumerate(fids) for row in rows(number, f)]
        drawn = curves(results, judge(results, 0.1))
        assert [p.floor is None for p in drawn[0].points] == [True, False, False]
        assert all(p.low < p.y < p.high for p in drawn[0].points)
        figure = chart.draw(chart.over(SHARE, drawn, [10.0], "alt"), drawn)
        places = re.findall('(?: d|x|y|points)="(.*?)"', figure)
        assert 'class="band' in figure and not re.search("nan|inf", " ".join(places))


def test_the_verdict_says_what_the_ticket_saves_of_the_whole_generator():
    counts = {"generator_params": 19_145, "macs": 1_000_000}
    dense = dataclasses.replace(
        result(0, 20), generator_params_left=19_145, macs_left=1_000_000, **counts
    )
    ticket = dataclasses.replace(
        result(9, 20.5), generator_params_left=16_977, macs_left=240_000, **counts
    )
    verdict = judge([dense, ticket], margin=0.1)
    assert (
        "). That prunes 11.3% of all 19,145 parameters, 76.0% of 1,000,000 MACs an image; 67.9 kB"
        " of 76.6 kB remain as float32."
    ) in verdict.sentence
    # Of what is named first, before a sparser one is.
    three = [
        dataclasses.replace(r, generator_params=10, generator_params_left=10 - r.round)
        for r in rows(0, EQUAL) + rows(1, EQUAL) + rows(2, NOISY)
    ]
    said = judge(three, 0.1).sentence
    assert "(round 1) the ticket matches" in said.partition(". That prunes 10.0% of all 10")[0]
    assert "(round 2) the ticket is at most" in said.partition(". That prunes 10.0% of all 10")[2]
    assert verdict.worth.round == 9 and verdict.worth.sparsity == ticket.generator_sparsity
    # Runs of earlier versions did not count all of it.
    older = [dataclasses.replace(r, macs=None, macs_left=None) for r in (dense, ticket)]
    assert "parameters; 67.9 kB" in judge(older, 0.1).sentence
    assert "prunes" not in judge([result(0, 20), result(1, 20.5)], 0.1).sentence
    assert judge([dense], 0.1).worth is None
