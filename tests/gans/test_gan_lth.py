"""State dicts of the paper's code, made here of random arrays, become snapshots and masks entry by
entry.
"""

import numpy as np
import pytest

from tf_gan_lth import gans
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.errors import ArtifactError
from tf_gan_lth.gans import ImageShape, gan_lth

WIDTH, D_WIDTH = 6, 5


def kernel_and_bias(name, *shape, form="weight"):
    return {f"{name}.{form}": shape, f"{name}.bias": shape[:1]}


def norm(name, width):
    return {
        f"{name}.{kind}": (width,) for kind in ("weight", "bias", "running_mean", "running_var")
    } | {f"{name}.num_batches_tracked": ()}


def spectral(name, *shape):
    fan_in = int(np.prod(shape[1:]))
    return kernel_and_bias(name, *shape, form="weight_orig") | {
        f"{name}.weight_u": shape[:1],
        f"{name}.weight_v": (fan_in,),
    }


def generator_shapes(width=WIDTH, blocks=2, channels=3):
    shapes = kernel_and_bias("l1", 16 * width, 128)
    for number in range(2, 2 + blocks):
        block = f"block{number}"
        shapes |= kernel_and_bias(f"{block}.c1", width, width, 3, 3) | kernel_and_bias(
            f"{block}.c2", width, width, 3, 3
        )
        shapes |= norm(f"{block}.b1", width) | norm(f"{block}.b2", width)
        shapes |= kernel_and_bias(f"{block}.c_sc", width, width, 1, 1)
    return shapes | norm("b5", width) | kernel_and_bias("c5", channels, width, 3, 3)


def discriminator_shapes(width=D_WIDTH, halvings=1, channels=3):
    shapes = {}
    for number in range(1, halvings + 3):
        inputs = channels if number == 1 else width
        shapes |= spectral(f"block{number}.c1", width, inputs, 3, 3) | spectral(
            f"block{number}.c2", width, width, 3, 3
        )
        if number <= halvings:
            shapes |= spectral(f"block{number}.c_sc", width, inputs, 1, 1)
    return shapes | {"l5.weight_orig": (1, width), "l5.weight_u": (1,), "l5.weight_v": (width,)}


def filled(shapes, seed=0):
    draw = np.random.default_rng(seed)
    return {name: draw.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def pruned(state, names, seed=1):
    """The state dict with `names` (layers) in the form that `torch.nn.utils.prune` gives them."""
    draw, changed = np.random.default_rng(seed), dict(state)
    for name in names:
        form = "weight_orig" if f"{name}.weight_orig" in state else "weight"
        changed[f"{name}.{form}_orig"] = changed.pop(f"{name}.{form}")
        changed[f"{name}.{form}_mask"] = np.float32(
            draw.random(state[f"{name}.{form}"].shape) < 0.6
        )
    return changed


@pytest.fixture
def generator():
    return filled(generator_shapes())


@pytest.fixture
def discriminator():
    return filled(discriminator_shapes())


def test_snapshots_have_every_variable_of_the_networks(generator, discriminator):
    config = configs.from_options({"width": WIDTH, "discriminator_width": D_WIDTH})
    networks = gans.build(gans.find("sngan"), config, ImageShape(16, 3), seed=0).networks
    found = gan_lth.generator(generator, "g"), gan_lth.discriminator(discriminator, "d")
    for network, read in zip(networks.values(), found, strict=True):
        gans.load_snapshot(network, read.weights)
        assert {array.dtype for array in read.weights.values()} == {np.dtype(np.float32)}
        kernels = {path for path, array in read.weights.items() if array.ndim == 4}
        assert set(read.kernels) == kernels and read.mask is None
    assert [(read.width, read.channels, read.resolution) for read in found] == [
        (WIDTH, 3, 16),
        (D_WIDTH, 3, None),
    ]


def test_at_paper_size_the_counts_are_the_papers():
    read = gan_lth.generator(
        {n: np.zeros(s, np.float32) for n, s in generator_shapes(256, 3).items()}, "g"
    )
    assert (
        sum(array.size for path, array in read.weights.items() if "moving" not in path) == 4_276_739
    )
    assert (
        sum(read.weights[path].size for path in read.kernels) == 3_742_464 and read.resolution == 32
    )
    read = gan_lth.discriminator(
        {n: np.zeros(s, np.float32) for n, s in discriminator_shapes(128, 2).items()}, "d"
    )
    assert (
        sum(array.size for path, array in read.weights.items() if not path.endswith("/u"))
        == 1_053_824
    )
    assert sum(read.weights[path].size for path in read.kernels) == 1_052_416


def test_kernels_norms_and_singular_vectors_keep_their_entries(generator, discriminator):
    weights = gan_lth.generator(generator, "g").weights
    assert weights["block_2/conv_1/kernel"][0, 2, 1, 4] == generator["block3.c1.weight"][4, 1, 0, 2]
    assert weights["to_image/kernel"].shape == (3, 3, WIDTH, 3)
    for ours, theirs in [
        ("gamma", "weight"),
        ("beta", "bias"),
        ("moving_mean", "running_mean"),
        ("moving_variance", "running_var"),
    ]:
        np.testing.assert_array_equal(
            weights[f"block_1/norm_2/{ours}"], generator[f"block2.b2.{theirs}"]
        )
    weights = gan_lth.discriminator(discriminator, "d").weights
    np.testing.assert_array_equal(
        weights["block_1/shortcut/u"], discriminator["block1.c_sc.weight_u"]
    )
    np.testing.assert_array_equal(weights["score/kernel"][:, 0], discriminator["l5.weight_orig"][0])


def test_the_first_maps_are_the_same_images(generator):
    weights, latents = (
        gan_lth.generator(generator, "g").weights,
        np.random.default_rng(2).standard_normal((7, 128)),
    )
    theirs = (latents @ generator["l1.weight"].T + generator["l1.bias"]).reshape(7, WIDTH, 4, 4)
    ours = (latents @ weights["dense/kernel"] + weights["dense/bias"]).reshape(7, 4, 4, WIDTH)
    np.testing.assert_allclose(ours, theirs.transpose(0, 2, 3, 1), rtol=1e-5, atol=1e-5)


def test_a_mask_turns_with_its_kernel_and_the_weights_stay_raw(generator, discriminator):
    read = gan_lth.generator(pruned(generator, ["block2.c1"]), "g")
    theirs = pruned(generator, ["block2.c1"])["block2.c1.weight_mask"]
    np.testing.assert_array_equal(
        read.mask["block_1/conv_1/kernel"], theirs.transpose(2, 3, 1, 0) == 1
    )
    np.testing.assert_array_equal(
        read.weights["block_1/conv_1/kernel"], generator["block2.c1.weight"].transpose(2, 3, 1, 0)
    )
    assert read.mask.keys() == set(read.kernels) and read.mask["to_image/kernel"].all()
    both = gan_lth.discriminator(pruned(discriminator, ["block3.c2"]), "d")
    assert (
        not both.mask["block_3/conv_2/kernel"].all()
        and both.mask["block_3/conv_2/kernel"].dtype == bool
    )


def test_data_parallel_and_order_change_nothing(generator):
    wrapped = {f"module.{name}": array for name, array in reversed(generator.items())}
    expected, read = gan_lth.generator(generator, "g"), gan_lth.generator(wrapped, "g")
    assert all(
        np.array_equal(read.weights[path], array) for path, array in expected.weights.items()
    )
    assert gan_lth.network_of(wrapped) == "generator" and gan_lth.network_of({"epoch": 1}) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"block2.c1.bias": None}, "g lacks block2.c1.bias; it has "),
        (
            {"b5.weight": None},
            "g lacks b5.weight; it has l1.weight, l1.bias, block2.c1.weight and ",
        ),
        (
            {"block2.b1.embed.weight": np.zeros(3)},
            "g has entries that are none of this SNGAN's: block2.b1.embed.weight$",
        ),
        ({"l1.weight_mask": np.ones((16 * WIDTH, 128))}, "none of this SNGAN's: l1.weight_mask"),
        (
            {"block2.c1.weight": np.zeros((6, 12, 3, 3))},
            r"block2.c1.weight is \(6, 12, 3, 3\), expected \(6, 6, 3, 3\)",
        ),
        (
            {"l1.weight": np.zeros((36 * WIDTH, 128))},
            r"l1.weight is \(216, 128\), expected \(96, 128\): .*grows from 4x4",
        ),
        ({"block2.c1.weight_orig": np.zeros((6, 6, 3, 3))}, "g has block2.c1.weight in two forms"),
        (
            {"block2.c1.weight_mask": np.full((6, 6, 3, 3), 0.5)},
            "block2.c1.weight_mask holds other values than 0 and 1",
        ),
        ({"c5.bias": np.array([0, np.nan, 0])}, "c5.bias is not finite"),
        ({"b5.weight": np.float32(1)}, r"b5.weight has shape \(\)"),
        ({"block9.c1.weight": np.zeros((6, 6, 3, 3))}, "lacks block4.c_sc.weight"),
    ],
)
def test_what_is_another_network_is_said(generator, change, message):
    state = {name: array for name, array in {**generator, **change}.items() if array is not None}
    with pytest.raises(ArtifactError, match=message):
        gan_lth.generator(state, "g")


def test_a_discriminator_without_spectral_norm_is_another_network(discriminator):
    state = {name: array for name, array in discriminator.items() if not name.endswith("weight_u")}
    with pytest.raises(ArtifactError, match="d lacks block1.c1.weight_u"):
        gan_lth.discriminator(state, "d")
    with pytest.raises(ArtifactError, match="d lacks l5.weight; it has nothing"):
        gan_lth.discriminator({}, "d")
