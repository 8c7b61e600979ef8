"""A conditional GAN of one file: labels in batches, scores, grids and exports."""

import csv
import dataclasses
import io
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import tf_gan_lth as lth
from tf_gan_lth import data, export
from tf_gan_lth.data import draws
from tf_gan_lth.experiment.errors import RunFolderError, UsageError
from tf_gan_lth.findings import judge_run, read_results, table
from tf_gan_lth.tasks import rescoring
from tf_gan_lth.tasks.image_sources import open_source
from tf_gan_lth.tasks.noise_to_image import sampling_seed

TOY = pathlib.Path(__file__).parent / "toy_conditional.py"
ZOOM, BORDER = 2, 1


@pytest.fixture(scope="module")
def options(tiny_options):
    left_out = ("dataset", "width", "learning_rate")
    rest = {name: value for name, value in tiny_options.items() if name not in left_out}
    return {**rest, "steps": 3, "rounds": 1, "branches": (), "progress": False}


@pytest.fixture(scope="module")
def run(options, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "conditional"
    return lth.find_ticket(f"{TOY}:gan", "digits", path, augmentation="color,cutout", **options)


@pytest.fixture(scope="module")
def saved_model(run):
    verdict = dataclasses.replace(judge_run(run.folder)[1]["generator"], best=1)
    [path] = export.export_tickets(run.folder, {"generator": verdict})
    return path


def test_it_is_one_short_file_that_nothing_of_ours_names():
    assert len(TOY.read_text().splitlines()) <= 80
    package = pathlib.Path(lth.__file__).parent
    assert not [f for f in package.rglob("*.py") if "toy_conditional" in f.read_text()]


def test_its_ticket_is_pruned_and_its_config_knows_the_classes(run):
    assert run.ticket(1).masks["generator"].keys() == {"to_image/kernel"}
    assert run.used["images.classes"] == 10 and run.used["width"] == 8
    assert run.used["gan"] == "toy_conditional.py:gan"


def test_a_grid_shows_a_class_a_row(run):
    generator = run.ticket(1).generator()
    picture = tf.io.decode_png(run.ticket(1).folder.samples.get()).numpy()
    side = 8 * ZOOM + 2 * BORDER
    assert picture.shape == (10 * side, 8 * side, 1)
    # The prior's latents under given labels; tile (r, c) is image 8 r + c.
    seed = tf.constant(run_seed(run))
    latents = draws.normal([500, 16], draws.fold_in(seed, 0))[:80]
    labels = np.repeat(np.arange(10), 8)
    images = data.quantize(generator([latents, tf.constant(labels)])).numpy().astype(np.uint8)
    for row, column in [(0, 0), (3, 5), (9, 7)]:
        top, left = row * side + BORDER, column * side + BORDER
        tile = picture[top : top + 8 * ZOOM : ZOOM, left : left + 8 * ZOOM : ZOOM]
        difference = np.abs(tile.astype(int) - images[8 * row + column].astype(int))
        assert difference.max() <= 1, (row, column)


def run_seed(run):
    return sampling_seed(run.config, 0)


def test_an_export_samples_given_labels(run, saved_model):
    loaded = tf.saved_model.load(str(saved_model))
    labels = tf.constant([3, 3, 7], tf.int32)
    seed = tf.constant([1, 2])
    images = loaded.sample(3, seed, labels)
    latents = draws.normal([3, 16], seed)
    expected = run.ticket(1).generator()([latents, labels])
    np.testing.assert_allclose(images, expected, atol=1e-5)
    np.testing.assert_allclose(loaded(latents, labels), expected, atol=1e-5)
    other = loaded.sample(3, seed, tf.constant([3, 3, 8], tf.int32))
    np.testing.assert_array_equal(images[:2], other[:2])
    assert np.abs(images[2] - other[2]).max() > 0


def test_an_export_is_scored_like_any_other(saved_model):
    source = open_source(f"saved_model:{saved_model}", None, seed=0)
    assert next(source.batches(7, 0)).shape == (7, 8, 8, 1)


def test_a_round_is_scored_with_the_very_labels_of_its_run(run):
    source = open_source(f"round:{run.ticket(1).folder.path}", None, seed=0)
    images = next(source.batches(20, 0)).numpy()
    seed = draws.fold_in(tf.constant(run_seed(run)), 0)
    labels = draws.integers([500], draws.fold_in(seed, 1), 10)[:20]
    expected = run.ticket(1).generator()([draws.normal([500, 16], seed)[:20], labels])
    np.testing.assert_allclose(images, expected, atol=1e-5)
    assert len(set(labels.numpy())) > 5


def test_labels_asked_of_images_without_any_are_refused(options, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, [64, 8, 8, 1], dtype=np.uint8)
    with pytest.raises(UsageError, match="asks for labels, which --dataset=array has not"):
        lth.find_ticket(f"{TOY}:gan", images, tmp_path / "run", **options)
    labels = np.arange(64) % 4
    run = lth.find_ticket(f"{TOY}:gan", images, tmp_path / "run", labels=labels, **options)
    assert run.used["images.classes"] == 4


def test_a_grid_of_many_classes_shows_the_first_twenty(options, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, [64, 8, 8, 1], dtype=np.uint8)
    settings = {**options, "rounds": 0, "num_eval_images": 100}
    labels = np.arange(64) % 21
    run = lth.find_ticket(f"{TOY}:gan", images, tmp_path / "run", labels=labels, **settings)
    picture = tf.io.decode_png(run.folder.replicate(0).round(0).samples.get())
    assert run.used["images.classes"] == 21
    assert picture.shape[0] == 20 * (8 * ZOOM + 2 * BORDER)


def test_labels_that_were_exchanged_are_other_images(options, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, [64, 8, 8, 1], dtype=np.uint8)
    labels = np.arange(64) % 4
    settings = {**options, "rounds": 0}
    lth.find_ticket(f"{TOY}:gan", images, tmp_path / "run", labels=labels, **settings)
    lth.find_ticket(f"{TOY}:gan", images, tmp_path / "run", labels=labels, **settings)
    with pytest.raises(RunFolderError, match="was trained on other labels"):
        lth.find_ticket(f"{TOY}:gan", images, tmp_path / "run", labels=labels[::-1], **settings)


def test_classes_have_scores_and_columns_of_their_own(run):
    record = run.ticket(1).folder.scores.get()["generator"]
    assert 0.0 <= record["label_accuracy"] <= 1.0 and record["class_fid"] > 0
    assert list(record["classes"]) == [str(number) for number in range(10)]
    fids = [entry["fid"] for entry in record["classes"].values()]
    assert record["class_fid"] == pytest.approx(np.mean(fids))
    rows = list(csv.DictReader(io.StringIO((run.folder.path / "results.csv").read_text())))
    assert float(rows[1]["class_fid"]) == record["class_fid"] and "classes" not in rows[1]
    assert "label accuracy" in table(read_results(run.folder)).splitlines()[0]
    assert "class FID" in (run.folder.path / "report.html").read_text()


def test_a_round_and_its_export_are_scored_by_class_as_the_run_was(run, saved_model, tmp_path):
    expected = run.ticket(1).folder.scores.get()["generator"]
    of_round = f"round:{run.ticket(1).folder.path}"
    found = rescoring.evaluate(rescoring.Request(of_round, "digits"))
    [record] = found["scores"]
    assert record["classes"] == expected["classes"] and record["protocol"] == expected["protocol"]
    assert "label_accuracy" in rescoring.table(found)
    of_export = f"saved_model:{saved_model}"
    request = rescoring.Request(of_export, "digits", "digits", num_images=100, labels="data")
    [record] = rescoring.evaluate(request)["scores"]
    assert record["protocol_details"]["name"] == "digits+num_images=100+labels=data"
    assert len(record["classes"]) == 10 and record["protocol_details"]["labels"] == "data"
    for level in (0, 200):
        Image.new("L", (8, 8), level).save(tmp_path / f"{level}.png")
    with pytest.raises(UsageError, match="--labels=data: folder:.* takes no labels"):
        of_folder = f"folder:{tmp_path}"
        rescoring.evaluate(rescoring.Request(of_folder, "digits", "digits", labels="data"))


def test_labels_as_in_the_data_are_part_of_a_run(options, run, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, [64, 8, 8, 1], dtype=np.uint8)
    labels = np.array([0] * 48 + [1] * 16)
    settings = {**options, "rounds": 0, "eval_labels": "data"}
    asked = lth.find_ticket(f"{TOY}:gan", images, tmp_path / "run", labels=labels, **settings)
    record = asked.folder.replicate(0).round(0).scores.get()["generator"]
    assert "+labels=data/" in record["protocol"] and "class_fid" not in record
    assert asked.config.digest != run.config.digest
    with pytest.raises(UsageError, match="--eval_labels=data: sngan takes no labels"):
        lth.find_ticket("sngan", images, tmp_path / "other", **settings)
