"""Callbacks of a round's `fit`: the progress bar and TensorBoard."""

import math
import sys

import tensorflow_model_optimization as tfmot
import tf_keras as keras

from tf_gan_lth.experiment.errors import TrainingError


class RoundProgress(keras.callbacks.Callback):
    """A Keras progress bar for a whole round, under a title; a single line at the end where there
    is no terminal.

    Stops a training whose losses are not finite.
    """

    def __init__(self, title: str):
        super().__init__()
        self.title = title

    def on_train_begin(self, logs: dict | None = None) -> None:
        steps = self.params["steps"]
        verbose = 1 if sys.stdout.isatty() else 2
        names = ["generator_loss", "discriminator_loss"]
        self.bar = keras.utils.Progbar(steps, verbose=verbose, interval=0.5, stateful_metrics=names)
        print(self.title, flush=True)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        for name, value in (logs or {}).items():
            if not math.isfinite(value):
                raise TrainingError(
                    f"training diverged: {name} is {value} at step {batch + 1}; try a lower"
                    " --learning_rate"
                )
        self.bar.update(batch + 1, list((logs or {}).items()))


def summaries(log_dir: str, every: int) -> keras.callbacks.Callback:
    """TFMOT's TensorBoard callback: losses every `every` steps, sparsity and threshold of each
    wrapped layer.
    """
    return tfmot.sparsity.keras.PruningSummaries(
        log_dir, update_freq=every, write_graph=False, profile_batch=0
    )
