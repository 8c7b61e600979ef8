"""The tests and intervals of single comparisons, against SciPy's and against each other."""

import numpy as np
import pytest
import scipy.stats

from tf_gan_lth.findings.significance import (
    Sample,
    correlation,
    larger,
    matching,
    ratio_interval,
)

DENSE, TICKET = [10.0, 10.4, 9.7, 10.1], [10.9, 11.6, 10.2]


def test_the_test_is_welchs():
    found = larger(Sample.of(TICKET), Sample.of(DENSE))
    theirs = scipy.stats.ttest_ind(TICKET, DENSE, equal_var=False, alternative="greater").pvalue
    assert found == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("count", [2, 3, 8])
def test_pairs_are_tested_by_their_differences(count):
    random = np.random.default_rng(count)
    dense = random.normal(10, 1, [5, count])
    ticket = dense + random.normal(0.2, 0.3, [5, count])
    pairs = correlation(ticket, dense)
    mine, theirs = Sample.of(ticket), Sample.of(dense)
    worse = scipy.stats.ttest_rel(ticket, dense, axis=1, alternative="greater").pvalue
    np.testing.assert_allclose(larger(mine, theirs, pairs), worse, rtol=1e-6)
    within = scipy.stats.ttest_rel(ticket, 1.1 * dense, axis=1, alternative="less").pvalue
    np.testing.assert_allclose(matching(mine, theirs, 0.1, pairs), within, rtol=1e-6)
    low, high = ratio_interval(mine, theirs, 0.05, pairs)
    at_low = scipy.stats.ttest_rel(ticket, low[:, None] * dense, axis=1, alternative="greater")
    at_high = scipy.stats.ttest_rel(ticket, high[:, None] * dense, axis=1, alternative="less")
    ends = (low > 1e-5) & (high < 1e5)
    np.testing.assert_allclose(at_low.pvalue[ends], 0.05, rtol=1e-4)
    np.testing.assert_allclose(at_high.pvalue[ends], 0.05, rtol=1e-4)


def test_constant_scores_are_not_correlated_and_equal_pairs_have_no_deviation():
    assert correlation([1.0, 1.0, 1.0], [1.0, 2.0, 4.0]) == 0
    shifted = Sample.of([2.0, 3.0, 5.0]), Sample.of([1.0, 2.0, 4.0])
    assert larger(*shifted, 1.0) == 0 and larger(*shifted[::-1], 1.0) == 1


def test_arrays_are_tested_as_numbers_are():
    random = np.random.default_rng(0)
    dense, ticket = random.normal(10, 1, [2, 5, 4])
    found = matching(Sample.of(ticket), Sample.of(dense), 0.1)
    assert found.shape == (5,)
    for p, d, t in zip(found, dense, ticket, strict=True):
        assert p == matching(Sample.of(t), Sample.of(d), 0.1)


def test_without_deviation_the_means_decide():
    same, more = Sample.of([10.0, 10.0]), Sample.of([12.0, 12.0])
    assert larger(more, same) == 0 and larger(same, more) == 1 and larger(same, same) == 1
    assert ratio_interval(more, same, 0.05) == (pytest.approx(1.2), pytest.approx(1.2))


def test_the_interval_holds_the_ratios_that_are_not_rejected():
    dense, ticket = Sample.of(DENSE), Sample.of(TICKET)
    low, high = ratio_interval(ticket, dense, 0.05)
    assert low < ticket.mean / dense.mean < high
    assert matching(ticket, dense, high - 1.0) == pytest.approx(0.05, rel=1e-6)
    assert larger(ticket, dense.scaled(low)) == pytest.approx(0.05, rel=1e-6)


def test_with_one_variance_and_equal_counts_the_interval_is_fiellers():
    # Both have the variance s2, and at the ratio 1 the degrees of freedom are n + n - 2.
    dense = Sample(10.0, 0.5, 8)
    ticket = Sample(10.0, 0.5, 8)
    low, high = ratio_interval(ticket, dense, 0.05)
    t = scipy.stats.t.isf(0.05, 14)
    g = t**2 * 0.25 / 8 / 100
    fieller = (1 + np.sqrt(1 - (1 - g) ** 2)) / (1 - g)
    # Away from 1 the degrees of freedom are a little fewer.
    assert high == pytest.approx(fieller, abs=1e-3) and low == pytest.approx(1 / fieller, abs=1e-3)
    assert high >= fieller


@pytest.mark.parametrize("level", [0.05, 0.0056, 0.0007])
@pytest.mark.parametrize("counts", [(2, 2), (3, 3), (5, 3), (3, 10)])
def test_interval_and_tests_say_the_same(counts, level):
    """Also at early looks, whose levels a test may reach at 1.1 and miss far above it."""
    dense, ticket = scores_of(counts)
    dense, ticket = Sample.of(dense), Sample.of(ticket)
    low, high = ratio_interval(ticket, dense, level, margin=0.1)
    matches = matching(ticket, dense, 0.1) < level
    assert matches.any() and not matches.all()
    np.testing.assert_array_equal(high < 1.1, matches)
    np.testing.assert_array_equal(low > 1.0, larger(ticket, dense) < level)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_interval_and_tests_of_pairs_say_the_same(count):
    dense, ticket = scores_of((count, count))
    pairs = correlation(ticket, dense)
    dense, ticket = Sample.of(dense), Sample.of(ticket)
    low, high = ratio_interval(ticket, dense, 0.05, pairs, margin=0.1)
    matches = matching(ticket, dense, 0.1, pairs) < 0.05
    assert matches.any() and not matches.all()
    np.testing.assert_array_equal(high < 1.1, matches)
    np.testing.assert_array_equal(low > 1.0, larger(ticket, dense, pairs) < 0.05)


def scores_of(counts):
    """Dense scores and tickets' of 2,000 studies, of spreads up to 0.4 and ratios from 0.4 on."""
    random = np.random.default_rng(1)
    spreads = random.uniform(0.01, 0.4, [2, 2000, 1])
    ratios = random.uniform(0.4, 1.4, [2000, 1])
    dense, ticket = (
        np.abs(1.0 + spread * random.standard_normal([2000, count]))
        for spread, count in zip(spreads, counts, strict=True)
    )
    return dense, ratios * ticket


def test_a_dense_gan_that_is_too_uncertain_sets_no_limit():
    low, high = ratio_interval(Sample.of([10.0, 10.1]), Sample.of([2.0, 18.0]), 0.05)
    assert 0 < low < 1 and high == np.inf
    low, high = ratio_interval(Sample.of([2.0, 18.0]), Sample.of([10.0, 10.1]), 0.05)
    assert low == 0 and 1 < high < np.inf
