"""The verdict: which is the sparsest ticket that matches the dense GAN, and how do the controls do?"""

import dataclasses
import statistics

from tf_gan_lth.experiment.errors import EvaluationError
from tf_gan_lth.lottery.results import Result

# Single runs of one recipe differ by about this share in public sources of the paper's SNGAN (13.3 to 15.7 FID).
SINGLE_RUN_NOISE = 0.10


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a run found.

    Attributes:
      dense_fid: mean FID of round 0.
      limit: the largest mean FID that counts as matching.
      matching: the sparsest round whose ticket matches, or None.
      sentence: the verdict in words.
    """

    dense_fid: float
    limit: float
    matching: int | None
    sentence: str


def judge(results: list[Result]) -> Verdict:
    """Judges a run with at least a scored round 0.

    With several replicates the limit is the dense mean plus one standard deviation; with one, whose noise is unknown, the
    dense FID plus `SINGLE_RUN_NOISE`.
    """
    protocols = {result.protocol for result in results}
    if len(protocols) > 1:
        raise EvaluationError(f"scores of different protocols cannot be compared: {', '.join(sorted(protocols))}")
    dense = _fids(results, 0, "main")
    mean = statistics.mean(dense)
    limit = mean + statistics.stdev(dense) if len(dense) > 1 else mean * (1.0 + SINGLE_RUN_NOISE)
    rounds = sorted({result.round for result in results if result.round})
    means = {number: statistics.mean(_fids(results, number, "main")) for number in rounds}
    matching = max((number for number in rounds if means[number] <= limit), default=None)
    single = f"in one replicate; up to {SINGLE_RUN_NOISE:.0%} above counts as matching"
    noise = f"+- {_fid(limit - mean)} over {len(dense)} replicates" if len(dense) > 1 else single
    if matching is None:
        found = f"no ticket matches the dense GAN (FID {_fid(mean)} {noise})"
    else:
        ticket = f"FID {_fid(means[matching])} vs {_fid(mean)} {noise}"
        found = f"at {_sparsity(results, matching):.1%} sparsity (round {matching}) the ticket matches the dense GAN: {ticket}"
    return Verdict(mean, limit, matching, f"{found}. {_controls(results, rounds)}".strip())


def _controls(results: list[Result], rounds: list[int]) -> str:
    """How the controls do at the sparsest round that has any."""
    with_controls = [r.round for r in results if r.branch != "main"]
    if not with_controls:
        return ""
    number = max(with_controls)
    names = ["main", *sorted({r.branch for r in results if r.round == number} - {"main"})]
    parts = [f"{'ticket' if name == 'main' else name} {_fid(statistics.mean(_fids(results, number, name)))}" for name in names]
    return f"At {_sparsity(results, number):.1%} sparsity (round {number}): {', '.join(parts)}."


def _fid(value: float) -> str:
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _fids(results: list[Result], number: int, branch: str) -> list[float]:
    return [r.fid for r in results if r.round == number and r.branch == branch]


def _sparsity(results: list[Result], number: int) -> float:
    return next(r.generator_sparsity for r in results if r.round == number and r.branch == "main")
