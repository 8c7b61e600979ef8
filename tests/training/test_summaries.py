"""TensorBoard's curves of a training, and scores within it."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from helpers import equal, run_lottery, set_up
from tensorboard.backend.event_processing import event_accumulator

from tf_gan_lth.experiment.errors import RunFolderError, Stopped
from tf_gan_lth.methods import Observer, jobs
from tf_gan_lth.training.callbacks import Summaries, cut


def load(path):
    events = event_accumulator.EventAccumulator(str(path), size_guidance={"tensors": 0})
    events.Reload()
    return events


def steps(path, tag):
    return [event.step for event in load(path).Tensors(tag)]


def write(path, first, last):
    with tf.summary.create_file_writer(str(path)).as_default():
        for step in range(first, last + 1):
            tf.summary.scalar("loss", float(step), step)


def test_what_is_beyond_a_step_is_cut_and_what_follows_is_one_curve(tmp_path):
    folder = tmp_path / "of [run]" / "train"  # no pattern
    write(folder, 1, 9)
    (torn,) = folder.iterdir()
    with torn.open("ab") as file:  # a process that was killed while it wrote
        file.write(b"\x10\x00\x00")
    cut(folder, 6)
    write(folder, 7, 8)
    cut(folder, 7)
    write(folder, 8, 12)
    assert steps(folder, "loss") == list(range(1, 13))
    cut(folder, 0)
    cut(tmp_path / "missing", 3)
    assert "loss" not in load(folder).Tags()["tensors"] and not (tmp_path / "missing").exists()


def test_a_rewritten_file_beside_its_originals_counts_once(tmp_path):
    write(tmp_path, 1, 4)
    (original,) = tmp_path.iterdir()
    content = original.read_bytes()
    cut(tmp_path, 3)
    original.write_bytes(content)  # as after a kill between the two
    cut(tmp_path, 3)
    assert steps(tmp_path, "loss") == [1, 2, 3]


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "tensorboard").write_text("a file")
    model = keras.Sequential()
    model.step = tf.Variable(0)
    summaries = Summaries(tmp_path / "tensorboard" / "x", 10, begins=True)
    summaries.set_model(model)
    with pytest.raises(RunFolderError, match="cannot write .*tensorboard/x: [^\n]*make room"):
        summaries.on_train_begin()


class _StopAt(keras.callbacks.Callback):
    def __init__(self, step):
        super().__init__()
        self._step = step

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.step.numpy()) == self._step:
            raise Stopped(15)


class StoppingAt(Observer):
    """Ends the first training after some steps, as SIGTERM does."""

    def __init__(self, step):
        self._step = step

    def callbacks(self):
        return [_StopAt(self._step)]


# After step 4 there is something to score, which the stop comes before.
@pytest.mark.parametrize("stop", [3, 4])
def test_a_training_that_is_scored_on_its_way_and_stopped_ends_as_one_that_is_not(
    stop, tiny_options, tmp_path
):
    options = {**tiny_options, "steps": 6, "rounds": 0}
    whole = run_lottery(options, tmp_path / "whole").replicate.round(0)
    scored = {**options, "score_every": 2}
    stopped = set_up(scored, tmp_path / "run")
    object.__setattr__(stopped.bench, "observer", StoppingAt(stop))
    with pytest.raises(Stopped):
        jobs.run(stopped.method, stopped.bench, stopped.run)
    folder = stopped.replicate.round(0)
    assert folder.checkpoint.get()["step"] == stop
    continued = run_lottery(scored, tmp_path / "run").replicate.round(0)
    assert equal(whole.weights.get(), continued.weights.get())
    assert whole.scores.get()["generator"]["fid"] == continued.scores.get()["generator"]["fid"]
    curves = continued.curves / "train"
    assert steps(curves, "scores/fid") == steps(curves, "samples") == [2, 4, 6]
    # It was stopped before the point of its step.
    assert steps(curves, "batch_generator_loss") == [n for n in range(1, 7) if n != stop]
    assert [point["step"] for point in continued.score_curve.get()["points"]] == [2, 4, 6]
    last = load(curves).Tensors("scores/fid")[-1]
    fid = float(tf.make_ndarray(last.tensor_proto))
    assert np.isclose(fid, continued.scores.get()["generator"]["fid"], rtol=1e-6)
