"""What stays of each layer, by round: its weights, and of a run over channels which of these."""

import html
from collections.abc import Iterator, Sequence

from tf_gan_lth.experiment.replicate_folder import TrainingFolder
from tf_gan_lth.report.axes import CHANNEL
from tf_gan_lth.report.judged import Judged

ROW = 7  # pixels of a round in a picture
GAP = 0.1  # between channels, of a channel, where there are few
FEW = 64  # channels


def of_generator(judged: Judged, generator: str) -> list[str]:
    """Of the first replicate."""
    rounds = [folder for folder in judged.first.rounds() if folder.scores.exists()]
    name = html.escape(generator.replace("_", " "))
    weights = _weights(rounds, generator)
    channels = _channels(rounds, generator)
    if not channels:
        heading = f"Remaining weights of each layer of the {name}, in %, by round"
        missing = '<p class="note">This run did not record which channels stay.</p>'
        noted = [missing] if judged.config.lottery.unit == CHANNEL else []
        return [f"<h2>{heading}</h2>", *noted, weights]
    # Variables lose their share of channels: of them there is no more to see.
    folded = "remaining values of each variable, in %, by round"
    return [
        f"<h2>Channels that each layer of the {name} keeps, by round</h2>",
        *channels,
        f"<details><summary>{folded}</summary>{weights}</details>",
    ]


def _channels(rounds: Sequence[TrainingFolder], generator: str) -> list[str]:
    """A picture for each group of channels, and their numbers; nothing if none are recorded."""
    recorded = {
        folder.round_number: folder.sparsity.get()[generator].get("channels") for folder in rounds
    }
    kept = {number: channels for number, channels in recorded.items() if channels}
    if not kept:
        return []
    numbers = list(kept)
    first = kept[numbers[0]]
    pictures = "".join(
        _picture(name, {number: channels[name] for number, channels in kept.items()})
        for name in first
    )
    rows = []
    for name, bits in first.items():
        counts = [channels[name].count("1") for channels in kept.values()]
        cells = [(str(count), count / len(bits)) for count in counts]
        rows.append((name, len(bits), cells))
    left = [str(number) for number in recorded if number not in kept]
    missing = f" Not recorded, by an earlier version: rounds {', '.join(left)}." if left else ""
    return [
        f'<p class="note">A column is a channel, a row a round: {numbers[0]} above,'
        f" {numbers[-1]} below. Filled is what stays. Layers whose maps are added share their"
        f" channels, and are named by the first.{missing}</p>",
        f'<div class="kept-grid">{pictures}</div>',
        _heat("channels", numbers, rows),
    ]


def _picture(name: str, kept: dict[int, str]) -> str:
    """The channels of a group, over the rounds, as an `<svg>`."""
    rounds = list(kept.values())
    size = len(rounds[0])
    counts = [str(bits.count("1")) for bits in rounds]
    alt = (
        f"{name}: of {size} channels stay {', '.join(counts)} in rounds {', '.join(map(str, kept))}"
    )
    gap = GAP if size <= FEW else 0
    bars = "".join(
        f"M{channel + gap / 2:g} {start}h{1 - gap:g}v{length}h-{1 - gap:g}z"
        for channel in range(size)
        for start, length in _runs([bits[channel] for bits in rounds])
    )
    return (
        f"<figure><figcaption><b>{html.escape(name)}</b> {counts[0]} to {counts[-1]} of {size}"
        f'</figcaption><svg class="kept s0" role="img" aria-label="{html.escape(alt)}"'
        f' viewBox="0 0 {size} {len(rounds)}" preserveAspectRatio="none"'
        f' style="height:{ROW * len(rounds)}px"><title>{html.escape(alt)}</title>'
        f'<path d="{bars}"/></svg></figure>'
    )


def _runs(bits: Sequence[str]) -> Iterator[tuple[int, int]]:
    """(start, length) of each stretch of ones."""
    start = None
    for place, bit in enumerate([*bits, "0"]):
        if bit == "1" and start is None:
            start = place
        elif bit != "1" and start is not None:
            yield start, place - start
            start = None


def _weights(rounds: Sequence[TrainingFolder], generator: str) -> str:
    layers = [folder.sparsity.get()[generator]["layers"] for folder in rounds]
    rows = []
    for name, counts in layers[0].items():
        shares = [each[name]["remaining"] / each[name]["total"] for each in layers]
        cells = [(f"{100 * share:.0f}", share) for share in shares]
        rows.append((name.removesuffix("/kernel"), counts["total"], cells))
    return _heat("weights", [folder.round_number for folder in rounds], rows)


def _heat(
    what: str,
    rounds: Sequence[int],
    rows: Sequence[tuple[str, int, Sequence[tuple[str, float]]]],
) -> str:
    """A table of layers by rounds: numbers on shades.

    Args:
      what: is counted.
      rounds: their numbers.
      rows: of each layer its name, how many it has, and for each round (text, share in [0, 1]).
    """
    lines = []
    for name, total, cells in rows:
        shaded = "".join(
            f'<td style="--share:{0.55 * share:.2f}">{text}</td>' for text, share in cells
        )
        lines.append(f'<tr><td class="l">{html.escape(name)}</td><td>{total:,}</td>{shaded}</tr>')
    heads = "".join(f'<th scope="col">{number}</th>' for number in rounds)
    return (
        '<div class="wide"><table class="heat"><thead><tr><th class="l" scope="col">layer</th>'
        f'<th scope="col">{what}</th>{heads}</tr></thead><tbody>{"".join(lines)}</tbody></table>'
        "</div>"
    )
