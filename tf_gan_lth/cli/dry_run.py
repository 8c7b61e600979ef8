"""`find_ticket --dry_run`: what a run would do and take; nothing of it is done."""

import dataclasses
import time
from collections.abc import Iterator, Sequence

import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.experiment import amounts
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.config import Config, LotteryConfig
from tf_gan_lth.experiment.replicate_folder import MAIN, ReplicateFolder
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.methods import jobs, setup
from tf_gan_lth.methods.bench import Bench
from tf_gan_lth.methods.candidate import expand
from tf_gan_lth.methods.imp import IterativeMagnitudePruning, remaining
from tf_gan_lth.methods.method import Method
from tf_gan_lth.methods.units import UNITS
from tf_gan_lth.pruning.cost import cost
from tf_gan_lth.training import Start, Weights

TIMED = 10  # returns to Python that are timed, after the first, which traces the step
PATIENCE = 20.0  # seconds after which fewer have to do


def describe(
    config: Config,
    run_dir: str,
    strategy: tf.distribute.Strategy,
    replicate: int | None = None,
    branch: str | None = None,
) -> str:
    """The resolved config, the trainings, and what networks, time and disk a run takes.

    Builds all that the run builds, which may prepare data and cache what scores need of them, and
    times some steps of a training. The run folder is read, if there is one, and not written.

    Args:
      config: of the run.
      run_dir: its folder.
      strategy: what it would train under.
      replicate, branch: the only ones to run, as of `jobs.run`.

    Raises:
      ToolkitError: as the run itself would.
    """
    method, bench = setup.build(config, strategy)
    run = RunFolder(run_dir)
    run.check(config, setup.used(bench, method), bench.task.images.record)
    numbers = jobs.chosen(config, replicate, branch)
    weights = bench.fresh_weights(0)
    stream = run.replicate(0).round(0).stream(config.seed)
    seconds, trained = _time_a_step(bench, Start(weights, expand(bench.full_masks), stream))
    trainings = list(_trainings(method, bench, run, numbers, branch))
    parts = [
        f"Nothing is trained or written: what --run_dir={run_dir} would hold.",
        "Config, as it is resolved:\n" + _indented(_options(method, bench)),
        _listed(trainings, method, config, len(numbers)),
        "Networks:\n" + _indented(_networks(bench)),
        _time(trainings, seconds),
        _disk(bench, len(trainings), weights, trained, len(numbers)),
    ]
    return "\n\n".join(parts)


@dataclasses.dataclass(frozen=True)
class Training:
    """A training that a run consists of.

    Attributes:
      title: names it.
      steps: how many it has.
      share: of the generator's, that remains; see `_left`.
      finished: whether the run folder has it already.
    """

    title: str
    steps: int
    share: float | None
    finished: bool


def _trainings(
    method: Method, bench: Bench, run: RunFolder, numbers: Sequence[int], branch: str | None
) -> Iterator[Training]:
    """Of these replicates, in their order; none of a method that decides as it goes."""
    if not isinstance(method, IterativeMagnitudePruning):
        return
    for number in numbers:
        yield from _of_replicate(method, bench, run.replicate(number), branch)


def _of_replicate(
    method: Method, bench: Bench, replicate: ReplicateFolder, branch: str | None
) -> Iterator[Training]:
    first, steps = bench.config.lottery.rewind_step, bench.trainer.config.steps
    if first and branch in (None, MAIN):
        title = f"replicate {replicate.number}, warm-up to step {first}"
        yield Training(title, first, 1.0, replicate.rewind.exists())
    for folder in jobs.planned(method, bench, replicate, branch):
        # Fresh weights were not trained up to the step that the others rewind to.
        begin = 0 if folder.branch_name in ("random_init", "random_ticket") else first
        share = _share(bench, folder.round_number)
        yield Training(folder.title, steps - begin, share, folder.is_complete())


def _share(bench: Bench, number: int) -> float | None:
    """What round `number` leaves of the generators' units, or of their MACs; None: who knows."""
    lottery = bench.config.lottery
    if lottery.rate is None and number:
        return None
    if lottery.budget == "macs" or not number:
        return (1.0 - (lottery.rate or 0.0)) ** number
    masks = [bench.full_masks[name] for name in bench.gan.spec.generators]
    left = sum(remaining(lottery.rate, number, mask.total) for mask in masks)
    return left / sum(mask.total for mask in masks)


def _left(share: float | None, lottery: LotteryConfig) -> str:
    what = "MACs" if lottery.budget == "macs" else f"prunable {UNITS[lottery.unit]}"
    return f"{share:7.2%} of {what}" if share is not None else f"{what} as training leaves them"


def _options(method: Method, bench: Bench) -> list[str]:
    """As a flag file has them."""
    resolved = {name: value for name, (_, value) in configs.walk(bench.config).items()}
    training = dataclasses.asdict(bench.trainer.config)
    own = (bench.gan.options, bench.options(method.Options))
    for part in (training, *map(dataclasses.asdict, own)):
        resolved |= part
    return [_flag(name, value) for name, value in resolved.items() if value is not None]


def _flag(name: str, value: object) -> str:
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no{name}"
    return f"--{name}={','.join(map(str, value)) if isinstance(value, tuple) else value}"


def _listed(trainings: list[Training], method: Method, config: Config, replicates: int) -> str:
    if not trainings:
        return f"Trainings: {type(method).__name__} decides about them as it goes."
    # All replicates have the same.
    first = trainings[: len(trainings) // replicates]
    width = max(len(training.title) for training in first)
    lines = [
        f"{t.title:<{width}}  {t.steps:>9,} steps  {_left(t.share, config.lottery)}"
        + ("  (finished)" if t.finished else "")
        for t in first
    ]
    others = replicates - 1
    if others:
        lines.append(f"and the same in {others} more replicate{'s' if others > 1 else ''}")
    finished = sum(training.finished for training in trainings)
    done = f", of which {finished} are finished" if finished else ""
    return f"Trainings, {len(trainings)}{done}:\n" + _indented(lines)


def _networks(bench: Bench) -> list[str]:
    masks, units = bench.full_masks, UNITS[bench.config.lottery.unit]
    width = max(map(len, bench.gan.networks))
    lines = []
    for name, network in bench.gan.networks.items():
        taken = cost(network)
        prunable = f"{masks[name].total:,} prunable {units}" if name in masks else "not pruned"
        lines.append(
            f"{name:<{width}}  {taken.parameters:>12,} parameters, {prunable};"
            f" {taken.macs:,} MACs an image"
        )
    return lines


class _Clock(keras.callbacks.Callback):
    """Ends a training when enough returns to Python are timed."""

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.begun = time.perf_counter()
        self.times: list[tuple[int, float]] = []

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        now = time.perf_counter()
        self.times.append((batch + 1, now))
        if len(self.times) > TIMED or (now - self.begun > PATIENCE and len(self.times) > 1):
            self.model.stop_training = True


def _time_a_step(bench: Bench, start: Start) -> tuple[float | None, Weights]:
    """The seconds of a training step, None if there are too few to time; and what trainings keep.

    Args:
      bench: what trains.
      start: of a training.
    """
    config = bench.trainer.config
    clock = _Clock()
    stop = min(config.steps, (TIMED + 1) * config.steps_per_execution)
    trained = bench.trainer.train(start, [clock], stop)
    (first, begin), (last, end) = clock.times[0], clock.times[-1]
    seconds = (end - begin) / (last - first) if last > first else None
    return seconds, trained.weights


def _time(trainings: list[Training], seconds: float | None) -> str:
    if seconds is None:
        return "Time: there are too few steps to time any."
    if not trainings:
        return f"Time: {seconds:.3g} s a step of the dense GAN here and now; scoring comes on top."
    left = [training for training in trainings if not training.finished]
    steps = sum(training.steps for training in left)
    return (
        f"Time: about {amounts.duration(steps * seconds)} for the {steps:,} steps of"
        f" {len(left)} trainings, at {seconds:.3g} s a step here and now; scoring comes on top."
    )


def _disk(bench: Bench, trainings: int, initial: Weights, trained: Weights, replicates: int) -> str:
    first = _bytes(initial) * replicates
    each = _bytes(trained) + _bytes(expand(bench.full_masks))
    total = f"at most about {amounts.size(first + trainings * each)}: " if trainings else ""
    return (
        f"Disk: {total}weights and masks, {amounts.size(each)} a training, and initial weights,"
        f" {amounts.size(first)}; samples, TensorBoard, checkpoint and exports on top."
    )


def _bytes(snapshots: Weights) -> int:
    return sum(array.nbytes for snapshot in snapshots.values() for array in snapshot.values())


def _indented(lines: list[str]) -> str:
    return "\n".join(f"  {line}" for line in lines)
