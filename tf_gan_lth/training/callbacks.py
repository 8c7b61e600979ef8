"""Callbacks of a round's `fit`: the progress bar and TensorBoard."""

import sys

import tensorflow_model_optimization as tfmot
import tf_keras as keras


class RoundProgress(keras.callbacks.Callback):
    """A Keras progress bar for a whole round, under a title; a single line at the end where there is no terminal."""

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
        self.bar.update(batch + 1, list((logs or {}).items()))


def summaries(log_dir: str, every: int) -> keras.callbacks.Callback:
    """TFMOT's TensorBoard callback: losses every `every` steps, sparsity and threshold of each wrapped layer."""
    return tfmot.sparsity.keras.PruningSummaries(log_dir, update_freq=every, write_graph=False, profile_batch=0)
