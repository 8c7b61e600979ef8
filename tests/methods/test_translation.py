"""The lottery of a CycleGAN: four networks, two directions, the same loop, files, verdict, report
and export.
"""

import csv
import dataclasses
import io
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tf_gan_lth import data, export, lottery, models, report
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.lottery import transfer
from tf_gan_lth.methods.branches import BRANCHES
from tf_gan_lth.tasks.image_sources import RoundImages
from tf_gan_lth.methods.parent import open_ticket
from tf_gan_lth.methods.imp import rewind
from tf_gan_lth.pruning import masks as pruning

SIZE, PICTURES = 24, 12
GENERATORS = ("generator_a2b", "generator_b2a")
SAMPLE = pathlib.Path(__file__).parents[2] / "scripts" / "sample.py"
# Twelve pictures are too few for a FID, and enough for what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:12 .* images for 64 features")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Grey clouds in four folders: small enough for a lottery in seconds, and for the feature
    network of the digits.
    """
    root, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for domain in ("trainA", "trainB", "testA", "testB"):
        (root / domain).mkdir()
        for number in range(PICTURES):
            clouds = Image.fromarray(random.integers(0, 256, [4, 4], dtype=np.uint8))
            clouds.resize((SIZE, SIZE), Image.Resampling.BICUBIC).save(
                root / domain / f"{number}.png"
            )
    return root


@pytest.fixture(scope="module")
def options(pictures):
    return {
        "gan": "cyclegan",
        "dataset": f"folder:{pictures}",
        "resolution": SIZE,
        "width": 2,
        "blocks": 1,
        "steps": 2,
        "prune": ("generator", "discriminator"),
        "rounds": 2,
        "branches": tuple(BRANCHES),
        "branch_rounds": (2,),
        "protocol": "cyclegan",
        "feature_network": "digits",
    }


def run_lottery(options, path):
    """The run, and the state in which each of its trainings started, by path."""
    lab = lottery.Laboratory(configs.from_options(options), RunFolder(path))
    starts, order, start = [], [], lab.trainer.start

    def recording_start(*args):
        start(*args)
        starts.append(lab.trainer.snapshot())

    lab.trainer.start = recording_start
    gradients = lab.trainer.generator_gradients
    lab.trainer.generator_gradients = lambda *args: (gradients(*args), starts.pop())[
        0
    ]  # it starts too, but trains nothing
    lottery.find_ticket(lab, 0, lambda place: order.append(place.path))
    return lab, dict(zip(order, starts, strict=True))


@pytest.fixture(scope="module")
def translated(options, tmp_path_factory):
    return run_lottery(options, tmp_path_factory.mktemp("runs") / "translated")


@pytest.fixture(scope="module")
def verdicts(translated):
    return lottery.write_results(translated[0].run)[1]


def test_every_round_starts_from_mask_times_theta_0_of_all_four_networks(translated):
    lab, starts = translated
    replicate = lab.run.replicate(0)
    initial = replicate.initial.get()
    assert sorted(initial) == ["discriminator_a", "discriminator_b", *GENERATORS]
    for place in replicate.rounds():
        expected = rewind(initial, place.masks.get())
        for name, snapshot in starts[place.path].items():
            assert all(
                np.array_equal(array, expected[name][path]) for path, array in snapshot.items()
            )


def test_each_network_is_ranked_and_pruned_within_itself(translated):
    replicate = translated[0].run.replicate(0)
    before, after = replicate.round(1), replicate.round(2)
    weights, old, new = before.weights.get(), before.masks.get(), after.masks.get()
    assert new.keys() == replicate.initial.get().keys()
    for name, mask in new.items():
        remaining, total = pruning.count(mask)
        assert remaining == round(0.64 * total)
        magnitudes = {path: np.abs(weights[name][path]) for path in mask}
        kept = np.concatenate([magnitudes[path][mask[path]] for path in mask])
        lost = np.concatenate([magnitudes[path][old[name][path] & ~mask[path]] for path in mask])
        assert lost.max() <= kept.min()


def test_branches_are_those_of_the_other_gans(translated):
    lab, _ = translated
    here, dense = lab.run.replicate(0).round(2), lab.run.replicate(0).round(0)
    ticket = here.masks.get()
    assert {branch.branch_name for branch in here.branches()} == set(BRANCHES)
    for branch in here.branches():
        for name, mask in branch.masks.get().items():
            assert pruning.count(mask) == pruning.count(ticket[name]), branch.branch_name
    start = translated[1][here.branch("dense_discriminator").path]
    trained = rewind(dense.weights.get(), ticket)
    assert np.array_equal(
        start["discriminator_a"]["block_2/conv/kernel"],
        trained["discriminator_a"]["block_2/conv/kernel"],
    )
    assert not np.array_equal(
        start["generator_a2b"]["to_image/kernel"], trained["generator_a2b"]["to_image/kernel"]
    )


def test_results_have_a_row_per_direction_and_a_verdict_each(translated, verdicts):
    rows = list(csv.DictReader(io.StringIO(translated[0].run.results.get().decode())))
    assert len(rows) == 2 * (3 + len(BRANCHES)) and verdicts.keys() == set(GENERATORS)
    assert {row["generator"] for row in rows} == set(GENERATORS)
    first, second = rows[:2]
    assert first["fid"] != second["fid"] and float(
        rows[2]["discriminator_sparsity"]
    ) == pytest.approx(0.2, abs=0.01)
    for row in rows:
        comparison = verdicts[row["generator"]].comparisons[int(row["round"]), row["branch"]]
        assert row["verdict"] == comparison.verdict and float(row["fid"]) == comparison.fid_mean
    assert "a2b" in lottery.table(lottery.read_results(translated[0].run))


def test_the_report_shows_both_directions(translated, verdicts):
    run = translated[0].run
    report.write(run)
    page = run.report.get().decode()
    for word in ("a2b: FID", "b2a: FID", "generator a2b", "translated back", "cycle_weight"):
        assert word in page, word
    assert page.count("<svg") == 4


def test_samples_are_rows_of_input_translation_and_cycle_of_both_domains(translated):
    place = translated[0].run.replicate(0).round(0)
    picture = tf.io.decode_png(place.samples.get()).numpy()
    assert picture.shape == (8 * (SIZE + 2), 6 * (SIZE + 2), 1)
    tile = picture[1 : SIZE + 1, 1 : SIZE + 1]
    test = data.load_domains(translated[0].config.data.dataset, "test", SIZE)
    assert any(np.array_equal(tile, image) for image in test.a.images)


def test_a_run_that_lost_its_last_stages_makes_them_again_bit_for_bit(
    options, translated, tmp_path
):
    run = translated[0].run
    shutil.copytree(run.path, tmp_path / "run")
    place = RunFolder(tmp_path / "run").replicate(0).round(2)
    shutil.rmtree(place.path)
    _, starts = run_lottery({**options, "branches": ("snip",)}, tmp_path / "run")
    assert len(starts) == 2
    for file in (
        "weights/generator_a2b.npz",
        "branches/snip/weights/discriminator_b.npz",
        "samples.png",
    ):
        assert (place.path / file).read_bytes() == (
            run.replicate(0).round(2).path / file
        ).read_bytes()


@pytest.fixture(scope="module")
def saved_models(translated, verdicts):
    chosen = {name: dataclasses.replace(verdict, best=2) for name, verdict in verdicts.items()}
    return export.export_tickets(translated[0].run, chosen)


def test_both_generators_are_exported_and_translate_any_size(translated, saved_models):
    assert [path.name for path in saved_models] == ["saved_model_a2b", "saved_model_b2a"]
    place = translated[0].run.replicate(0).round(2)
    network = models.build(translated[0].config.networks, None, 1, seed=0).networks["generator_b2a"]
    models.load_snapshot(network, place.weights.get()["generator_b2a"])
    images = tf.random.stateless_uniform([2, 40, 28, 1], [1, 2], -1, 1)
    np.testing.assert_allclose(
        tf.saved_model.load(str(saved_models[1]))(images), network(images), atol=1e-6
    )


def sample(*arguments):
    command = [sys.executable, "-P", str(SAMPLE), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd="/")


def test_a_folder_is_translated_without_this_package(saved_models, tmp_path):
    (tmp_path / "in").mkdir()
    Image.fromarray(np.random.default_rng(1).integers(0, 256, [32, 20], dtype=np.uint8)).save(
        tmp_path / "in" / "one.png"
    )
    Image.fromarray(np.random.default_rng(2).integers(0, 256, [8, 8], dtype=np.uint8)).save(
        tmp_path / "in" / "two.bmp"
    )
    arguments = [
        f"--model={saved_models[0]}",
        f"--images={tmp_path / 'in'}",
        f"--output={tmp_path / 'out'}",
    ]
    result = sample(*arguments)
    assert result.returncode == 0, result.stderr
    assert "tf_gan_lth" not in SAMPLE.read_text().replace("runs/", "")
    with Image.open(tmp_path / "out" / "one.png") as picture:
        assert picture.size == (20, 32) and picture.mode == "L"
        pixels = np.asarray(picture, np.float32)
    with Image.open(tmp_path / "in" / "one.png") as picture:
        image = np.asarray(picture, np.float32)[None, ..., None] / 127.5 - 1
    expected = (tf.saved_model.load(str(saved_models[0]))(image).numpy()[0, ..., 0] + 1) * 127.5
    assert np.abs(pixels - expected).max() <= 0.51
    again = sample(*arguments)
    assert again.returncode == 2 and "one.png exists and is not overwritten" in again.stderr


def test_pictures_that_do_not_fit_are_refused_by_name_before_any_is_translated(
    saved_models, tmp_path
):
    (tmp_path / "in").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "in" / "a.png")
    Image.new("L", (10, 8)).save(tmp_path / "in" / "b.png")
    result = sample(
        f"--model={saved_models[0]}", f"--images={tmp_path / 'in'}", f"--output={tmp_path / 'out'}"
    )
    assert (
        result.returncode == 2
        and "b.png is 10x8: width and height must be multiples of 4" in result.stderr
    )
    assert [line[:7] for line in result.stderr.splitlines() if "b.png" in line] == ["error: "]
    assert not (tmp_path / "out").exists()
    Image.new("RGBA", (8, 8)).save(tmp_path / "in" / "b.png")
    result = sample(
        f"--model={saved_models[0]}", f"--images={tmp_path / 'in'}", f"--output={tmp_path / 'out'}"
    )
    assert "b.png holds RGBA pixels" in result.stderr


def test_a_ticket_is_transferred_to_another_pair(options, translated, pictures, tmp_path):
    other = tmp_path / "other"
    for domain, source in {
        "trainA": "trainB",
        "trainB": "testA",
        "testA": "testB",
        "testB": "trainA",
    }.items():
        shutil.copytree(pictures / source, other / domain)
    parent = open_ticket(f"{translated[0].run.path}/replicate_0/round_01", "rewind")
    options = {
        **options,
        "dataset": f"folder:{other}",
        "prune": ("generator", "discriminator"),
        "branches": (),
    }
    config = transfer.config_of(configs.from_options(options), parent)
    lab = lottery.Laboratory(config, RunFolder(tmp_path / "run"), parent=parent)
    transfer.transfer(lab, parent, 0, lambda place: None)
    results = lottery.read_results(lab.run)
    assert [(r.round, r.generator) for r in results] == [
        (k, name) for k in (0, 1) for name in GENERATORS
    ]
    masks = lab.run.replicate(0).round(1).masks.get()
    assert all(
        np.array_equal(masks[n][p], kept)
        for n, mask in parent.masks.items()
        for p, kept in mask.items()
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kd_weight": 1.0}, "--kd_weight=1.0 is not for cyclegan"),
        ({"ranking_weights": "ema"}, "--ranking_weights=ema: cyclegan keeps no averages"),
        ({"protocol": "quick"}, "needs --protocol=cyclegan"),
        ({"num_eval_images": 5}, "no --num_eval_images"),
        ({"discriminator_steps": 5}, "--discriminator_steps=5 is no option of cyclegan"),
        ({"resolution": 30}, "--resolution=30 does not fit cyclegan"),
        ({"augmentation": "flop"}, "unknown augmentation 'flop': did you mean 'flip'"),
        (
            {"gan": "sngan", "augmentation": None, "resolution": 16},
            "--blocks=1 is no option of sngan",
        ),
        ({"dataset": "digits"}, "unknown pair of domains 'digits'"),
        ({"dataset": "shapes2stripes", "augmentation": "flip"}, "drawn at 64x64 pixels, not 24x24"),
        ({"loss": "hing"}, "unknown loss 'hing'"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(options, tmp_path, changes, message):
    changed = {**options, **changes}
    if changed["gan"] == "sngan":
        changed |= {"dataset": "digits", "protocol": "digits"}
    with pytest.raises(UsageError, match=message):
        lottery.Laboratory(configs.from_options(changed), RunFolder(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_round_that_translates_cannot_be_scored_without_pictures(translated):
    with pytest.raises(UsageError, match="translate a folder with scripts/sample.py"):
        RoundImages(f"{translated[0].run.path}/replicate_0/round_01", None)
