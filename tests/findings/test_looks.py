"""Replicates are judged when that was planned, at levels that share the 5 %."""

import numpy as np
import pytest
import scipy.stats
from made_results import put_scores, result, rows, run_of

from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.findings import Plan, judge, judge_run, write_results
from tf_gan_lth.findings.looks import nominal_levels


@pytest.mark.parametrize(
    "bounds",
    [[3.7103, 2.5114, 1.9930], [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]],
)
def test_the_levels_are_those_of_lan_and_demets(bounds):
    # Their bounds of O'Brien-Fleming type, one-sided 2.5 %, looks at equal distances.
    shares = tuple(np.arange(1, len(bounds) + 1) / len(bounds))
    levels = nominal_levels(shares, 0.025)
    assert scipy.stats.norm.isf(levels) == pytest.approx(bounds, abs=1e-3)


def test_all_looks_together_reject_at_five_percent():
    plan = Plan(9, 3)
    shares = np.array(plan.sizes) / 9
    correlation = np.sqrt(np.minimum.outer(shares, shares) / np.maximum.outer(shares, shares))
    below = scipy.stats.multivariate_normal(cov=correlation).cdf(scipy.stats.norm.isf(plan.levels))
    assert 1 - below == pytest.approx(0.05, abs=1e-4)


def test_a_single_look_is_at_five_percent():
    assert Plan(3).sizes == (3,) and Plan(3).level(3) == Plan(3).level(2) == 0.05
    assert Plan(3).levels == pytest.approx((0.05,)) and Plan(3).level(1) == 0


def test_looks_are_at_equal_distances():
    assert Plan(9, 3).sizes == (3, 6, 9) and Plan(10, 3).sizes == (4, 7, 10)
    assert [Plan(9, 3).judged(n) for n in range(1, 12)] == [1, 2, 3, 3, 3, 6, 6, 6, 9, 10, 11]
    assert [Plan(9, 3).look(n) for n in (2, 3, 8, 9, 12)] == [0, 1, 2, 3, 3]
    assert Plan(9, 3).level(2) == 0 and Plan(9, 3).level(5) == Plan(9, 3).levels[0]


def test_the_first_look_needs_two_replicates():
    with pytest.raises(UsageError, match="--paired is judged once: it needs --looks=1, not 2"):
        configs.from_options({"replicates": 4, "looks": 2, "paired": True})
    with pytest.raises(UsageError, match="--looks=3 needs more --replicates"):
        configs.from_options({"looks": 3, "replicates": 3})
    assert configs.from_options({"looks": 3, "replicates": 4}).lottery.looks == 3


def test_looks_do_not_change_the_identity_of_a_run():
    asked = configs.from_options({"looks": 3, "replicates": 9})
    assert asked.digest == configs.Config().digest


DENSE = [10.0, 10.1, 9.9, 10.05, 9.95, 10.0, 10.1, 9.9, 10.0]
# Matches at 5 % after three replicates, and not at the level of the first look.
CLOSE = [10.2, 9.9, 10.1, 10.0, 10.2, 9.8, 10.1, 10.0, 9.9]


def test_an_early_look_takes_more_evidence():
    for count, matching in ((3, None), (6, 1), (9, 1)):
        results = rows(0, DENSE[:count]) + rows(1, CLOSE[:count])
        assert judge(results, 0.05).comparisons[1, "main"].p_matching < 0.05
        verdict = judge(results, 0.05, Plan(9, 3))
        assert verdict.matching == matching
        assert f"Look {count // 3} of 3, at {count} of 9 planned replicates" in verdict.sentence


def test_between_looks_nothing_changes():
    plan = Plan(9, 3)
    six = judge(rows(0, DENSE[:6]) + rows(1, CLOSE[:6]), 0.05, plan)
    eight = judge(rows(0, DENSE[:6] + [20, 1]) + rows(1, CLOSE[:6] + [1, 20]), 0.05, plan)
    assert eight == six and six.comparisons[1, "main"].replicates == 6


def test_before_the_first_look_nothing_is_decided():
    verdict = judge(rows(0, [10, 10]) + rows(1, [10, 10]), 0.1, Plan(9, 3))
    found = verdict.comparisons[1, "main"]
    assert (found.verdict, found.p_matching, found.fid_ratio_low) == ("undetermined", None, None)
    assert "undetermined (at least 1 more replicate). Provisional: 2 of 9" in verdict.sentence


def test_fewer_replicates_than_planned_are_provisional():
    results = rows(0, DENSE[:2]) + rows(1, CLOSE[:2])
    assert judge(results, 0.1, Plan(3)).sentence.endswith("Provisional: 2 of 3 planned replicates.")
    assert "rovisional" not in judge(results, 0.1, Plan(2)).sentence
    # It is the replicates of the rounds that are named which count.
    results = rows(0, DENSE[:3]) + rows(1, CLOSE[:3]) + [result(2, 50.0)]
    assert "rovisional" not in judge(results, 0.1, Plan(3)).sentence


def test_the_interval_is_as_wide_as_the_look_is_early():
    results = rows(0, DENSE[:6]) + rows(1, CLOSE[:6])
    one = judge(results, 0.05).comparisons[1, "main"]
    early = judge(results, 0.05, Plan(9, 3)).comparisons[1, "main"]
    assert early.fid_ratio_low < one.fid_ratio_low < one.fid_ratio_high < early.fid_ratio_high


def test_replicates_that_were_not_planned_break_the_level_and_this_is_said(tmp_path):
    run = run_of(tmp_path / "run", replicates=3, rounds=1)
    put_scores(run, 0, DENSE[:3])
    put_scores(run, 1, CLOSE[:3])
    verdict = write_results(run)[1]["generator"]
    assert verdict.matching == 1 and verdict.plan == Plan(3)

    # Raised after the scores were seen: judged all the same.
    run.claim(configs.from_options({"replicates": 5, "rounds": 1}))
    assert judge_run(run)[1]["generator"] == verdict
    put_scores(run, 0, DENSE[3:5], first=3)
    put_scores(run, 1, CLOSE[3:5], first=3)
    verdict = write_results(run)[1]["generator"]
    assert verdict.matching == 1 and verdict.comparisons[1, "main"].replicates == 5
    assert verdict.sentence.endswith(
        "The level of 5% does not hold: 3 replicates were planned and 5 are judged."
    )


def test_a_single_replicate_settles_no_plan(tmp_path):
    run = run_of(tmp_path / "run", rounds=1)
    put_scores(run, 0, DENSE[:1])
    put_scores(run, 1, CLOSE[:1])
    write_results(run)
    run.claim(configs.from_options({"replicates": 3, "rounds": 1}))
    put_scores(run, 0, DENSE[1:3], first=1)
    put_scores(run, 1, CLOSE[1:3], first=1)
    verdict = write_results(run)[1]["generator"]
    assert verdict.plan == Plan(3) and "does not hold" not in verdict.sentence


def test_looks_that_are_asked_for_later_do_not_count(tmp_path):
    run = run_of(tmp_path / "run", replicates=9, looks=3, rounds=1)
    put_scores(run, 0, DENSE[:3])
    put_scores(run, 1, CLOSE[:3])
    assert write_results(run)[1]["generator"].matching is None
    run.claim(configs.from_options({"replicates": 9, "rounds": 1}))
    assert write_results(run)[1]["generator"].plan == Plan(9, 3)


def test_a_run_of_an_earlier_version_reads_as_before(tmp_path):
    # Three replicates are there, and the last command asked for one: for more rounds of the first.
    run = run_of(tmp_path / "run", rounds=1)
    put_scores(run, 0, DENSE[:3])
    put_scores(run, 1, CLOSE[:3])
    verdict = judge_run(run)[1]["generator"]
    assert verdict.plan == Plan(3) and verdict == judge(judge_run(run)[0], 0.1)
