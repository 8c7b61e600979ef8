"""The Pareto front, and the tests of all pairs, against what is computed by hand."""

import pytest
import scipy.stats

from tf_gan_lth.findings import pairs
from tf_gan_lth.findings.looks import Plan
from tf_gan_lth.findings.pairs import front, holm, in_words

SCORES = {"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 6.0], "c": [4.5, 5.0, 7.0]}


def compare_all(scores, plan):
    numbered = {name: dict(enumerate(values)) for name, values in scores.items()}
    return pairs.compare_all(numbered, plan)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([], []),
        ([(3.0, 1.0)], [0]),
        # The second costs as much as the third and is worse; the last is beaten in both.
        ([(10.0, 1.0), (5.0, 3.0), (5.0, 2.0), (2.0, 4.0), (6.0, 9.0)], [0, 2, 3]),
        # Cheaper and better than all others.
        ([(10.0, 3.0), (5.0, 2.0), (1.0, 1.0)], [2]),
        # As good for less.
        ([(10.0, 2.0), (5.0, 2.0)], [1]),
        # Equal ones are there together.
        ([(5.0, 2.0), (5.0, 2.0), (9.0, 1.0)], [2, 0, 1]),
    ],
)
def test_the_front_is_what_nothing_beats(points, expected):
    assert front(points) == expected


def test_every_pair_is_tested_both_ways():
    found = {(pair.better, pair.worse): pair for pair in compare_all(SCORES, Plan(3))}
    assert len(found) == 6
    # Means 2 and 5, deviations 1: t = 3 / sqrt(2 / 3) with 4 degrees of freedom, where
    # p = 1/2 - 3/8 u (1 - u^2 / 12), u = t / sqrt(1 + t^2 / 4).
    u = 13.5**0.5 / 4.375**0.5
    by_hand = 0.5 - 0.375 * u * (1 - u**2 / 12)
    assert by_hand == pytest.approx(0.010656, abs=1e-6)
    assert found["a", "b"].p == pytest.approx(by_hand)
    assert found["b", "a"].p == pytest.approx(1 - by_hand)
    for (better, worse), pair in found.items():
        test = scipy.stats.ttest_ind(
            SCORES[better], SCORES[worse], equal_var=False, alternative="less"
        )
        assert pair.p == pytest.approx(test.pvalue)
        assert pair.found == (test.pvalue < 0.05) and pair.level == 0.05


def test_all_tests_together_are_corrected_as_holm_does():
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0] and holm([]) == []
    by_hand = sorted((pair.p, pair.p_of_all) for pair in compare_all(SCORES, Plan(3)))
    assert by_hand[0][1] == pytest.approx(6 * by_hand[0][0])
    # Five times the second is less than that, and none may be below one before it.
    assert by_hand[1][1] == by_hand[0][1] > 5 * by_hand[1][0]


def test_what_is_found_is_said_and_the_rest_is_not():
    assert in_words(compare_all(SCORES, Plan(3))) == "a is better than b (p 0.011), c (p 0.012)"
    tied = {"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, 3.5]}
    assert in_words(compare_all(tied, Plan(3))) == (
        "none is found to be better than another in 2 tests"
    )
    apart = {"a": [1.0, 1.1, 1.2], "b": [9.0, 9.1, 9.2]}
    said = in_words(compare_all(apart, Plan(3)))
    assert said.startswith("a is better than b (p ") and "*) (* also among all 2 tests" in said


def test_a_single_replicate_decides_nothing():
    found = compare_all({"a": [1.0], "b": [9.0]}, Plan(1))
    assert [(pair.p, pair.p_of_all, pair.found) for pair in found] == [(None, None, False)] * 2
    assert in_words(found).startswith("nothing is tested")
    assert in_words(compare_all({"a": [1.0, 2.0]}, Plan(2))).startswith("nothing is tested")


def test_a_look_has_its_own_level_and_waits_for_its_replicates():
    plan = Plan(4, looks=2)
    (pair, _) = compare_all({"a": [1.0, 2.0, 9.0], "b": [4.0, 5.0, 6.0]}, plan)
    (judged, _) = compare_all({"a": [1.0, 2.0], "b": [4.0, 5.0]}, Plan(2))
    assert pair.p == judged.p and pair.level == plan.levels[0] < 0.05
