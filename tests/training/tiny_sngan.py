"""An 8x8 SNGAN of width 4 on noise: what tests of the training step train."""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth import data, gans
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.gans import ImageShape
from tf_gan_lth.training import Start, Trainer

SEED = np.array([3, 4], np.int32)
OPTIONS = {
    "width": 4,
    "discriminator_width": 4,
    "steps": 3,
    "discriminator_steps": 2,
    "generator_batch_size": 8,
    "discriminator_batch_size": 4,
    "learning_rate": 1e-3,
    "ema_decay": 0.5,
}


class Losses(keras.callbacks.Callback):
    """Notes what each step logs.

    Attributes:
      logged: {name of a loss: its values, in order}.
    """

    def __init__(self):
        super().__init__()
        self.logged: dict[str, list[float]] = {}

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        for name, value in logs.items():
            self.logged.setdefault(name, []).append(float(value))


def images(count: int = 24) -> data.ImageSet:
    drawn = np.random.default_rng(0).integers(0, 256, [count, 8, 8, 1], dtype=np.uint8)
    return data.ImageSet("noise", "train", drawn, np.zeros(count, np.int64))


def build(**changes: object) -> gans.GAN:
    """Plain networks; `changes` are options of the config."""
    config = configs.from_options({**OPTIONS, **changes})
    precision = config.training.precision
    return gans.build(gans.find("sngan"), config, ImageShape(8, 1), seed=1, precision=precision)


def make_trainer(
    strategy: tf.distribute.Strategy | None = None,
    covered: dict[str, list[str]] | None = None,
    **changes: object,
) -> Trainer:
    """A trainer of it; `changes` are options of the config."""
    config = configs.from_options({**OPTIONS, **changes})
    return Trainer(build(**changes), config.training, images(), strategy, covered=covered)


def fresh_weights() -> dict[str, dict[str, np.ndarray]]:
    return {name: gans.take_snapshot(network) for name, network in build().networks.items()}


def fresh_start() -> Start:
    """Nothing pruned, nobody teaches."""
    return Start(fresh_weights(), {}, SEED)
