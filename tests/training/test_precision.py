"""Every combination of GAN, precision and compilation trains, keeps what is pruned at zero and
everything stored in float32.
"""

import numpy as np
import pytest
import tensorflow as tf

from tf_gan_lth import data, models
from tf_gan_lth.experiment.config import NetworkConfig, TrainingConfig
from tf_gan_lth.pruning.wrapping import LotterySchedule
from tf_gan_lth.training import Trainer

SEED = np.array([3, 4], np.int32)
STEPS = {
    "float32": 3,
    "mixed_bfloat16": 3,
    "mixed_float16": 11,
}  # the loss scale takes some to fall to what fits


def make_trainer(gan, precision, **options):
    resolution = 8 if gan == "sngan" else 24
    size = resolution if gan == "sngan" else data.load_resolution("crop_and_flip", resolution)
    drawn = np.random.default_rng(0).integers(0, 256, [2, 8, size, size, 1], dtype=np.uint8)
    sets = [
        data.ImageSet("noise", name, images, np.zeros(8, np.int64))
        for name, images in zip("ab", drawn, strict=True)
    ]
    if gan == "sngan":
        options |= {"discriminator_steps": 2, "discriminator_batch_size": 4}
    sizes = {"width": 4, "discriminator_width": 4, "blocks": 1 if gan == "cyclegan" else None}
    networks = models.build(NetworkConfig(gan, **sizes), resolution, 1, seed=1, precision=precision)
    config = TrainingConfig(
        steps=STEPS[precision],
        generator_batch_size=2,
        learning_rate=1e-3,
        precision=precision,
        **options,
    )
    return Trainer(
        networks, config, LotterySchedule(0.2), sets[0] if gan == "sngan" else data.Domains(*sets)
    )


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("gan", ["sngan", "cyclegan"])
def test_every_combination_trains(gan, precision, jit_compile, half_pruned):
    trainer = make_trainer(gan, precision, jit_compile=jit_compile, steps_per_execution=2)
    computed = {
        layer.compute_dtype for network in trainer.networks.values() for layer in network.layers
    }
    assert precision == "float32" or precision.removeprefix("mixed_") in computed
    weights, masks = half_pruned(trainer, trainer.snapshot())
    trained = trainer.train(weights, masks, SEED, [])
    assert int(trainer.model.step) == STEPS[precision]
    for name, mask in masks.items():
        for path, array in trained[name].items():
            assert array.dtype == np.float32 and np.all(np.isfinite(array)), path
        moved = [np.abs(trained[name][path] - weights[name][path]).max() for path in mask]
        assert min(moved) > 1e-4 and max(moved) < 4e-3 * STEPS[precision]
        assert not any(np.any(trained[name][path][~kept]) for path, kept in mask.items())


def test_the_loss_scale_starts_anew_and_is_part_of_the_state(half_pruned):
    trainer = make_trainer("sngan", "mixed_float16")
    weights, masks = half_pruned(trainer, trainer.snapshot())
    trainer.start(weights, masks, SEED)
    first = {
        name: variable.numpy()
        for name, variable in trainer.model.state().items()
        if "optimizer" in name
    }
    trainer.model.optimizer._loss_scale.current_loss_scale.assign(8.0)
    changed = {
        name: variable.numpy()
        for name, variable in trainer.model.state().items()
        if "optimizer" in name
    }
    assert [name for name in first if not np.array_equal(first[name], changed[name])] != []
    trainer.start(weights, masks, SEED)
    assert float(trainer.model.optimizer.loss_scale) == 2.0**15


def test_statistics_stay_float32():
    generator = models.build(
        NetworkConfig(width=4), 8, 1, seed=1, precision="mixed_bfloat16"
    ).networks["generator"]
    assert generator(tf.zeros([2, 128])).dtype == tf.float32
    assert {weight.dtype for weight in generator.weights} == {tf.float32}
