"""Compressions of one dense GAN side by side: rows, page, table and refusals."""

import csv
import dataclasses
import html
import io
import re
import shutil

import pytest
from absl import flags
from made_compressions import MACS, compression

import tf_gan_lth as lth
from tf_gan_lth.cli import command_line
from tf_gan_lth.cli import compare as command
from tf_gan_lth.experiment.artifacts import Record
from tf_gan_lth.experiment.errors import EvaluationError, RunFolderError, ToolkitError, UsageError
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.findings import side_by_side
from tf_gan_lth.report import judged, sections
from tf_gan_lth.report import side_by_side as pages

FINETUNING = {0.5: [12.0, 12.5, 13.0], 0.25: [15.0, 16.0, 18.0]}
TICKET = {0.5: [14.0, 14.5, 14.2], 0.25: [15.5, 15.0, 16.0]}
SLIMMING = {"slimming": {"steps": 5, "train_seconds": 2.0, "macs": 100}}


@pytest.fixture
def runs(tmp_path):
    return [
        compression(tmp_path / "finetuning", "finetuning", FINETUNING),
        compression(tmp_path / "slimming", "gan_slimming", TICKET, phases=SLIMMING),
    ]


def compared(*runs):
    return lth.compare(*(run.path for run in runs))


def run_command(*arguments):
    values = flags.FlagValues()
    command.define(values)
    values(["compare", *map(str, arguments)], known_only=True)
    values["runs"].value = [str(a) for a in arguments if not str(a).startswith("--")]
    command.main(values)


def test_a_row_has_the_means_of_its_replicates(runs):
    rows = compared(*runs)
    assert [(row["method"], row["budget"]) for row in rows] == [
        ("dense GAN", None),
        ("finetuning", 0.5),
        ("finetuning", 0.25),
        ("gan_slimming", 0.5),
        ("gan_slimming", 0.25),
    ]
    dense, half, quarter, *_ = rows
    assert (dense["fid"], dense["macs"], dense["bytes"]) == (11.0, MACS, 400.0)
    assert (half["fid"], half["fid_sd"], half["replicates"]) == (12.5, 0.5, 3)
    # Where it lies, not what was asked for.
    assert (half["macs_share"], half["macs"], half["bytes"]) == (0.45, 450, 180)
    assert half["kid"] == pytest.approx(0.125) and "l1_inside" not in half
    assert half["verdict"] == "undetermined" and quarter["verdict"] == "worse"


def test_phases_before_a_training_count(runs):
    rows = compared(*runs)
    assert [row["training_steps"] for row in rows] == [10, 10, 10, 15, 15]
    assert [row["training_seconds"] for row in rows] == [3.0, 3.0, 3.0, 5.0, 5.0]
    assert [row["training_macs"] for row in rows] == [500, 500, 500, 600, 600]
    assert [row["phases"] for row in rows] == ["", "", "", "slimming 5", "slimming 5"]


def test_the_front_and_the_tests_are_in_the_rows(runs):
    rows = {(row["method"], row["budget"]): row for row in compared(*runs)}
    on_front = {key for key, row in rows.items() if row["fid_on_front"]}
    assert on_front == {("dense GAN", None), ("finetuning", 0.5), ("gan_slimming", 0.25)}
    half = rows["finetuning", 0.5]
    # Means 12.5 and 14.233, deviations 0.5 and 0.2517, 2.95 degrees of freedom.
    assert half["p_better_than:gan_slimming"] == pytest.approx(0.0066082, abs=1e-6)
    assert half["p_better_than:finetuning"] is None
    other = rows["gan_slimming", 0.5]["p_better_than:finetuning"]
    assert other == pytest.approx(1 - half["p_better_than:gan_slimming"])


def test_the_command_writes_the_page_and_its_table(runs, tmp_path, capsys):
    run_command(*(run.path for run in runs), f"--output={tmp_path}/both.html")
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "At 50 % of the MACs, finetuning is better than gan_slimming (p 0.0066*)" + (
        " (* also among all 2 tests, after Holm)."
    )
    assert out[-2:] == [f"Comparison: {tmp_path}/both.html", f"Table: {tmp_path}/both.csv"]
    expected = compared(*runs)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "both.csv").read_text())))
    assert len(rows) == len(expected)
    for row, values in zip(rows, expected, strict=True):
        assert list(row) == list(values)
        for name, value in values.items():
            if isinstance(value, float):
                assert float(row[name]) == value
            else:
                assert row[name] == ("" if value is None else str(value)), name


def test_the_page_has_all_of_it_and_loads_nothing(runs, tmp_path):
    text = pages.page(side_by_side.read(runs), tmp_path / "page.html").decode()
    assert "http" not in text and "@import" not in text and "<link" not in text
    heads = re.findall("<h2>(.*?)</h2>", text)
    assert heads == [
        "FID against cost",
        "KID against cost",
        "At 50 % of the MACs",
        "At 25 % of the MACs",
        "Samples at 50 % of the MACs",
        "Samples at 25 % of the MACs",
        "Training cost",
    ]
    costs = text.partition("<h2>Training cost")[2]
    assert costs.count("data-key=") == 5  # multiply-accumulates, as 3.14T: sorted as numbers
    charts = re.findall(r'<svg class="chart".*?</svg>', text, re.DOTALL)
    assert len(charts) == 4  # two scores against MACs and bytes
    for drawn in charts:
        assert drawn.count('class="front"') == 1
        assert drawn.count('class="bar"') == 5  # with those of the dense GAN
        assert drawn.count('class="point') == 5
    # As a title and as a label.
    assert text.count("on the Pareto front") == 3 * 4 * 2
    assert text.count("data:image/png;base64,") == 2 * 3
    said = html.unescape(text)
    assert "finetuning, budget 0.5 of the MACs\n45.0% of the dense GAN's MACs" in said
    assert "gan_slimming (p 0.0066*)" in said and "slimming 5" in said
    assert "These trainings differ in their generator steps: 10, 15." in said


def test_one_replicate_that_was_measured_gives_a_method_its_milliseconds(runs, tmp_path):
    timed = {"batch": 1, "threads": 1, "ticket": 3.0, "dense": 4.0}
    entry = {"milliseconds_an_image": [timed]}
    formats = [{"onnx": entry, "tflite": entry}, {"tflite": entry}]
    for run, measured in zip(runs, formats, strict=True):
        run.replicate(0).round(1).card("generator").put({"formats": measured})
    found = side_by_side.read(runs)
    text = html.unescape(pages.page(found, tmp_path / "page.html").decode())
    drawn = text[text.index("milliseconds an image, % of the dense generator's (tflite") :]
    drawn = drawn[: drawn.index("</svg>")]
    for method in ("finetuning", "gan_slimming"):
        assert f"{method}, budget 0.5 of the MACs" in drawn
    shares = {row["time_share"] for row in side_by_side.rows(found) if row["budget"] == 0.5}
    assert shares == {0.75}


def test_exports_that_were_measured_have_an_axis_of_milliseconds(runs, tmp_path):
    for run in runs:
        for replicate in range(3):
            card = run.replicate(replicate).round(1).card("generator")
            timed = {"batch": 1, "threads": 1, "ticket": 3.0, "dense": 4.0}
            card.put({"formats": {"tflite": {"milliseconds_an_image": [timed]}}})
    found = side_by_side.read(runs)
    text = pages.page(found, tmp_path / "page.html").decode()
    assert "milliseconds an image, % of the dense generator&#x27;s (tflite, 1 thread)" in text
    shares = [(row["time_format"], row["time_share"]) for row in side_by_side.rows(found)]
    assert shares == [(None, None), ("tflite", 0.75), (None, None)] + [
        ("tflite", 0.75),
        (None, None),
    ]


def test_a_method_that_was_not_measured_leaves_the_others_their_colours(runs, tmp_path):
    timed = {"batch": 1, "threads": 1, "ticket": 3.0, "dense": 4.0}
    card = runs[1].replicate(0).round(1).card("generator")
    card.put({"formats": {"tflite": {"milliseconds_an_image": [timed]}}})
    text = pages.page(side_by_side.read(runs), tmp_path / "page.html").decode()
    legend = re.search('<ul class="legend">(.*?)</ul>', text, re.DOTALL).group(1)
    key = {
        name: style for style, name in re.findall('<li class="(s.)">.*?</svg>(.*?)</li>', legend)
    }
    assert list(key) == ["dense GAN", "finetuning", "gan_slimming"]
    charts = re.findall(r'<svg class="chart".*?</svg>', text, re.DOTALL)
    assert len(charts) == 6 and "finetuning" not in charts[2]  # the axis of milliseconds
    for drawn in charts:
        pointed = re.findall('class="point (s.)".*?aria-label="(.*?)[,\n]', drawn)
        assert {style for style, name in pointed if name == "gan_slimming"} == {key["gan_slimming"]}


def test_each_direction_of_a_translation_has_its_own_with_its_distances(tmp_path):
    both = {"generators": ("generator_a2b", "generator_b2a"), "l1": ("l1_inside", "l1_outside")}
    runs = [
        compression(tmp_path / "finetuning", "finetuning", FINETUNING, **both),
        compression(tmp_path / "ticket", "ticket", TICKET, **both),
    ]
    found = side_by_side.read(runs)
    rows = side_by_side.rows(found)
    assert [row["generator"] for row in rows] == ["generator_a2b"] * 5 + ["generator_b2a"] * 5
    assert rows[6]["l1_inside"] == pytest.approx(1.25) and rows[6]["l1_outside_on_front"]
    text = pages.page(found, tmp_path / "page.html").decode()
    heads = re.findall("<h2>(.*?)</h2>", text)
    for score in ("FID", "KID", "L1 inside", "L1 outside"):
        assert f"a2b: {score} against cost" in heads and f"b2a: {score} against cost" in heads
    assert "b2a: At 25 % of the MACs" in heads
    # Pictures and trainings are of both.
    assert text.count("data:image/png;base64,") == 2 * 3 and heads.count("Training cost") == 1
    assert pages.sentences(found)[2].startswith("b2a: At 50 % of the MACs, finetuning is better")
    identities = re.findall(r' id="(.*?)"', text)
    assert len(identities) == len(set(identities)) > 0


def test_the_samples_of_a_run_say_of_which_direction_a_round_is_the_sparsest(tmp_path):
    both = {"generators": ("generator_a2b", "generator_b2a")}
    run = compression(
        tmp_path / "run", "ticket", {0.5: [10.5, 11.0, 12.0], 0.25: TICKET[0.25]}, **both
    )
    found = judged.judge(run)
    back = dataclasses.replace(found.verdicts["generator_b2a"], best=None)
    found = dataclasses.replace(found, verdicts={**found.verdicts, "generator_b2a": back})
    shown = [
        sections._picture(found, run.replicate(0).round(number), "ticket", tmp_path / "page.html")
        for number in range(3)
    ]
    assert "<b>a2b: sparsest within the margin</b>" in shown[1]
    assert "<b>" not in shown[0] + shown[2]


def test_two_runs_of_a_method_are_told_apart_by_their_folders(runs, tmp_path):
    again = compression(tmp_path / "again", "finetuning", FINETUNING)
    methods = {row["method"] for row in compared(*runs, again)}
    assert methods == {
        "dense GAN",
        "finetuning (finetuning)",
        "finetuning (again)",
        "gan_slimming",
    }


def test_the_dense_run_may_be_among_them_with_what_begins_alike(runs, tmp_path):
    dense = compression(tmp_path / "dense", "ticket", TICKET, digest=None, gans=(1, 2, 9))
    found = side_by_side.read([dense, *runs])
    assert found.notes[0] == (f"Of {dense.path} replicate 2 is left out: it has another dense GAN.")
    assert len(found.entries[0].results) == 3 and len(found.at("generator", 0.5)) == 3
    assert [len(entry.results) for entry in found.entries if entry.method == "ticket"] == [2, 2]


def test_tickets_of_single_weights_spare_nothing_and_are_not_shown(runs, tmp_path):
    dense = compression(tmp_path / "dense", "imp", FINETUNING, digest=None, unit="element")
    found = side_by_side.read([*runs, dense])
    assert found.notes[0].startswith(f"Of {dense.path} only the dense GAN is shown")
    assert {entry.method for entry in found.entries} == {"dense GAN", "finetuning", "gan_slimming"}
    with pytest.raises(UsageError, match="dense has only a dense GAN to compare"):
        compared(dense)


def test_a_dense_gan_that_all_replicates_share_is_noted(runs, tmp_path):
    for run in runs:
        run.parent.put({"digest": "dense", "round": 0, "replicate": 0})
    assert "start from the dense GAN of replicate 0" in side_by_side.read(runs).notes[0]


def test_replicates_that_were_not_planned_are_noted(runs, tmp_path):
    """Without it the tests of pairs would hide what the run's own verdict says."""
    assert not any("planned" in note for note in side_by_side.read(runs).notes)
    Record(runs[0].path / "plan.json").put({"replicates": 2, "looks": 1, "paired": False})
    found = side_by_side.read(runs)
    assert found.notes[0] == (
        f"{runs[0].path}: The level of 5% does not hold: 2 replicates were planned and 3 are"
        " judged."
    )
    assert found.notes[0] in html.unescape(pages.page(found, tmp_path / "page.html").decode())


def test_runs_that_do_not_compare_are_refused_with_the_reason(runs, tmp_path):
    other = compression(tmp_path / "digest", "ticket", TICKET, digest="another")
    with pytest.raises(RunFolderError, match="another dense GAN .*digest another there and dense"):
        compared(*runs, other)
    images = {"name": "digits", "digest": "others"}
    other = compression(tmp_path / "images", "ticket", TICKET, images=images)
    with pytest.raises(RunFolderError, match="other images .* digest is others there and images"):
        compared(*runs, other)
    other = compression(tmp_path / "protocol", "ticket", TICKET, protocol="q")
    with pytest.raises(EvaluationError, match="protocol has q and .*finetuning has p"):
        compared(*runs, other)
    stranger = compression(tmp_path / "strange", "ticket", TICKET, digest=None, gans=(7, 8, 9))
    with pytest.raises(RunFolderError, match="strange begins with another dense GAN"):
        compared(*runs, stranger)


def test_runs_that_are_not_finished_are_named_all(runs, tmp_path):
    first, second = (shutil.copytree(run.path, tmp_path / f"{run.path.name}_2") for run in runs)
    (first / "replicate_1" / "round_02" / "scores.json").unlink()
    (second / "replicate_2" / "round_01" / "samples.png").unlink()
    with pytest.raises(RunFolderError) as error:
        compared(*runs, RunFolder(first), RunFolder(second))
    assert f"{first} (1 of 9 trainings, from replicate 1, round 2, main on)" in str(error.value)
    assert f"{second} (1 of 9 trainings" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output=new.html"], "which runs?"),
        (["finetuning"], "give --output=comparison.html"),
        (["finetuning", "nothing", "--output=new.html"], "nothing is no run"),
        (["finetuning", "finetuning/../finetuning", "--output=new.html"], "given twice"),
        (["finetuning", "--output=old.html"], "old.html exists and is not overwritten"),
        (["finetuning", "--output=table.html"], "table.csv exists and is not overwritten"),
        (["finetuning", "--output=new.txt"], "must end in .html"),
    ],
)
def test_what_the_command_cannot_do_is_one_line(runs, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    for name in ("old.html", "table.csv"):
        (tmp_path / name).write_text("theirs")
    with pytest.raises(ToolkitError) as error:
        run_command(*arguments)
    assert message in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "new.html").exists() and not (tmp_path / "table.html").exists()
    assert {(tmp_path / n).read_text() for n in ("old.html", "table.csv")} == {"theirs"}


def test_runs_are_plain_arguments():
    values = flags.FlagValues()
    command.define(values)
    command_line._parse(["compare", "a", "b", "--output=x.html"], values, "")
    assert values.runs == ["a", "b"] and values.output == "x.html"
