"""What a person sees while a lottery runs: bars on a terminal and in a notebook, elsewhere lines.

Elsewhere, as in a batch job's log, a training has a line every half minute while it lasts, and one
with its scores.
"""

import sys
import time
from collections.abc import Sequence

import tf_keras as keras
import tqdm.auto

from tf_gan_lth import report
from tf_gan_lth.cli.stopping import in_notebook
from tf_gan_lth.experiment import amounts
from tf_gan_lth.experiment.replicate_folder import TrainingFolder
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.methods.observer import Observer

PAUSE = 28.0  # seconds between two lines, so that there is one in every half minute
LOSSES = ("generator_loss", "discriminator_loss")


class Progress(Observer):
    """Shows how far each training is, what it scores, and how long all of them take.

    Args:
      run: where results are written to, anew after each training.
    """

    def __init__(self, run: RunFolder):
        self._run = run
        self._pace = Pace()
        self._lottery: tqdm.auto.tqdm | None = None

    def begins(self, folders: Sequence[TrainingFolder]) -> None:
        missing = sum(not folder.scores.exists() for folder in folders)
        self._pace = Pace(missing)
        if missing and has_bars():
            self._lottery = tqdm.auto.tqdm(
                total=len(folders), initial=len(folders) - missing, desc="lottery", unit="training"
            )

    def callbacks(self) -> list[keras.callbacks.Callback]:
        return [_Bar() if has_bars() else _Lines(self._pace)]

    def scored(self, folder: TrainingFolder) -> None:
        self._pace.scored()
        report.update(self._run, folder, print=tqdm.auto.tqdm.write)
        if self._lottery is not None:
            self._lottery.update()

    def ends(self) -> None:
        if self._lottery is not None:
            self._lottery.close()
            self._lottery = None


def has_bars() -> bool:
    """Whether somebody watches, on a terminal or in a notebook."""
    return in_notebook() or (sys.stdout.isatty() and sys.stderr.isatty())


class Pace:
    """How long the trainings take that are still to come, judged by those that were there.

    Args:
      missing: number of trainings that are to come.
    """

    def __init__(self, missing: int = 0):
        self._missing = missing
        self._began = time.monotonic()
        self._lasted: list[float] = []  # seconds from one scored training to the next

    def scored(self) -> None:
        """Call it when a training has its scores."""
        now = time.monotonic()
        self._lasted.append(now - self._began)
        self._began = now
        self._missing = max(0, self._missing - 1)

    def left(self, of_this: float, whole: float) -> float:
        """The seconds until all trainings are done.

        Args:
          of_this: seconds that the current training still takes.
          whole: seconds that a whole one takes at its pace; what earlier ones took, with their
            scores, counts for more.
        """
        each = max(whole, sum(self._lasted) / len(self._lasted)) if self._lasted else whole
        return of_this + max(0, self._missing - 1) * each


class _Training(keras.callbacks.Callback):
    """Knows at which step of how many a training is."""

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.first = int(self.model.step.numpy())  # later than 0 where a training continues
        self.total = self.first + self.params["steps"]
        self.title = self.model.title.partition(":")[0]


class _Bar(_Training):
    """A bar of the steps of a training."""

    _bar: tqdm.auto.tqdm | None = None

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self._bar is None:  # not before other callbacks have printed what they begin with
            self._bar = tqdm.auto.tqdm(
                total=self.total, initial=self.first, desc=self.title, unit="step", leave=False
            )
        self._bar.set_postfix(_losses(logs), refresh=False)
        self._bar.update(self.first + batch + 1 - self._bar.n)

    def on_train_end(self, logs: dict | None = None) -> None:
        if self._bar is not None:
            self._bar.close()


class _Lines(_Training):
    """A line every half minute."""

    def __init__(self, pace: Pace):
        super().__init__()
        self._pace = pace

    def on_train_begin(self, logs: dict | None = None) -> None:
        super().on_train_begin(logs)
        self._printed = time.monotonic()
        self._timed: tuple[int, float] | None = None

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        now = time.monotonic()
        done = batch + 1
        if self._timed is None:  # the first steps wait for TensorFlow to trace and compile them
            self._timed = done, now
        if now - self._printed < PAUSE or done == self.params["steps"]:
            return
        self._printed = now
        losses = [f"{name} {value}" for name, value in _losses(logs).items()]
        line = [f"{self.title}: step {self.first + done:,} of {self.total:,}", *losses]
        first, began = self._timed
        if done > first:
            rate = (done - first) / (now - began)
            left = (self.params["steps"] - done) / rate
            line.append(f"{rate:.3g} steps/s")
            line.append(f"left: {amounts.duration(left)} of the round")
            line.append(
                f"{amounts.duration(self._pace.left(left, self.total / rate))} of all rounds"
            )
        print(", ".join(line), flush=True)


def _losses(logs: dict | None) -> dict[str, str]:
    return {name: f"{logs[name]:.4g}" for name in LOSSES if logs and name in logs}
