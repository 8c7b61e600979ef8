"""What a round prunes: excluded layers, ranking within layers or by the averages, by how much."""

import dataclasses

import numpy as np
import pytest
from helpers import equal, run_lottery, set_up

from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.replicate_folder import TrainingFolder
from tf_gan_lth.methods import imp
from tf_gan_lth.pruning.masks import Elements


def test_layers_can_be_excluded_and_are_still_named(tiny_options, tmp_path):
    options = {
        **tiny_options,
        "exclude": ("*/to_image", "generator/*/shortcut"),
        "rounds": 1,
        "branches": (),
    }
    folder = run_lottery(options, tmp_path / "run").replicate.round(1)
    mask = folder.masks.get()["generator"]
    report = folder.sparsity.get()["generator"]
    assert set(mask) == set(report["layers"]) == {"block_1/conv_1/kernel", "block_1/conv_2/kernel"}
    assert report["dense_kernels"] == {
        "dense/kernel": 128 * 64,
        "block_1/shortcut/kernel": 16,
        "to_image/kernel": 36,
    }
    assert report["remaining"] == round(0.8 * report["total"]) and report["total"] == 2 * 9 * 16


def test_dense_layers_are_pruned_where_that_is_asked_for(tiny_options, tmp_path):
    options = {**tiny_options, "prune_dense": True, "rounds": 1, "branches": ()}
    folder = run_lottery(options, tmp_path / "run").replicate.round(1)
    mask = folder.masks.get()["generator"]
    kept = mask["dense/kernel"]
    assert kept.shape == (128, 64) and 0 < np.count_nonzero(kept) < kept.size
    counted = Elements(mask)
    assert counted.remaining == round(0.8 * counted.total)
    for snapshot in ("generator", "generator_ema"):
        assert not np.any(folder.weights.get()[snapshot]["dense/kernel"][~kept])


def masks_of_round_1(finished, before=None, **options):
    """What round 1 would keep of the finished lottery's generator under other options."""
    before = before or finished.replicate.round(0)
    config = finished.bench.config
    lottery = dataclasses.replace(config.lottery, **options)
    changed = dataclasses.replace(config, lottery=lottery)
    bench = dataclasses.replace(finished.bench, config=changed)
    return imp.prune(bench, before, 1)["generator"]


def test_layerwise_ranking_takes_the_same_share_of_each_layer(finished):
    mask = masks_of_round_1(finished, ranking="layerwise")
    for kept in mask.expand().values():
        assert abs(kept.sum() - 0.8 * kept.size) <= 1
    assert mask.remaining == round(0.8 * mask.total)


@pytest.mark.parametrize(("rate", "remaining"), [(0.8, 68), (0.99, 3), (0.997, 1)])
def test_ranking_within_layers_keeps_exactly_as_many_down_to_the_last_weight(
    finished, rate, remaining
):
    mask = masks_of_round_1(finished, ranking="layerwise", rate=rate)
    assert (mask.remaining, mask.total) == (remaining, 340)


def with_other_averages(finished, path, number):
    """A copy of a round of the finished lottery with averages of its own; and these."""
    here = finished.replicate.round(number)
    weights = here.weights.get()
    random = np.random.default_rng(0)
    averages = {p: random.normal(size=a.shape) for p, a in weights["generator"].items()}
    other = TrainingFolder(path, 0, number)
    other.masks.put(here.masks.get())
    other.weights.put({**weights, "generator_ema": averages})
    return other, averages


def test_ranking_by_the_averages_is_by_them_alone(finished, tmp_path):
    other, averages = with_other_averages(finished, tmp_path, 0)
    mask = masks_of_round_1(finished, other, ranking_weights="ema").expand()
    kept = np.concatenate([np.abs(averages[path][mask[path]]) for path in mask])
    lost = np.concatenate([np.abs(averages[path][~mask[path]]) for path in mask])
    assert lost.size and lost.max() <= kept.min()
    live = masks_of_round_1(finished, other, ranking_weights="live").expand()
    assert equal(live, finished.replicate.round(1).masks.get()["generator"])
    assert not equal(mask, live)


def test_the_papers_ranking_is_live_in_round_1_and_by_the_averages_after_it(finished, tmp_path):
    for number in (1, 2, 3):
        before = with_other_averages(finished, tmp_path / str(number), number - 1)[0]
        masks = {
            kind: masks_of_round_1(finished, before, ranking_weights=kind, rate=0.6).expand()
            for kind in ("live", "ema", "paper")
        }
        assert not equal(masks["live"], masks["ema"])
        assert equal(masks["paper"], masks["live" if number == 1 else "ema"])


@pytest.mark.parametrize("ranking", ["global", "layerwise"])
def test_rounds_that_keep_nothing_are_refused(tiny_options, tmp_path, ranking):
    options = {**tiny_options, "ranking": ranking, "rate": 0.9}
    with pytest.raises(UsageError, match="--rounds=3 at --rate=0.9 leaves none of the generator's"):
        set_up(options, tmp_path / "run")
    set_up({**options, "rounds": 2}, tmp_path / "run")


def test_rounds_count_what_stays_exactly():
    counts = [imp.remaining(0.2, number, 3_742_464) for number in (0, 1, 5, 10)]
    assert counts == [3_742_464, 2_993_971, 1_226_331, 401_844]
