"""The verdict errs as often as it says: a part of what benchmarks/verdict_power.py simulates."""

import numpy as np
import pytest
import verdict_power
from made_results import rows
from verdict_power import NOISES, Setting, in_order, simulate, sparsest, upper_limit, within, worse

from tf_gan_lth.findings import Plan, judge

STUDIES = 2000  # ten times as many for the false matches


@pytest.fixture(scope="module")
def rates():
    """The rates of each noise and plan, at a spread of 5 %."""
    random = np.random.default_rng(1)
    plans = (Plan(3), Plan(5), Plan(5, 3), Plan(10), Plan(10, 3))
    return {
        (noise, plan): simulate(Setting(noise, 0.05, plan), STUDIES, random)
        for noise in NOISES
        for plan in plans
    }


def test_false_matches_are_at_most_five_percent(rates):
    # The true rate is up to 5 %, so the limit is a little above it.
    for setting, rate in rates.items():
        assert upper_limit(rate["false: round 1"], 10 * STUDIES) < 0.055, setting
        assert upper_limit(rate["false: rounds 6 to 10"], STUDIES) < 0.07, setting


def test_with_few_replicates_they_are_surely_fewer(rates):
    for noise in NOISES:
        assert upper_limit(rates[noise, Plan(3)]["false: round 1"], 10 * STUDIES) < 0.05


def test_power_grows_with_replicates_and_looks_cost_little_of_it(rates):
    for noise in NOISES:
        found = [rates[noise, Plan(n)]["finds round 5"] for n in (3, 5, 10)]
        assert found[0] < 0.3 < found[1] < 0.8 < found[2]
        for n in (5, 10):
            looks = rates[noise, Plan(n, 3)]
            assert looks["finds round 5"] > rates[noise, Plan(n)]["finds round 5"] - 0.08
            assert looks["replicates used"] < n


def test_the_interval_covers_the_true_ratio(rates):
    for setting, rate in rates.items():
        assert 1 - upper_limit(1 - rate["interval holds"], STUDIES) > 0.88, setting


def test_wrong_procedures_are_found_out(rates):
    """A simulation that could not tell would prove nothing."""
    for (noise, plan), rate in rates.items():
        assert 1 - upper_limit(1 - rate["wrong: any order"], STUDIES) > 0.08
        if plan.looks > 1:
            peeking = rate["wrong: 5 % at every look"]
            assert 1 - upper_limit(1 - peeking, 10 * STUDIES) > 0.07, (noise, plan)


@pytest.mark.parametrize("plan", [Plan(3), Plan(5, 3)])
def test_what_is_simulated_is_what_the_package_says(plan):
    setting = Setting("normal", 0.04, plan)
    ratios = np.array([1.0] * 4 + [1.1] * 2)
    scores = setting.draw(ratios, 40, np.random.default_rng(2))
    by_look = sparsest(in_order(within(scores, setting)) & ~worse(scores, setting))
    assert len(set(by_look[-1])) > 3
    for size, found in zip(plan.sizes, by_look, strict=True):
        for study, number in zip(scores, found, strict=True):
            results = [row for k, fids in enumerate(study[:, :size]) for row in rows(k, fids)]
            assert (judge(results, setting.margin, plan).matching or 0) == number


def test_noise_has_the_spread_that_was_asked_for():
    random = np.random.default_rng(3)
    for noise in NOISES:
        setting = Setting(noise, 0.15, Plan(10), correlation=0.5)
        scores = setting.draw(np.array([1.0, 2.0]), 20_000, random)
        assert scores.mean((0, 2)) == pytest.approx([1, 2], rel=0.01)
        assert scores.std((0, 2)) == pytest.approx([0.15, 0.3], rel=0.02)
        pair = np.corrcoef(scores[:, 0].ravel(), scores[:, 1].ravel())[0, 1]
        assert pair == pytest.approx(0.5, abs=0.02)
    assert verdict_power.GOOD < verdict_power.ROUNDS
