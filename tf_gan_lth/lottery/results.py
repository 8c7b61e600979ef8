"""The results of a run as rows: read from the artifacts, written as `results.csv`, printed as a table."""

import csv
import dataclasses
import io
from collections.abc import Iterator

from tf_gan_lth.experiment.run_folder import Place, RunFolder


@dataclasses.dataclass(frozen=True)
class Result:
    """A scored training; the fields are the columns of `results.csv`."""

    replicate: int
    round: int
    branch: str
    generator_sparsity: float
    discriminator_sparsity: float
    generator_params_left: int
    fid: float
    kid: float
    inception_score: float
    protocol: str
    steps: int
    seed: int
    train_seconds: float | None
    eval_seconds: float


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
        fid=scores["fid"],
        kid=scores["kid"],
        inception_score=scores["inception_score"],
        protocol=scores["protocol"],
        steps=training["steps"],
        seed=training["seed"],
        train_seconds=training["train_seconds"],
        eval_seconds=round(scores["eval_seconds"], 3),
    )


def write_results(run: RunFolder) -> list[Result]:
    """Writes `results.csv` anew from the artifacts and returns its rows."""
    results = read_results(run)
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in dataclasses.fields(Result)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(dataclasses.asdict(result) for result in results)
    run.results.put(text.getvalue().encode())
    return results


def table(results: list[Result]) -> str:
    """The results as lines for a terminal."""
    lines = ["replicate round  branch       remaining       FID       KID     IS   train   eval"]
    for r in results:
        train = "?" if r.train_seconds is None else f"{r.train_seconds:.0f}s"
        lines.append(
            f"{r.replicate:>9} {r.round:>5}  {r.branch:<12} {1 - r.generator_sparsity:>9.1%} {r.fid:>9.3f} {r.kid:>9.4f} "
            f"{r.inception_score:>6.2f} {train:>7} {r.eval_seconds:>5.1f}s"
        )
    return "\n".join(lines)
