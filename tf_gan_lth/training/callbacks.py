"""Callbacks that every training has: TensorBoard, and a stop when it diverges."""

import contextlib
import math

import tensorflow_model_optimization as tfmot
import tf_keras as keras

from tf_gan_lth.experiment import paths
from tf_gan_lth.experiment.errors import TrainingError

SUMMARIES = 100  # points of a training's curves


class StopWhenDiverged(keras.callbacks.Callback):
    """Stops a training whose losses are not finite."""

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        for name, value in (logs or {}).items():
            if not math.isfinite(value):
                raise TrainingError(
                    f"training diverged: {name} is {value} at step {batch + 1}; try a lower"
                    " --learning_rate"
                )


def summaries(log_dir: paths.Path, steps: int, begins: bool) -> keras.callbacks.Callback:
    """TFMOT's TensorBoard callback: losses, and the sparsity of each wrapped layer.

    Args:
      log_dir: where the curves go.
      steps: of the training; `SUMMARIES` of them are points.
      begins: whether the training begins, not continues: what is there is of an older one.
    """
    if begins:
        with contextlib.suppress(OSError):  # old curves are no reason to stop
            paths.remove(log_dir)
    every = max(1, steps // SUMMARIES)
    return tfmot.sparsity.keras.PruningSummaries(
        str(log_dir), update_freq=every, write_graph=False, profile_batch=0
    )
