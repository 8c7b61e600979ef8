import math

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth import gans
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.gans import ImageShape, cyclegan, layers
from tf_gan_lth.gans.snapshots import graph_text
from tf_gan_lth.pruning import wrapping

WIDTH, CHANNELS, BLOCKS = 4, 3, 2


def make(kind, resolution=None, width=WIDTH):
    keras.utils.set_random_seed(0)
    if kind == "generator":
        return cyclegan.generator(resolution, width, CHANNELS, BLOCKS, "generator_a2b")
    return cyclegan.discriminator(resolution, width, CHANNELS, "discriminator_b")


def count(variables):
    return sum(int(np.prod(variable.shape)) for variable in variables)


def images(*shape, seed=1):
    return tf.random.stateless_uniform([*shape, CHANNELS], [seed, 2], -1.0, 1.0)


def randomize(network):
    """Other weights than fresh ones, so that no gamma is 1 and no beta 0."""
    random = np.random.default_rng(3)
    for path, variable in gans.variables(network).items():
        center = 1.0 if path.endswith("gamma") else 0.0
        variable.assign(random.normal(center, 0.2, variable.shape))


def test_parameter_counts_at_paper_size():
    networks = gans.build(cyclegan.gan, Config(), ImageShape(256, 3), seed=0).networks
    assert list(networks) == [
        "generator_a2b",
        "generator_b2a",
        "discriminator_a",
        "discriminator_b",
    ]
    assert [network.name for network in networks.values()] == list(networks)
    for role, trainable, prunable in [
        ("generator", 11_383_555, 11_372_928),
        ("discriminator", 2_766_529, 2_763_776),
    ]:
        for network in (network for name, network in networks.items() if name.startswith(role)):
            assert count(network.trainable_weights) == count(network.weights) == trainable
            assert (
                count([layer.kernel for layer in network.layers if wrapping.is_prunable(layer)])
                == prunable
            )


def test_norms_of_the_channels_that_residual_blocks_add_to_have_no_parameters():
    network = make("generator")
    norms = [layer for layer in network.layers if isinstance(layer, layers.InstanceNormalization)]
    bare = [layer.name for layer in norms if not layer.weights]
    assert bare == ["down_2/norm", "block_1/norm_2", "block_2/norm_2"]
    assert [layer.name for layer in norms if layer.weights] == [
        *(
            "from_image/norm",
            "down_1/norm",
            "block_1/norm_1",
            "block_2/norm_1",
            "up_1/norm",
            "up_2/norm",
        )
    ]


@pytest.mark.parametrize("size", [(8, 8), (12, 20), (24, 36)])
def test_one_generator_takes_any_multiple_of_four(size):
    outputs = make("generator")(images(2, *size))
    assert outputs.shape == (2, *size, CHANNELS)
    assert np.abs(outputs).max() <= 1


@pytest.mark.parametrize("kind", ["generator", "discriminator"])
def test_a_snapshot_fits_networks_of_any_resolution(kind):
    fixed, free = make(kind, 24), make(kind)
    randomize(fixed)
    gans.load_snapshot(free, gans.take_snapshot(fixed))
    served = tf.function(free, input_signature=[tf.TensorSpec([None, None, None, CHANNELS])])
    batch = images(3, 24, 24)
    np.testing.assert_allclose(served(batch), fixed(batch), rtol=1e-4, atol=1e-5)
    served(images(1, 28, 32))


def test_resolutions_that_do_not_fit_are_refused():
    options = cyclegan.Options(width=1, blocks=1)
    for resolution in (20, 26):
        with pytest.raises(UsageError, match=f"--resolution={resolution}"):
            cyclegan.build(options, ImageShape(resolution, CHANNELS), True)
    networks = cyclegan.build(options, ImageShape(24, CHANNELS), True)
    translated = networks["generator_a2b"](images(2, 24, 24))
    assert networks["discriminator_b"](translated).shape == (2, 1)
    with pytest.raises(ValueError, match="Negative dimension"):
        make("discriminator", 23)


@pytest.mark.parametrize("kind", ["generator", "discriminator"])
def test_fresh_weights_are_those_of_the_papers_code(kind):
    network = make(kind, width=16)
    snapshot = gans.take_snapshot(network)
    kernels = np.concatenate(
        [array.ravel() for path, array in snapshot.items() if path.endswith("kernel")]
    )
    assert abs(kernels.mean()) < 1e-3 and 0.019 < kernels.std() < 0.021
    assert (
        0.003 < np.mean(np.abs(kernels) > 0.05) < 0.03
    )  # a normal distribution that is not cut off: 0.012
    for layer in filter(wrapping.is_prunable, network.layers):
        transposed = isinstance(layer, keras.layers.Conv2DTranspose)
        bound = 1 / math.sqrt(
            np.prod(layer.kernel.shape[:3])
        )  # height, width, and outputs of a transposed one
        assert layer.bias.shape == (layer.kernel.shape[2 if transposed else 3],)
        assert np.abs(layer.bias).max() <= bound
        assert layer.filters < 16 or np.abs(layer.bias).max() > 0.75 * bound
    assert all(np.all(array == 1) for path, array in snapshot.items() if path.endswith("gamma"))
    assert not any(np.any(array) for path, array in snapshot.items() if path.endswith("beta"))
    same_shape = [
        array
        for path, array in snapshot.items()
        if path.startswith("block_") and array.shape == (3, 3, 64, 64)
    ]
    assert kind == "discriminator" or not np.array_equal(same_shape[0], same_shape[1])


def to_torch(array):
    """A kernel (H, W, I, O) as PyTorch's (O, I, H, W); Keras and PyTorch swap I and O of transposed
    ones alike.
    """
    return np.transpose(array, (3, 2, 0, 1)) if np.ndim(array) == 4 else np.asarray(array)


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("generator", (8, 8)),
        ("generator", (20, 12)),
        ("discriminator", (24, 24)),
        ("discriminator", (37, 45)),
    ],
)
def test_networks_equal_those_of_pytorch_in_values_and_gradients(kind, size):
    torch = pytest.importorskip("torch")
    import torch_cyclegan

    network = make(kind)
    randomize(network)
    arguments = {"generator": (WIDTH, CHANNELS, BLOCKS), "discriminator": (WIDTH, CHANNELS)}[kind]
    twin = getattr(torch_cyclegan, kind)(*arguments).double()
    for variable, parameter in zip(network.weights, twin.parameters(), strict=True):
        parameter.data = torch.tensor(to_torch(variable.numpy()), dtype=torch.float64)

    batch = images(2, *size)
    with tf.GradientTape() as tape:
        tape.watch(batch)
        outputs = network(batch, training=True)
        direction = tf.random.stateless_normal(outputs.shape, [5, 6])
        loss = tf.reduce_mean(outputs * direction)
    gradients = tape.gradient(loss, [batch, *network.weights])

    def channels_first(tensor):
        return tensor.numpy().transpose(0, 3, 1, 2) if len(tensor.shape) == 4 else tensor.numpy()

    inputs = torch.tensor(channels_first(batch), dtype=torch.float64, requires_grad=True)
    expected = twin(inputs)
    (expected * torch.tensor(channels_first(direction))).mean().backward()
    np.testing.assert_allclose(channels_first(outputs), expected.detach(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(channels_first(gradients[0]), inputs.grad, rtol=1e-4, atol=1e-5)
    for variable, ours, parameter in zip(
        network.weights, gradients[1:], twin.parameters(), strict=True
    ):
        np.testing.assert_allclose(
            to_torch(ours.numpy()), parameter.grad, rtol=1e-4, atol=1e-5, err_msg=variable.name
        )


@pytest.mark.parametrize("kind", ["generator", "discriminator"])
def test_a_wrapped_network_has_masks_and_computes_the_same(kind):
    network = make(kind, 24)
    randomize(network)
    snapshot = gans.take_snapshot(network)
    wrapped = wrapping.wrap(network)
    gans.load_snapshot(wrapped, snapshot)
    batch = images(2, 24, 24)
    np.testing.assert_allclose(
        wrapped(batch, training=True), network(batch, training=True), rtol=1e-4, atol=1e-5
    )
    held = wrapping.masks_of(wrapped)
    assert list(held) == [
        f"{layer.name}/kernel" for layer in network.layers if wrapping.is_prunable(layer)
    ]
    random = np.random.default_rng(4)
    drawn = {path: random.random(kernel.shape) < 0.5 for path, (kernel, _) in held.items()}
    for path, (_, mask) in held.items():
        mask.assign(drawn[path])
    masked = wrapping.masks_of(wrapped)
    assert all(np.array_equal(mask, drawn[path]) for path, (_, mask) in masked.items())
    np.testing.assert_allclose(
        wrapped(batch, training=True), network(batch, training=True), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("kind", ["generator", "discriminator"])
def test_networks_compile_under_xla_forward_and_backward(kind):
    network = make(kind, 24)
    randomize(network)

    def value_and_gradients(batch):
        with tf.GradientTape() as tape:
            tape.watch(batch)
            outputs = network(batch, training=True)
            loss = tf.reduce_mean(outputs**2)
        return outputs, tape.gradient(loss, [batch, *network.trainable_weights])

    batch = images(1, 24, 24)
    compiled = tf.function(value_and_gradients, jit_compile=True)(batch)
    for ours, expected in zip(
        tf.nest.flatten(compiled), tf.nest.flatten(value_and_gradients(batch)), strict=True
    ):
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)


def test_instance_norm_is_over_the_pixels_of_each_image_and_channel():
    layer = layers.InstanceNormalization()
    batch = images(3, 6, 10) * 5 + 2
    outputs = layer(batch).numpy()
    np.testing.assert_allclose(outputs.mean(axis=(1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(outputs.std(axis=(1, 2)), 1, rtol=1e-4)
    np.testing.assert_allclose(layer(batch[1:2]), outputs[1:2], rtol=1e-5, atol=1e-6)
    layer.gamma.assign([1, 2, 3])
    layer.beta.assign([4, 5, 6])
    np.testing.assert_allclose(layer(batch), outputs * [1, 2, 3] + [4, 5, 6], rtol=1e-4, atol=1e-4)


def test_instance_norm_of_a_constant_image_is_beta():
    layer = layers.InstanceNormalization()
    constant = tf.ones([2, 8, 8, CHANNELS]) * [-0.7, 0.0, 1.0]
    layer(constant)
    layer.beta.assign([0.5, 0.6, 0.7])
    with tf.GradientTape() as tape:
        tape.watch(constant)
        outputs = layer(constant)
        loss = tf.reduce_mean(outputs**3)
    np.testing.assert_allclose(outputs, np.broadcast_to([0.5, 0.6, 0.7], outputs.shape), atol=2e-3)
    assert np.all(np.isfinite(tape.gradient(loss, constant)))


def test_instance_norm_and_padding_are_copied_by_their_configs():
    for layer in (
        layers.InstanceNormalization(affine=False, name="norm"),
        layers.ReflectionPadding(3, name="padding"),
    ):
        copy = type(layer).from_config(layer.get_config())
        batch = images(2, 5, 7)
        np.testing.assert_array_equal(copy(batch), layer(batch))
        assert copy.get_config() == layer.get_config() and not copy.weights


def test_reflection_repeats_no_edge():
    row = tf.reshape(tf.range(4.0), [1, 1, 4, 1])
    padded = layers.ReflectionPadding(2)(tf.repeat(row, 3, axis=1))
    assert padded.shape == (1, 7, 8, 1)
    np.testing.assert_array_equal(padded[0, 0, :, 0], [2, 1, 0, 1, 2, 3, 2, 1])


@pytest.mark.parametrize("affine", [True, False])
def test_few_images_are_normalised_as_many_are(affine):
    layer = layers.InstanceNormalization(affine)
    many = 3 + 0.5 * tf.random.stateless_normal([6, 5, 7, 4], [1, 2])
    layer.build(many.shape)
    layer.set_weights([np.linspace(-1, 2, 4) + shift for shift in range(len(layer.weights))])
    found = []
    for groups in ([6], [1, 2, 3]):
        with tf.GradientTape() as tape:
            tape.watch(many)
            outputs = tf.concat([layer(part) for part in tf.split(many, groups)], axis=0)
            loss = tf.reduce_sum(outputs * tf.random.stateless_normal(outputs.shape, [3, 4]))
        found.append([outputs, *tape.gradient(loss, [many, *layer.trainable_weights])])
    for one_by_one, together in zip(*found, strict=True):
        np.testing.assert_allclose(one_by_one, together, rtol=1e-4, atol=1e-4)


def test_separable_blocks_are_3x3_of_each_channel_and_1x1_of_all():
    """Parameters at the paper's size, and a block's first map against NumPy."""
    plain, separable = (
        gans.build(cyclegan.gan, configs.from_options(options), ImageShape(256, 3), seed=0)
        for options in ({}, {"separable_blocks": True})
    )
    name = "generator_a2b"
    whole, small = (count(each.networks[name].trainable_weights) for each in (plain, separable))
    each = 9 * 256 * 256 + 256
    assert whole - small == 18 * (each - (9 * 256 + 256) - (256 * 256 + 256))
    judges = [graph_text(each.networks["discriminator_a"]) for each in (plain, separable)]
    assert judges[0] == judges[1]

    network = cyclegan.generator(24, 2, CHANNELS, 1, name, separable=True)
    randomize(network)
    outputs = {n: network.get_layer(n).output for n in ("down_2/norm", "block_1/conv_1/pointwise")}
    before, found = keras.Model(network.input, list(outputs.values()))(images(2, 24, 24))
    padded = np.pad(np.maximum(before, 0), [(0, 0), (1, 1), (1, 1), (0, 0)], "reflect")
    held = {path: v.numpy() for path, v in gans.variables(network).items()}
    kernel = held["block_1/conv_1/depthwise/depthwise_kernel"][..., 0]
    windows = [padded[:, i : i + 6, j : j + 6] * kernel[i, j] for i in range(3) for j in range(3)]
    x = sum(windows) + held["block_1/conv_1/depthwise/bias"]
    x = (x - x.mean((1, 2), keepdims=True)) / np.sqrt(x.var((1, 2), keepdims=True) + 1e-5)
    x = x @ held["block_1/conv_1/pointwise/kernel"][0, 0] + held["block_1/conv_1/pointwise/bias"]
    np.testing.assert_allclose(found, x, atol=1e-4)
