"""What an addition costs: a compressor of one file, a score of one function and one line."""

import csv
import io
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import tf_gan_lth as lth
from tf_gan_lth import findings, report
from tf_gan_lth.experiment.errors import UsageError

HERE = pathlib.Path(__file__).parent
COMPRESSOR = HERE / "toy_compressor.py"
SCORE = HERE / "toy_score.py"


@pytest.fixture(scope="module")
def compressed(tiny_options, tmp_path_factory):
    options = {
        **tiny_options,
        "branches": (),
        "method": "toy_compressor",
        "share": 0.3,
        "plugins": (str(COMPRESSOR), str(SCORE)),
    }
    path = tmp_path_factory.mktemp("runs") / "toy"
    return lth.find_ticket("sngan", options.pop("dataset"), path, progress=False, **options)


def test_a_compressor_is_one_short_file():
    assert len(COMPRESSOR.read_text().splitlines()) <= 80


def test_it_runs_on_the_one_loop(compressed):
    dense, small = compressed.ticket(0), compressed.ticket(1)
    mask = small.masks["generator"]
    total = sum(kept.size for kept in mask.values())
    assert sum(kept.sum() for kept in mask.values()) == round(0.3 * total)
    magnitudes = {path: np.abs(dense.weights["generator"][path]) for path in mask}
    kept = np.concatenate([magnitudes[path][mask[path]] for path in mask])
    lost = np.concatenate([magnitudes[path][~mask[path]] for path in mask])
    assert lost.max() <= kept.min()
    assert compressed.used["share"] == 0.3 and compressed.used["method"] == "toy_compressor"
    assert [row["round"] for row in compressed.results()] == [0, 1]


def test_its_complaint_and_its_options_are_its_own(tiny_options, tmp_path):
    options = {**tiny_options, "method": "toy_compressor", "plugins": (str(COMPRESSOR),)}
    del options["dataset"]
    for change, message in [
        ({"rewind_step": 1}, "--rewind_step is for tickets: toy_compressor rewinds nothing"),
        ({"share": 2.0}, "--share=2.0 is out of range"),
        ({"kepe": 0.2}, "--kepe=0.2 is no option of sngan"),
        ({"method": "toy_compresor"}, "unknown method 'toy_compresor': did you mean"),
    ]:
        with pytest.raises(UsageError, match=message):
            lth.find_ticket("sngan", "digits", tmp_path / "run", **{**options, **change})
    assert not (tmp_path / "run").exists()


def test_its_options_are_flags():
    command = [sys.executable, "-m", "tf_gan_lth", "find_ticket", f"--plugins={COMPRESSOR}"]
    result = subprocess.run([*command, "--help"], capture_output=True, text=True)
    assert "--share  (default: unset)" in result.stdout
    assert "share of the prunable weights that stay" in result.stdout


def test_a_score_is_in_every_table(compressed):
    row = compressed.results()[1]
    assert row["feature_spread"] > 0
    rows = list(csv.DictReader(io.StringIO(compressed.folder.results.get().decode())))
    assert float(rows[1]["feature_spread"]) == pytest.approx(row["feature_spread"])
    report.write(compressed.folder)
    assert f"<td>{row['feature_spread']:.3f}</td>" in compressed.folder.report.get().decode()
    curves = compressed.folder.tensorboard / "replicate_0" / "rounds" / "main"
    [file] = curves.glob("events*")
    events = tf.compat.v1.train.summary_iterator(str(file))
    tags = {value.tag for event in events for value in event.summary.value}
    assert "scores/feature_spread" in tags and "cost/macs_left" in tags


def test_a_run_that_was_made_before_a_score_shows_a_dash(compressed, tmp_path):
    shutil.copytree(compressed.folder.path, tmp_path / "older")
    older = lth.open_run(tmp_path / "older")
    for number in (0, 1):
        scores = older.ticket(number).folder.scores
        record = scores.get()["generator"]
        scores.put({"generator": {n: v for n, v in record.items() if n != "feature_spread"}})
    assert [row["feature_spread"] for row in older.results()] == [None, None]
    findings.write_results(older.folder)
    report.write(older.folder)
    page = older.folder.report.get().decode()
    head, *rows = re.search("<h2>Results</h2>.*?</table>", page, re.DOTALL)[0].split("<tr>")[1:]
    place = re.findall("<th>(.*?)</th>", head).index("spread")
    assert [re.findall("<td>(.*?)</td>", row)[place] for row in rows] == ["-", "-"]
