"""Masks keep exactly as many elements as they are asked for, the highest of those that remain."""

import numpy as np
import pytest

from tf_gan_lth.experiment.errors import MaskError
from tf_gan_lth.pruning import masks as pruning
from tf_gan_lth.pruning.masks import Elements, magnitudes

KERNELS = ["a/kernel", "b/kernel"]


@pytest.fixture
def weights():
    draw = np.random.default_rng(0)
    return {
        "a/kernel": draw.normal(size=(3, 3, 4, 5)).astype(np.float32),
        "b/kernel": 3 * draw.normal(size=(1, 1, 5, 7)).astype(np.float32),
        "b/bias": draw.normal(size=7).astype(np.float32),
    }


@pytest.fixture
def full(weights):
    return Elements.everything(weights, KERNELS)


def halved(weights, mask):
    return mask.keep(magnitudes(weights), mask.remaining - round(0.5 * mask.remaining))


def best_of(scores, kept, count):
    """The places of the `count` highest scores that are kept: an independent sort, ties by place.

    Of equal scores the last ones by path and position stay.
    """
    entries = [
        (float(scores[path][at]), path, at)
        for path in kept
        for at in np.ndindex(kept[path].shape)
        if kept[path][at]
    ]
    ranked = sorted(entries, reverse=True)
    return {(path, at) for _, path, at in ranked[:count]}


def places(mask):
    return {(path, tuple(at)) for path, kept in mask.kept.items() for at in np.argwhere(kept)}


def test_the_highest_over_the_network_stay_as_an_independent_sort_says(weights, full):
    mask = full
    for _ in range(4):
        count = mask.remaining - round(0.3 * mask.remaining)
        new = mask.keep(magnitudes(weights), count)
        assert places(new) == best_of(magnitudes(weights), mask.kept, count)
        mask = new


@pytest.mark.parametrize("seed", range(40))
def test_random_scores_and_masks_agree_with_an_independent_sort(seed):
    """Half of the seeds draw few different scores, so that many are equal."""
    draw = np.random.default_rng(seed)
    shapes = {
        f"{n}/kernel": draw.integers(1, 6, draw.integers(1, 5)) for n in "abc"[: 1 + seed % 3]
    }
    kept = {path: draw.random(shape) < 0.7 for path, shape in shapes.items()}
    scores = {
        path: draw.integers(0, 4, shape).astype(np.float32) if seed % 2 else draw.normal(size=shape)
        for path, shape in shapes.items()
    }
    mask = Elements(kept)
    count = int(draw.integers(0, mask.remaining + 1))
    new = mask.keep(scores, count)
    assert new.remaining == count and new.total == mask.total
    assert places(new) == best_of(scores, kept, count)
    layerwise = mask.keep(scores, count, layerwise=True)
    assert layerwise.remaining == count
    for path in kept:
        one = Elements({path: layerwise.kept[path]})
        assert places(one) == best_of(scores, {path: kept[path]}, one.remaining)


def test_ranking_is_over_the_network_not_within_a_layer(weights, full):
    new = halved(weights, full).kept
    assert new["a/kernel"].mean() < 0.5 < new["b/kernel"].mean()


def test_layers_keep_their_shares_which_sum_exactly(weights, full):
    layerwise = full.keep(magnitudes(weights), 107, layerwise=True).kept
    assert {path: int(kept.sum()) for path, kept in layerwise.items()} == {
        "a/kernel": 90,  # 107 * 180 / 215 = 89.58
        "b/kernel": 17,  # 107 * 35 / 215 = 17.42
    }


@pytest.mark.parametrize(
    ("sizes", "count", "expected"),
    [
        ((10, 10, 10), 10, (4, 3, 3)),  # 3.33 each: equal remainders go by path
        ((10, 10, 10), 29, (10, 10, 9)),
        ((3, 5, 7), 8, (1, 3, 4)),  # 1.6, 2.67 and 3.73: two are left over
        ((1, 1, 98), 50, (1, 0, 49)),
        ((5, 5, 5), 0, (0, 0, 0)),
        ((2, 3, 4), 9, (2, 3, 4)),
    ],
)
def test_what_is_left_over_goes_to_the_largest_remainders(sizes, count, expected):
    kept = {path: np.ones(size, bool) for path, size in zip("abc", sizes, strict=True)}
    scores = {path: np.arange(stays.size, dtype=float) for path, stays in kept.items()}
    found = Elements(kept).keep(scores, count, layerwise=True)
    sums = tuple(int(found.kept[path].sum()) for path in "abc")
    assert sums == expected and found.remaining == count


def test_shares_follow_what_remains_not_what_there_was():
    kept = {"a": np.arange(10) < 2, "b": np.ones(10, bool)}
    scores = {path: np.arange(10.0) for path in kept}
    found = Elements(kept).keep(scores, 6, layerwise=True).kept
    assert (found["a"].tolist()[:2], int(found["b"].sum())) == ([False, True], 5)


def test_ties_go_by_position_so_the_count_is_exact():
    mask = Elements({"a/kernel": np.ones((2, 5), bool)})
    new = mask.keep({"a/kernel": np.ones((2, 5), np.float32)}, 7)
    assert new.kept["a/kernel"].ravel().tolist() == [False] * 3 + [True] * 7


def test_pruned_weights_never_come_back(weights, full):
    small = halved(weights, full)
    huge = {
        path: np.where(small.kept[path], array, 100) if path in small.kept else array
        for path, array in weights.items()
    }
    smaller = small.keep(magnitudes(huge), small.remaining - 10)
    assert smaller.remaining == small.remaining - 10
    assert not any(np.any(smaller.kept[path] & ~small.kept[path]) for path in small.kept)


@pytest.mark.parametrize("layerwise", [False, True])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused_by_name(weights, full, bad, layerwise):
    weights["b/kernel"][0, 0, 2, 3] = bad
    with pytest.raises(MaskError, match="not finite: b/kernel"):
        full.keep(magnitudes(weights), 100, layerwise)


@pytest.mark.parametrize("count", [-1, 216])
def test_counts_out_of_range_are_refused(weights, full, count):
    assert full.remaining == full.total == 215
    with pytest.raises(MaskError, match=f"cannot keep {count} of 215 weights that remain"):
        full.keep(magnitudes(weights), count)


def test_all_or_none_may_stay(weights, full):
    assert full.keep(magnitudes(weights), 0).remaining == 0
    whole = full.keep(magnitudes(weights), 215)
    assert whole.remaining == 215 and all(kept.all() for kept in whole.kept.values())


def test_more_than_remain_is_refused_of_a_pruned_mask_too(weights, full):
    small = halved(weights, full)
    with pytest.raises(MaskError, match=f"cannot keep {small.remaining + 1} of {small.remaining}"):
        small.keep(magnitudes(weights), small.remaining + 1)


def test_scores_of_other_paths_or_shapes_are_refused(weights, full):
    with pytest.raises(MaskError, match="the mask has a/kernel, the weights do not"):
        full.keep({"b/kernel": weights["b/kernel"]}, 3)
    with pytest.raises(MaskError, match=r"a/kernel: the mask has shape \(3, 3, 4, 5\)"):
        full.keep({**weights, "a/kernel": np.ones((3, 3))}, 3)


def test_masks_that_do_not_fit_are_refused(weights):
    with pytest.raises(MaskError, match="c/kernel"):
        pruning.apply(weights, {"c/kernel": np.ones(3, bool)})
    with pytest.raises(MaskError, match="shape"):
        pruning.apply(weights, {"a/kernel": np.ones(3, bool)})


def test_apply_leaves_no_negative_zero_and_no_other_change(weights, full):
    kept = halved(weights, full).expand()
    applied = pruning.apply(weights, kept)
    for path, stays in kept.items():
        assert not np.any(np.signbit(applied[path][~stays]))
        assert applied[path][stays].tobytes() == weights[path][stays].tobytes()
    assert applied["b/bias"] is weights["b/bias"]


def test_a_pruned_weight_that_is_not_zero_is_found(weights, full):
    kept = halved(weights, full).expand()
    with pytest.raises(MaskError, match="here: 1 pruned weights of a/kernel are not zero"):
        applied = pruning.apply(weights, kept)
        applied["a/kernel"].ravel()[np.flatnonzero(~kept["a/kernel"])[0]] = 1e-30
        pruning.check_pruned(applied, kept, "here")
    for kind in (bool, np.uint8, np.int64):
        with pytest.raises(MaskError, match="a/kernel"):
            pruning.check_pruned(weights, {p: s.astype(kind) for p, s in kept.items()}, "here")


def test_a_shuffled_mask_keeps_the_count_and_nothing_else(weights, full):
    small = halved(weights, full)
    shuffled = small.shuffled(np.random.default_rng(1))
    assert shuffled.remaining == small.remaining and shuffled.total == small.total
    assert abs(shuffled.kept["a/kernel"].mean() - shuffled.kept["b/kernel"].mean()) < 0.2
    assert any(np.any(shuffled.kept[path] != small.kept[path]) for path in KERNELS)
    again = small.shuffled(np.random.default_rng(1))
    other = small.shuffled(np.random.default_rng(2))
    assert all(np.array_equal(again.kept[path], shuffled.kept[path]) for path in KERNELS)
    assert any(np.any(other.kept[path] != shuffled.kept[path]) for path in KERNELS)


def test_a_mask_shuffled_by_layer_keeps_the_count_of_each(weights, full):
    small = halved(weights, full)
    shuffled = small.shuffled(np.random.default_rng(1), layerwise=True)
    for path, kept in small.kept.items():
        assert shuffled.kept[path].sum() == kept.sum()
        assert np.any(shuffled.kept[path] != kept)


def test_shuffled_elements_are_equally_likely():
    mask = Elements({"a": np.arange(4) < 1, "b": np.zeros((2, 3), bool)})
    draw = np.random.default_rng(0)
    hits = sum(pruning.flatten(mask.shuffled(draw).kept).astype(int) for _ in range(4000))
    assert hits.sum() == 4000 and np.all(np.abs(hits - 400) < 5 * np.sqrt(400 * 0.9))


def test_everything_and_full_keep_every_element(weights, full):
    assert full.kept.keys() == set(KERNELS)
    for path, kept in full.kept.items():
        assert kept.dtype == bool and kept.shape == weights[path].shape and kept.all()
    small = halved(weights, full)
    again = small.full()
    assert again.remaining == again.total == small.total == 215 > small.remaining
    assert again.kept.keys() == small.kept.keys()


def test_masks_cover_any_variable_by_its_path(weights):
    """Of a bias or a gamma as of a kernel: a path is all that a mask knows of a variable."""
    weights["norm/gamma"] = np.array([1.0, -0.5, 2.0, 0.1], np.float32)
    mask = Elements.everything(weights, ["b/bias", "norm/gamma", "b/kernel"])
    assert mask.total == 7 + 4 + 35
    scores = {**magnitudes(weights), "b/kernel": np.full((1, 1, 5, 7), -1.0)}
    new = mask.keep(scores, 9)
    assert places(new) == best_of(scores, mask.kept, 9)
    assert not new.kept["b/kernel"].any()
    applied = pruning.apply(weights, new.expand())
    assert np.count_nonzero(applied["b/bias"]) + np.count_nonzero(applied["norm/gamma"]) == 9
    assert applied["a/kernel"] is weights["a/kernel"]
    pruning.check_pruned(applied, new.expand(), "here")


def test_saliencies_are_weight_times_gradient(weights):
    gradients = {"b/bias": np.arange(-3, 4, dtype=np.float32)}
    found = pruning.saliencies(weights, gradients)
    assert found.keys() == {"b/bias"}
    np.testing.assert_allclose(found["b/bias"], np.abs(weights["b/bias"] * gradients["b/bias"]))


def test_the_report_counts_each_variable(weights, full):
    small = full.keep(magnitudes(weights), 43)
    report = pruning.sparsity_report(small)
    assert (report["total"], report["remaining"], report["sparsity"]) == (215, 43, 0.8)
    layers = {path: layer["remaining"] for path, layer in report["layers"].items()}
    assert layers == {path: int(kept.sum()) for path, kept in small.kept.items()}
    assert report["layers"]["a/kernel"]["total"] == 180
