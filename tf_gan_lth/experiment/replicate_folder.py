"""The folders of one replicate: its rounds, their branches and phases, each with its artifacts.

`run_folder.py` shows them within a run.
"""

import contextlib
import re
import warnings
from collections.abc import Callable, Iterator

import numpy as np

from tf_gan_lth.experiment import locks, seeds
from tf_gan_lth.experiment.artifacts import (
    ArrayFile,
    Artifact,
    Picture,
    Place,
    Record,
    Snapshots,
)
from tf_gan_lth.experiment.errors import ToolkitWarning
from tf_gan_lth.experiment.paths import Path

MAIN = "main"  # the branch of a round itself
TENSORBOARD = "tensorboard"


class TrainingFolder:
    """The artifacts of one training: a round (its branch is `main`) or a branch of a round."""

    def __init__(self, path: Path, replicate: int, round_number: int, branch: str = MAIN):
        self.path = path
        self.replicate = replicate
        self.round_number = round_number
        self.branch_name = branch
        self.masks = Snapshots(path / "masks", self._place("masks"))
        self.trained_masks = Snapshots(path / "trained_masks", self._place("trained_masks"))
        self.weights = Snapshots(path / "weights", self._place("weights"))
        self.training = Record(path / "training.json", self._place("training"))
        self.sparsity = Record(path / "sparsity.json", self._place("sparsity"))
        self.scores = Record(path / "scores.json", self._place("scores"))
        self.score_curve = Record(path / "score_curve.json", self._place("score_curve"))
        self.times = Record(path / "times.json", self._place("times"))
        self.samples = Picture(path / "samples.png")
        self.checkpoint = ArrayFile(path / "checkpoint", self._place("checkpoint"))

    def _place(self, kind: str) -> Callable[[], Place]:
        branch = None if self.branch_name == MAIN else self.branch_name
        run = self.round_path.parent.parent
        here = {"replicate": self.replicate, "round": self.round_number, "branch": branch}
        return lambda: {"run": _run_id(run), **here, "kind": kind}

    def lock(self) -> contextlib.AbstractContextManager:
        """Keeps other processes from this training.

        Raises:
          BusyError: another process is running it.
        """
        return locks.hold(
            self.path / locks.NAME, f"{self.title} of {self.path} is being run by another process"
        )

    def clear(self) -> None:
        """Removes what killed processes left half written; for whoever holds the lock."""
        clear_half_written(self)

    @property
    def title(self) -> str:
        return f"replicate {self.replicate}, round {self.round_number}, {self.branch_name}"

    def saved_model(self, generator: str) -> Path:
        """Where a generator is exported to: `saved_model`, or `saved_model_a2b` for a direction."""
        return self.path / "_".join(filter(None, ["saved_model", generator_label(generator)]))

    def card(self, generator: str) -> Record:
        """The card of the latest export whose speed was measured, for the report."""
        name = "_".join(filter(None, ["card", generator_label(generator)]))
        return Record(self.path / f"{name}.json")

    @property
    def round_path(self) -> Path:
        """Where the round is kept that it is, or is a branch of."""
        return self.path if self.branch_name == MAIN else self.path.parent.parent

    @property
    def of_replicate(self) -> "ReplicateFolder":
        """The replicate that it is a training of."""
        return ReplicateFolder(self.round_path.parent, self.replicate)

    @property
    def curves(self) -> Path:
        """Where TensorBoard's curves of the training go: `RUN/tensorboard/replicate_0/...`."""
        replicate = self.round_path.parent
        tensorboard = replicate.parent / TENSORBOARD
        return tensorboard / replicate.name / self.round_path.name / self.branch_name

    def stream(self, seed: int) -> np.ndarray:
        """The random stream of the training, two int32: branches share that of their round."""
        labels = ("replicate", self.replicate, "round", self.round_number, "training")
        return seeds.pair(seed, *labels)

    @property
    def final_masks(self) -> Snapshots:
        """The masks after training: those before it, unless they changed during training."""
        return self.trained_masks if self.trained_masks.exists() else self.masks

    @property
    def _made(self) -> tuple[Artifact, ...]:
        """What every training leaves, in the order in which it is made."""
        return (self.masks, self.training, self.weights, self.sparsity, self.samples, self.scores)

    def is_complete(self) -> bool:
        """Whether every artifact of the training is there."""
        return all(artifact.exists() for artifact in self._made)

    def missing(self) -> list[Artifact]:
        """What is not there though what is made after it is: somebody removed it."""
        made = self._made
        there = [artifact.exists() for artifact in made]
        last = max((at for at, found in enumerate(there) if found), default=0)
        return [artifact for artifact, found in zip(made[:last], there, strict=False) if not found]

    def branch(self, name: str) -> "TrainingFolder":
        """Where a control or variant of this round is kept."""
        path = self.path / "branches" / name
        return TrainingFolder(path, self.replicate, self.round_number, name)

    def phase(self, name: str) -> "TrainingFolder":
        """Where a training is kept that others go on from: it is neither scored nor listed."""
        path = self.path / "phases" / name
        return TrainingFolder(path, self.replicate, self.round_number, name)

    def branches(self) -> Iterator["TrainingFolder"]:
        """Yields the branches that exist, in order of their names.

        A branch is a function, and its folder has the function's name: a folder of another name is
        nobody's, and a table would pass the name on to whoever opens it.
        """
        for path in sorted(path for path in (self.path / "branches").glob("*") if path.is_dir()):
            if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", path.name):
                yield TrainingFolder(path, self.replicate, self.round_number, path.name)
            else:
                _left_out(path, "it has not the name of a branch")


class ReplicateFolder:
    """The rounds of one replicate of the experiment."""

    def __init__(self, path: Path, number: int):
        self.path = path
        self.number = number
        self.initial = Snapshots(path / "initial", self._place("initial"))
        self.rewind = Snapshots(path / "rewind", self._place("rewind"))
        self.untrained_scores = Record(
            path / "untrained_scores.json", self._place("untrained_scores")
        )

    def _place(self, kind: str) -> Callable[[], Place]:
        return lambda: {"run": _run_id(self.path.parent), "replicate": self.number, "kind": kind}

    def lock(self) -> contextlib.AbstractContextManager:
        """Keeps other processes from this replicate's rounds, but not from its branches.

        Raises:
          BusyError: another process is running them.
        """
        return locks.hold(
            self.path / locks.NAME,
            f"{self.path} is being run by another process: give another --replicate",
        )

    def clear(self) -> None:
        """Removes what killed processes left half written; for whoever holds the lock."""
        clear_half_written(self)

    def round(self, number: int) -> TrainingFolder:
        return TrainingFolder(self.path / f"round_{number:02d}", self.number, number)

    def rounds(self) -> Iterator[TrainingFolder]:
        """Yields the rounds that exist, in order."""
        yield from (self.round(number) for number in numbered(self.path, "round"))


def _run_id(run: Path) -> str | None:
    """What a run's artifacts say that they are of; None in runs of earlier versions.

    It is the digest that the config had when the run began. It stays when the folder is moved, and
    a run that was stopped writes the same bytes as one that was not. Two runs of one config and
    seed share it, but then what they hold is the same.
    """
    config = Record(run / "config.json")
    return config.get().get("id") if config.exists() else None


def clear_half_written(folder: object) -> None:
    """Removes what killed processes left of the artifacts that a folder has as attributes."""
    for artifact in vars(folder).values():
        if isinstance(artifact, Artifact):
            artifact.clear()


def _left_out(path: Path, reason: str) -> None:
    warnings.warn(f"{str(path)!r} is left out: {reason}", ToolkitWarning, stacklevel=3)


def numbered(folder: Path, name: str) -> list[int]:
    """The numbers of the folders `<name>_<number>`, sorted; other names are the user's own.

    A number has one way of writing, that in which a run writes it: `round_1` is not `round_01`.
    """
    digits = 2 if name == "round" else 1
    numbers = []
    for path in sorted(path for path in folder.glob(f"{name}_*") if path.is_dir()):
        match = re.fullmatch(rf"{name}_([0-9]+)", path.name)
        if not match:
            continue
        canonical = f"{name}_{int(match[1]):0{digits}d}"
        if path.name == canonical:
            numbers.append(int(match[1]))
        else:
            _left_out(path, f"a run would write {canonical}")
    return sorted(numbers)


def generator_label(generator: str) -> str:
    """What tells a generator from the others of its GAN, e.g. `a2b`; empty if it is `generator`."""
    return generator.removeprefix("generator").removeprefix("_")
