"""Lists the runs below a folder: state, trainings, best ticket, disk and age.

    tf-gan-lth runs runs
    tf-gan-lth runs runs --format=csv
    tf-gan-lth runs runs clean

The state is finished, imported, running (and who), stopped (and before what) or broken (and why).
Trainings are those that are scored, of those that were asked for. The best ticket is that of the
verdict, with its sparsity and mean FID. The age is the time since something in the folder was
written. With the word clean, what can be removed is listed: see tf-gan-lth clean --help.
"""

import csv
import functools
import json
import pathlib
import sys
import time

from absl import flags

from tf_gan_lth.cli import clean, command_line
from tf_gan_lth.experiment import amounts, inventory
from tf_gan_lth.experiment.errors import UsageError, check_known
from tf_gan_lth.experiment.inventory import Survey
from tf_gan_lth.experiment.replicate_folder import generator_label

FORMATS = ("table", "csv", "json")
LIST, CLEAN = "list", "clean"


def define(values: flags.FlagValues) -> None:
    """Defines the flags of this command."""
    clean.define(values)
    runs = functools.partial(command_line.define_flag, values, "Runs")
    runs("action", str, LIST, f"{LIST} or {CLEAN}; or the word behind the folder", word=True)
    runs("format", str, "table", f"of the list: {', '.join(FORMATS)}")


def main(values: flags.FlagValues) -> None:
    """Does what the flags say."""
    check_known("--action", values.action, (LIST, CLEAN))
    check_known("--format", values.format, FORMATS)
    if values.action == CLEAN:
        clean.main(values)
        return
    unused = [name for name in clean.OWN if values[name].present]
    if unused:
        raise UsageError(f"--{unused[0]} is for tf-gan-lth runs {values.folder} {CLEAN}")
    found = [inventory.survey(path) for path in clean.find(values.folder)]
    {"table": _table, "csv": _csv, "json": _json}[values.format](found, values.folder)


def _rows(found: list[Survey]) -> list[dict[str, object]]:
    """For programs: bytes, seconds, and shares in [0, 1]."""
    now = time.time()
    return [
        {
            "path": str(run.path),
            "gan": run.gan,
            "dataset": run.dataset,
            "state": run.state,
            "trainings_done": run.done,
            "trainings_planned": run.planned,
            "best": [vars(best) for best in run.best],
            "disk_bytes": run.disk,
            "age_seconds": round(max(now - run.changed, 0.0)),
        }
        for run in found
    ]


def _json(found: list[Survey], folder: str) -> None:
    del folder
    print(json.dumps(_rows(found), indent=2))


def _csv(found: list[Survey], folder: str) -> None:
    """A row for each generator of a run that has a best ticket, and for each run that has none."""
    del folder
    writer = None
    for row in _rows(found):
        best = row.pop("best")
        for each in best or [dict.fromkeys(inventory.Best.__dataclass_fields__)]:
            line = row | {name if name != "round" else "best_round": v for name, v in each.items()}
            if writer is None:
                writer = csv.DictWriter(sys.stdout, list(line), lineterminator="\n")
                writer.writeheader()
            writer.writerow(line)


def _table(found: list[Survey], folder: str) -> None:
    titles = ["run", "GAN", "data", "trainings", "best ticket", "disk", "age", "state"]
    now = time.time()
    lines = [titles]
    for run in found:
        lines.append(
            [
                _name(run.path, pathlib.Path(folder).expanduser()),
                run.gan or "-",
                run.dataset or "-",
                f"{run.done}/{run.planned}",
                "; ".join(map(_ticket, run.best)) or "-",
                amounts.size(run.disk),
                amounts.duration(max(now - run.changed, 0.0)),
                run.state,
            ]
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        print("  ".join(padded).rstrip())


def _name(path: pathlib.Path, root: pathlib.Path) -> str:
    return str(path if path == root else path.relative_to(root))


def _ticket(best: inventory.Best) -> str:
    label = generator_label(best.generator)
    named = f"{label}: " if label else ""
    return f"{named}{best.sparsity:.1%}, FID {best.fid:.4g}, {best.verdict}"
