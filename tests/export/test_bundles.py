"""A ticket in every format: the same images, all or nothing, and a card that says what is there."""

import dataclasses
import gzip
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
from helpers import run_lottery
from PIL import Image

import tf_gan_lth as lth
from tf_gan_lth import export, findings
from tf_gan_lth.evaluation import exported
from tf_gan_lth.experiment import array_files
from tf_gan_lth.experiment.errors import EvaluationError, ExportError, ToolkitWarning, UsageError
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.export import bundle, cards, measuring, tickets
from tf_gan_lth.export.formats import FORMATS
from tf_gan_lth.findings import judge_run
from tf_gan_lth.pruning.cost import cost
from tf_gan_lth.report.axes import axes_for
from tf_gan_lth.report.series import curves
from tf_gan_lth.tasks.rescoring import Request, evaluate

SAMPLE = pathlib.Path(__file__).parents[2] / "scripts" / "sample.py"
CHANNELS = {
    "resolution": 16,
    "width": 16,
    "unit": "channel",
    "budget": "macs",
    "rounds": 1,
    "rate": 0.7,
    "branches": (),
}


@pytest.fixture(scope="module")
def slim_run(tiny_options, tmp_path_factory):
    return run_lottery(tiny_options | CHANNELS, tmp_path_factory.mktemp("runs") / "slim").run


@pytest.fixture(scope="module")
def slim_bundle(slim_run, tmp_path_factory):
    """A ticket of channels, in every format."""
    path = tmp_path_factory.mktemp("bundles") / "slim"
    card = lth.open_run(slim_run.path).ticket(1).export(path, list(FORMATS), measure=["scores"])
    return path, card


@pytest.fixture(scope="module")
def sparse_bundle(finished, tmp_path_factory):
    """A ticket of single weights, in two formats."""
    path = tmp_path_factory.mktemp("bundles") / "sparse"
    found = tickets.find(f"{finished.run.path}/replicate_0/round_03")
    return path, export.export(found, ["tflite", "weights"], path), found


def test_a_bundle_holds_what_was_asked_for_and_no_more(slim_bundle, sparse_bundle):
    every = {file for form in FORMATS.values() for file in form.files}
    assert {p.name for p in slim_bundle[0].iterdir()} == every | {"card.json", "card.md"}
    names = {"generator.tflite", "weights.npz", "weights_packed.npz", "card.json", "card.md"}
    assert {p.name for p in sparse_bundle[0].iterdir()} == names


@pytest.mark.parametrize("name", [n for n, f in FORMATS.items() if f.tolerance is not None])
def test_each_format_returns_the_images_of_the_slim_keras_model(slim_run, slim_bundle, name):
    path, _ = slim_bundle
    network = lth.open_run(slim_run.path).ticket(1).generator(slim=True)
    latents = np.random.default_rng(0).standard_normal((7, 128), np.float32)
    expected = network(latents, training=False).numpy()
    call = measuring.call_of(path / FORMATS[name].files[0])
    for count in (7, 1, 3):
        difference = call(latents[:count]) - expected[:count]
        allowed = FORMATS[name].tolerance * expected.std()
        assert np.sqrt(np.mean(np.square(difference))) <= allowed


def test_a_slim_file_is_as_large_as_its_share_of_the_parameters(slim_run, slim_bundle, tmp_path):
    path, card = slim_bundle
    export.export(
        tickets.find(f"{slim_run.path}/replicate_0/round_00"), ["weights"], tmp_path / "d"
    )
    generator = card["generator"]
    share = generator["parameters"]["ticket"] / generator["parameters"]["dense"]
    assert share < 0.95 and generator["macs"]["ticket"] <= 0.3 * generator["macs"]["dense"]

    def numbers(file):
        with np.load(file) as arrays:
            return sum(array.nbytes for array in arrays.values())

    dense = numbers(tmp_path / "d" / "weights.npz")
    assert numbers(path / "weights.npz") <= 1.05 * share * dense


def test_the_card_counts_what_is_there(slim_run, slim_bundle):
    path, card = slim_bundle
    assert json.loads((path / "card.json").read_text())["formats"] == card["formats"]
    content = (path / "generator.tflite").read_bytes()
    sizes = card["formats"]["tflite"]["files"]["generator.tflite"]
    assert sizes["bytes"] == len(content)
    assert sizes["gzip_bytes"] == len(gzip.compress(content, mtime=0))
    ticket = lth.open_run(slim_run.path).ticket(1)
    counted = cost(ticket.generator(slim=True))
    assert card["generator"]["macs"]["ticket"] == counted.macs
    assert card["generator"]["parameters"]["ticket"] == counted.parameters
    assert card["generator"]["macs"]["dense"] == cost(ticket.generator()).macs
    # Scored on the very draws that the run's own generator was scored on.
    fid = ticket.scores["generator"]["fid"]
    for name in ("saved_model", "tflite", "onnx"):
        assert card["formats"][name]["scores"]["fid"] == pytest.approx(fid, rel=1e-3)
    assert f"| {counted.macs:,} |" in (path / "card.md").read_text()


def test_sparsity_is_that_of_the_round_in_its_own_units(slim_run, sparse_bundle):
    slim = tickets.find(f"{slim_run.path}/replicate_0/round_01")
    _, card, sparse = sparse_bundle
    for found, unit, units in ((slim, "channel", "channels"), (sparse, "element", "weights")):
        facts = found.ticket.facts
        expected = found.folder.sparsity.get()["generator"]["sparsity"]
        assert facts["unit"] == unit and facts["sparsity"] == pytest.approx(expected)
        assert f"Of the {units} that can be pruned, {expected:.1%} are pruned." in cards.page(
            card | {"ticket": facts}
        )


def test_packed_weights_are_small_and_read_by_ten_lines_of_numpy(sparse_bundle):
    path, card, found = sparse_bundle
    arrays = array_files.from_npz((path / "weights_packed.npz").read_bytes())
    with np.load(path / "weights.npz") as plain:
        assert plain.files == list(found.ticket.snapshot)
        for name in plain.files:
            np.testing.assert_array_equal(arrays[name], plain[name])
    for name, kept in found.ticket.kept.items():
        assert not arrays[name][~kept].any()
    assert card["generator"]["macs"]["ticket"] < card["generator"]["macs"]["dense"]


@pytest.mark.parametrize("kind", ["tflite", "onnx"])
def test_files_are_scored_as_the_saved_model_is(slim_bundle, tiny_options, kind):
    path, _ = slim_bundle
    options = {"protocol": "digits", "num_images": 100, "data_dir": tiny_options["data_dir"]}
    images = (f"saved_model:{path / 'saved_model'}", f"{kind}:{path / f'generator.{kind}'}")
    expected, found = (evaluate(Request(i, "digits", **options))["mean"] for i in images)
    assert found["fid"] == pytest.approx(expected["fid"], rel=1e-3)


def test_a_file_of_another_network_or_a_changed_one_is_named(slim_bundle, tmp_path):
    path, _ = slim_bundle
    for name in ("card.json", "generator.tflite"):
        (tmp_path / name).write_bytes((path / name).read_bytes())
    content = bytearray((path / "generator.tflite").read_bytes())
    content[-5000] ^= 1
    (tmp_path / "generator.tflite").write_bytes(content)
    with pytest.raises(EvaluationError, match="generator.tflite is not as .*card.json describes"):
        exported.open_model(tmp_path / "generator.tflite")
    (tmp_path / "card.json").unlink()
    (tmp_path / "generator.tflite").write_bytes(b"nothing" * 100)
    with pytest.raises(EvaluationError, match="generator.tflite is not a model that can be read"):
        exported.open_model(tmp_path / "generator.tflite")


def test_a_format_that_fails_leaves_nothing(finished, tmp_path, monkeypatch):
    found = tickets.find(f"{finished.run.path}/replicate_0/round_01")
    for formats, measure, message in (
        (["tflitt"], [], "unknown format 'tflitt': did you mean 'tflite'"),
        (["tflite"], ["sped"], "unknown measure 'sped'"),
    ):
        with pytest.raises(UsageError, match=message):
            export.export(found, formats, tmp_path / "out", measure)
    # A tolerance that rounding does not reach stands for a converter that returns another function.
    strict = FORMATS["tflite_float16"].__class__(
        FORMATS["tflite_float16"].files, FORMATS["tflite_float16"].write, 1e-9
    )
    monkeypatch.setitem(FORMATS, "tflite_float16", strict)
    with pytest.raises(ExportError, match="--format=tflite_float16: .* differs from the ticket by"):
        export.export(found, ["tflite", "tflite_float16"], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "out").mkdir()
    with pytest.raises(UsageError, match="out exists and is not overwritten"):
        export.export(found, ["tflite"], tmp_path / "out")


def test_a_converters_reason_is_one_line(finished, tmp_path, monkeypatch):
    def fails(source, folder):
        raise ValueError("Here is the\nlong story.\nSee console: op X is not supported\n")

    monkeypatch.setitem(
        FORMATS, "tflite", FORMATS["tflite"].__class__(("generator.tflite",), fails, 1e-4)
    )
    found = tickets.find(f"{finished.run.path}/replicate_0/round_01")
    with pytest.raises(ExportError) as caught:
        export.export(found, ["weights", "tflite"], tmp_path / "out")
    assert str(caught.value) == (
        "--format=tflite: the converter fails: See console: op X is not supported"
    )
    assert list(tmp_path.iterdir()) == []


def test_speed_and_memory_are_measured_of_ticket_and_dense(slim_run, tmp_path, monkeypatch):
    monkeypatch.setattr(measuring, "THREADS", (1,))
    monkeypatch.setattr(measuring, "BATCHES", (1, 2))
    found = tickets.find(f"{slim_run.path}/replicate_0/round_01")
    card = export.export(found, ["tflite"], tmp_path / "out", cards.MEASURES[:2])
    entry = card["formats"]["tflite"]
    assert entry["peak_memory_bytes"]["ticket"] > 2**18
    assert {t["threads"] for t in entry["milliseconds_an_image"]} == {1}
    for timed in entry["milliseconds_an_image"]:
        assert timed["ticket"] > 0 and timed["dense"] > 0 and timed["turns"] >= 5
    # The report draws the ratio of the two.
    [one, _] = entry["milliseconds_an_image"]
    found = {r.round: r.time_share for r in findings.read_results(slim_run)}
    assert found == {0: {}, 1: {"tflite": one["ticket"] / one["dense"]}}
    results, verdicts = judge_run(slim_run)
    unmeasured = dataclasses.replace(results[1], branch="random_mask", time_share={})
    axis = axes_for({"channel"}, [*results, unmeasured])[-1]
    assert axis.title.startswith("milliseconds an image, % of the dense generator's (tflite")
    [verdict] = verdicts.values()
    [tickets_drawn] = curves([*results, unmeasured], verdict, axis)
    places = [point.x for point in tickets_drawn.points]
    assert sorted(places) == pytest.approx(sorted([100.0, 100 * one["ticket"] / one["dense"]]))


def test_a_card_without_times_takes_no_place_of_one_with_them(finished, tmp_path, monkeypatch):
    run = RunFolder(tmp_path / "run")
    shutil.copytree(finished.run.path, run.path)
    found = tickets.find(f"{run.path}/replicate_0/round_03")
    timed = measuring.Timed(1, 1, {("ticket", "tflite"): 2.0, ("dense", "tflite"): 4.0}, 5)
    monkeypatch.setattr(measuring, "speeds", lambda *_: [timed])
    kept = export.export(found, ["tflite"], tmp_path / "timed", ["speed"])
    assert found.folder.card("generator").get() == kept
    export.export(found, ["weights"], tmp_path / "weights", ["speed"])  # which do not run
    assert found.folder.card("generator").get() == kept

    # Of a run that cannot be written the export is whole all the same.
    found.folder.card("generator").path.unlink()
    (found.folder.card("generator").path / "in_the_way").mkdir(parents=True)
    said = r"is written and whole; .* does not show them: cannot write .*card\.json: "
    with pytest.warns(ToolkitWarning, match=said):
        export.export(found, ["tflite"], tmp_path / "again", ["speed"])
    assert (tmp_path / "again" / "card.json").exists()


def test_a_measuring_process_that_dies_leaves_nothing(finished, tmp_path, monkeypatch):
    monkeypatch.setattr(measuring, "peak_memory", lambda *_: measuring._elsewhere(os._exit, 1))
    found = tickets.find(f"{finished.run.path}/replicate_0/round_03")
    with pytest.raises(
        ExportError, match="process that measures .* died: .*--measure=scores leaves them out"
    ):
        export.export(found, ["tflite"], tmp_path / "out", measure=["memory"])
    assert not list(tmp_path.iterdir())


def test_the_card_says_which_smaller_form_is_slower(slim_run, tmp_path, monkeypatch):
    monkeypatch.setattr(measuring, "THREADS", (1,))
    found = tickets.find(f"{slim_run.path}/replicate_0/round_01")
    card = export.export(found, ["tflite_float16"], tmp_path / "out", ["speed"])
    [timed, _] = card["formats"]["tflite_float16"]["milliseconds_an_image"]
    assert timed["tflite"] > 0
    assert not (tmp_path / "out" / "generator.tflite").exists()
    for plain, slower in ((timed["ticket"], False), (timed["ticket"] / 3.14, True)):
        timed["tflite"] = plain
        said = "tflite_float16 is slower than tflite: 3.1 times as long at 1 images a call and 1"
        assert (said in cards.page(card)) == slower


def test_the_script_draws_the_same_pictures_from_every_format(slim_bundle, tmp_path):
    path, _ = slim_bundle
    pictures = {}
    for name in ("saved_model", "generator.tflite", "generator.onnx"):
        # A program without this package; without TensorFlow, where the format needs none.
        code = f"import sys, runpy; sys.path[:] = {[p for p in sys.path if 'site-pack' in p]!r}"
        code += " + [p for p in sys.path if 'lib/python' in p]\n"
        if name != "saved_model":
            code += "sys.modules.update(tensorflow=None, absl=None)\n"
        code += f"sys.argv[1:] = ['--model={path / name}', '--count=3', '--seed=5',"
        code += (
            f" '--output={tmp_path / name}']\nrunpy.run_path({str(SAMPLE)!r}, run_name='__main__')"
        )
        environment = {n: v for n, v in os.environ.items() if n != "PYTHONPATH"}
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
        )
        assert done.returncode == 0, done.stderr
        files = sorted((tmp_path / name).iterdir())
        assert [file.name for file in files] == ["0000.png", "0001.png", "0002.png"]
        pictures[name] = np.stack([np.asarray(Image.open(file)).astype(int) for file in files])
    assert pictures["saved_model"].shape == (3, 16, 16)
    assert np.ptp(pictures["saved_model"]) > 5
    for other in pictures.values():
        assert np.abs(other - pictures["saved_model"]).max() <= 1


def test_only_one_generator_of_several_is_exported(finished):
    path = f"{finished.run.path}/replicate_0/round_01"
    with pytest.raises(UsageError, match="sngan draws images: --direction is for GANs that"):
        tickets.find(path, "a2b")
    with pytest.raises(UsageError, match="is not a round of a run"):
        tickets.find(str(finished.run.path))
    with pytest.raises(UsageError, match="round_09 is not trained"):
        tickets.find(f"{finished.run.path}/replicate_0/round_09")


def test_a_bundle_is_read_back(sparse_bundle):
    path, card, _ = sparse_bundle
    assert bundle.Bundle(path).get()["ticket"]["round"] == card["ticket"]["round"] == 3
