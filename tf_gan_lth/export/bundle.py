"""A folder with a ticket in several formats, each checked, and the card that says what they take.

bundle.export(tickets.find("runs/demo/replicate_0/round_05"), ["tflite"], path)
"""

import dataclasses
import pathlib
import tempfile
import warnings
from collections.abc import Sequence

import numpy as np

from tf_gan_lth.evaluation import exported
from tf_gan_lth.experiment import paths
from tf_gan_lth.experiment.artifacts import Artifact, File, Record
from tf_gan_lth.experiment.errors import (
    ExportError,
    RunFolderError,
    ToolkitError,
    ToolkitWarning,
    UsageError,
    check_known,
)
from tf_gan_lth.export import cards, measuring
from tf_gan_lth.export.formats import FORMATS, MODEL, write_all
from tf_gan_lth.export.tickets import Found

COMPARED = 16  # images on which a format is compared with Keras
PAGE = "card.md"


@dataclasses.dataclass(frozen=True)
class Request:
    """What to export.

    Attributes:
      found: the ticket.
      formats: names of formats.
      measure: what the card measures, of `cards.MEASURES`.
    """

    found: Found
    formats: Sequence[str]
    measure: Sequence[str]


class Bundle(Artifact):
    """The folder; it is there when everything in it is."""

    def _read(self, path: pathlib.Path) -> dict:
        return Record(path / exported.CARD).get()

    def _write(self, path: pathlib.Path, request: Request) -> None:
        path.mkdir(parents=True)
        try:
            written = _write(request, path)
            with tempfile.TemporaryDirectory() as folder:
                card = cards.make(request.found, written, request.measure, pathlib.Path(folder))
        except ToolkitError:
            paths.remove(path)
            raise
        if MODEL not in request.formats:
            paths.remove(path / MODEL)
        Record(path / exported.CARD).put(card)
        File(path / PAGE).put(cards.page(card).encode())


def export(
    found: Found,
    formats: Sequence[str],
    output: pathlib.Path,
    measure: Sequence[str] = (),
) -> dict:
    """Exports a ticket, and returns its card; everything is written, or nothing.

    A card with speeds is kept in the training's folder too, where the report finds it.

    Args:
      found: the ticket.
      formats: names of formats, see `formats.FORMATS`.
      output: folder to write; nothing may be there.
      measure: what the card measures beside sizes, of `cards.MEASURES`.

    Raises:
      UsageError: a format or measure is unknown, or something is at `output`.
      ExportError: a converter failed, or a format does not return what the ticket does.
      RunFolderError: the folder cannot be written.

    Warns:
      ToolkitWarning: the training's folder cannot be written.
    """
    formats = list(dict.fromkeys(formats))
    for name in formats:
        check_known("format", name, FORMATS)
    for name in measure:
        check_known("measure", name, cards.MEASURES)
    if output.exists():
        raise UsageError(f"{output} exists and is not overwritten: give another --output")
    Bundle(output).put(Request(found, formats, measure))
    card = Bundle(output).get()
    if any("milliseconds_an_image" in entry for entry in card["formats"].values()):
        _keep(card, found, output)
    return card


def _keep(card: dict, found: Found, output: pathlib.Path) -> None:
    """Writes a card into the round; what is exported is good also where that is not possible."""
    try:
        found.folder.card(found.name).put(card)
    except RunFolderError as error:
        reason = str(error).partition(";")[0]
        warnings.warn(
            f"{output} is written and whole; its times are not kept in the run, so that the report"
            f" does not show them: {reason}",
            ToolkitWarning,
            stacklevel=3,
        )


def _write(request: Request, folder: pathlib.Path) -> dict[str, cards.Written]:
    """Writes and checks each format."""
    found = request.found
    files = write_all(found.ticket, request.formats, folder, found.inputs)
    inputs = found.inputs(COMPARED)
    network = found.ticket.network
    expected = network(inputs if len(inputs) > 1 else inputs[0], training=False).numpy()
    return {
        name: cards.Written(own, *_compare(name, own[0], inputs, expected))
        for name, own in files.items()
    }


def _compare(
    name: str, path: pathlib.Path, inputs: tuple[np.ndarray, ...], expected: np.ndarray
) -> tuple[float | None, float | None]:
    """How far a format's images are from Keras's; raises `ExportError` beyond its tolerance.

    Returns:
      The largest difference, and the root mean square over the deviation of what Keras returns;
      None of a format that does not run.
    """
    tolerance = FORMATS[name].tolerance
    if tolerance is None:
        return None, None
    returned = measuring.call_of(path)(*inputs)
    if returned.shape != expected.shape or not np.isfinite(returned).all():
        raise ExportError(
            f"--format={name}: what was converted returns images {returned.shape} that are not all"
            f" finite, or not {expected.shape}; nothing is written"
        )
    difference = np.abs(returned.astype(np.float64) - expected)
    relative = float(np.sqrt(np.mean(np.square(difference))) / max(expected.std(), 1e-6))
    if relative > tolerance:
        raise ExportError(
            f"--format={name}: what was converted differs from the ticket by {relative:.3g} of its"
            f" images' deviation, more than {tolerance:g}; nothing is written"
        )
    return float(difference.max()), relative
