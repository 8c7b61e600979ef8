"""The dense GAN that a compression starts from: read from a finished run, and checked."""

import dataclasses
import json
import re

from tf_gan_lth.experiment import digests
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import MaskError, UsageError
from tf_gan_lth.experiment.replicate_folder import ReplicateFolder, TrainingFolder
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.gans.snapshots import graph_text
from tf_gan_lth.methods.bench import Bench
from tf_gan_lth.methods.candidate import Candidate, expand
from tf_gan_lth.methods.records import sparsity_record


@dataclasses.dataclass(frozen=True)
class Dense:
    """The trained dense GAN of a run, or those of its replicates.

    Attributes:
      run: where it is kept.
      number: of the replicate whose GAN all replicates start from; None: each from that of its own
        number.
      config: of the run.
      used: {option: value}, as the run resolved them.
      digest: of weights before and after training, and of `number`.
    """

    run: RunFolder
    number: int | None
    config: Config
    used: dict[str, object]
    digest: str

    @property
    def record(self) -> dict[str, object]:
        """Where the dense GAN comes from, as a run records it."""
        return {
            "digest": self.digest,
            "run": str(self.run.path),
            "run_digest": self.config.digest,
            "dataset": self.config.data.dataset,
            "replicate": self.number,
            "round": 0,
        }

    @property
    def best_of(self) -> set[str]:
        """The options that say of how many scores the best counts; empty where the last does."""
        return {"score_every"} if self.config.evaluation.keep == "best" else set()

    def of(self, number: int) -> TrainingFolder:
        """The dense round that replicate `number` starts from.

        Raises:
          UsageError: there is none, or it is not finished.
        """
        return _finished(self.run, number if self.number is None else self.number)

    def check_fits(self, bench: Bench) -> None:
        """Checks that every replicate has its dense GAN, of these networks and images.

        Raises:
          UsageError: a replicate has none, or it was trained on other images, or the best of its
            scores counts and they are another replicate's.
          MaskError: it is of other networks.
        """
        for number in range(bench.config.lottery.replicates):
            dense = self.of(number)
            if self.best_of and dense.replicate != number:
                raise UsageError(
                    f"--keep=best: the dense GAN of {dense.of_replicate.path} has no scores within"
                    f" its training by the draws of replicate {number}: give --dense=RUN, whose"
                    " replicates each have their own"
                )
        there, here = self.run.images.get(), bench.task.images.record
        odd = [n for n, value in here.items() if n != "name" and there.get(n, value) != value]
        if odd:
            raise UsageError(
                f"the dense GAN of {self.run.path} was trained on other images: {odd[0]} is"
                f" {there[odd[0]]} there and {here[odd[0]]} here"
            )
        weights = self.of(0).weights.get()
        for name, network in bench.gan.networks.items():
            _check_shapes(name, weights[name], bench.shapes[name])
            digest = digests.short(graph_text(network))
            if self.used.get(f"network.{name}", digest) != digest:
                raise MaskError(
                    f"the dense GAN of {self.run.path} has another {name}: the weights have the"
                    " same shapes, but what it computes with them has changed since"
                )

    def adopt(self, bench: Bench, replicate: ReplicateFolder) -> Candidate:
        """Makes it round 0 of another run, whose folder then holds all that a round holds.

        Of the replicate of the same number it has the scores too; another one scores it with its
        own draws.
        """
        there, here = self.of(replicate.number), replicate.round(0)
        initial = replicate.initial.get_or(there.of_replicate.initial.get)
        masks = bench.masks_or(here, dict, bench.full_masks)
        here.training.get_or(there.training.get)
        here.weights.get_or(there.weights.get)
        here.sparsity.get_or(sparsity_record, bench, expand(masks))
        if there.replicate == replicate.number:
            here.samples.get_or(there.samples.get)
            here.scores.get_or(there.scores.get)
            before = there.of_replicate.untrained_scores
            if before.exists():
                replicate.untrained_scores.get_or(before.get)
        elif bench.config.networks.bits != 32:  # what is trained has others, and so has its task
            task = type(bench.task)(bench.config, bench.gan, bench.task.images)
            replicate.untrained_scores.get_or(task.score, initial, replicate.number)
            here.samples.get_or(task.draw_samples, here.weights.get(), replicate.number)
            here.scores.get_or(task.score, here.weights.get(), replicate.number)
        return Candidate(here, initial, masks)


def open_dense(path: str) -> Dense:
    """Opens the dense GAN of a run, or of one of its replicates.

    Args:
      path: `RUN` or `RUN/replicate_0`.

    Raises:
      UsageError: it is neither, or its dense GAN is not finished.
      ArtifactError: its files are broken.
    """
    run = RunFolder(path)
    absolute = run.path.absolute()
    match = re.fullmatch(r"replicate_(\d+)", absolute.name)
    run = RunFolder(absolute.parent if match else absolute)
    if not run.config.exists():
        raise UsageError(
            f"--dense={path} is no dense GAN: expected RUN/replicate_0, or RUN for that of each"
            " replicate, RUN with a config.json"
        )
    number = int(match[1]) if match else None
    place = _finished(run, number or 0)
    parts = [json.dumps([number])]
    for snapshots in (place.of_replicate.initial.get(), place.weights.get()):
        for name, arrays in sorted(snapshots.items()):
            for variable, array in sorted(arrays.items()):
                parts += [json.dumps([name, variable, array.shape, str(array.dtype)]), array]
    used = run.config.get().get("used", {})
    return Dense(run, number, run.read_config(), used, digests.short(*parts))


def _finished(run: RunFolder, number: int) -> TrainingFolder:
    replicate = run.replicate(number)
    dense = replicate.round(0)
    if not dense.is_complete() or not replicate.initial.exists():
        state = "is not finished" if replicate.path.exists() else "is not there"
        raise UsageError(
            f"the dense GAN of {replicate.path} {state}: run the command that trains it to the end"
            " of its round 0"
        )
    return dense


def _check_shapes(name: str, there: Arrays, here: dict[str, tuple[int, ...]]) -> None:
    shapes = {path: array.shape for path, array in there.items()}
    odd = sorted(path for path in shapes.keys() | here if shapes.get(path) != here.get(path))
    if odd:
        raise MaskError(
            f"the dense GAN has another {name}: {odd[0]} is {shapes.get(odd[0])} there and"
            f" {here.get(odd[0])} here"
        )
