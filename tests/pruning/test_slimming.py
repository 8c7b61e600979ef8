"""Slim networks compute what masked ones do, in outputs, gradients and statistics."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from channel_networks import NASTY, Random

from tf_gan_lth.experiment.errors import MaskError
from tf_gan_lth.gans import cyclegan, sngan
from tf_gan_lth.gans import layers as ours
from tf_gan_lth.gans.snapshots import load_snapshot, take_snapshot, variables
from tf_gan_lth.pruning.channel_masks import Channels
from tf_gan_lth.pruning.channels import channel_groups
from tf_gan_lth.pruning.cost import cost
from tf_gan_lth.pruning.masks import Elements, apply, check_pruned
from tf_gan_lth.pruning.slimming import slim, slim_snapshot, widened_snapshot

layers = keras.layers


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def drawn_snapshot(network: keras.Model, draw: np.random.Generator) -> dict[str, np.ndarray]:
    """Weights of which none is at a special value, such as a beta of 0."""
    snapshot = {}
    for path, array in take_snapshot(network).items():
        noise = draw.normal(0.0, 0.2 if array.ndim < 2 else 0.05, array.shape).astype(np.float32)
        snapshot[path] = np.abs(array + noise) if path.endswith("variance") else array + noise
    return snapshot


def drawn_mask(groups, draw: np.random.Generator, share: float | None = None) -> Channels:
    mask = Channels.everything(groups)
    scores = {group.name: draw.random(group.size) for group in groups.prunable}
    least = len(groups.prunable)
    count = int(draw.integers(least, mask.total + 1)) if share is None else int(share * mask.total)
    return mask.keep(scores, max(least, count))


def drawn_inputs(network: keras.Model, draw: np.random.Generator, count: int) -> list[tf.Tensor]:
    return [
        tf.constant(draw.integers(0, 4, [count]))
        if tensor.dtype.is_integer
        else tf.constant(draw.normal(size=[count, *tensor.shape[1:]]), tf.float32)
        for tensor in network.inputs
    ]


def computed(network: keras.Model, snapshot: dict, inputs: list, training: bool):
    """Outputs, gradients of their weighted sum, and the snapshot after the call."""
    load_snapshot(network, snapshot)
    draw = np.random.default_rng(0)
    trained = {path: v for path, v in variables(network).items() if v.trainable}
    with tf.GradientTape() as tape:
        outputs = tf.nest.flatten(network(inputs, training=training))
        weights = [draw.normal(size=output.shape).astype(np.float32) for output in outputs]
        pairs = zip(outputs, weights, strict=True)
        loss = tf.add_n([tf.reduce_sum(output * weight) for output, weight in pairs])
    gradients = tape.gradient(loss, trained, unconnected_gradients="zero")
    gradients = {path: tf.convert_to_tensor(found).numpy() for path, found in gradients.items()}
    return [output.numpy() for output in outputs], gradients, take_snapshot(network)


def assert_close(found: np.ndarray, expected: np.ndarray, what: str, largest: float = 1.0) -> None:
    """To 1e-5 of the largest value, or of `largest` if that is more."""
    assert found.shape == expected.shape, what
    scale = max(largest, np.abs(expected).max(initial=0.0))
    np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=1e-5, err_msg=what)


def assert_slim_is_masked(network: keras.Model, mask: Channels, seed: int = 0, count: int = 3):
    draw = np.random.default_rng(seed)
    snapshot = drawn_snapshot(network, draw)
    kept = mask.expand()
    narrow, sliced = slim(network, snapshot, mask)
    assert cost(network, kept).macs_left == cost(narrow).macs
    assert cost(network, kept).parameters_left == cost(narrow).parameters
    inputs = drawn_inputs(network, draw, count)
    masked = apply(snapshot, kept)
    for training in (False, True):
        expected = computed(network, masked, inputs, training)
        found = computed(narrow, sliced, inputs, training)
        for number, (left, right) in enumerate(zip(found[0], expected[0], strict=True)):
            assert_close(left, right, f"output {number}, training={training}")
        whole = {path: expected[1].get(path, array) for path, array in expected[2].items()}
        gradients = slim_snapshot(whole, mask)
        # Gradients of biases before norms are zero but for rounding: what counts is the largest.
        largest = max(float(np.abs(gradient).max()) for gradient in found[1].values()) or 1.0
        for path, gradient in found[1].items():
            what = f"gradient of {path}, training={training}"
            assert_close(gradient, gradients[path], what, largest)
        for path, array in slim_snapshot(expected[2], mask).items():
            assert_close(found[2][path], array, f"{path} after training={training}")
    return narrow


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("width, share", [(4, 0.5), (8, 0.3), (8, 0.0)])
def test_sngan(width, share, fused):
    for network in (sngan.generator(8, width, 3, fused), sngan.discriminator(8, width, 3, fused)):
        for options in ({}, {"selections": False}, {"prune_trunk": True}):
            groups = channel_groups(network, **options)
            mask = drawn_mask(groups, np.random.default_rng(width), share)
            narrow = assert_slim_is_masked(network, mask)
            assert narrow.count_params() < network.count_params()


@pytest.mark.parametrize("blocks, trunk", [(1, False), (2, False), (2, True)])
def test_cyclegan(blocks, trunk):
    draw = np.random.default_rng(blocks)
    for network in (
        cyclegan.generator(24, 2, 3, blocks, "generator_a2b"),
        cyclegan.generator(24, 2, 3, blocks, "generator_a2b", separable=True),
        cyclegan.discriminator(24, 2, 3, "discriminator_a"),
    ):
        mask = drawn_mask(channel_groups(network, prune_trunk=trunk), draw, 0.5)
        assert_slim_is_masked(network, mask, count=1)


@pytest.mark.parametrize("trunk", [False, True])
@pytest.mark.parametrize("name", NASTY)
def test_nasty_networks(name, trunk):
    network = NASTY[name]()
    groups = channel_groups(network, prune_trunk=trunk)
    assert not groups.unknown
    for seed in range(2):
        mask = drawn_mask(groups, np.random.default_rng(seed), 0.6 * seed)
        assert_slim_is_masked(network, mask, seed)


@pytest.mark.parametrize("seed", range(24))
def test_random_networks(seed):
    network = Random(seed).network()
    groups = channel_groups(network, prune_trunk=seed % 3 == 0, selections=seed % 2 == 0)
    assert not groups.unknown
    if groups.prunable:
        assert_slim_is_masked(network, drawn_mask(groups, np.random.default_rng(seed)), seed)


def test_a_sequential_network():
    network = keras.Sequential(
        [
            keras.Input([4, 4, 2]),
            layers.Conv2D(5, 3, name="first"),
            layers.PReLU(name="slope"),
            layers.Flatten(),
            layers.Dense(6, "relu", name="hidden"),
            layers.Dense(1, name="score"),
        ]
    )
    groups = channel_groups(network)
    assert [(group.name, group.size) for group in groups.prunable] == [("first", 5), ("hidden", 6)]
    assert_slim_is_masked(network, drawn_mask(groups, np.random.default_rng(1), 0.5))


def test_one_reshape_of_two_maps_that_lose_different_numbers_of_channels():
    images = keras.Input([2, 2, 1])
    rows = layers.Reshape([4, 6], name="rows")
    maps = [rows(layers.Conv2D(6, 1, name=name)(images)) for name in ("left", "right")]
    network = keras.Model(images, layers.Conv1D(1, 3, name="score")(layers.Concatenate()(maps)))
    kept = {"left": np.arange(6) < 2, "right": np.arange(6) != 3}
    assert_slim_is_masked(network, Channels(channel_groups(network), kept))


def test_a_reshape_that_is_called_twice_takes_no_name_of_another():
    images = keras.Input([2, 2, 1])
    rows, others = layers.Reshape([4, 6], name="reshape"), layers.Reshape([4, 6], name="reshape_1")
    maps = [
        reshape(layers.Conv2D(6, 1, name=name)(images))
        for name, reshape in {"left": rows, "right": rows, "third": others}.items()
    ]
    network = keras.Model(images, layers.Conv1D(1, 3, name="score")(layers.Concatenate()(maps)))
    keras.backend.reset_uids()  # as where the network was read from a file
    mask = drawn_mask(channel_groups(network), np.random.default_rng(0), 0.5)
    assert_slim_is_masked(network, mask)


def test_maps_without_an_axis_of_channels():
    images = keras.Input([2, 2, 1])
    x = layers.Flatten()(layers.Conv2D(4, 1, name="conv")(images))
    scalars = layers.Reshape([])(layers.Dense(1, name="scalar")(x))
    x = layers.Dense(3, name="dense")(layers.Reshape([1])(scalars))
    network = keras.Model(images, [layers.Dense(1, name="score")(x), scalars])
    groups = channel_groups(network)
    assert [(group.name, group.size) for group in groups.prunable] == [("conv", 4), ("dense", 3)]
    assert_slim_is_masked(network, drawn_mask(groups, np.random.default_rng(0), 0.5))


def attention(after: keras.layers.Layer) -> keras.Model:
    """Queries and keys are one map, padded: what is not 0 within would differ at its edge."""
    images = keras.Input([4, 4, 2])
    compared = layers.ZeroPadding2D()(after(layers.Conv2D(4, 1, name="compared")(images)))
    values = layers.ZeroPadding2D()(layers.Conv2D(3, 1, name="values")(images))
    x = ours.SpatialAttention(name="attention")([compared, compared, values])
    return keras.Model(images, layers.Conv2D(1, 1, name="to_image")(x))


@pytest.mark.parametrize(
    "after", [layers.ReLU(), layers.BatchNormalization(name="norm"), layers.Activation("tanh")]
)
def test_what_an_attention_compares_goes_if_it_is_zero_without_its_weights(after):
    network = attention(after)
    kept = {"compared": np.arange(4) < 1, "values": np.arange(3) < 2}
    assert_slim_is_masked(network, Channels(channel_groups(network), kept))


@pytest.mark.parametrize(
    "after",
    [
        layers.Activation("sigmoid"),
        layers.GaussianNoise(1.0),
        layers.BatchNormalization(scale=False, name="norm"),
    ],
)
def test_what_an_attention_compares_stays_if_it_is_something_without_its_weights(after):
    groups = channel_groups(attention(after))
    assert [group.name for group in groups.prunable] == ["values"]
    assert groups.fixed["compared"].startswith("attention sums it")


def test_weights_that_begin_at_given_values():
    """As a blur does, whose kernel is written down."""
    images = keras.Input([4, 4, 1])
    given = keras.initializers.Constant
    x = layers.Conv2D(3, 1, bias_initializer=given([1.0, 2.0, 3.0]), name="conv")(images)
    blur = given(np.full([3, 3, 3, 1], 1 / 9, np.float32))
    x = layers.DepthwiseConv2D(3, depthwise_initializer=blur, trainable=False, name="blur")(x)
    network = keras.Model(images, layers.Conv2D(1, 1, name="to_image")(x))
    mask = Channels(channel_groups(network), {"conv": np.array([True, False, True])})
    copy = keras.models.clone_model(assert_slim_is_masked(network, mask))
    fresh = take_snapshot(copy)
    assert fresh["conv/bias"].tolist() == [1.0, 3.0]
    np.testing.assert_array_equal(fresh["blur/depthwise_kernel"], np.float32(1 / 9))


def test_a_selection_computes_in_the_precision_of_its_norm():
    usual = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        network = sngan.generator(8, 6, 3)
    finally:
        keras.mixed_precision.set_global_policy(usual)
    mask = drawn_mask(channel_groups(network), np.random.default_rng(0), 0.5)
    narrow, _ = slim(network, take_snapshot(network), mask)
    assert narrow.get_layer("norm/selection").compute_dtype == "bfloat16"
    assert narrow.get_layer("norm/selection").output.dtype == tf.bfloat16


def test_a_mask_that_keeps_all_changes_nothing():
    network = sngan.generator(8, 4, 3)
    mask = Channels.everything(channel_groups(network))
    narrow, sliced = slim(network, take_snapshot(network), mask)
    assert [layer.name for layer in narrow.layers] == [layer.name for layer in network.layers]
    assert all(np.array_equal(sliced[path], a) for path, a in take_snapshot(network).items())


def test_widened_is_the_masked_snapshot():
    network = sngan.generator(8, 6, 3)
    draw = np.random.default_rng(0)
    mask = drawn_mask(channel_groups(network), draw, 0.5)
    snapshot = drawn_snapshot(network, draw)
    whole = widened_snapshot(slim_snapshot(snapshot, mask), snapshot, mask)
    masked = apply(snapshot, mask.expand())
    assert whole.keys() == masked.keys()
    assert all(np.array_equal(whole[path], masked[path]) for path in masked)
    check_pruned(whole, mask.expand(), "here")


def test_channels_are_worth_as_much_in_the_masked_network_as_in_the_slim_one():
    network = cyclegan.generator(24, 4, 3, 2, "generator_a2b")
    draw = np.random.default_rng(0)
    mask = drawn_mask(channel_groups(network), draw, 0.4)
    masked = apply(drawn_snapshot(network, draw), mask.expand())
    narrow, sliced = slim(network, masked, mask)
    whole = mask.pool({path: np.abs(array) for path, array in masked.items()})
    small = Channels.everything(channel_groups(narrow))
    found = small.pool({path: np.abs(array) for path, array in sliced.items()})
    for name, kept in mask.kept.items():
        np.testing.assert_allclose(whole[name][kept], found[name], rtol=1e-6)
        assert not whole[name][~kept].any()


def test_a_slim_network_can_be_saved_and_cloned(tmp_path):
    network = sngan.generator(8, 6, 3)
    draw = np.random.default_rng(0)
    narrow, sliced = slim(
        network, take_snapshot(network), drawn_mask(channel_groups(network), draw, 0.4)
    )
    copy = keras.models.clone_model(narrow)
    load_snapshot(narrow, sliced)
    load_snapshot(copy, sliced)
    latents = tf.constant(draw.normal(size=[2, 128]), tf.float32)
    tf.saved_model.save(narrow, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    np.testing.assert_array_equal(copy(latents), narrow(latents))
    np.testing.assert_allclose(loaded(latents), narrow(latents), atol=1e-6)


def test_other_masks_are_refused():
    network = sngan.generator(8, 4, 3)
    snapshot = take_snapshot(network)
    elements = Elements.everything(snapshot, ["block_1/conv_1/kernel"])
    with pytest.raises(MaskError, match="a mask of elements leaves every channel"):
        slim(network, snapshot, elements)
    other = Channels.everything(channel_groups(sngan.generator(8, 5, 3)))
    with pytest.raises(MaskError, match="shape"):
        slim(network, snapshot, other)


def cyclegan_parameters(a: int, b: int, inner: list[int], c: int, d: int) -> int:
    """Of a generator of width 64, by hand: widths of stem, down_1, blocks, up_1 and up_2."""
    down = 147 * a + a + 9 * a * b + b + 2304 * b + 256
    blocks = sum(4608 * m + m + 256 for m in inner)
    up = 2304 * c + c + 9 * c * d + d + 147 * d + 3
    return down + blocks + up + 2 * (a + b + sum(inner) + c + d)


def cyclegan_macs(size: int, a: int, b: int, inner: list[int], c: int, d: int) -> int:
    outer, half, quarter = size**2, (size // 2) ** 2, (size // 4) ** 2
    return (
        outer * 147 * a
        + half * 9 * a * b
        + quarter * (2304 * b + 4608 * sum(inner) + 2304 * c)
        + half * 9 * c * d
        + outer * 147 * d
    )


def test_a_slim_paper_size_cyclegan_costs_what_the_formula_says():
    network = cyclegan.generator(256, 64, 3, 9, "generator_a2b")
    widths = [13, 50, 3, 100, 256, 1, 77, 9, 128, 30, 200, 41, 19]
    groups = channel_groups(network)
    kept = {
        group.name: np.arange(group.size) < width
        for group, width in zip(groups.prunable, widths, strict=True)
    }
    mask = Channels(groups, kept)
    narrow, sliced = slim(network, take_snapshot(network), mask)
    formula = (*widths[:2], widths[2:11], *widths[11:])
    assert cost(narrow).parameters == cyclegan_parameters(*formula)
    assert cost(narrow).macs == cyclegan_macs(256, *formula)
    assert cost(network).parameters == cyclegan_parameters(64, 128, [256] * 9, 128, 64)
    assert sum(array.size for array in sliced.values()) == cost(narrow).parameters


def test_a_slim_paper_size_sngan_costs_what_the_formula_says():
    network = sngan.generator(32, 256, 3)
    selected, hidden, last = [200, 1, 64], [3, 128, 90], 17
    groups = channel_groups(network)
    widths = [width for pair in zip(selected, hidden, strict=True) for width in pair] + [last]
    kept = {g.name: np.arange(g.size) < w for g, w in zip(groups.prunable, widths, strict=True)}
    narrow, _ = slim(network, take_snapshot(network), Channels(groups, kept))
    # As in the paper's code, but for norms before a selection, which there stay whole.
    blocks = sum(
        2 * s + 9 * s * h + h + 2 * h + 2304 * h + 256 + 65_792
        for s, h in zip(selected, hidden, strict=True)
    )
    assert cost(narrow).parameters == 528_384 + blocks + 2 * last + 27 * last + 3
