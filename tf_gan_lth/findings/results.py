"""The results of a run as rows, read from its artifacts."""

import collections
import dataclasses
from collections.abc import Iterable, Iterator

from tf_gan_lth.experiment.errors import RunFolderError
from tf_gan_lth.experiment.replicate_folder import TrainingFolder
from tf_gan_lth.experiment.run_folder import RunFolder

# What judged a generator's images, in runs that did not record it.
JUDGES = {
    "generator": "discriminator",
    "generator_a2b": "discriminator_b",
    "generator_b2a": "discriminator_a",
}
BYTES = 4  # of a float32
NOT_SCORES = (
    "classes",
    "warnings",
    "protocol",
    "protocol_details",
    "eval_seconds",
    "best",
    "step",
    "of",
)


@dataclasses.dataclass(frozen=True)
class Result:
    """A scored generator of a training. Of a GAN that translates, each direction has one.

    Attributes:
      replicate, round, branch: of the training.
      generator: name of the network.
      generator_sparsity: over its prunable units.
      discriminator_sparsity: of the discriminator that judges it; None if none does.
      generator_params_left: trainable parameters that are not pruned.
      protocol: that the scores were computed under; scores of different ones do not compare.
      steps, seed, train_seconds: of the training; seconds are None if their record was lost.
      eval_seconds: that scoring took.
      scores: by name; None where so few images do not give one, as `scores.json` says.
      macs, macs_left: multiply-accumulates an image, dense and with weights that remain; None in
        runs of versions that did not count them.
      generator_params: trainable parameters, dense; None likewise.
      time_share: {format: share of the dense generator's time for an image, on one thread}, of what
        was exported and measured; see `_time_shares`.
      best_of, best_step: where the scores are the best of several along the training, how many
        these were, and the step of the best; None where they are those of the last step.
      train_macs: multiply-accumulates that training took, as far as that is known.
      phases: {name: steps} of the trainings that it went on from; `steps`, `train_seconds` and
        `train_macs` have them in.
    """

    replicate: int
    round: int
    branch: str
    generator: str
    generator_sparsity: float
    discriminator_sparsity: float | None
    generator_params_left: int
    protocol: str
    steps: int
    seed: int
    train_seconds: float | None
    eval_seconds: float
    scores: dict[str, float | None]
    macs: int | None = None
    macs_left: int | None = None
    generator_params: int | None = None
    time_share: dict[str, float] = dataclasses.field(default_factory=dict)
    best_of: int | None = None
    best_step: int | None = None
    train_macs: int | None = None
    phases: dict[str, int] = dataclasses.field(default_factory=dict)

    @property
    def fid(self) -> float:
        return self.scores["fid"]


def by_generator(scores: dict[str, object]) -> dict[str, dict[str, object]]:
    """{generator: its score record} of what a `scores.json` holds.

    Earlier versions wrote the record of a single generator alone.
    """
    return {"generator": scores} if "protocol" in scores else scores


def read_results(run: RunFolder) -> list[Result]:
    """Every generator of the scored trainings, by replicate, round and branch (`main` first)."""
    return [result for folder in scored_folders(run) for result in _results(folder)]


def scored_folders(run: RunFolder) -> Iterator[TrainingFolder]:
    """The folders of the trainings that have their scores, in the order of `read_results`."""
    check_different(run)
    for replicate in run.replicates():
        for number in replicate.rounds():
            yield from (f for f in [number, *number.branches()] if f.scores.exists())


def check_different(run: RunFolder) -> None:
    """Raises `RunFolderError` if replicates have equal weights, before or after a training.

    Then one is a copy. But those of a transfer all begin with the weights of its ticket, and those
    of a compression with one dense GAN.
    """
    seen = {}
    transferred = run.parent.exists()
    first = 1 if transferred and run.parent.get()["round"] == 0 else 0
    for replicate in run.replicates():
        weights = [f.weights for f in replicate.rounds() if f.round_number >= first]
        for kept in weights if transferred else [replicate.initial, *weights]:
            if not kept.exists():
                continue
            key = tuple(sorted(kept.checksums().items()))
            other, path = seen.setdefault(key, (replicate.number, kept.path))
            if other != replicate.number:
                raise RunFolderError(
                    f"{replicate.path} is a copy of {run.replicate(other).path}: {kept.path} and"
                    f" {path} are the same weights; move it out of the run"
                )


def _results(folder: TrainingFolder) -> Iterator[Result]:
    sparsity = folder.sparsity.get()
    training = folder.training.get()
    phases = training.get("phases", {})
    parts = [training, *phases.values()]
    seconds = [part["train_seconds"] for part in parts]
    macs = [part.get("macs") for part in parts]
    for name, scores in by_generator(folder.scores.get()).items():
        network = sparsity[name]
        scores["fid"]  # verdicts need it: a record without it is named here
        judge = sparsity.get(network.get("judge", JUDGES.get(name)))
        counted = scores.get("best", scores)
        yield Result(
            replicate=folder.replicate,
            round=folder.round_number,
            branch=folder.branch_name,
            generator=name,
            generator_sparsity=network["sparsity"],
            discriminator_sparsity=judge and judge["sparsity"],
            generator_params_left=network["parameters_left"],
            protocol=counted["protocol"],
            steps=sum(part["steps"] for part in parts),
            seed=training["seed"],
            train_seconds=None if None in seconds else sum(seconds),
            eval_seconds=round(scores["eval_seconds"], 3),
            scores=scores_of(counted),
            macs=network.get("macs"),
            macs_left=network.get("macs_left"),
            generator_params=network.get("parameters"),
            time_share=_time_shares(folder, name),
            best_of=counted.get("of"),
            best_step=counted.get("step"),
            train_macs=None if None in macs else sum(macs),
            phases={phase: part["steps"] for phase, part in phases.items()},
        )


def scores_of(record: dict[str, object]) -> dict[str, float | None]:
    """The scores alone of a score record."""
    return {name: value for name, value in record.items() if name not in NOT_SCORES}


def most_measured(results: Iterable[Result]) -> str | None:
    """The format that most of the results were measured in, the first of equal ones."""
    counts = collections.Counter(name for result in results for name in result.time_share)
    return max(counts, key=counts.get, default=None)


def _time_shares(folder: TrainingFolder, generator: str) -> dict[str, float]:
    """What its card says: ratios of medians of paired turns, which compare between cards."""
    card = folder.card(generator)
    if not card.exists():
        return {}
    return {
        name: timed["ticket"] / timed["dense"]
        for name, entry in card.get()["formats"].items()
        for timed in entry.get("milliseconds_an_image", [])
        if (timed["batch"], timed["threads"]) == (1, 1)
    }
