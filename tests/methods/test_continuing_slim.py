"""A round that trains without its pruned channels, or with them, is stopped and continued."""

import contextlib
import dataclasses

import pytest
import tf_keras as keras
from helpers import equal, run_lottery, set_up

from tf_gan_lth.experiment.errors import Stopped, ToolkitWarning
from tf_gan_lth.methods import Observer, jobs
from tf_gan_lth.training import slim as slim_training


class _Stop(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if "round 1" in self.model.title and int(self.model.step.numpy()) == 2:
            raise Stopped(15)


class Stopping(Observer):
    """Ends the training of round 1 after two steps, as SIGTERM does."""

    def callbacks(self):
        return [_Stop()]


@pytest.mark.parametrize("scored", [(0, 1), (1, 0)])
def test_a_round_ends_as_it_began_though_scores_within_come_or_go(
    tiny_options, tmp_path, monkeypatch, scored
):
    """Scored within, a round trains whole networks."""
    monkeypatch.setattr(slim_training, "PAYS", 0.0)
    options = {**tiny_options, "steps": 3, "rounds": 1, "unit": "channel", "branches": ()}
    first, then = ({**options, "score_every": every} for every in scored)
    whole = run_lottery(first, tmp_path / "whole").replicate.round(1)
    stopped = set_up(first, tmp_path / "run")
    bench = dataclasses.replace(stopped.bench, observer=Stopping())
    with pytest.raises(Stopped):
        jobs.run(stopped.method, bench, stopped.run)
    told = pytest.warns(ToolkitWarning, match="round 1.* began without its pruned channels")
    with told if then["score_every"] else contextlib.nullcontext():
        ended = run_lottery(then, tmp_path / "run").replicate.round(1)
    assert equal(whole.weights.get(), ended.weights.get())
