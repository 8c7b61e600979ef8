"""Scores and samples within a training; the training does not notice."""

import tf_keras as keras

from tf_gan_lth.evaluation.scores import CLASS_SCORES, SCORES
from tf_gan_lth.experiment.replicate_folder import TrainingFolder, generator_label
from tf_gan_lth.findings.results import scores_of
from tf_gan_lth.tasks import Scores, Task
from tf_gan_lth.training import Trainer
from tf_gan_lth.training.callbacks import Summaries


class Evaluations(keras.callbacks.Callback):
    """Scores the generators of a training every so many steps, as they are scored after it.

    Args:
      task: scores and draws samples, of the same draws as after the training.
      trainer: what trains.
      folder: of the training, which keeps the scores.
      every: steps between two scores.
      summaries: where scores and samples go too.
      first_step: of the training; of one that continues too.
    """

    def __init__(
        self,
        task: Task,
        trainer: Trainer,
        folder: TrainingFolder,
        every: int,
        summaries: Summaries,
        first_step: int = 0,
    ):
        super().__init__()
        self._task, self._trainer, self._folder = task, trainer, folder
        self._every, self._summaries, self._first_step = every, summaries, first_step

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._step = int(self.model.step.numpy())
        # What was scored after the checkpoint that a training continues at is scored again.
        points = points_of(self._folder)
        self._points = [point for point in points if point["step"] <= self._step]
        self._keep_points()
        # Whoever stops a training while it is scored, or just before, stops it after the step.
        before = max(self._first_step, self._step - self._trainer.config.steps_per_execution)
        scored = self._points and self._points[-1]["step"] == self._step
        if self._is_due(before) and not scored:
            self._score()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        before, self._step = self._step, int(self.model.step.numpy())
        if self._is_due(before):
            self._score()

    def _is_due(self, before: int) -> bool:
        """Whether there is something to score between a step and the one that training is at."""
        return self._step // self._every != before // self._every

    def _score(self) -> None:
        weights = self._trainer.snapshot()
        # What scores may share its variables with what trains, and has averages in them.
        state = {name: variable.numpy() for name, variable in self.model.state().items()}
        self.model.between_steps = False
        try:
            scores = self._task.score(weights, self._folder.replicate)
            picture = self._task.draw_samples(weights, self._folder.replicate)
        finally:
            for name, variable in self.model.state().items():
                variable.assign(state[name])
            self.model.between_steps = True
        found = {generator: scores_of(record) for generator, record in scores.items()}
        self._points.append({"step": self._step, "scores": found})
        self._keep_points()
        tags = {}
        for generator, record in scores.items():
            group = "_".join(filter(None, ["scores", generator_label(generator)]))
            known = {name: record.get(name) for name in (*SCORES, *CLASS_SCORES)}
            tags |= {f"{group}/{n}": value for n, value in known.items() if value is not None}
        self._summaries.add(tags, picture)

    def _keep_points(self) -> None:
        steps = self._trainer.config.steps
        self._folder.score_curve.put({"steps": steps, "points": self._points})


def points_of(folder: TrainingFolder) -> list[dict[str, object]]:
    """The scores within a training, in order: {"step": ..., "scores": {generator: {name: ...}}}."""
    return folder.score_curve.get()["points"] if folder.score_curve.exists() else []


def with_best(scores: Scores, folder: TrainingFolder, last: int, every: int) -> Scores:
    """Scores of a trained candidate, each with the best of its training beside it.

    Args:
      scores: the records of its last step.
      folder: of the training, with the scores within it.
      last: number of its last step.
      every: steps between two scores.

    Returns:
      The records with `best`: the scores of the step with the lowest FID, the first of equal ones;
      `step` and `of`, how many it is the best of; and a `protocol` of its own, as the best of
      several does not compare with the last.
    """
    found = {}
    for name, record in scores.items():
        along = [(p["step"], p["scores"][name]) for p in points_of(folder) if p["step"] < last]
        along.append((last, scores_of(record)))
        step, best = min(along, key=lambda point: point[1]["fid"])
        label, slash, digests = record["protocol"].partition("/")
        protocol = f"{label}+best_of_every={every}{slash}{digests}"
        found[name] = {
            **record,
            "best": {**best, "step": step, "of": len(along), "protocol": protocol},
        }
    return found
