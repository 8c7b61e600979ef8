"""Scores and samples within a training, for TensorBoard; the training does not notice."""

import tf_keras as keras

from tf_gan_lth.evaluation.scores import SCORES
from tf_gan_lth.experiment.run_folder import generator_label
from tf_gan_lth.tasks import Task
from tf_gan_lth.training import Trainer
from tf_gan_lth.training.callbacks import Summaries


class Evaluations(keras.callbacks.Callback):
    """Scores the generators of a training every so many steps, as they are scored after it.

    Args:
      task: scores and draws samples, of the same draws as after the training.
      trainer: what trains.
      replicate: that the training is of.
      every: steps between two scores.
      summaries: where they go.
    """

    def __init__(
        self, task: Task, trainer: Trainer, replicate: int, every: int, summaries: Summaries
    ):
        super().__init__()
        self._task, self._trainer, self._replicate = task, trainer, replicate
        self._every, self._summaries = every, summaries

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._step = int(self.model.step.numpy())

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        before, self._step = self._step, int(self.model.step.numpy())
        if self._step // self._every == before // self._every:
            return
        weights = self._trainer.snapshot()
        # What scores may share its variables with what trains, and has averages in them.
        state = {name: variable.numpy() for name, variable in self.model.state().items()}
        self.model.between_steps = False
        try:
            scores = self._task.score(weights, self._replicate)
            picture = self._task.draw_samples(weights, self._replicate)
        finally:
            for name, variable in self.model.state().items():
                variable.assign(state[name])
            self.model.between_steps = True
        tags = {}
        for generator, record in scores.items():
            group = "_".join(filter(None, ["scores", generator_label(generator)]))
            found = {name: record.get(name) for name in SCORES}
            tags |= {f"{group}/{n}": value for n, value in found.items() if value is not None}
        self._summaries.add(tags, picture)
