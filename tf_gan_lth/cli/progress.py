"""What a person sees while a GAN trains: a bar a round, on a terminal; else a line at its end."""

import sys

import tf_keras as keras

from tf_gan_lth import report
from tf_gan_lth.experiment.run_folder import RunFolder, TrainingFolder
from tf_gan_lth.methods.observer import Observer


class Progress(Observer):
    """Shows each training under its title, and after it the results of the run so far.

    Args:
      run: where these are written to, anew after each training.
    """

    def __init__(self, run: RunFolder):
        self._run = run

    def scored(self, folder: TrainingFolder) -> None:
        report.update(self._run)

    def callbacks(self) -> list[keras.callbacks.Callback]:
        return [_Bar()]


class _Bar(keras.callbacks.Callback):
    """A Keras progress bar for a whole round; a single line at the end without a terminal."""

    def on_train_begin(self, logs: dict | None = None) -> None:
        verbose = 1 if sys.stdout.isatty() else 2
        names = ["generator_loss", "discriminator_loss"]
        steps = self.params["steps"]
        self.bar = keras.utils.Progbar(steps, verbose=verbose, interval=0.5, stateful_metrics=names)
        print(self.model.title, flush=True)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.bar.update(batch + 1, list((logs or {}).items()))
