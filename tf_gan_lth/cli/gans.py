"""Lists the GANs, with parameters, multiply-accumulates and sources.

    tf-gan-lth gans
    tf-gan-lth gans biggan dcgan --resolution=64
    tf-gan-lth gans --format=json

Counted at their usual width, for RGB images of 32x32 pixels and ten classes unless flags say
otherwise. Nothing is trained, and no weights are made. What was counted once is kept in the user's
cache folder, until the networks or TensorFlow change.
"""

import contextlib
import functools
import importlib
import json
import types
from collections.abc import Iterator
from importlib import metadata

from absl import flags

from tf_gan_lth.cli import command_line, names, sources
from tf_gan_lth.cli.sources import PACKAGE
from tf_gan_lth.experiment import cache, digests
from tf_gan_lth.experiment.artifacts import Record
from tf_gan_lth.experiment.errors import ArtifactError, RunFolderError, UsageError, check_known

FORMATS = ("table", "json")
TITLES = ("GAN", "network", "parameters", "MACs", "source")
WIDTHS = (19, 15, 11, 14)


def define(values: flags.FlagValues) -> None:
    """Defines the flags of this command."""
    listed = functools.partial(command_line.define_flag, values, "GANs")
    listed("gans", tuple, (), "names of GANs; unset: all", names.GAN, word=True)
    listed("resolution", int, 32, "height and width of their images, in pixels")
    listed("channels", int, 3, "channels of their images: 1 or 3")
    listed("classes", int, 10, "classes of the images of those that are conditional")
    listed("format", str, "table", f"of the list: {', '.join(FORMATS)}")


def main(values: flags.FlagValues) -> None:
    """Does what the flags say."""
    check_known("--format", values.format, FORMATS)
    for option, least in (("resolution", 1), ("classes", 2)):
        if values[option].value < least:
            given = values[option].value
            raise UsageError(f"--{option}={given} is out of range: it must be at least {least}")
    rows = _rows(values)
    if values.channels not in (1, 3):
        raise UsageError(f"--channels={values.channels} is neither 1, grey, nor 3, RGB")
    if values.format == "json":
        print(json.dumps(list(rows), indent=2))
        return
    print(_line(TITLES))
    for row in rows:  # each as soon as it is counted
        if row["reason"]:
            print(f"{row['gan']:<{WIDTHS[0]}}  {row['reason']}", flush=True)
            continue
        counts = [f"{row['parameters']:>{WIDTHS[2]},}", f"{row['macs']:>{WIDTHS[3]},}"]
        print(_line([row["gan"], row["network"], *counts, row["source"]]), flush=True)


def _rows(values: flags.FlagValues) -> Iterator[dict[str, object]]:
    """Yields what `listing.networks` yields, from the cache where that has it."""
    asked = (values.resolution, values.channels, values.classes)
    sources_now = _sources()
    listing = None
    for name in values.gans or sources.gans():
        key = digests.short(json.dumps([name, *asked]), *sources_now)
        kept = Record(cache.folder() / "networks" / f"{key}.json")
        rows = _kept(kept)
        if rows is None:
            listing = listing or _start(values)
            rows = list(listing.networks([name], *asked))
            with contextlib.suppress(RunFolderError):  # the next command counts again
                kept.put({"networks": rows})
        yield from rows


def _start(values: flags.FlagValues) -> types.ModuleType:
    command_line.start_tensorflow(values, "gans")
    return importlib.import_module("tf_gan_lth.pruning.listing")


def _sources() -> list[bytes | str]:
    """What decides over the numbers: the code that builds and counts, and what it runs on."""
    files = [f for room in ("gans", "pruning") for f in sorted((PACKAGE / room).rglob("*.py"))]
    versions = [metadata.version(package) for package in ("tensorflow", "tf_keras")]
    return [*versions, *(file.read_bytes() for file in files)]


def _kept(record: Record) -> list[dict[str, object]] | None:
    """The rows that were counted before; None if there are none, or the file is broken."""
    if not record.exists():
        return None
    try:
        return record.get()["networks"]
    except (ArtifactError, KeyError, TypeError):
        return None


def _line(cells: list[str] | tuple[str, ...]) -> str:
    *counted, last = cells
    return "  ".join([*(cell.ljust(w) for cell, w in zip(counted, WIDTHS, strict=True)), last])
