"""Checkpoints within a training, from which an interrupted one continues bit for bit."""

import time

import numpy as np
import tf_keras as keras

from tf_gan_lth.experiment.artifacts import ArrayFile, Arrays
from tf_gan_lth.experiment.errors import ArtifactError
from tf_gan_lth.training.model import GANModel

FIRST_STEP, SECONDS = "first_step", "seconds"


class Checkpoints(keras.callbacks.Callback):
    """Saves the state of a training every few minutes, and continues from a saved state.

    Args:
      file: where the state is kept; a new state replaces the one before.
      minutes: minutes of training between two checkpoints; 0 saves after every step.

    Attributes:
      seconds: how long the training has taken so far; of an interrupted part, only the time up to
        its last checkpoint counts.
    """

    def __init__(self, file: ArrayFile, minutes: float):
        super().__init__()
        self._file, self._pause = file, 60.0 * minutes
        self._first_step, self._next_step, self._earlier = 0, 0, 0.0
        self._began = self._saved = time.monotonic()

    @property
    def seconds(self) -> float:
        return self._earlier + time.monotonic() - self._began

    def fits(self, model: GANModel) -> bool:
        """Whether the saved state is of a model of such shapes: that of a slim one is of others.

        Raises:
          ArtifactError: the file is missing or broken.
        """
        return _other(self._file.get(), model) is None

    def resume(self, model: GANModel, first_step: int) -> int:
        """Restores the saved state of a training that began at `first_step`, if there is one.

        Args:
          model: model in the state before that step.
          first_step: first step of the training; a state of a training with another first step is
            ignored.

        Returns:
          The next step.

        Raises:
          ArtifactError: the file is broken, or of a training of other networks.
        """
        self._first_step = self._next_step = first_step
        state = self._file.get() if self._file.exists() else {}
        if state.get(FIRST_STEP) == first_step:
            if other := _other(state, model):
                raise ArtifactError(
                    f"{self._file.path} is of another training: its {other} is not the one here;"
                    " continue with the version and options that wrote it, or delete it to begin"
                    " this training anew"
                )
            for name, variable in model.state().items():
                variable.assign(state[name])
            self._next_step = int(state["step"])
            self._earlier = float(state[SECONDS])
        return self._next_step

    def on_train_begin(self, logs: dict | None = None) -> None:
        if self._next_step > self._first_step:
            title = self.model.title.partition(":")[0]
            print(f"{title} continues at step {self._next_step}".strip(), flush=True)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        now = time.monotonic()
        if now - self._saved >= self._pause and batch + 1 < self.params["steps"]:
            self.save(self.model)

    def save(self, model: GANModel) -> None:
        """Writes the state that a model is in, between two steps.

        Raises:
          RunFolderError: it cannot be written.
        """
        state = {name: variable.numpy() for name, variable in model.state().items()}
        self._file.put(
            {**state, FIRST_STEP: np.int64(self._first_step), SECONDS: np.float64(self.seconds)}
        )
        self._saved = time.monotonic()


def _other(state: Arrays, model: GANModel) -> str | None:
    """The name of the first variable that a saved state lacks, or has in another shape."""
    for name, variable in model.state().items():
        if name not in state or state[name].shape != variable.shape:
            return name
    return None
