"""A training that is interrupted continues from its last checkpoint, to the same weights."""

import dataclasses

import numpy as np
import pytest
import tf_keras as keras
from helpers import equal

from tf_gan_lth import data, gans
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.artifacts import ArrayFile
from tf_gan_lth.experiment.errors import ArtifactError, Stopped
from tf_gan_lth.experiment.locks import LeaseLost
from tf_gan_lth.gans import ImageShape
from tf_gan_lth.training import Start, Trainer
from tf_gan_lth.training.checkpoints import Checkpoints

SEED = np.array([3, 4], np.int32)
STEPS, STOP, SIZE = 6, 4, 32
SNGAN = {
    "gan": "sngan",
    "width": 4,
    "steps": STEPS,
    "discriminator_steps": 2,
    "generator_batch_size": 8,
    "discriminator_batch_size": 4,
    "ema_decay": 0.5,
}
CYCLEGAN = {
    "gan": "cyclegan",
    "width": 2,
    "blocks": 1,
    "pool_size": 3,
    "steps": STEPS,
    "generator_batch_size": 2,
    "augmentation": "flip",
}
CONFIGS = {one["gan"]: configs.from_options(one) for one in (SNGAN, CYCLEGAN)}


class Kill(BaseException):
    """Ends a training as SIGKILL does: nothing is done about it."""


class Interruption(keras.callbacks.Callback):
    def __init__(self, error):
        super().__init__()
        self._error = error

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 == STOP:
            raise self._error


def build(gan):
    return gans.build(gans.find(gan), CONFIGS[gan], ImageShape(SIZE, 1), seed=1)


def make_trainer(gan):
    drawn = np.random.default_rng(0).integers(0, 256, [2, 9, SIZE, SIZE, 1], dtype=np.uint8)
    labels = np.zeros(9, np.int64)
    sets = [data.ImageSet("noise", n, i, labels) for n, i in zip("ab", drawn, strict=True)]
    images = sets[0] if gan == "sngan" else data.Domains(*sets)
    return Trainer(build(gan), CONFIGS[gan].training, images)


def fresh_start(gan):
    weights = {name: gans.take_snapshot(net) for name, net in build(gan).networks.items()}
    return Start(weights, {}, SEED)


@pytest.mark.parametrize(
    ("gan", "error", "minutes", "saved_step"),
    [
        # The kill came before the checkpoint of its step.
        ("sngan", Kill, 0.0, STOP - 1),
        ("cyclegan", Kill, 0.0, STOP - 1),
        # Whoever is asked to stop writes one, however short ago the last was.
        ("sngan", KeyboardInterrupt, 10.0, STOP),
        ("cyclegan", Stopped(15), 10.0, STOP),
    ],
)
def test_an_interrupted_training_ends_with_the_weights_of_one_that_was_not(
    gan, error, minutes, saved_step, tmp_path
):
    file = ArrayFile(tmp_path / "checkpoint")
    trainer = make_trainer(gan)
    start = fresh_start(gan)
    whole = trainer.train(start)
    with pytest.raises((Kill, KeyboardInterrupt)):
        trainer.train(start, [Interruption(error)], checkpoints=Checkpoints(file, minutes))
    saved = file.get()
    assert saved["step"] == saved_step and saved["first_step"] == 0

    again = make_trainer(gan)  # as in a new process
    counted = []
    counter = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: counted.append(batch)
    )
    checkpoints = Checkpoints(file, 0.0)
    continued = again.train(start, [counter], checkpoints=checkpoints)
    assert equal(whole.weights, continued.weights)
    assert len(counted) == STEPS - saved_step and checkpoints.seconds > saved["seconds"]


def test_a_checkpoint_of_a_training_that_began_elsewhere_is_left_alone(tmp_path):
    file = ArrayFile(tmp_path / "checkpoint")
    trainer = make_trainer("sngan")
    start = fresh_start("sngan")
    trainer.train(start, stop=3, checkpoints=Checkpoints(file, 0.0))
    assert file.get()["step"] == 2  # not of the last step, after which nothing is left to do
    late = dataclasses.replace(start, first_step=3)
    whole = trainer.train(late, stop=STEPS)
    again = trainer.train(late, stop=STEPS, checkpoints=Checkpoints(file, 10.0))
    assert equal(whole.weights, again.weights)


def test_a_training_that_was_stopped_after_its_last_step_is_done(tmp_path):
    file = ArrayFile(tmp_path / "checkpoint")
    trainer = make_trainer("sngan")
    start = fresh_start("sngan")
    whole = trainer.train(start, stop=STOP)
    with pytest.raises(KeyboardInterrupt):
        trainer.train(start, [Interruption(KeyboardInterrupt)], STOP, Checkpoints(file, 10.0))
    again = make_trainer("sngan").train(start, stop=STOP, checkpoints=Checkpoints(file, 10.0))
    assert file.get()["step"] == STOP and equal(whole.weights, again.weights)


def test_a_process_whose_lease_was_taken_over_writes_no_checkpoint(tmp_path):
    file = ArrayFile(tmp_path / "checkpoint")
    with pytest.raises(LeaseLost):
        make_trainer("sngan").train(
            fresh_start("sngan"), [Interruption(LeaseLost)], checkpoints=Checkpoints(file, 10.0)
        )
    assert not file.exists()


def test_a_broken_checkpoint_is_named(tmp_path):
    file = ArrayFile(tmp_path / "checkpoint")
    file.put({"step": np.int32(3)})
    file.path.write_bytes(file.path.read_bytes()[:-1])
    with pytest.raises(
        ArtifactError, match="checkpoint is broken .* delete it and run the same command again"
    ):
        Checkpoints(file, 10.0).resume(None, 0)


def test_a_checkpoint_of_other_networks_is_named_and_changes_nothing(tmp_path):
    file = ArrayFile(tmp_path / "checkpoint")
    trainer, start = make_trainer("sngan"), fresh_start("sngan")
    trainer.train(start, stop=3, checkpoints=Checkpoints(file, 0.0))
    saved, name = file.get(), "generator/dense/bias"
    before = {n: variable.numpy() for n, variable in trainer.model.state().items()}
    for changed in (
        {**saved, name: saved[name][1:]},
        {n: v for n, v in saved.items() if n != name},
    ):
        file.put(changed)
        with pytest.raises(ArtifactError, match=f"of another training: its {name} is not the one"):
            Checkpoints(file, 10.0).resume(trainer.model, 0)
    assert equal(before, {n: variable.numpy() for n, variable in trainer.model.state().items()})
