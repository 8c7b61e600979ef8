"""The verdict: which is the sparsest ticket that matches the dense GAN, and how do controls do?"""

import collections
import dataclasses
from collections.abc import Iterable

from tf_gan_lth.experiment import amounts
from tf_gan_lth.findings.comparison import (
    DENSE,
    WITHIN,
    Comparison,
    beside,
    compare,
    in_words,
    tested_in_order,
    tickets,
)
from tf_gan_lth.findings.looks import Plan
from tf_gan_lth.findings.results import Result


@dataclasses.dataclass(frozen=True)
class Worth:
    """What a ticket saves of its whole generator, of which only a part is prunable.

    Attributes:
      round: of the ticket.
      sparsity: share of the prunable units that is pruned.
      parameters, parameters_left: all trainable parameters, and those that are not pruned.
      macs, macs_left: multiply-accumulates an image; None if they were not counted.
    """

    round: int
    sparsity: float
    parameters: int
    parameters_left: int
    macs: int | None
    macs_left: int | None

    @property
    def parameters_saved(self) -> float:
        """Share of all parameters that is pruned."""
        return 1 - self.parameters_left / self.parameters

    @property
    def macs_saved(self) -> float | None:
        """Share of the multiply-accumulates that pruned weights would take."""
        return 1 - self.macs_left / self.macs if self.macs else None

    @property
    def bytes(self) -> tuple[str, str]:
        """Size of the float32 values that remain and of all, as `68.1 kB`."""
        return amounts.size(4 * self.parameters_left), amounts.size(4 * self.parameters)

    @property
    def sentence(self) -> str:
        shares = [f"{self.parameters_saved:.1%} of all {self.parameters:,} parameters"]
        if self.macs:
            shares.append(f"{self.macs_saved:.1%} of {self.macs:,} MACs an image")
        left, whole = self.bytes
        return f"that prunes {', '.join(shares)}; {left} of {whole} remain as float32"


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a run found out about a generator.

    Attributes:
      generator: name of the generator.
      dense_fid: mean FID of round 0.
      limit: largest mean FID within the margin.
      matching: sparsest round whose ticket was found to match, with every denser one within the
        margin: see `comparison.tested_in_order`; None if there is none.
      best: that round; if there is none, the sparsest round within the margin that was not found to
        be worse; None if there is none either.
      comparisons: {(round, branch): its comparison with the dense GAN}.
      sentence: the verdict in words.
      plan: when replicates were judged.
      margin: share of the dense mean FID by which a matching ticket may be worse.
      worth: what `best` saves of the whole generator; None if there is no such round, or its
        parameters were not counted.
    """

    generator: str
    dense_fid: float
    limit: float
    matching: int | None
    best: int | None
    comparisons: dict[tuple[int, str], Comparison]
    sentence: str
    plan: Plan
    margin: float
    worth: Worth | None = None


def worth(results: list[Result], number: int) -> Worth | None:
    """What the ticket of a round saves; None if its parameters were not counted."""
    ticket = next(r for r in results if (r.round, r.branch) == (number, "main"))
    if not ticket.generator_params:
        return None
    return Worth(
        number,
        ticket.generator_sparsity,
        ticket.generator_params,
        ticket.generator_params_left,
        None if ticket.macs_left is None else ticket.macs,
        ticket.macs_left,
    )


def judge(results: list[Result], margin: float, plan: Plan | None = None) -> Verdict:
    """Judges one generator of a run; see `compare` for arguments, errors and tests."""
    # The sparsest ticket that matches, and the sparsest within the margin.
    plan = plan or Plan(len({result.replicate for result in results}))
    comparisons = compare(results, margin, plan)
    dense = comparisons[DENSE]
    limit = dense.fid_mean * (1.0 + margin)
    found = tickets(comparisons)
    passed = tested_in_order(comparisons)
    against = {number: beside(results, number, plan) for number in found}
    matching = _last(n for n, c in passed.items() if c.verdict == "matching")
    near = [n for n, c in found.items() if c.fid_mean <= against[n].fid_mean * (1.0 + margin)]
    within = _last(n for n in near if "worse" not in found[n].verdict)

    # Say so in words.
    sentences = []
    if matching is not None:
        sentences.append(_match(results, passed, matching, against[matching], margin))
    if within != matching:  # what matches is near, so the other is sparser
        sentences.append(_open(results, found, within, against[within], margin))
    stated = [n for n in (matching, within) if n is not None]
    if not sentences:
        sentences.append(
            f"no ticket matches the dense GAN (FID {_with_spread(dense)}) as far as is known"
        )
        stated = list(found)[:1]
    best = within if matching is None else matching
    saved = None if best is None else worth(results, best)
    remark = plan.remark(_replicates(results, stated))
    controls = _controls(results, comparisons, plan)
    parts = [
        part[0].upper() + part[1:]
        for part in (saved and saved.sentence, *sentences[1:], kept(results), remark, *controls)
        if part
    ]
    sentence = ". ".join([sentences[0], *parts]) + "."
    generator = results[0].generator
    return Verdict(
        generator=generator,
        dense_fid=dense.fid_mean,
        limit=limit,
        matching=matching,
        best=best,
        comparisons=comparisons,
        sentence=sentence,
        plan=plan,
        margin=margin,
        worth=saved,
    )


def _last(numbers: Iterable[int]) -> int | None:
    """The last of rounds that come from the densest on; None without any."""
    return [None, *numbers][-1]


def kept(results: list[Result]) -> str:
    """What a reader must know of scores that are the best along a training; empty for the last."""
    counts = sorted({result.best_of for result in results if result.best_of})
    if not counts:
        return ""
    many = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return (
        f"each FID is the best of {many} along its training, so it is biased low and compares only"
        " with others of that kind"
    )


def _match(
    results: list[Result],
    passed: dict[int, Comparison],
    number: int,
    dense: Comparison,
    margin: float,
) -> str:
    """That the ticket of a round matches, and with it all denser ones."""
    ticket = passed[number]
    denser = [*passed][: [*passed].index(number)]
    # The p-value of the whole statement is the largest of those that it takes.
    p = max(passed[n].p_matching for n in [*denser, number])
    also = ", as all denser ones" if denser else ""
    return (
        f"at {_at(results, number)} the ticket matches the dense GAN: {_fids(ticket, dense)}"
        f" (within {margin:.0%}{also}, p {p:.2g})"
    )


def _open(
    results: list[Result],
    found: dict[int, Comparison],
    number: int,
    dense: Comparison,
    margin: float,
) -> str:
    """That the mean of a round is within the margin, and why it is not said to match."""
    ticket = found[number]
    why = f"whether it matches is {in_words(ticket)}"
    if ticket.verdict == "matching alone":
        ended = next(n for n, c in found.items() if c.verdict not in WITHIN)
        why = (
            f"its own p is {ticket.p_matching:.2g}, but round {ended}, which is denser, is"
            f" {in_words(found[ended])}"
        )
    return (
        f"at {_at(results, number)} the ticket is at most {margin:.0%} worse than the dense GAN:"
        f" {_fids(ticket, dense)}; {why}"
    )


def _replicates(results: list[Result], numbers: list[int]) -> int:
    """How many replicates the dense GAN and all tickets of these rounds have."""
    counts = collections.Counter(r.round for r in results if r.branch == "main")
    return min(counts[number] for number in [0, *numbers])


def _controls(
    results: list[Result], comparisons: dict[tuple[int, str], Comparison], plan: Plan
) -> list[str]:
    """How the controls do at the sparsest round that has any."""
    with_controls = [number for number, branch in comparisons if branch != "main"]
    if not with_controls:
        return []
    last = with_controls[-1]
    found = {branch: c for (number, branch), c in comparisons.items() if number == last}
    order = ["main", *sorted(found.keys() - {"main"})] if "main" in found else sorted(found)
    parts = [
        f"{'ticket' if name == 'main' else name} {_fid(found[name].fid_mean)}" for name in order
    ]
    scores = f"At {_at(results, last)}: {', '.join(parts)}"
    worse = [
        f"{name} is worse than the ticket (p {found[name].p_worse_than_ticket:.2g})"
        for name in order
        if _is_worse(found[name], found.get("main"), plan)
    ]
    return ["; ".join([scores, ", ".join(worse)])] if worse else [scores]


def _is_worse(control: Comparison, ticket: Comparison | None, plan: Plan) -> bool:
    """Whether a control was found to be worse than the ticket of its round."""
    p = control.p_worse_than_ticket
    return p is not None and p < plan.level(min(control.replicates, ticket.replicates))


def _fids(ticket: Comparison, dense: Comparison) -> str:
    number = min(ticket.replicates, dense.replicates)
    return (
        f"FID {_with_spread(ticket)} vs {_with_spread(dense)} in {number}"
        f" replicate{'s' if number > 1 else ''}"
    )


def _with_spread(comparison: Comparison) -> str:
    deviation = comparison.fid_standard_deviation
    return _fid(comparison.fid_mean) + (f" +- {_fid(deviation)}" if deviation is not None else "")


def _fid(value: float) -> str:
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _at(results: list[Result], number: int) -> str:
    # The ticket's: a control may keep another share, of as many MACs.
    of_round = [r for r in results if r.round == number]
    sparsity = min(of_round, key=lambda r: r.branch != "main").generator_sparsity
    return f"{sparsity:.1%} sparsity (round {number})"
