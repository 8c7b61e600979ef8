"""Callbacks that every training has: TensorBoard, and a stop when it diverges."""

import contextlib
import math
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.experiment import paths
from tf_gan_lth.experiment.errors import RunFolderError, TrainingError
from tf_gan_lth.training.model import STATIC

SUMMARIES = 100  # points of a training's curves
EVENTS = "events.out.tfevents."
KEPT = EVENTS + "0000000000.kept"  # sorts before what is written from now on


class StopWhenDiverged(keras.callbacks.Callback):
    """Stops a training whose losses are not finite."""

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        for name, value in (logs or {}).items():
            if not math.isfinite(value):
                step = int(self.model.step.numpy())  # batches count from where a training continues
                raise TrainingError(
                    f"training diverged: {name} is {value} at step {step}; try a lower"
                    " --learning_rate"
                )


class Summaries(keras.callbacks.Callback):
    """TensorBoard's curves of a training: its losses, and sparsity by layer where masks change.

    A training that continues at a checkpoint goes on with its curves from there: what was written
    after the checkpoint, before the training was killed, is cut. A point is on the disk before the
    checkpoint of its step is, so that not even a power cut leaves a gap.

    Args:
      log_dir: where the curves go, below `train`.
      steps: of the training; `SUMMARIES` of them are points.
      begins: whether the training begins, not continues: what is there is of an older one.
    """

    def __init__(self, log_dir: paths.Path, steps: int, begins: bool):
        super().__init__()
        self._log_dir, self._begins = log_dir, begins
        self._every = max(1, steps // SUMMARIES)
        self._writer = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._step = int(self.model.step.numpy())
        with self._writing():
            if self._begins:
                with contextlib.suppress(OSError):  # old curves are no reason to stop
                    paths.remove(self._log_dir)
            cut(self._log_dir / "train", self._step)
            self._writer = tf.summary.create_file_writer(str(self._log_dir / "train"))

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        before, self._step = self._step, int(self.model.step.numpy())
        if self._step // self._every == before // self._every:
            return
        with self._writing(), self._writer.as_default(self._step):
            for name, value in (logs or {}).items():
                tf.summary.scalar(f"batch_{name}", value)
            if self.model.config.mask_update != STATIC:
                self._log_sparsity()
            self._flush()

    def on_train_end(self, logs: dict | None = None) -> None:
        with self._writing():
            self._writer.close()

    def add(self, scores: dict[str, float], picture: bytes) -> None:
        """Adds scores, by their tags, and a PNG of samples at the step that the training is at."""
        with self._writing(), self._writer.as_default(int(self.model.step.numpy())):
            for tag, value in scores.items():
                tf.summary.scalar(tag, value)
            tf.summary.image("samples", tf.io.decode_png(picture)[None])
            self._flush()

    def _flush(self) -> None:
        self._writer.flush()
        for path in [*_files(self._log_dir / "train"), self._log_dir / "train"]:
            paths.flush(path)

    def _log_sparsity(self) -> None:
        for name, held in self.model.masks.items():
            for path, one in held.items():
                pruned = 1.0 - np.mean(one.mask.numpy())
                tf.summary.scalar(f"sparsity_{name}/{path}", pruned)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, tf.errors.OpError) as error:
            reason = getattr(error, "message", None) or getattr(error, "strerror", None) or error
            raise RunFolderError(
                f"cannot write {self._log_dir}: {str(reason).splitlines()[0]}; what is finished is"
                " kept: make room or give the rights, then run the same command again"
            ) from None


def cut(log_dir: paths.Path, step: int) -> None:
    """Removes what TensorBoard's files of a folder have beyond a step; the rest is in one file.

    Args:
      log_dir: the folder; it may be missing.
      step: the last one that is kept.
    """
    files = _files(log_dir)
    if not files:
        return
    # A file that was rewritten may stand beside its originals, where a kill left them there.
    kept = dict.fromkeys(record for path in files for record in _records(path, step))
    target = log_dir / KEPT
    partial = log_dir / "kept.partial"
    with tf.io.TFRecordWriter(str(partial)) as writer:
        version = tf.compat.v1.Event(file_version="brain.Event:2")
        for record in [version.SerializeToString(), *kept]:
            writer.write(record)
    paths.flush(partial)
    tf.io.gfile.rename(str(partial), str(target), overwrite=True)
    paths.flush(log_dir)
    for path in files:
        if path.name != KEPT:
            path.unlink(missing_ok=True)


def _files(log_dir: paths.Path) -> list[paths.Path]:
    """TensorBoard's files of a folder, which may be missing, in the order of their beginning."""
    there = sorted(log_dir.iterdir()) if log_dir.is_dir() else []
    return [path for path in there if path.name.startswith(EVENTS)]


def _records(path: paths.Path, step: int) -> Iterator[bytes]:
    """The summaries of a file up to a step; the last of a process that was killed may be cut."""
    with contextlib.suppress(tf.errors.DataLossError):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            if event.HasField("summary") and event.step <= step:
                yield record
