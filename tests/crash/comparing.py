"""What two finished runs have in common: everything but dates, seconds and processes."""

import csv
import json
import pathlib

import tensorflow as tf

from tf_gan_lth import findings
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.report import page
from tf_gan_lth.training.callbacks import EVENTS

# Fields that say when, how fast or by which process something was made, and checksums of these.
OWN = {
    "sha256",
    "date",
    "command",
    "made",
    "made_with",
    "continued_with",
    "git_revision",
    "run_dir",
    "began",
    "ended",
    "hosts",
    "train_seconds",
    "eval_seconds",
}
# TensorFlow numbers functions as it makes them, so that files of one model differ.
MODEL = ("saved_model.pb", "fingerprint.pb", "variables.index", "variables.data-00000-of-00001")
DESCRIPTION = "ticket.json"


def differences(run: pathlib.Path, whole: dict[str, object]) -> list[str]:
    """In what a finished run differs from what `said` returned of another."""
    here = said(run)
    there = set(whole)
    lacking = [f"{path} is missing" for path in sorted(there - here.keys())]
    more = [f"{path} is too much" for path in sorted(here.keys() - there)]
    other = [f"{path} differs" for path in sorted(there & here.keys()) if here[path] != whole[path]]
    return lacking + more + other


def said(run: pathlib.Path) -> dict[str, object]:
    """{path: what a file says} of a finished run; TensorBoard's files of a folder are one."""
    found: dict[str, object] = {}
    curves: dict[str, list] = {}
    for path in sorted(run.rglob("*")):
        name = str(path.relative_to(run))
        if path.is_dir():
            found[name] = "a folder"
        elif path.name.startswith(EVENTS):
            curves.setdefault(str(path.parent.relative_to(run)), []).extend(_points(path, run.name))
        elif path.name in MODEL:
            found[name] = _variables(path) if path.name == MODEL[2] else "part of a model"
        elif path.name == DESCRIPTION:
            found[name] = _timeless(json.loads(path.read_text())) | {"files": None, "run": None}
        elif path.suffix == ".json":
            found[name] = _timeless(json.loads(path.read_text()))
        elif path.name == "results.csv":
            with path.open() as file:
                found[name] = [_timeless(row) for row in csv.DictReader(file)]
        elif path.name == "report.html":
            found[name] = _as_made_again(run)
        else:
            found[name] = path.read_bytes()
    return found | {f"{folder}/curves": sorted(points) for folder, points in curves.items()}


def _timeless(value: object) -> object:
    if isinstance(value, dict):
        return {name: _timeless(held) for name, held in value.items() if name not in OWN}
    return [_timeless(each) for each in value] if isinstance(value, list) else value


def _points(path: pathlib.Path, run: str) -> list[tuple[str, int, bytes]]:
    """(tag, step, value) of a file of TensorBoard; a run's own name in it is left out."""
    points = []
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        event = tf.compat.v1.Event.FromString(record)
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == "hparams":
                value.metadata.Clear()  # holds dates
            content = value.SerializeToString(deterministic=True).replace(run.encode(), b"")
            points.append((value.tag, event.step, content))
    return points


def _variables(index: pathlib.Path) -> dict[str, bytes]:
    reader = tf.train.load_checkpoint(str(index.with_suffix("")))
    names = reader.get_variable_to_shape_map()
    return {n: reader.get_tensor(n).tobytes() for n in names if n != "_CHECKPOINTABLE_OBJECT_GRAPH"}


def _as_made_again(run: pathlib.Path) -> str:
    """The report has seconds all over it: it is right if it is what its artifacts make of it."""
    folder = RunFolder(run)
    results, page_ = folder.results.get(), folder.report.get()
    findings.write_results(folder)
    page.write(folder)
    again = (folder.results.get(), folder.report.get())
    return "as made again" if again == (results, page_) else "another than is made again"
