"""A training that is interrupted continues from its last checkpoint, to the same weights."""

import numpy as np
import pytest
import tf_keras as keras

from tf_gan_lth import data, models
from tf_gan_lth.experiment.artifacts import ArrayFile
from tf_gan_lth.experiment.config import NetworkConfig, TrainingConfig
from tf_gan_lth.experiment.errors import ArtifactError
from tf_gan_lth.pruning.wrapping import LotterySchedule
from tf_gan_lth.training import Trainer
from tf_gan_lth.training.checkpoints import Checkpoints

SEED = np.array([3, 4], np.int32)
STEPS, STOP, SIZE = 6, 4, 32
GANS = {
    "sngan": (
        NetworkConfig(width=4),
        TrainingConfig(
            steps=STEPS,
            discriminator_steps=2,
            generator_batch_size=8,
            discriminator_batch_size=4,
            ema_decay=0.5,
        ),
    ),
    "cyclegan": (
        NetworkConfig(gan="cyclegan", width=2, blocks=1),
        TrainingConfig(steps=STEPS, generator_batch_size=2, pool_size=3, augmentation="flip"),
    ),
}


class Interruption(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 == STOP:
            raise KeyboardInterrupt


def build(gan):
    return models.build(GANS[gan][0], SIZE, 1, seed=1)


def make_trainer(gan):
    drawn = np.random.default_rng(0).integers(0, 256, [2, 9, SIZE, SIZE, 1], dtype=np.uint8)
    a, b = (
        data.ImageSet("noise", split, images, np.zeros(9, np.int64))
        for split, images in zip("ab", drawn, strict=True)
    )
    return Trainer(
        build(gan), GANS[gan][1], LotterySchedule(0.2), a if gan == "sngan" else data.Domains(a, b)
    )


def fresh_weights(gan):
    return {name: models.take_snapshot(network) for name, network in build(gan).networks.items()}


def equal(first, second):
    return first.keys() == second.keys() and all(
        np.array_equal(array, second[name][path])
        for name, snapshot in first.items()
        for path, array in snapshot.items()
    )


@pytest.mark.parametrize("gan", GANS)
def test_an_interrupted_training_ends_with_the_weights_of_one_that_was_not(gan, tmp_path):
    file, trainer, weights = (
        ArrayFile(tmp_path / "checkpoint"),
        make_trainer(gan),
        fresh_weights(gan),
    )
    whole = trainer.train(weights, {}, SEED, [])
    with pytest.raises(KeyboardInterrupt):
        trainer.train(weights, {}, SEED, [Interruption()], checkpoints=Checkpoints(file, 0.0))
    saved = file.get()
    assert (
        saved["step"] == STOP - 1 and saved["first_step"] == 0
    )  # the interruption came before the checkpoint of its step

    again, counted = make_trainer(gan), []  # as in a new process
    counter = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: counted.append(batch)
    )
    checkpoints = Checkpoints(file, 0.0)
    assert equal(whole, again.train(weights, {}, SEED, [counter], checkpoints=checkpoints))
    assert len(counted) == STEPS - STOP + 1 and checkpoints.seconds > saved["seconds"]


def test_a_checkpoint_of_a_training_that_began_elsewhere_is_left_alone(tmp_path):
    file, trainer, weights = (
        ArrayFile(tmp_path / "checkpoint"),
        make_trainer("sngan"),
        fresh_weights("sngan"),
    )
    trainer.train(weights, {}, SEED, [], range(3), checkpoints=Checkpoints(file, 0.0))
    assert file.get()["step"] == 2  # not of the last step, after which nothing is left to do
    whole = trainer.train(weights, {}, SEED, [], range(3, STEPS))
    assert equal(
        whole,
        trainer.train(weights, {}, SEED, [], range(3, STEPS), checkpoints=Checkpoints(file, 10.0)),
    )


def test_a_broken_checkpoint_is_named(tmp_path):
    file = ArrayFile(tmp_path / "checkpoint")
    file.put({"step": np.int32(3)})
    file.path.write_bytes(file.path.read_bytes()[:-1])
    with pytest.raises(
        ArtifactError, match="checkpoint is broken .* delete it and run the same command again"
    ):
        Checkpoints(file, 10.0).resume(None, 0)
