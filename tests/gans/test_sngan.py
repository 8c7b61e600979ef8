import math

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth import gans
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.gans import ImageShape, layers
from tf_gan_lth.pruning import wrapping


def build(resolution, channels, seed=0, **options):
    config = configs.from_options(options)
    spec = gans.find(config.networks.gan)
    return gans.build(spec, config, ImageShape(resolution, channels), seed=seed).networks


def count(variables):
    return sum(int(np.prod(variable.shape)) for variable in variables)


def test_parameter_counts_at_paper_size():
    networks = build(32, 3)
    generator, discriminator = networks["generator"], networks["discriminator"]
    assert (count(generator.trainable_weights), count(discriminator.trainable_weights)) == (
        4_276_739,
        1_053_824,
    )
    prunable = [
        count([layer.kernel for layer in network.layers if wrapping.is_prunable(layer)])
        for network in (generator, discriminator)
    ]
    assert prunable == [3_742_464, 1_052_416]


@pytest.mark.parametrize("resolution", [8, 16, 64])
def test_networks_fit_each_other_at_any_resolution(resolution):
    networks = build(resolution, 1, width=4)
    images = networks["generator"](tf.zeros([2, 128]))
    assert images.shape == (2, resolution, resolution, 1)
    assert networks["discriminator"](images).shape == (2, 1)


def test_initial_weights_follow_the_paper():
    snapshot = gans.take_snapshot(build(16, 3, width=64)["generator"])
    glorot = math.sqrt(6 / (9 * 64 + 9 * 64))
    kernel, bias = snapshot["block_1/conv_1/kernel"], snapshot["block_1/conv_1/bias"]
    assert 0.98 * glorot < np.abs(kernel).max() <= glorot
    assert 0.7 / math.sqrt(9 * 64) < np.abs(bias).max() <= 1 / math.sqrt(9 * 64)
    assert 0.98 / math.sqrt(128) < np.abs(snapshot["dense/kernel"]).max() <= 1 / math.sqrt(128)
    assert (
        abs(snapshot["norm/gamma"].mean() - 1) < 0.01 and 0.01 < snapshot["norm/gamma"].std() < 0.03
    )
    assert not np.any(snapshot["norm/beta"])


def test_fresh_weights_are_a_function_of_the_seed():
    def weights(seed):
        return gans.take_snapshot(build(8, 1, seed, width=4)["discriminator"])

    first, same, other = weights(7), weights(7), weights(8)
    assert all(np.array_equal(first[path], same[path]) for path in first)
    assert not np.array_equal(first["block_1/conv_1/kernel"], other["block_1/conv_1/kernel"])
    kernels = [array for path, array in first.items() if array.shape == (3, 3, 2, 2)]
    assert len(kernels) > 2 and not np.array_equal(kernels[0], kernels[1])


def test_spectral_norm_converges_to_one_and_trains_through_sigma():
    layer = layers.SpectralConv2D(8, 3, padding="same")
    images = tf.random.stateless_normal([2, 5, 5, 4], [1, 2])
    for _ in range(200):
        layer(images, training=True)
    kernel = tf.reshape(layer.normalized_kernel(training=False), [-1, 8])
    assert abs(float(tf.linalg.svd(kernel, compute_uv=False)[0]) - 1) < 1e-4
    with tf.GradientTape() as tape:
        energy = tf.reduce_sum(layer(images, training=True) ** 2)
    gradient = tape.gradient(energy, layer.kernel)
    # The output does not change when the kernel is scaled, so the gradient is orthogonal to the
    # kernel.
    assert abs(float(tf.reduce_sum(gradient * layer.kernel))) < 1e-3 * float(
        tf.norm(gradient) * tf.norm(layer.kernel)
    )


def test_u_moves_only_in_training():
    layer = layers.SpectralDense(3)
    layer(tf.ones([1, 4]), training=False)
    before = layer.u.numpy()
    layer(tf.ones([1, 4]), training=False)
    np.testing.assert_array_equal(layer.u, before)
    layer(tf.ones([1, 4]), training=True)
    assert not np.array_equal(layer.u, before)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_spectral_layer_without_any_weight_left_returns_its_bias(jit_compile):
    layer = layers.SpectralConv2D(3, 1, bias_initializer="ones")
    images = tf.random.stateless_normal([2, 4, 4, 2], [1, 2])
    layer(images)
    weights, before = layer.kernel.numpy(), layer.u.numpy()
    layer.kernel.assign(tf.zeros_like(layer.kernel))

    @tf.function(jit_compile=jit_compile)
    def computed():
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = layer(images, training=True)
        return outputs, *tape.gradient(outputs, [images, layer.kernel])

    outputs, of_images, of_kernel = computed()
    np.testing.assert_array_equal(outputs, tf.ones_like(outputs))
    np.testing.assert_array_equal(of_images, tf.zeros_like(images))
    assert np.isfinite(of_kernel).all()
    # Weights that grow back have a spectral norm again.
    np.testing.assert_array_equal(layer.u, before)
    layer.kernel.assign(weights)
    computed()
    assert np.isfinite(layer.u).all() and not np.array_equal(layer.u, before)


def test_upsampling_equals_keras_and_has_a_gradient_under_xla():
    images = tf.random.stateless_normal([2, 3, 5, 4], [1, 2])
    np.testing.assert_array_equal(
        layers.NearestUpsampling()(images), keras.layers.UpSampling2D()(images)
    )

    @tf.function(jit_compile=True)
    def gradient(x):
        return tf.gradients(tf.reduce_sum(layers.NearestUpsampling()(x) ** 2), x)[0]

    np.testing.assert_allclose(gradient(images), 8 * images, rtol=1e-6)


def test_snapshots_go_by_name_and_refuse_other_networks():
    small, large = (build(8, 1, width=width)["generator"] for width in (4, 6))
    snapshot = gans.take_snapshot(small)
    gans.load_snapshot(small, dict(reversed(snapshot.items())))
    assert all(
        np.array_equal(array, snapshot[path]) for path, array in gans.take_snapshot(small).items()
    )
    with pytest.raises(
        Exception, match="another generator: block_1/norm_1/gamma|another generator: dense"
    ):
        gans.load_snapshot(large, snapshot)


def test_unknown_names_and_resolutions_are_refused():
    with pytest.raises(UsageError, match="did you mean 'sngan'"):
        build(32, 3, gan="sgan")
    with pytest.raises(UsageError, match="--resolution=24"):
        build(24, 3)


def to_torch(path, array):
    """A variable as PyTorch's: kernels (H, W, I, O) as (O, I, H, W), dense ones (I, O) as (O, I),
    channels before rows.
    """
    array = np.asarray(array)
    if path.startswith("dense/"):
        array = (
            array.reshape(-1, 4, 4, array.shape[-1] // 16)
            .transpose(0, 3, 1, 2)
            .reshape(array.shape)
        )
    return array.transpose({4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}[array.ndim])


def torch_name(path, normalized):
    block, *rest = path.split("/")
    names = {
        "kernel": "weight_orig" if normalized else "weight",
        "gamma": "weight",
        "beta": "bias",
        "u": "weight_u",
    }
    names |= {"moving_mean": "running_mean", "moving_variance": "running_var"}
    stem = (
        f"blocks.{int(block.removeprefix('block_')) - 1}" if block.startswith("block_") else block
    )
    return ".".join([stem, *rest[:-1], names.get(rest[-1], rest[-1])])


@pytest.mark.parametrize(
    ("kind", "resolution"), [("generator", 16), ("discriminator", 16), ("discriminator", 32)]
)
def test_networks_equal_those_of_pytorch_in_values_and_gradients(kind, resolution):
    torch = pytest.importorskip("torch")
    import torch_sngan

    width, channels = 6, 3
    sizes = {"width": width, "discriminator_width": width}
    network = build(resolution, channels, seed=1, **sizes)[kind]
    variables = gans.variables(network)
    twin = getattr(torch_sngan, kind.capitalize())(resolution, width, channels).double().train()
    state = twin.state_dict()
    names = {path: torch_name(path, kind == "discriminator") for path in variables}
    assert set(names.values()) == {
        name for name in state if not name.endswith(("num_batches_tracked", "weight_v"))
    }
    for path, variable in variables.items():
        state[names[path]] = torch.tensor(to_torch(path, variable), dtype=torch.float64)
    twin.load_state_dict(state)

    shape = [4, 128] if kind == "generator" else [4, resolution, resolution, channels]
    inputs = tf.random.stateless_normal(shape, [1, 2])
    with tf.GradientTape() as tape:
        outputs = network(inputs, training=True)
        direction = tf.random.stateless_normal(outputs.shape, [3, 4])
        loss = tf.reduce_sum(outputs * direction)
    trainable = {variable.ref() for variable in network.trainable_weights}
    trained = {
        path: variable for path, variable in variables.items() if variable.ref() in trainable
    }
    gradients = tape.gradient(loss, trained)

    def channels_first(tensor):
        array = tensor.numpy().astype(np.float64)
        return torch.tensor(array.transpose(0, 3, 1, 2) if array.ndim == 4 else array)

    expected = twin(channels_first(inputs))
    (expected * channels_first(direction)).sum().backward()
    np.testing.assert_allclose(channels_first(outputs), expected.detach(), rtol=1e-3, atol=1e-4)
    parameters = dict(twin.named_parameters())
    for path, gradient in gradients.items():
        error = f"gradient of {path}"
        np.testing.assert_allclose(
            to_torch(path, gradient),
            parameters[names[path]].grad,
            rtol=1e-3,
            atol=1e-3,
            err_msg=error,
        )
    if kind == "discriminator":
        np.testing.assert_allclose(
            variables["block_1/conv_1/u"], twin.state_dict()["blocks.0.conv_1.weight_u"], atol=1e-5
        )
