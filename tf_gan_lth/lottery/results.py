"""The results of a run as rows: read from the artifacts, printed as a table."""

import dataclasses
from collections.abc import Iterator

from tf_gan_lth.evaluation import SCORES
from tf_gan_lth.experiment.run_folder import Place, RunFolder


@dataclasses.dataclass(frozen=True)
class Result:
    """A scored training; the fields are columns of `results.csv`.

    A score is None where so few images do not give it; `scores.json` then says why.
    """

    replicate: int
    round: int
    branch: str
    generator_sparsity: float
    discriminator_sparsity: float
    generator_params_left: int
    fid: float
    kid: float | None
    inception_score: float | None
    protocol: str
    steps: int
    seed: int
    train_seconds: float | None
    eval_seconds: float
    kid_standard_error: float | None = None
    inception_score_std: float | None = None
    precision: float | None = None
    recall: float | None = None
    density: float | None = None
    coverage: float | None = None


def read_results(run: RunFolder) -> list[Result]:
    """Every training of the run that has its scores, by replicate, round and branch (`main` first)."""
    return [_result(place) for place in scored_places(run)]


def scored_places(run: RunFolder) -> Iterator[Place]:
    """The places of the trainings that have their scores, in the order of `read_results`."""
    for replicate in run.replicates():
        for number in replicate.rounds():
            yield from (place for place in [number, *number.branches()] if place.scores.exists())


def _result(place: Place) -> Result:
    sparsity, scores, training = place.sparsity.get(), place.scores.get(), place.training.get()
    return Result(
        replicate=place.replicate,
        round=place.round_number,
        branch=place.branch_name,
        generator_sparsity=sparsity["generator"]["sparsity"],
        discriminator_sparsity=sparsity["discriminator"]["sparsity"],
        generator_params_left=sparsity["generator"]["parameters_left"],
        **{name: scores[name] for name in SCORES},
        protocol=scores["protocol"],
        steps=training["steps"],
        seed=training["seed"],
        train_seconds=training["train_seconds"],
        eval_seconds=round(scores["eval_seconds"], 3),
    )


def table(results: list[Result]) -> str:
    """The results as lines for a terminal."""
    lines = ["replicate round  branch               remaining       FID       KID     IS  precision recall   train   eval"]
    for r in results:
        scores = f"{r.fid:>9.3f} {formatted(r.kid, '.4f'):>9} {formatted(r.inception_score, '.2f'):>6}"
        manifold = f"{formatted(r.precision, '.2f'):>10} {formatted(r.recall, '.2f'):>6}"
        seconds = f"{formatted(r.train_seconds, '.0f'):>6}s {r.eval_seconds:>5.1f}s"
        lines.append(
            f"{r.replicate:>9} {r.round:>5}  {r.branch:<20} {1 - r.generator_sparsity:>9.1%} {scores} {manifold} {seconds}"
        )
    return "\n".join(lines)


def formatted(value: float | None, form: str) -> str:
    """The number as text, or `?` where there is none."""
    return "?" if value is None else format(value, form)
