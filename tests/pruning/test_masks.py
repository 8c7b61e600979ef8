import numpy as np
import pytest

from tf_gan_lth.experiment.errors import MaskError
from tf_gan_lth.pruning import masks as pruning


@pytest.fixture
def weights():
    draw = np.random.default_rng(0)
    return {
        "a/kernel": draw.normal(size=(3, 3, 4, 5)).astype(np.float32),
        "b/kernel": 3 * draw.normal(size=(1, 1, 5, 7)).astype(np.float32),
        "b/bias": draw.normal(size=7).astype(np.float32),
    }


@pytest.fixture
def mask(weights):
    return pruning.full_mask(weights, ["a/kernel", "b/kernel"])


def test_global_mask_agrees_with_an_independent_sort(weights, mask):
    for _ in range(4):
        new = pruning.global_mask(pruning.magnitudes(weights), mask, 0.3)
        entries = [
            (abs(float(weights[path][at])), path, at)
            for path in mask
            for at in np.ndindex(weights[path].shape)
            if mask[path][at]
        ]
        doomed = {entry[1:] for entry in sorted(entries)[: round(0.3 * len(entries))]}
        for path in mask:
            for at in np.ndindex(weights[path].shape):
                assert new[path][at] == (mask[path][at] and (path, at) not in doomed)
        mask = new


def test_ranking_is_over_the_network_not_within_a_layer(weights, mask):
    new = pruning.global_mask(pruning.magnitudes(weights), mask, 0.5)
    assert new["a/kernel"].mean() < 0.5 < new["b/kernel"].mean()


def test_ties_go_by_position_so_the_count_is_exact():
    weights = {"a/kernel": np.ones((2, 5), np.float32)}
    new = pruning.global_mask(
        pruning.magnitudes(weights), pruning.full_mask(weights, ["a/kernel"]), 0.3
    )
    assert new["a/kernel"].ravel().tolist() == [False] * 3 + [True] * 7


def test_pruned_weights_never_come_back(weights, mask):
    small = pruning.global_mask(pruning.magnitudes(weights), mask, 0.5)
    huge = {
        path: np.where(small[path], array, 100) if path in small else array
        for path, array in weights.items()
    }
    smaller = pruning.global_mask(pruning.magnitudes(huge), small, 0.1)
    assert not any(np.any(smaller[path] & ~small[path]) for path in small)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused_by_name(weights, mask, bad):
    weights["b/kernel"][0, 0, 2, 3] = bad
    with pytest.raises(MaskError, match="b/kernel"):
        pruning.global_mask(pruning.magnitudes(weights), mask, 0.2)


@pytest.mark.parametrize("fraction", [1.0, 1.5, -0.25, float("nan")])
def test_shares_out_of_range_are_refused(weights, mask, fraction):
    with pytest.raises(MaskError, match="the share must be in"):
        pruning.global_mask(pruning.magnitudes(weights), mask, fraction)


def test_masks_that_do_not_fit_are_refused(weights, mask):
    with pytest.raises(MaskError, match="c/kernel"):
        pruning.apply(weights, {"c/kernel": np.ones(3, bool)})
    with pytest.raises(MaskError, match="shape"):
        pruning.apply(weights, {"a/kernel": np.ones(3, bool)})


def test_apply_leaves_no_negative_zero_and_no_other_change(weights, mask):
    new = pruning.global_mask(pruning.magnitudes(weights), mask, 0.5)
    applied = pruning.apply(weights, new)
    for path, kept in new.items():
        assert not np.any(np.signbit(applied[path][~kept]))
        assert applied[path][kept].tobytes() == weights[path][kept].tobytes()
    assert applied["b/bias"] is weights["b/bias"]


def test_a_pruned_weight_that_is_not_zero_is_found(weights, mask):
    new = pruning.global_mask(pruning.magnitudes(weights), mask, 0.5)
    with pytest.raises(MaskError, match="a/kernel"):
        pruning.check_pruned(weights, new, "here")


def test_random_mask_keeps_the_count_and_nothing_else(weights, mask):
    small = pruning.global_mask(pruning.magnitudes(weights), mask, 0.5)
    shuffled = pruning.random_mask(small, np.random.default_rng(1))
    assert pruning.count(shuffled) == pruning.count(small)
    assert abs(shuffled["a/kernel"].mean() - shuffled["b/kernel"].mean()) < 0.2
