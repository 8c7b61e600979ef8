"""Where a run comes from: what made it, what continued it, and when its parts were done."""

import datetime
from collections.abc import Sequence

from tf_gan_lth.experiment import amounts, provenance
from tf_gan_lth.experiment.replicate_folder import TrainingFolder
from tf_gan_lth.findings.results import scored_folders
from tf_gan_lth.report.judged import Judged
from tf_gan_lth.report.markup import Amount, in_words, table

PARTS = ("training", "scoring")  # of `times.json`
SAME = "same"


def of_run(judged: Judged) -> list[str]:
    """What the run recorded of where it comes from: nothing, in runs of earlier versions."""
    body = [*_made_with(judged), *_dates(judged)]
    return ["<h2>Made with</h2>", *body] if body else []


def _made_with(judged: Judged) -> list[str]:
    """The process that began the run, and beside it each that continued it otherwise."""
    origin = provenance.of_run(judged.run.config.get())
    later = origin.pop(provenance.CONTINUED)
    run = origin.pop("run")
    processes = [dict(_entries("", process)) for process in (origin, *later)]
    names = dict.fromkeys(name for process in processes for name in process)
    rows = [[name, *_side_by_side([p.get(name, "") for p in processes])] for name in names]
    rows = [row for row in rows if any(row[1:])]
    if not rows:
        return []
    numbers = range(1, len(later) + 1)
    heads = ["what", f"run {run}", *(f"continued, {number}" for number in numbers)]
    return [table(heads, rows, "plain")]


def _side_by_side(values: Sequence[str]) -> list[str]:
    """The first value, and of the others those that differ from it."""
    first, *others = values
    return [first, *(SAME if value == first and value else value for value in others)]


def _entries(name: str, value: object) -> list[tuple[str, str]]:
    """A record as rows of name and value; what is nested in it has its own rows."""
    if isinstance(value, dict):
        return [
            row for key, each in value.items() for row in _entries(f"{name} {key}".strip(), each)
        ]
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        return [
            row
            for number, each in enumerate(value, 1)
            for row in _entries(f"{name} {number}", each)
        ]
    return [(name, "" if value is None else in_words(value))]


def _dates(judged: Judged) -> list[str]:
    """When each training and scoring began, ended, and how long that was, pauses with it."""
    dated = [folder for folder in scored_folders(judged.run) if folder.times.exists()]
    if not dated:
        return []
    heads = ["replicate", "round", "branch"]
    for part in PARTS:
        heads += [f"{part} began", "ended", "after"]
    rows = [_row(folder) for folder in dated]
    shown = table([*heads, "hosts"], rows)
    return [
        f"<details><summary>dates of {len(rows)} trainings, UTC</summary>{shown}</details>",
        '<p class="note">A training that was stopped keeps its beginning, so the time until its end'
        " has the pause in it; the table of results has the seconds that training took.</p>",
    ]


def _row(folder: TrainingFolder) -> list[str]:
    times = folder.times.get()
    row = [str(folder.replicate), str(folder.round_number), folder.branch_name]
    hosts = {}
    for part in PARTS:
        entry = times.get(part, {})
        row += _span(entry.get("began"), entry.get("ended"))
        hosts |= dict.fromkeys(entry.get("hosts", []))
    return [*row, ", ".join(hosts)]


def _span(began: str | None, ended: str | None) -> list[str]:
    """Two dates and the time between them; what is not known is empty."""
    first, last = (date and datetime.datetime.fromisoformat(date) for date in (began, ended))
    shown = [date.strftime("%Y-%m-%d %H:%M:%S") if date else "" for date in (first, last)]
    if not (first and last):
        return [*shown, ""]
    seconds = (last - first).total_seconds()
    return [*shown, Amount(amounts.duration(seconds), seconds)]
