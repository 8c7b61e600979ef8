"""The run folder: where each stage of a run keeps its artifacts.

    RUN/config.json, results.csv, report.html, tensorboard/
    RUN/images.json                                    digest of the training images
    RUN/parent.json                                    of a transfer or a compression: where its
                                                       ticket or its dense GAN comes from
    RUN/plan.json                                      how many replicates and looks are planned
    RUN/replicate_0/initial/<network>.npz              theta_0
    RUN/replicate_0/rewind/<network>.npz               theta_k, only with late rewinding
    RUN/replicate_0/round_03/masks/<network>.npz       only for networks that are pruned
    RUN/replicate_0/round_03/trained_masks/            only if the masks changed within training
    RUN/replicate_0/round_03/weights/<network>.npz     trained; <network>_ema.npz beside it
    RUN/replicate_0/round_03/checkpoint                of an interrupted training, until it is done
    RUN/replicate_0/round_03/training.json, sparsity.json, scores.json, samples.png
    RUN/replicate_0/round_03/score_curve.json          only with scores within the training
    RUN/replicate_0/round_03/times.json                when it was trained and scored, and where
    RUN/replicate_0/round_03/card.json                 of the latest export that was timed;
                                                       card_a2b.json of a direction
    RUN/replicate_0/round_03/saved_model/              only for a ticket that is exported;
                                                       saved_model_a2b/ for a direction
    RUN/replicate_0/round_03/branches/random_mask/...  the same files as a round
    RUN/replicate_0/round_00/phases/slimming/...       likewise, without scores: a training that
                                                       compressed rounds go on from; or supernet/
    RUN/replicate_0/round_01/phases/search/...         a search for a round's channels: its
                                                       training.json, and while it runs its state

Several processes may work in one run folder, each on its own replicates or branches; `.lock` files
keep them apart.
"""

import contextlib
import os
import pathlib
import re
import warnings
from collections.abc import Callable, Iterator

import numpy as np

from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment import locks, paths, provenance, seeds
from tf_gan_lth.experiment.artifacts import (
    ArrayFile,
    Artifact,
    File,
    Picture,
    Place,
    Record,
    Snapshots,
)
from tf_gan_lth.experiment.differences import difference
from tf_gan_lth.experiment.errors import RunFolderError, ToolkitWarning, UsageError
from tf_gan_lth.experiment.paths import Path

MAIN = "main"  # the branch of a round itself
TENSORBOARD = "tensorboard"
SNAPSHOTS = ("initial", "rewind", "masks", "trained_masks", "weights")  # each folder one artifact


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
        _clear(self)

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
        _clear(self)

    def round(self, number: int) -> TrainingFolder:
        return TrainingFolder(self.path / f"round_{number:02d}", self.number, number)

    def rounds(self) -> Iterator[TrainingFolder]:
        """Yields the rounds that exist, in order."""
        yield from (self.round(number) for number in _numbered(self.path, "round"))


class RunFolder:
    """A run, on a disk or in an object store (`gs://...`)."""

    def __init__(self, path: str | os.PathLike):
        self.path = paths.parse(path)
        self.config = Record(self.path / "config.json")
        self.images = Record(self.path / "images.json")
        self.parent = Record(self.path / "parent.json")
        self.results = File(self.path / "results.csv")
        self.report = File(self.path / "report.html")
        self.tensorboard = self.path / TENSORBOARD

    def replicate(self, number: int) -> ReplicateFolder:
        return ReplicateFolder(self.path / f"replicate_{number}", number)

    def replicates(self) -> Iterator[ReplicateFolder]:
        """Yields the replicates that exist, in order."""
        yield from (self.replicate(number) for number in _numbered(self.path, "replicate"))

    def lock(self) -> contextlib.AbstractContextManager:
        """Keeps other processes from what all replicates share: config, results, report.

        If another process holds the lock, waits until it is free.
        """
        return locks.hold(self.path / locks.NAME)

    def claim(
        self,
        config: configs.Config,
        used: dict[str, object] | None = None,
        images: dict[str, object] | None = None,
        parent: dict[str, object] | None = None,
    ) -> None:
        """Claims the folder for a config, or checks that it already belongs to it.

        Args:
          config: the run's config, as asked for.
          used: every option as it was resolved, and whatever else must not change while the run
            continues; None if nothing is trained.
          images: record of the training images, which is kept; None if nothing is trained.
          parent: record of where the ticket comes from, which is kept; None if the run finds its
            own.

        Raises:
          RunFolderError: the folder holds a run of another config or of other images, or something
            that is not a run; or it cannot be written.
        """
        if not self.config.exists():
            self._check_empty()
        with self.lock():
            _clear(self)
            self.check(config, used, images)
            self._claim_config(config, used)
            if images is not None and not self.images.exists():
                self.images.put(images)
            if parent is not None and not self.parent.exists():
                self.parent.put(parent)

    def check(
        self,
        config: configs.Config,
        used: dict[str, object] | None = None,
        images: dict[str, object] | None = None,
    ) -> None:
        """Raises `RunFolderError` where `claim` would refuse the folder; writes nothing."""
        if not self.config.exists():
            self._check_empty()
            return
        stored = self.config.get()
        there = configs.from_options(stored["options"])
        differs = difference(there, config, stored.get("used"), used)
        if differs:
            raise RunFolderError(
                f"{self.path} holds another experiment: {differs}; give another --run_dir"
            )
        if images is not None and self.images.exists():
            self._check_images(images)

    def _check_empty(self) -> None:
        mine = (".partial", locks.NAME)
        full = self.path.is_dir() and any(not p.name.endswith(mine) for p in self.path.iterdir())
        if full and not self.config.exists():  # another process may just have claimed it
            raise RunFolderError(
                f"{self.path} is neither empty nor a run (it has no config.json); give another"
                " --run_dir"
            )
        if self.path.exists() and not self.path.is_dir():
            raise RunFolderError(f"{self.path} is a file; give a folder as --run_dir")

    def _claim_config(self, config: configs.Config, used: dict[str, object] | None) -> None:
        """Writes what the config now is, unless the folder says so already."""
        record = {
            "id": config.digest,
            "digest": config.digest,
            "options": configs.to_options(config),
            provenance.MADE: provenance.made_with(),
        }
        if used is not None:
            record["used"] = used
        if self.config.exists():
            stored = self.config.get()
            again = provenance.continued(stored, record[provenance.MADE])
            if self.read_config() == config and not again and ("used" in stored or used is None):
                return
            # What the run began with is kept. Runs of earlier versions did not record it.
            kept = ("id", "used", provenance.MADE, provenance.CONTINUED)
            del record["id"]
            record |= {name: stored[name] for name in kept if name in stored} | again
        self.config.put(record)

    def _check_images(self, images: dict[str, object]) -> None:
        """Raises `RunFolderError` if the images are not as recorded.

        Names do not count: a folder may be called by another path, or have been moved.
        """
        there = self.images.get()
        there["digest"]  # a record without it is named here
        # Earlier versions recorded less.
        other = {n for n, value in images.items() if n != "name" and there.get(n, value) != value}
        if other:
            done = "scored" if other == {"test_digest"} else "trained"
            what = "labels" if other == {"labels_digest"} else "images"
            raise RunFolderError(
                f"{self.path} was {done} on other {what}: {there} there, {images} here; give"
                " another --run_dir"
            )

    def copy_to(self, folder: pathlib.Path) -> "RunFolder":
        """Copies to a disk what is finished and cannot be remade quickly."""

        def left_out(path: Path) -> bool:
            if path.name.startswith((TENSORBOARD, "saved_model")) or path.name.endswith(".partial"):
                return True
            return path.name in SNAPSHOTS and not Snapshots(path).exists()

        paths.copy_folder(self.path, folder, left_out)
        return RunFolder(folder)

    def read_config(self) -> configs.Config:
        """The config of the run in this folder."""
        return configs.from_options(self.config.get()["options"])


def find_training(path: str) -> tuple[RunFolder, TrainingFolder]:
    """Finds the run, and the round or branch in it, that a path names.

    Raises:
      UsageError: the path is not a round or branch of a run.
    """
    absolute = paths.parse(path).absolute()
    match = re.fullmatch(r"(.+)/replicate_(\d+)/round_(\d+)(?:/branches/([^/]+))?", str(absolute))
    run = RunFolder(match[1] if match else absolute)
    if not match or not run.config.exists():
        raise UsageError(
            f"{path} is not a round of a run: expected RUN/replicate_0/round_05, or one of its"
            " branches, RUN with a config.json"
        )
    folder = run.replicate(int(match[2])).round(int(match[3]))
    return run, folder.branch(match[4]) if match[4] else folder


def _run_id(run: Path) -> str | None:
    """What a run's artifacts say that they are of; None in runs of earlier versions.

    It is the digest that the config had when the run began. It stays when the folder is moved, and
    a run that was stopped writes the same bytes as one that was not. Two runs of one config and
    seed share it, but then what they hold is the same.
    """
    config = Record(run / "config.json")
    return config.get().get("id") if config.exists() else None


def _clear(folder: TrainingFolder | ReplicateFolder | RunFolder) -> None:
    for artifact in vars(folder).values():
        if isinstance(artifact, Artifact):
            artifact.clear()


def _left_out(path: Path, reason: str) -> None:
    warnings.warn(f"{str(path)!r} is left out: {reason}", ToolkitWarning, stacklevel=3)


def _numbered(folder: Path, name: str) -> list[int]:
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
