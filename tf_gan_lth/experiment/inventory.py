"""Which runs are there, and how far is each: read from their folders, without TensorFlow.

Symbolic links below the folder that is searched are not followed.
"""

import contextlib
import csv
import dataclasses
import json
import os
import pathlib
import re
from collections.abc import Iterator
from stat import S_ISDIR

from tf_gan_lth.experiment import locks
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import ToolkitError
from tf_gan_lth.experiment.replicate_folder import MAIN, TENSORBOARD, TrainingFolder
from tf_gan_lth.experiment.run_folder import RunFolder

CONFIG = "config.json"
REPLICATE = re.compile(r"replicate_\d+")
FINISHED, IMPORTED = "finished", "imported"


@dataclasses.dataclass(frozen=True)
class Best:
    """The best ticket of a generator, as `results.csv` has it.

    Attributes:
      generator: name of the network.
      round: of the ticket.
      sparsity: over prunable units, in [0, 1].
      fid: mean over replicates.
      verdict: of the comparison with the dense GAN.
    """

    generator: str
    round: int
    sparsity: float
    fid: float
    verdict: str


@dataclasses.dataclass(frozen=True)
class Survey:
    """How far a run is.

    Attributes:
      path: of the run folder.
      gan, dataset: names; empty if the config cannot be read.
      state: `finished`, `imported`, `running: ` and who, `stopped: ` and before which stage, or
        `broken: ` and why.
      done, planned: number of trainings that have their scores, and that the config asks for.
      best: of each generator that has a ticket at least within the margin.
      disk: bytes of all files.
      changed: when a file was last written, in seconds since the epoch.
    """

    path: pathlib.Path
    gan: str
    dataset: str
    state: str
    done: int
    planned: int
    best: tuple[Best, ...]
    disk: int
    changed: float


def find_runs(root: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields the run folders at or below a folder, broken ones among them, in order of names."""
    for folder, names, files in os.walk(root):
        path = pathlib.Path(folder)
        names.sort()
        if _is_run(path, names, files):
            yield path
            names[:] = [n for n in names if n != TENSORBOARD and not REPLICATE.fullmatch(n)]


def _is_run(path: pathlib.Path, names: list[str], files: list[str]) -> bool:
    """Whether a folder is a run; other programs have a file `config.json` too."""
    if any(REPLICATE.fullmatch(name) for name in names):
        return True
    if CONFIG not in files:
        return False
    try:
        stored = json.loads((path / CONFIG).read_bytes())
    except (OSError, ValueError):
        return locks.NAME in files
    return isinstance(stored, dict) and {"digest", "options"} <= stored.keys()


def survey(path: pathlib.Path) -> Survey:
    """Reads how far the run in a folder is; a broken one is told in its state."""
    disk, changed = size_of(path), _changed(path)
    run = RunFolder(path)
    try:
        config = run.read_config()
        transferred = run.parent.exists()
        trainings = planned_trainings(run, config, transferred)
        done = sum(bool(folder.scores.exists() and folder.scores.get()) for folder in trainings)
        best = tuple(_best(run, config.lottery.margin))
        working = holders(run)
        state = f"running: {', '.join(working)}" if working else progress(run, trainings)
    except (ToolkitError, OSError, KeyError, TypeError, ValueError) as error:
        # Whatever a damaged file leads to: it is listed, not hidden.
        reason = error if isinstance(error, ToolkitError | OSError) else f"{error!r}"
        return Survey(path, "", "", f"broken: {reason}", 0, 0, (), disk, changed)
    gan = config.networks.gan.rpartition("/")[2]
    dataset = config.data.dataset
    return Survey(path, gan, dataset, state, done, len(trainings), best, disk, changed)


def planned_trainings(run: RunFolder, config: Config, transferred: bool) -> list[TrainingFolder]:
    """The trainings that a config asks for, in the order of the loop.

    Args:
      run: the run folder.
      config: of the run.
      transferred: whether its ticket comes from elsewhere: then only rounds 0 and the ticket's are
        trained.

    Returns:
      The rounds of every replicate, each followed by its branches. Of a method that is neither the
      lottery nor has a round for each budget, and trains as it likes, those that are there.
    """
    lottery = config.lottery
    folders = []
    for number in range(lottery.replicates):
        replicate = run.replicate(number)
        if lottery.method != "imp" and not lottery.budgets:
            rounds = list(replicate.rounds())
        elif transferred and not lottery.budgets:
            rounds = [replicate.round(n) for n in sorted({0, lottery.rounds})]
        else:
            rounds = [replicate.round(n) for n in range(lottery.rounds + 1)]
        for folder in rounds:
            folders.append(folder)
            folders += [folder.branch(n) for n in lottery.branches_of(folder.round_number)]
    return folders


def holders(run: RunFolder) -> list[str]:
    """Who works in a run folder: the holders of its locks, each once."""
    folders = [run.path]
    for replicate in run.replicates():
        folders.append(replicate.path)
        folders += [branch.path for number in replicate.rounds() for branch in number.branches()]
    found = (locks.holder(folder / locks.NAME) for folder in folders)
    return list(dict.fromkeys(holder for holder in found if holder))


def progress(run: RunFolder, trainings: list[TrainingFolder]) -> str:
    """How far a run is, whether or not a process works on it: `Survey.state` without `running`.

    Args:
      run: the run folder.
      trainings: all that are planned.
    """
    if any(is_imported(folder) for each in run.replicates() for folder in each.rounds()):
        return IMPORTED
    for folder in trainings:
        if not folder.is_complete():
            return f"stopped: {folder.title}: {_stage(folder)}"
    return FINISHED if run.report.exists() else "stopped: before its report"


def is_imported(folder: TrainingFolder) -> bool:
    """Whether a round comes from a checkpoint of another program: nothing makes it again."""
    return (folder.path / "imported.json").exists()


def _stage(folder: TrainingFolder) -> str:
    """What is to be done next in a training that is not complete."""
    if not folder.masks.exists():
        return "not begun"
    if not folder.weights.exists():
        return "in training" if folder.checkpoint.exists() else "before training"
    return "before its scores" if not folder.scores.exists() else "a file is missing"


def _best(run: RunFolder, margin: float) -> Iterator[Best]:
    """The best ticket of each generator, by the rule of `findings.judge`."""
    if not run.results.exists():
        return
    text = run.results.get().decode("utf-8")
    tickets: dict[str, dict[int, Best]] = {}
    for row in csv.DictReader(text.splitlines()):
        if row["branch"] == MAIN:
            found = Best(
                row["generator"],
                int(row["round"]),
                float(row["generator_sparsity"]),
                float(row["fid_mean"]),
                row["verdict"],
            )
            tickets.setdefault(found.generator, {})[found.round] = found
    for rounds in tickets.values():
        limit = rounds.pop(0).fid * (1.0 + margin)
        matching = [t for t in rounds.values() if t.verdict == "matching"]
        within = [t for t in rounds.values() if "worse" not in t.verdict and t.fid <= limit]
        chosen = matching or within
        if chosen:
            yield max(chosen, key=lambda ticket: ticket.round)


def size_of(path: pathlib.Path) -> int:
    """Bytes of a file, or of all files in a folder; links count for themselves alone."""
    return sum(stat.st_size for stat in _stats(path) if not S_ISDIR(stat.st_mode))


def _changed(path: pathlib.Path) -> float:
    """When something in a folder was last written, in seconds since the epoch."""
    return max((stat.st_mtime for stat in _stats(path)), default=0.0)


def _stats(path: pathlib.Path) -> Iterator[os.stat_result]:
    """Of a path and of all in it; a run may write and delete files meanwhile."""
    inside = [] if path.is_symlink() else os.walk(path)
    found = [pathlib.Path(folder) / name for folder, *names in inside for name in sum(names, [])]
    for each in [path, *found]:
        with contextlib.suppress(FileNotFoundError):
            yield each.lstat()
