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
from collections.abc import Iterator

from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment import locks, paths, provenance
from tf_gan_lth.experiment.artifacts import File, Record, Snapshots
from tf_gan_lth.experiment.differences import difference
from tf_gan_lth.experiment.errors import RunFolderError, UsageError
from tf_gan_lth.experiment.paths import Path
from tf_gan_lth.experiment.replicate_folder import (
    TENSORBOARD,
    ReplicateFolder,
    TrainingFolder,
    clear_half_written,
    numbered,
)

SNAPSHOTS = ("initial", "rewind", "masks", "trained_masks", "weights")  # each folder one artifact


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
        yield from (self.replicate(number) for number in numbered(self.path, "replicate"))

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
            clear_half_written(self)
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
