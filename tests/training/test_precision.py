"""Every combination of GAN, precision and compilation trains, keeps what is pruned at zero and
everything stored in float32.
"""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from helpers import equal

from tf_gan_lth import data, gans
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.gans import ImageShape
from tf_gan_lth.training import Start, Trainer

SEED = np.array([3, 4], np.int32)
STEPS = {
    "float32": 3,
    "mixed_bfloat16": 3,
    "mixed_float16": 11,  # the loss scale takes some to fall to what fits
}
OWN = {
    "sngan": {"discriminator_steps": 2, "discriminator_batch_size": 4},
    "cyclegan": {"blocks": 1},
}


def build(config, resolution):
    spec = gans.find(config.networks.gan)
    precision = config.training.precision
    return gans.build(spec, config, ImageShape(resolution, 1), seed=1, precision=precision)


def make_trainer(gan, precision, **options):
    resolution = 8 if gan == "sngan" else 24
    size = resolution if gan == "sngan" else data.load_resolution("crop_and_flip", resolution)
    drawn = np.random.default_rng(0).integers(0, 256, [2, 8, size, size, 1], dtype=np.uint8)
    labels = np.zeros(8, np.int64)
    sets = [data.ImageSet("noise", n, i, labels) for n, i in zip("ab", drawn, strict=True)]
    common = {
        "gan": gan,
        "width": 4,
        "discriminator_width": 4,
        "steps": STEPS[precision],
        "generator_batch_size": 2,
        "learning_rate": 1e-3,
        "precision": precision,
    }
    config = configs.from_options({**common, **OWN[gan], **options})
    images = sets[0] if gan == "sngan" else data.Domains(*sets)
    return Trainer(build(config, resolution), config.training, images)


def combination(gan, precision, jit_compile):
    slow = jit_compile and (gan == "cyclegan" or precision == "mixed_float16")
    return pytest.param(gan, precision, jit_compile, marks=[pytest.mark.slow] if slow else [])


@pytest.mark.parametrize(
    ("gan", "precision", "jit_compile"),
    [combination(*each) for each in itertools.product(OWN, STEPS, [False, True])],
)
def test_every_combination_trains(gan, precision, jit_compile, half_pruned):
    trainer = make_trainer(gan, precision, jit_compile=jit_compile, steps_per_execution=2)
    layers = [layer for network in trainer.networks.values() for layer in network.layers]
    computed = {layer.compute_dtype for layer in layers}
    assert precision == "float32" or precision.removeprefix("mixed_") in computed
    weights, masks = half_pruned(trainer, trainer.snapshot())
    trained = trainer.train(Start(weights, masks, SEED)).weights
    assert int(trainer.model.step) == STEPS[precision]
    for name, mask in masks.items():
        for path, array in trained[name].items():
            assert array.dtype == np.float32 and np.all(np.isfinite(array)), path
        moved = [np.abs(trained[name][path] - weights[name][path]).max() for path in mask]
        assert min(moved) > 1e-4 and max(moved) < 4e-3 * STEPS[precision]
        assert not any(np.any(trained[name][path][~kept]) for path, kept in mask.items())


@pytest.mark.parametrize("precision", STEPS)
@pytest.mark.parametrize("gan", OWN)
def test_the_plain_form_trains_in_every_precision(gan, precision, half_pruned):
    trainer = make_trainer(gan, precision, fused_convolutions=False)
    weights, masks = half_pruned(trainer, trainer.snapshot())
    trained = trainer.train(Start(weights, masks, SEED)).weights
    for name, mask in masks.items():
        assert all(np.all(np.isfinite(array)) for array in trained[name].values())
        assert not any(np.any(trained[name][path][~kept]) for path, kept in mask.items())


def optimizer_state(model):
    return {name: v.numpy() for name, v in model.state().items() if "optimizer" in name}


def test_the_loss_scale_starts_anew_and_is_part_of_the_state(half_pruned):
    trainer = make_trainer("sngan", "mixed_float16")
    weights, masks = half_pruned(trainer, trainer.snapshot())
    trainer.start(Start(weights, masks, SEED))
    first = optimizer_state(trainer.model)
    trainer.model.optimizer._loss_scale.current_loss_scale.assign(8.0)
    changed = optimizer_state(trainer.model)
    assert [name for name in first if not np.array_equal(first[name], changed[name])] != []
    trainer.start(Start(weights, masks, SEED))
    assert float(trainer.model.optimizer.loss_scale) == 2.0**15


def test_steps_that_a_loss_scale_skips_shrink_gammas_by_their_own_rate():
    """Whatever was trained before in the same process: Keras would keep its last rate."""
    trainer = make_trainer(
        "sngan", "mixed_float16", terms=("gamma_l1:5",), decay_from=0.1, learning_rate=0.01
    )
    start = Start(trainer.snapshot(), {}, SEED)
    first, again = trainer.train(start), trainer.train(start)
    assert equal(first.weights, again.weights)


def test_statistics_stay_float32():
    config = configs.from_options({"width": 4, "precision": "mixed_bfloat16"})
    generator = build(config, 8).networks["generator"]
    assert generator(tf.zeros([2, 128])).dtype == tf.float32
    assert {weight.dtype for weight in generator.weights} == {tf.float32}
