"""What tests share beside fixtures: a lottery that is run whole, and who watched it."""

import dataclasses
import pathlib

import tensorflow as tf
import tf_keras as keras

from tf_gan_lth import gans
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.replicate_folder import ReplicateFolder, TrainingFolder
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.methods import Bench, Method, Observer, Transfer, jobs, setup
from tf_gan_lth.methods.parent import Parent
from tf_gan_lth.training import EMA, Weights
from tf_gan_lth.training.model import GANModel

Options = dict[str, object]


def equal(first: object, second: object) -> bool:
    """Whether two arrays, or dicts of them however deep, are the same in names, types and bits."""
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(equal(first[n], second[n]) for n in first)
    same_kind = first.shape == second.shape and first.dtype == second.dtype
    return same_kind and first.tobytes() == second.tobytes()


@dataclasses.dataclass(frozen=True)
class Beginning:
    """The state in which a training began.

    Attributes:
      weights: a snapshot of each network, and `<network>_ema` of each that is averaged.
      step: number of its first step.
      teaching: how much teachers count: 1, or 0 where nobody teaches.
    """

    weights: Weights
    step: int
    teaching: float


class Recorder(Observer):
    """Notes in which state each training of a run begins, and which get their scores.

    Attributes:
      beginnings: {title of the training: its beginning}, in order.
      scored_folders: in the order in which they were scored.
    """

    def __init__(self):
        self.beginnings: dict[str, Beginning] = {}
        self.scored_folders: list[TrainingFolder] = []

    def callbacks(self) -> list[keras.callbacks.Callback]:
        return [_NoteBeginning(self)]

    def scored(self, folder: TrainingFolder) -> None:
        self.scored_folders.append(folder)

    def beginning(self, folder: TrainingFolder) -> Beginning:
        """The state in which the training of a folder began."""
        return self.beginnings[folder.title]

    @property
    def order(self) -> list[tuple[int, str]]:
        """(round, branch) of what was scored."""
        return [(folder.round_number, folder.branch_name) for folder in self.scored_folders]


class _NoteBeginning(keras.callbacks.Callback):
    def __init__(self, recorder: Recorder):
        super().__init__()
        self._recorder = recorder

    def on_train_begin(self, logs: dict | None = None) -> None:
        model: GANModel = self.model
        begun = Beginning(snapshot(model), int(model.step.numpy()), float(model.teaching.numpy()))
        self._recorder.beginnings[model.title.partition(":")[0]] = begun


def snapshot(model: GANModel) -> Weights:
    """Every network of a model as it is now, and `<network>_ema` of those that are averaged."""
    taken = {name: gans.take_snapshot(network) for name, network in model.networks.items()}
    for name, averages in model.averages.items():
        averaged = {path: average.numpy() for path, average in averages.items()}
        taken[name + EMA] = {**taken[name], **averaged}
    return taken


@dataclasses.dataclass(frozen=True)
class Finished:
    """A run, what trained it, and who watched.

    Attributes:
      method: what yielded its candidates.
      bench: what trained and scored them.
      recorder: who watched.
      run: where it is kept.
    """

    method: Method
    bench: Bench
    recorder: Recorder
    run: RunFolder

    @property
    def replicate(self) -> ReplicateFolder:
        """The first one."""
        return self.run.replicate(0)


def set_up(
    options: Options,
    path: pathlib.Path | str,
    *,
    strategy: tf.distribute.Strategy | None = None,
    parent: Parent | None = None,
) -> Finished:
    """A run that has not begun.

    Args:
      options: of its config.
      path: where to keep it.
      strategy: to train under.
      parent: the ticket that it transfers; None for a run that finds its own.
    """
    config = configs.from_options(options)
    method = Transfer(parent) if parent else None
    if method:
        config = method.configure(config, gans.find(config.networks.gan))
    recorder = Recorder()
    run = RunFolder(path)
    method, bench = setup.set_up(config, run, strategy, recorder, method)
    return Finished(method, bench, recorder, run)


def run_lottery(
    options: Options,
    path: pathlib.Path | str,
    *,
    strategy: tf.distribute.Strategy | None = None,
    parent: Parent | None = None,
) -> Finished:
    """Runs all rounds and branches of all replicates, or what is missing of them: see `set_up`."""
    finished = set_up(options, path, strategy=strategy, parent=parent)
    jobs.run(finished.method, finished.bench, finished.run)
    trainer = finished.bench.trainer
    # Whatever is asked for, the step is traced once, on each replica.
    assert trainer.model.traces in (0, trainer.strategy.num_replicas_in_sync)
    return finished
