"""Channel groups against what is known of each network, and masks of channels."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from channel_networks import NASTY, conv

from tf_gan_lth.experiment.errors import MaskError, UsageError
from tf_gan_lth.gans import cyclegan, sngan
from tf_gan_lth.gans import layers as ours
from tf_gan_lth.gans.snapshots import take_snapshot, variables
from tf_gan_lth.pruning import channel_rules
from tf_gan_lth.pruning.budgets import keep_positive
from tf_gan_lth.pruning.channel_masks import Channels
from tf_gan_lth.pruning.channels import Group, Groups, Slices, channel_groups
from tf_gan_lth.pruning.masks import apply

layers = keras.layers


def sizes(groups: Groups) -> dict[str, int]:
    return {group.name: group.size for group in groups.prunable}


def slices(groups: Groups, name: str) -> dict[tuple[str, int], list]:
    """{(path, axis): positions} of a group."""
    group = next(group for group in groups.prunable if group.name == name)
    return {(part.path, part.axis): part.positions.tolist() for part in group.slices}


# Networks of the paper.


def test_a_paper_size_cyclegan_has_2688_channels_in_the_papers_order():
    groups = channel_groups(cyclegan.generator(256, 64, 3, 9, "generator_a2b"))
    inner = {f"block_{number}/conv_1": 256 for number in range(1, 10)}
    expected = {"from_image/conv": 64, "down_1/conv": 128}
    expected |= inner | {"up_1/conv": 128, "up_2/conv": 64}
    assert list(sizes(groups).items()) == list(expected.items())
    assert groups.total == 2688
    assert groups.fixed.keys() == {"images", "down_2/conv", "to_image"}
    assert groups.fixed["down_2/conv"] == (
        "a trunk, which down_2/conv, block_1/conv_2, block_2/conv_2 and 7 more write together"
    )
    assert not groups.unknown


def test_what_goes_with_a_channel_of_a_cyclegan():
    groups = channel_groups(cyclegan.generator(None, 1, 3, 1, "generator_a2b"))
    each = [[0], [1]]
    assert slices(groups, "down_1/conv") == {
        ("down_1/conv/kernel", 3): each,
        ("down_1/conv/bias", 0): each,
        ("down_1/norm/gamma", 0): each,
        ("down_1/norm/beta", 0): each,
        ("down_2/conv/kernel", 2): each,
    }
    assert slices(groups, "up_1/conv") == {
        ("up_1/conv/kernel", 2): each,
        ("up_1/conv/bias", 0): each,
        ("up_1/norm/gamma", 0): each,
        ("up_1/norm/beta", 0): each,
        ("up_2/conv/kernel", 3): each,
    }


def test_a_paper_size_sngan_has_1792_channels_in_the_papers_order():
    groups = channel_groups(sngan.generator(32, 256, 3))
    blocks = [f"block_{n}/{name}" for n in (1, 2, 3) for name in ("norm_1", "conv_1")]
    assert list(sizes(groups)) == [*blocks, "norm"]
    assert groups.total == 1792
    assert [group.selects for group in groups.prunable] == [True, False] * 3 + [True]
    assert groups.fixed["dense"] == "a trunk, of which block_1/norm_1 selects"
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    assert {path for path, _ in slices(groups, "block_1/norm_1")} == {
        *(f"block_1/norm_1/{name}" for name in names),
        "block_1/conv_1/kernel",
    }
    assert {path for path, _ in slices(groups, "block_1/conv_1")} == {
        *(f"block_1/norm_2/{name}" for name in names),
        *("block_1/conv_1/kernel", "block_1/conv_1/bias", "block_1/conv_2/kernel"),
    }


def test_without_selections_only_whole_channels_of_an_sngan_go():
    groups = channel_groups(sngan.generator(8, 4, 3), selections=False)
    assert sizes(groups) == {"dense": 4, "block_1/conv_1": 4}
    # Channel k of the map is unit k of each of its 4x4 pixels.
    units = [[pixel * 4 + channel for pixel in range(16)] for channel in range(4)]
    assert slices(groups, "dense")["dense/kernel", 1] == units
    assert slices(groups, "dense")["dense/bias", 0] == units


def test_a_whole_trunk_can_lose_channels():
    network = cyclegan.generator(None, 1, 3, 2, "generator_a2b")
    groups = channel_groups(network, prune_trunk=True)
    assert sizes(groups)["down_2/conv"] == 4
    trunk = slices(groups, "down_2/conv")
    assert trunk.keys() == {
        *(("down_2/conv/kernel", 3), ("down_2/conv/bias", 0), ("up_1/conv/kernel", 3)),
        *((f"block_{n}/conv_1/kernel", 2) for n in (1, 2)),
        *((f"block_{n}/conv_2/kernel", 3) for n in (1, 2)),
        *((f"block_{n}/conv_2/bias", 0) for n in (1, 2)),
    }


def test_spectral_vectors_go_with_their_filters():
    groups = channel_groups(sngan.discriminator(8, 4, 3))
    assert sizes(groups) == {f"block_{n}/conv_1": 4 for n in (1, 2, 3)}
    assert slices(groups, "block_2/conv_1")["block_2/conv_1/u", 0] == [[0], [1], [2], [3]]
    assert "block_2/conv_1/u" not in Channels.everything(groups).expand()


# Other graphs.


def test_features_of_a_flattened_map_belong_to_its_channels():
    images = keras.Input([2, 2, 1])
    x = layers.Flatten()(conv(images, 2, "conv"))
    groups = channel_groups(keras.Model(images, layers.Dense(1, name="score")(x)))
    assert slices(groups, "conv") == {
        ("conv/kernel", 3): [[0], [1]],
        ("conv/bias", 0): [[0], [1]],
        ("score/kernel", 0): [[0, 2, 4, 6], [1, 3, 5, 7]],
    }


def test_depthwise_kernels_go_with_the_channels_that_they_read():
    images = keras.Input([4, 4, 1])
    x = conv(images, 2, "conv")
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(x)
    x = layers.SeparableConv2D(1, 1, name="separable")(x)
    groups = channel_groups(keras.Model(images, x))
    assert slices(groups, "conv") == {
        ("conv/kernel", 3): [[0], [1]],
        ("conv/bias", 0): [[0], [1]],
        ("depthwise/depthwise_kernel", 2): [[0], [1]],
        ("depthwise/bias", 0): [[0, 1], [2, 3]],
        ("separable/depthwise_kernel", 2): [[0, 1], [2, 3]],
        ("separable/pointwise_kernel", 2): [[0, 1], [2, 3]],
    }


def test_nasty_networks_have_the_groups_that_they_were_made_for():
    found = {name: channel_groups(made()) for name, made in NASTY.items()}
    assert sizes(found["nested_sums"]) == {"squeeze": 4, "hidden": 8}
    assert "for every channel of another map" in found["nested_sums"].fixed["attention"]
    # `whole` is in two trunks, of channels 0-3 and 4-7.
    assert sizes(found["concatenations"]) == {"first": 4, "second": 3, "third": 5, "free": 3}
    assert list(found["concatenations"].fixed) == ["images", "part_1", "part_3", "wide", "to_image"]
    # `norm_1` and `norm_2` feed one kernel, so what they select would have to be the same.
    selecting = [group.name for group in found["shared_trunk"].prunable if group.selects]
    assert selecting == ["selects"]
    # Called twice, a layer's kernel reads the same channels of both maps.
    assert "shared" in sizes(found["shared_trunk"])
    assert sizes(found["depthwise"])["first"] == 4
    # Units of `twelve` in the rows of its first Reshape, then in those of the second.
    assert sizes(found["reshapes"])["twelve"] == 6
    assert sizes(found["reshapes"])["six"] == 3


def test_groups_of_one_writer_have_names_of_their_own():
    images = keras.Input([4, 4, 1])
    wide = conv(images, 4, "wide")
    parts = layers.Concatenate()([conv(wide, 1, "left"), conv(wide, 3, "right")])
    whole = layers.ReLU()(layers.ReLU()(conv(images, 4, "whole")))
    x = conv(layers.Add()([whole, parts]), 1, "to_image")
    groups = channel_groups(keras.Model(images, x), prune_trunk=True)
    assert sizes(groups) == {"wide": 4, "whole": 1, "whole#2": 3}
    assert slices(groups, "whole#2")["whole/kernel", 3] == [[1], [2], [3]]


class Mystery(keras.layers.Layer):
    def call(self, inputs):
        return tf.reverse(inputs, [-1])


class OwnConv2D(layers.Conv2D):
    """Could do anything."""


UNKNOWN = {
    "Mystery": lambda x: Mystery(name="odd")(x),
    "OwnConv2D": lambda x: OwnConv2D(4, 3, name="odd")(x),
    "over all channels": lambda x: layers.LayerNormalization(name="odd")(x),
    "groups of their own": lambda x: layers.Conv2D(4, 3, groups=2, name="odd")(x),
    "softmax may mix": lambda x: layers.Conv2D(4, 3, activation="softmax", name="odd")(x),
    "along axis [1, 2], not": lambda x: layers.BatchNormalization(axis=[1, 2], name="odd")(x),
    "noise_shape": lambda x: layers.Dropout(0.1, noise_shape=(None, 1, 1, 4), name="odd")(x),
    "class Permute": lambda x: layers.Permute([2, 1, 3], name="odd")(x),
    "an operation that no layer makes": lambda x: x + 1.0,
}


@pytest.mark.parametrize("why", UNKNOWN)
def test_an_unknown_layer_is_left_whole_and_named(why):
    images = keras.Input([8, 8, 1])
    x = conv(conv(images, 3, "free"), 4, "before")
    x = conv(UNKNOWN[why](x), 5, "after")
    groups = channel_groups(keras.Model(images, conv(x, 1, "to_image")))
    assert sizes(groups) == {"free": 3, "after": 5}
    ((name, reason),) = groups.unknown.items()
    assert why in reason
    assert groups.fixed["before"] == f"{name} uses it: {reason}"


def test_a_rule_makes_a_layer_known():
    images = keras.Input([8, 8, 1])
    x = Mystery(name="odd")(conv(images, 4, "before"))
    network = keras.Model(images, conv(x, 1, "to_image"))
    channel_rules.register(Mystery)(lambda flow, call: call.reads[0][::-1])
    try:
        groups = channel_groups(network)
    finally:
        del channel_rules.RULES[Mystery]
    assert slices(groups, "before")["to_image/kernel", 2] == [[3], [2], [1], [0]]


def test_no_graph_and_no_channels_are_refused():
    class Subclassed(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(UsageError, match="has no graph"):
        channel_groups(Subclassed(name="mine"))
    images = keras.Input([8, 8, 1], name="images")
    network = keras.Model(images, conv(images, 1, "to_image"))
    message = r"the judge has no channels that can go \(images: an input.*; to_image: an output"
    with pytest.raises(UsageError, match=message):
        Channels.everything(channel_groups(network), "judge")


def test_values_are_those_of_each_channel():
    images = keras.Input([2, 2, 1])
    x = ours.BatchNormalization(name="norm")(conv(images, 2, "conv", 1))
    network = keras.Model(images, layers.Dense(1, name="score")(layers.Flatten()(x)))
    group = channel_groups(network).prunable[0]
    weights = take_snapshot(network)
    weights = {path: np.arange(array.size).reshape(array.shape) for path, array in weights.items()}
    del weights["norm/moving_mean"], weights["norm/moving_variance"]
    # Filter, bias, gamma, beta, and what the Dense layer reads.
    assert group.values(weights).tolist() == [[0, 0, 0, 0, 0, 2, 4, 6], [1, 1, 1, 1, 1, 3, 5, 7]]
    assert group.values(weights, "gamma").tolist() == [[0], [1]]
    assert group.values(weights, "alpha").shape == (2, 0)


# Masks.


def groups_of(**counts: int) -> Groups:
    made = [
        Group(name, count, (Slices(f"{name}/kernel", 1, np.arange(count)[:, None]),), (name,))
        for name, count in counts.items()
    ]
    shapes = {f"{name}/kernel": (2, count) for name, count in counts.items()}
    return Groups(tuple(made), {}, {}, shapes, frozenset(shapes))


def test_the_highest_scored_channels_stay_and_one_of_each_group():
    mask = Channels.everything(groups_of(a=3, b=4))
    scores = {"a": np.array([0.0, 0.2, 0.1]), "b": np.array([5.0, 7.0, 6.0, 5.0])}
    new = mask.keep(scores, 4)
    assert (new.remaining, new.total) == (4, 7)
    assert new.kept["a"].tolist() == [False, True, False]
    assert new.kept["b"].tolist() == [False, True, True, True]  # of equal ones the last
    assert new.keep(scores, 2).kept["b"].tolist() == [False, True, False, False]


def test_a_channel_is_worth_the_mean_of_its_trained_weights():
    """Its moving statistics and its place in a spectral vector say nothing of it."""
    images = keras.Input([2, 2, 1])
    x = ours.BatchNormalization(name="norm")(conv(images, 2, "conv", 1, ours.SpectralConv2D))
    mask = Channels.everything(channel_groups(keras.Model(images, conv(x, 1, "to_image", 1))))
    values = {
        "conv/kernel": np.array([[[[1.0, 10.0]]]]),
        "conv/bias": np.array([2.0, 20.0]),
        "norm/gamma": np.array([3.0, 30.0]),
        "norm/beta": np.array([4.0, 40.0]),
        "to_image/kernel": np.array([[[[5.0], [50.0]]]]),
    }
    untrained = ("conv/u", "norm/moving_mean", "norm/moving_variance")
    snapshot = values | {path: np.array([900.0, 0.0]) for path in untrained}
    assert mask.pool(snapshot)["conv"].tolist() == [3.0, 30.0]
    assert mask.pool({"norm/gamma": values["norm/gamma"]})["conv"].tolist() == [3.0, 30.0]
    with pytest.raises(MaskError, match="none of its variables has a score"):
        mask.pool({path: snapshot[path] for path in untrained})


def test_what_is_pruned_next_to_a_layer_makes_it_no_cheaper():
    """Several rounds over weights that stay as they are choose about as a single one does."""
    network = cyclegan.generator(24, 16, 3, 3, "generator_a2b")
    mask = full = Channels.everything(channel_groups(network))
    draw = np.random.default_rng(0)
    weights = {path: draw.random(stays.shape) for path, stays in full.expand().items()}
    for number in range(1, 6):
        masked = apply(weights, mask.expand())
        mask = mask.keep(mask.pool(masked), round(0.8**number * full.total))
    at_once = full.keep(full.pool(weights), mask.remaining)
    for name, kept in mask.kept.items():
        assert 0.5 < kept.sum() / at_once.kept[name].sum() < 2, name


def test_a_group_without_a_positive_score_keeps_one_and_takes_none_from_the_others():
    mask = Channels.everything(groups_of(a=3, b=4))
    scores = {"a": np.zeros(3), "b": np.array([0.0, 1.0, 2.0, 3.0])}
    new = keep_positive(mask, scores)
    assert new.kept["a"].sum() == 1
    assert new.kept["b"].tolist() == [False, True, True, True]
    again = keep_positive(new, {"a": np.zeros(3), "b": np.array([0.0, 0.0, 2.0, 3.0])})
    assert again.kept["a"].tolist() == new.kept["a"].tolist()
    assert again.kept["b"].tolist() == [False, False, True, True]


def test_a_layer_that_keeps_its_last_channel_against_the_ranking_is_known():
    mask = Channels.everything(groups_of(a=3, b=4, c=1))
    low = {"a": np.array([0.1, 0.3, 0.2]), "b": np.array([1.0, 2.0, 3.0, 4.0]), "c": np.zeros(1)}
    kept = mask.keep(low, 4)
    assert [kept.kept[name].sum() for name in "abc"] == [1, 2, 1]
    assert mask.last_of_layers(low, kept) == ["a"]
    earned = low | {"a": np.array([0.1, 3.5, 0.2])}
    assert mask.last_of_layers(earned, mask.keep(earned, 4)) == []
    assert kept.last_of_layers(low, kept.keep(low, 3)) == []  # a is known, b has earned it
    assert mask.last_of_layers(low, mask) == []


def test_pruned_channels_never_come_back():
    mask = Channels.everything(groups_of(a=3, b=4))
    low = {"a": np.array([0.0, 1.0, 2.0]), "b": np.arange(4.0)}
    new = mask.keep(low, 4).keep({name: -score for name, score in low.items()}, 3)
    assert not new.kept["a"][0] and not new.kept["b"][0]


@pytest.mark.parametrize("layerwise", [False, True])
@pytest.mark.parametrize("count", range(3, 17))
def test_counts_are_exact_and_no_group_is_empty(count, layerwise):
    draw = np.random.default_rng(count)
    mask = Channels.everything(groups_of(a=2, b=10, c=4))
    new = mask.keep({name: draw.random(k.size) for name, k in mask.kept.items()}, count, layerwise)
    mixed = new.shuffled(draw, layerwise)
    for found in (new, mixed):
        assert found.remaining == count
        assert all(kept.any() for kept in found.kept.values())
    if layerwise:
        for name, kept in new.kept.items():
            assert kept.sum() == mixed.kept[name].sum()
            assert abs(kept.sum() - max(1, count * kept.size / 16)) <= 1
    assert mixed.full().remaining == 16


@pytest.mark.parametrize("count", [-1, 0, 1, 8])
def test_counts_out_of_range_are_refused(count):
    mask = Channels.everything(groups_of(a=3, b=4))
    with pytest.raises(MaskError, match=rf"cannot keep {count} of 7 .* 2 groups keeps one"):
        mask.keep({"a": np.zeros(3), "b": np.zeros(4)}, count)


def test_masks_and_scores_of_other_networks_are_refused():
    groups = groups_of(a=3, b=4)
    mask = Channels.everything(groups)
    with pytest.raises(MaskError, match="'b'"):
        Channels(groups, {"a": np.ones(3, bool)})
    with pytest.raises(MaskError, match="'a'"):
        Channels(groups, {"a": np.ones(2, bool), "b": np.ones(4, bool)})
    with pytest.raises(MaskError, match="no channel of a"):
        Channels(groups, {"a": np.zeros(3, bool), "b": np.ones(4, bool)})
    with pytest.raises(MaskError, match="shape"):
        mask.keep({"a": np.zeros(2), "b": np.zeros(4)}, 3)
    with pytest.raises(MaskError, match="not finite"):
        mask.keep({"a": np.zeros(3), "b": np.array([0, 0, np.nan, 0])}, 3)


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float32])
def test_a_mask_of_numbers_is_the_one_of_bools(kind):
    groups = groups_of(a=3)
    mask = Channels(groups, {"a": np.array([1, 0, 1], kind)})
    assert mask.kept["a"].dtype == bool
    assert mask.expand()["a/kernel"].tolist() == [[True, False, True]] * 2


def test_an_expanded_mask_covers_all_that_goes_with_a_channel():
    network = sngan.generator(8, 3, 3)
    groups = channel_groups(network)
    kept = {group.name: np.array([True, False, True]) for group in groups.prunable}
    expanded = Channels(groups, kept).expand()
    weights = variables(network)
    assert expanded.keys() == {
        *(f"block_1/norm_{n}/{name}" for n in (1, 2) for name in ("gamma", "beta")),
        *("block_1/conv_1/kernel", "block_1/conv_1/bias", "block_1/conv_2/kernel"),
        *("norm/gamma", "norm/beta", "to_image/kernel"),
    }
    assert all(stays.shape == weights[path].shape for path, stays in expanded.items())
    assert all(stays.dtype == bool for stays in expanded.values())
    stays = np.array([True, False, True])
    np.testing.assert_array_equal(expanded["block_1/norm_1/beta"], stays)
    both = np.broadcast_to(np.outer(stays, stays), [3, 3, 3, 3])
    np.testing.assert_array_equal(expanded["block_1/conv_1/kernel"], both)
    # Its outputs are the trunk's, which stays whole.
    inputs = np.broadcast_to(stays[:, None], [3, 3, 3, 3])
    np.testing.assert_array_equal(expanded["block_1/conv_2/kernel"], inputs)
