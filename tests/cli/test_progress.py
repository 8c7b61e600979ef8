"""What a person sees while a lottery runs."""

import re

import tf_keras as keras

from tf_gan_lth.cli import progress
from tf_gan_lth.cli.progress import Pace, Progress


def test_the_time_that_is_left_of_a_lottery_counts_what_earlier_trainings_took(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    pace = Pace(4)
    assert pace.left(of_this=30, whole=50) == 30 + 3 * 50
    clock[0] = 70.0  # with its scores
    pace.scored()
    assert pace.left(of_this=10, whole=50) == 10 + 2 * 70
    for _ in range(9):  # more than were expected
        pace.scored()
    assert pace.left(of_this=10, whole=50) == 10


class Slow(keras.callbacks.Callback):
    """Lets the clock of the progress go on by 10 seconds a step."""

    def __init__(self, clock):
        super().__init__()
        self._clock = clock

    def on_train_batch_begin(self, batch, logs=None):
        self._clock[0] += 10.0


def trained(steps, monkeypatch, capsys):
    """The lines of a training of so many steps, of 10 seconds each, as the first of three."""
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    model = keras.Sequential([keras.layers.Dense(1, input_shape=[1])])
    model.compile("sgd", "mse")
    model.step, model.title = keras.backend.variable(100), "replicate 0, round 1, main: 80% remain"
    lines = progress._Lines(Pace(3))
    data = [[0.0]] * steps
    model.fit(data, data, 1, verbose=0, callbacks=[Slow(clock), lines])
    return capsys.readouterr().out.splitlines()


def test_without_a_terminal_there_is_a_line_every_half_minute(monkeypatch, capsys):
    lines = trained(12, monkeypatch, capsys)
    assert [line.partition(",")[0] for line in lines] == 3 * ["replicate 0"]
    assert [int(re.search("step ([0-9]+) of 112", line)[1]) for line in lines] == [103, 106, 109]
    # 112 steps at 0.1 a second for each of the two others.
    left = "left: 30 s of the round, 38 min of all rounds"
    assert lines[-1].endswith(f"0.1 steps/s, {left}")


def test_a_very_short_training_has_no_line(monkeypatch, capsys):
    assert trained(2, monkeypatch, capsys) == []


def test_a_training_that_is_scored_has_one_line_of_its_own(finished, capsys):
    watch = Progress(finished.run)
    watch.begins(list(finished.replicate.rounds()))
    watch.scored(finished.replicate.round(2).branch("random_mask"))
    watch.ends()
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("replicate 0, round 2, random_mask: remaining 64.1%, FID ")


def test_the_project_prints_no_bars_into_a_pipe():
    assert not progress.has_bars()
