"""The results of a run as rows: read from the artifacts, printed as a table."""

import dataclasses
from collections.abc import Iterator

from tf_gan_lth.evaluation import SCORES
from tf_gan_lth.experiment.run_folder import Place, RunFolder

TRUTH = ("l1_inside", "l1_outside")  # scores where the true translations are known

# What judges the images of a generator.
DISCRIMINATORS = {
    "generator": "discriminator",
    "generator_a2b": "discriminator_b",
    "generator_b2a": "discriminator_a",
}


@dataclasses.dataclass(frozen=True)
class Result:
    """A scored generator of a training; the fields are columns of `results.csv`.

    A score is None where so few images do not give it; `scores.json` then says why. Of a GAN that
    translates, each direction has a row, with the sparsities of its generator and of the
    discriminator of its target domain; `l1_inside` and `l1_outside` are where the true translations
    are known."""

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
    generator: str = "generator"
    l1_inside: float | None = None
    l1_outside: float | None = None


def by_generator(scores: dict[str, object]) -> dict[str, dict[str, object]]:
    """{generator: its score record} of what a `scores.json` holds: of a single generator, its
    record alone.
    """
    return {"generator": scores} if "protocol" in scores else scores


def read_results(run: RunFolder) -> list[Result]:
    """Every generator of the trainings that have their scores, by replicate, round and branch
    (`main` first).
    """
    return [result for place in scored_places(run) for result in _results(place)]


def scored_places(run: RunFolder) -> Iterator[Place]:
    """The places of the trainings that have their scores, in the order of `read_results`."""
    for replicate in run.replicates():
        for number in replicate.rounds():
            yield from (place for place in [number, *number.branches()] if place.scores.exists())


def _results(place: Place) -> Iterator[Result]:
    sparsity, training = place.sparsity.get(), place.training.get()
    for name, scores in by_generator(place.scores.get()).items():
        yield _result(place, name, sparsity, scores, training)


def _result(place: Place, generator: str, sparsity: dict, scores: dict, training: dict) -> Result:
    return Result(
        generator=generator,
        replicate=place.replicate,
        round=place.round_number,
        branch=place.branch_name,
        generator_sparsity=sparsity[generator]["sparsity"],
        discriminator_sparsity=sparsity[DISCRIMINATORS[generator]]["sparsity"],
        generator_params_left=sparsity[generator]["parameters_left"],
        **{name: scores[name] for name in SCORES},
        protocol=scores["protocol"],
        steps=training["steps"],
        seed=training["seed"],
        train_seconds=training["train_seconds"],
        eval_seconds=round(scores["eval_seconds"], 3),
        **{name: scores.get(name) for name in TRUTH},
    )


def table(results: list[Result]) -> str:
    """The results as lines for a terminal."""
    lines = [
        "replicate round  branch               remaining       FID       KID     IS  precision"
        " recall   train   eval"
    ]
    for r in results:
        direction = direction_of(r.generator)
        scores = (
            f"{r.fid:>9.3f} {formatted(r.kid, '.4f'):>9} {formatted(r.inception_score, '.2f'):>6}"
        )
        manifold = f"{formatted(r.precision, '.2f'):>10} {formatted(r.recall, '.2f'):>6}"
        seconds = f"{formatted(r.train_seconds, '.0f'):>6}s {r.eval_seconds:>5.1f}s"
        lines.append(
            f"{r.replicate:>9} {r.round:>5}  {r.branch:<20} {1 - r.generator_sparsity:>9.1%}"
            f" {scores} {manifold} {seconds}"
            + (f"  {direction}" if direction else "")
            + (
                f", L1 inside {r.l1_inside:.3f}, outside {r.l1_outside:.3f}"
                if r.l1_inside is not None
                else ""
            )
        )
    return "\n".join(lines)


def direction_of(generator: str) -> str:
    """`a2b` or `b2a`; nothing of a generator that does not translate."""
    return generator.partition("_")[2]


def formatted(value: float | None, form: str) -> str:
    """The number as text, or `-` where there is none."""
    return "-" if value is None else format(value, form)
