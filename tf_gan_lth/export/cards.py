"""The card of an export: what each format of a ticket takes and is worth, as it was measured.

A number that was not measured on the machine that the card names is not there.
"""

import dataclasses
import gzip
import hashlib
import pathlib
import platform
from collections.abc import Callable, Sequence

from tf_gan_lth import gans
from tf_gan_lth.experiment import amounts, provenance
from tf_gan_lth.export import measuring
from tf_gan_lth.export.formats import FORMATS, write_all
from tf_gan_lth.export.tickets import Found
from tf_gan_lth.methods.units import UNITS
from tf_gan_lth.pruning.cost import cost
from tf_gan_lth.tasks import TASKS

MEASURES = ("speed", "memory", "scores")
PLAIN = "tflite"  # what formats that begin with its name are smaller forms of
SLOWER = 1.05  # times as long, from which on a smaller form is called slower


@dataclasses.dataclass(frozen=True)
class Written:
    """A format as it was written.

    Attributes:
      files: the first is the one that runs.
      difference: the largest one between its images and Keras's; None of what does not run.
      relative: root mean square of the differences, over the deviation of Keras's images.
    """

    files: Sequence[pathlib.Path]
    difference: float | None
    relative: float | None


def make(
    found: Found, written: dict[str, Written], measure: Sequence[str], scratch: pathlib.Path
) -> dict[str, object]:
    """The card.

    Args:
      found: the ticket.
      written: its formats.
      measure: what to measure beside sizes, of `MEASURES`.
      scratch: an empty folder, for the dense network in the same formats.

    Returns:
      `ticket`: which one it is; `generator`: its parameters and MACs, and the dense one's;
      `formats`: by name, what is known of each; `machine`: what it was measured on.
    """
    formats = {name: _described(name, one) for name, one in written.items()}
    running = {n: one.files[0] for n, one in written.items() if FORMATS[n].tolerance is not None}
    if running and {"speed", "memory"} & set(measure):
        dense = write_all(found.dense, running, scratch, found.inputs)
        dense = {name: files[0] for name, files in dense.items()}
        if "memory" in measure:
            _add_memory(formats, found, running, dense)
        if "speed" in measure:
            _add_speed(formats, found, running, dense, scratch / "plain")
    if running and "scores" in measure:
        _add_scores(formats, found, running)
    return {
        "ticket": found.ticket.facts,
        "generator": _costs(found),
        "formats": formats,
        "machine": {"system": platform.platform(), "devices": provenance.devices()},
    }


def _described(name: str, one: Written) -> dict[str, object]:
    entry: dict[str, object] = {"files": {path.name: _sizes(path) for path in one.files}}
    if one.relative is not None:
        entry |= {
            "largest_difference": one.difference,
            "relative_difference": one.relative,
            "tolerance": FORMATS[name].tolerance,
        }
    return entry


def _sizes(path: pathlib.Path) -> dict[str, object]:
    """Of a file, or of all files of a folder."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    contents = [file.read_bytes() for file in files]
    digests = [hashlib.sha256(content).hexdigest() for content in contents]
    together = hashlib.sha256("".join(digests).encode()).hexdigest()
    return {
        "bytes": sum(map(len, contents)),
        "gzip_bytes": sum(len(gzip.compress(content, mtime=0)) for content in contents),
        "sha256": together if path.is_dir() else digests[0],
    }


def _costs(found: Found) -> dict[str, object]:
    shapes = [part.shape[1:] for part in found.inputs(1)]
    dense = cost(found.dense.network, input_shapes=shapes)
    ticket = cost(found.ticket.network, found.ticket.kept, shapes)
    return {
        "inputs": [list(shape) for shape in shapes],
        "parameters": {"dense": dense.parameters, "ticket": ticket.parameters_left},
        "macs": {"dense": dense.macs, "ticket": ticket.macs_left},
        # Single weights leave the network as it is: what multiplies by zeros takes as long.
        "slim": ticket.macs < dense.macs,
    }


def _add_memory(formats: dict, found: Found, running: dict, dense: dict) -> None:
    inputs = found.inputs(1)
    for name, path in running.items():
        formats[name]["peak_memory_bytes"] = {
            "ticket": measuring.peak_memory(path, inputs),
            "dense": measuring.peak_memory(dense[name], inputs),
        }


def _add_speed(
    formats: dict, found: Found, running: dict, dense: dict, scratch: pathlib.Path
) -> None:
    models = {("ticket", name): path for name, path in running.items()}
    models |= {("dense", name): path for name, path in dense.items()}
    smaller = {name for name in running if name.startswith(f"{PLAIN}_")}
    if smaller and PLAIN not in running:
        [path] = write_all(found.ticket, [PLAIN], scratch, found.inputs)[PLAIN]
        models["ticket", PLAIN] = path
    for timed in measuring.speeds(models, found.inputs(max(measuring.BATCHES))):
        for name in running:
            record = {
                "batch": timed.batch,
                "threads": timed.threads,
                "ticket": timed.milliseconds["ticket", name],
                "dense": timed.milliseconds["dense", name],
                "turns": timed.turns,
            }
            if name in smaller:
                record[PLAIN] = timed.milliseconds["ticket", PLAIN]
            formats[name].setdefault("milliseconds_an_image", []).append(record)


def _add_scores(formats: dict, found: Found, running: dict) -> None:
    """Under the run's protocol, from the inputs that the run's own generators are scored on."""
    config = found.run.read_config()
    spec = gans.find(config.networks.gan)
    task = TASKS[spec.task]
    images = task.open_images(config, spec)
    opened = task(config, gans.build(spec, config, images.shape, seed=0), images)
    replicate = found.folder.replicate
    for name, path in running.items():
        call = measuring.call_of(path)
        formats[name]["scores"] = opened.score_export(found.name, call, replicate, found.averaged)


def page(card: dict[str, object]) -> str:
    """The card for people, as Markdown."""
    ticket, generator = card["ticket"], card["generator"]
    title = f"{ticket['run']}, replicate {ticket['replicate']}, round {ticket['round']}"
    lines = [
        f"# {ticket['network']} of {title}, {ticket['branch']}",
        "",
        f"Of the {UNITS[ticket['unit']]} that can be pruned, {ticket['sparsity']:.1%} are pruned.",
        "",
        "|  | dense | ticket | ticket / dense |",
        "| --- | --- | --- | --- |",
    ]
    for name in ("parameters", "macs"):
        dense, own = generator[name]["dense"], generator[name]["ticket"]
        label = "MACs an image" if name == "macs" else name
        lines.append(f"| {label} | {dense:,} | {own:,} | {own / dense:.1%} |")
    macs = generator["macs"]
    if macs["ticket"] < macs["dense"] and not generator["slim"]:
        lines += [
            "",
            "The MACs of pruned weights are saved by no format here: zeros are multiplied.",
        ]
    return "\n".join([*lines, "", *_sizes_table(card), *_speed_table(card), *_origin(card)]) + "\n"


def _sizes_table(card: dict) -> list[str]:
    lines = [
        "| format | file | size | gzipped | differs from Keras by | memory | FID |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, entry in card["formats"].items():
        difference = entry.get("largest_difference")
        memory = (entry.get("peak_memory_bytes") or {}).get("ticket")
        fid = (entry.get("scores") or {}).get("fid")
        for file, sizes in entry["files"].items():
            lines.append(
                f"| {name} | {file} | {amounts.size(sizes['bytes'])}"
                f" | {amounts.size(sizes['gzip_bytes'])} | {_or_dash(difference, '{:.2g}'.format)}"
                f" | {_or_dash(memory, amounts.size)} | {_or_dash(fid, '{:.3f}'.format)} |"
            )
    return lines


def _speed_table(card: dict) -> list[str]:
    rows = [
        f"| {name} | {timed['batch']} | {timed['threads']} | {timed['dense']:.3g}"
        f" | {timed['ticket']:.3g} | {timed['ticket'] / timed['dense']:.2f} |"
        for name, entry in card["formats"].items()
        for timed in entry.get("milliseconds_an_image", [])
    ]
    if not rows:
        return []
    head = [
        "",
        "Milliseconds an image, medians of paired turns:",
        "",
        "| format | batch | threads | dense | ticket | ticket / dense |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    return [*head, *rows, *_slower(card)]


def _slower(card: dict) -> list[str]:
    """Smaller forms that take longer than the plain one, in words."""
    lines = []
    for name, entry in card["formats"].items():
        slower = [
            f"{timed['ticket'] / timed[PLAIN]:.1f} times as long at {timed['batch']} images a call"
            f" and {timed['threads']} threads"
            for timed in entry.get("milliseconds_an_image", [])
            if timed["ticket"] > SLOWER * timed.get(PLAIN, float("inf"))
        ]
        if slower:
            lines += ["", f"{name} is slower than {PLAIN}: {', '.join(slower)}."]
    return lines


def _origin(card: dict) -> list[str]:
    records = [entry["scores"] for entry in card["formats"].values() if "scores" in entry]
    scored = [f"Scored under {records[0]['protocol']}."] if records else []
    machine = card["machine"]
    made = card["ticket"].get("made")
    measured = f"Measured on {', '.join(machine['devices'])}, {machine['system']}, {made}."
    return ["", *scored, measured]


def _or_dash(value: float | None, said: Callable[[float], str]) -> str:
    return "-" if value is None else said(value)
