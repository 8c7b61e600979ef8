"""Callbacks that every training has: TensorBoard, and a stop when it diverges."""

import math

import tensorflow_model_optimization as tfmot
import tf_keras as keras

from tf_gan_lth.experiment.errors import TrainingError


class StopWhenDiverged(keras.callbacks.Callback):
    """Stops a training whose losses are not finite."""

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        for name, value in (logs or {}).items():
            if not math.isfinite(value):
                raise TrainingError(
                    f"training diverged: {name} is {value} at step {batch + 1}; try a lower"
                    " --learning_rate"
                )


def summaries(log_dir: str, every: int) -> keras.callbacks.Callback:
    """TFMOT's TensorBoard callback: losses every `every` steps, sparsity of each wrapped layer."""
    return tfmot.sparsity.keras.PruningSummaries(
        log_dir, update_freq=every, write_graph=False, profile_batch=0
    )
