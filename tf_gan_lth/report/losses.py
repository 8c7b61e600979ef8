"""The losses of each training, read from TensorBoard's files, as small charts."""

import functools
import html
import pathlib
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
from tensorboard import data_compat
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from tf_gan_lth.experiment.paths import Path
from tf_gan_lth.experiment.replicate_folder import TrainingFolder
from tf_gan_lth.report.chart import Scale, number

MOST_POINTS = 100  # of a curve
WIDTH, HEIGHT = 240, 110
LEFT, RIGHT, TOP, BOTTOM = 40, 4, 6, 20

Curves = dict[str, tuple[np.ndarray, np.ndarray]]  # {loss: (steps, values)}


def read(folder: TrainingFolder) -> Curves:
    """The losses of a training by step; empty if TensorBoard's files are gone.

    Returns:
      {name: (steps, values)}, two arrays of at most `MOST_POINTS` entries. Steps are ascending: of
      a step that was trained twice, as a training was killed and continued, the last is taken.
    """
    log = folder.curves / "train"
    files = sorted(log.glob("events.out.tfevents.*")) if log.exists() else ()
    return _curves(tuple((str(path), _size(path)) for path in files))


def _size(path: Path) -> int | None:
    return path.stat().st_size if isinstance(path, pathlib.Path) else None


@functools.cache
def _curves(files: tuple[tuple[str, int | None], ...]) -> Curves:
    """The losses in files of a name and size each, whose content is that of no others.

    They are read once: a run makes its page anew after each training, and has many of them.
    """
    found: dict[str, dict[int, float]] = {}
    for path, _ in files:
        for step, name, value in _scalars(path):
            curve = found.setdefault(name, {})
            # A later process begins at a checkpoint, before where the earlier one got to.
            curve.pop(step, None)
            while curve and next(reversed(curve)) > step:
                curve.popitem()
            curve[step] = value
    curves = {name: _thinned(curve) for name, curve in sorted(found.items(), key=_order)}
    return {name: curve for name, curve in curves.items() if len(curve[0])}


def _scalars(path: str) -> Iterator[tuple[int, str, float]]:
    """(step, loss, value) of each summary of a training step; a file that is cut ends early."""
    for event in EventFileLoader(path).Load():
        for value in event.summary.value:
            name = value.tag.removeprefix("batch_")
            if name == value.tag or not name.endswith("loss"):
                continue
            number = tf.make_ndarray(data_compat.migrate_value(value).tensor)
            yield event.step, name, float(number)


def _order(item: tuple[str, object]) -> tuple:
    """Generators first, then by name."""
    return not item[0].startswith("generator"), item[0]


def _thinned(curve: dict[int, float]) -> tuple[np.ndarray, np.ndarray]:
    steps = np.array(list(curve))
    values = np.array(list(curve.values()))
    finite = np.isfinite(values)
    steps, values = steps[finite], values[finite]
    chosen = np.unique(np.linspace(0, len(steps) - 1, min(MOST_POINTS, len(steps))).astype(int))
    return steps[chosen], values[chosen]


def common_scale(all_curves: list[Curves]) -> Scale | None:
    """One axis for all of them, so that they can be compared; None if there is no value.

    A few spikes would flatten everything else: what is beyond the outer half percents is cut.
    """
    values = [y for curves in all_curves for _, y in curves.values() if len(y)]
    if not values:
        return None
    low, high = np.percentile(np.concatenate(values), [0.5, 99.5])
    air = 0.06 * (high - low) or 1.0
    return Scale(float(low - air), float(high + air), HEIGHT - BOTTOM, TOP)


def draw(curves: Curves, y: Scale, title: str, what: str = "Losses") -> str:
    """Curves of a training as an `<svg>`, whose values the page's script shows.

    Args:
      curves: at least one.
      y: the common scale.
      title: of the training.
      what: the curves are.
    """
    first = min(int(steps[0]) for steps, _ in curves.values())
    last = max(int(steps[-1]) for steps, _ in curves.values())
    x = Scale(first, max(last, first + 1), LEFT, WIDTH - RIGHT)
    ends = [
        f"{_words(name)} from {number(values[0])} to {number(values[-1])}"
        for name, (_, values) in curves.items()
    ]
    alt = f"{what} of {title}: {', '.join(ends)}"
    axes = f"{LEFT} {WIDTH - RIGHT} {y.low:.6g} {y.high:.6g} {y.start} {y.end} {x.low} {x.high}"
    bottom = HEIGHT - BOTTOM
    parts = [
        f'<svg class="chart small" role="img" viewBox="0 0 {WIDTH} {HEIGHT}" data-axes="{axes}"'
        f' aria-label="{html.escape(alt)}"><title>{html.escape(alt)}</title>'
        f'<rect class="reach" width="{WIDTH}" height="{HEIGHT}"/>'
    ]
    for value in y.ticks():
        parts.append(f'<path class="grid" d="M{LEFT} {y(value):.1f}H{WIDTH - RIGHT}"/>')
        parts.append(
            f'<text class="end" x="{LEFT - 6}" y="{y(value):.1f}" dy=".35em">{value:g}</text>'
        )
    parts.append(f'<path class="axis" d="M{LEFT} {bottom}H{WIDTH - RIGHT}"/>')
    parts.append(f'<text class="end" x="{WIDTH - RIGHT}" y="{HEIGHT - 5}">step {last:,}</text>')
    # An inner svg cuts what is beyond its box.
    inner = f"{LEFT} {TOP} {WIDTH - RIGHT - LEFT} {bottom - TOP}"
    parts.append(
        f'<svg x="{LEFT}" y="{TOP}" width="{WIDTH - RIGHT - LEFT}" height="{bottom - TOP}"'
        f' viewBox="{inner}">'
    )
    for index, (name, (steps, values)) in enumerate(curves.items()):
        points = " ".join(f"{x(s):.1f},{y(v):.1f}" for s, v in zip(steps, values, strict=True))
        parts.append(
            f'<polyline class="line s{index % 8}" data-name="{html.escape(_words(name))}"'
            f' points="{points}"/>'
        )
    return "".join([*parts, "</svg></svg>"])


def names(all_curves: list[Curves]) -> list[str]:
    """What the losses are called, in the order of their colours."""
    longest = max(all_curves, key=len, default={})
    return [_words(name) for name in longest]


def _words(name: str) -> str:
    if not name.endswith("_loss"):
        return name
    return name.removesuffix("_loss").replace("_", " ") + " loss"
