"""Configurations of a supernet: the first channels of an order, and what they take."""

import itertools

import numpy as np
import pytest
import tf_keras as keras

from tf_gan_lth.gans import cyclegan, sngan
from tf_gan_lth.gans.snapshots import load_snapshot, take_snapshot
from tf_gan_lth.pruning.channel_masks import Channels
from tf_gan_lth.pruning.channels import channel_groups
from tf_gan_lth.pruning.cost import cost, kernel_positions
from tf_gan_lth.pruning.masks import apply
from tf_gan_lth.pruning.supernets import Macs, Supernet, Within

SHARES = (1.0, 0.5, 0.25)


def translator(width):
    return cyclegan.generator(24, width, 1, 1, "generator_a2b")


def drawing(width=8):
    return sngan.generator(16, width, 3)


def supernet_of(network, trunk=False, shares=SHARES, scores=None):
    full = Channels.everything(channel_groups(network, trunk))
    return Supernet.of(full, shares, scores)


def random_scores(full, seed=0):
    draws = np.random.default_rng(seed)
    return {group.name: draws.random(group.size) for group in full.groups.prunable}


def test_a_configuration_keeps_the_first_of_an_order():
    network = drawing()
    full = Channels.everything(channel_groups(network))
    scores = random_scores(full)
    ranked, plain = (supernet_of(network, scores=each) for each in (scores, None))
    configuration = np.arange(len(full.kept)) % 3
    for number, (name, kept) in enumerate(ranked.mask(configuration).kept.items()):
        count = (2, 4, 8)[configuration[number]]
        assert kept.sum() == count
        assert scores[name][kept].min() > scores[name][~kept].max(initial=-1.0)
        assert plain.mask(configuration).kept[name].tolist() == [c < count for c in range(8)]


def test_widths_are_whole_channels_one_at_least_each_once():
    supernet = supernet_of(drawing(4), shares=(0.05, 0.1, 0.6, 0.62, 1.0))
    assert set(supernet.widths.values()) == {(1, 2, 4)}
    assert supernet.choices.tolist() == [3] * len(supernet.widths)


def test_the_first_channels_are_the_narrow_network_built_alone():
    """Half of all channels of a generator of width 8: that of width 4, with its first weights."""
    wide, small = translator(8), translator(4)
    supernet = supernet_of(wide, True, (0.5,))
    mask = supernet.mask(np.zeros_like(supernet.choices))
    weights = take_snapshot(wide)
    draws = np.random.default_rng(0)
    weights = {p: a + draws.normal(0, 0.1, a.shape).astype(np.float32) for p, a in weights.items()}
    sliced = {
        path: weights[path][tuple(slice(0, size) for size in array.shape)]
        for path, array in take_snapshot(small).items()
    }
    load_snapshot(wide, apply(weights, mask.expand()))
    load_snapshot(small, sliced)
    images = draws.uniform(-1, 1, [2, 24, 24, 1]).astype(np.float32)
    np.testing.assert_allclose(wide(images), small(images), atol=1e-5)


@pytest.mark.parametrize(
    ("network", "trunk"),
    [(translator(8), False), (translator(8), True), (drawing(), False), (drawing(), True)],
)
def test_macs_of_configurations_are_those_of_their_masks(network, trunk):
    supernet = supernet_of(network, trunk)
    draws = np.random.default_rng(1)
    drawn = draws.integers(0, supernet.choices, [12, supernet.choices.size])
    found = Macs(network, supernet)(drawn)
    for configuration, macs in zip(drawn, found, strict=True):
        assert macs == cost(network, supernet.mask(configuration).expand()).macs_left
    kernels = kernel_positions(network).values()
    assert sum(each * np.prod(shape) for each, shape in kernels) == cost(network).macs


def test_all_within_a_budget_are_found_or_none_if_they_are_too_many():
    network = translator(8)
    supernet = supernet_of(network)
    within = Within(network, supernet, 0.4)
    by_hand = [
        configuration
        for configuration in itertools.product(*map(range, supernet.choices))
        if cost(network, supernet.mask(np.array(configuration)).expand()).macs_left
        <= 0.4 * cost(network).macs
    ]
    assert within.all(1000).tolist() == [list(each) for each in by_hand]
    assert within.all(len(by_hand)) is not None and within.all(len(by_hand) - 1) is None
    assert within.whole == cost(network).macs
    least = cost(network, supernet.mask(np.zeros(len(supernet.choices), int)).expand())
    assert within.fewest == least.macs_left


def test_what_is_fitted_is_within_the_budget_and_as_wide_as_it_allows():
    network = drawing()
    supernet = supernet_of(network)
    within = Within(network, supernet, 0.5)
    for seed in range(5):
        drawn = np.random.default_rng(seed).integers(0, supernet.choices)
        found = within.fitted(drawn, np.random.default_rng(seed))
        assert within.allows(found)
        for group in np.flatnonzero(found < supernet.choices - 1):
            assert not within.allows(found + np.eye(found.size, dtype=int)[group])
        again = within.fitted(drawn, np.random.default_rng(seed))
        assert np.array_equal(found, again)


def test_a_kernel_that_no_group_is_in_counts_whole():
    inputs = keras.Input([4])
    x = keras.layers.Dense(6, activation="relu", name="hidden")(inputs)
    network = keras.Model(inputs, keras.layers.Dense(2, name="out")(x))
    supernet = supernet_of(network, shares=(1.0, 0.5))
    assert Macs(network, supernet)(np.array([[0], [1]])).tolist() == [3 * 6, 6 * 6]
