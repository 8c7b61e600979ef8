"""The lottery of a CycleGAN: four networks, two directions, the same loop, files, verdict and
report.
"""

import csv
import dataclasses
import io
import shutil
import warnings

import numpy as np
import pytest
import tensorflow as tf
from helpers import equal, run_lottery

from tf_gan_lth import data, findings, report
from tf_gan_lth.evaluation import SCORES
from tf_gan_lth.experiment.errors import ToolkitWarning, UsageError
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.methods.branches import BRANCHES
from tf_gan_lth.methods.candidate import rewind
from tf_gan_lth.methods.parent import open_ticket
from tf_gan_lth.pruning.masks import Elements
from tf_gan_lth.tasks.rescoring import Request, evaluate

GENERATORS = ("generator_a2b", "generator_b2a")
# Twelve pictures are too few for a FID, and enough for what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:12 .* images for 64 features")


@pytest.fixture(scope="module")
def translated(translation_options, tmp_path_factory):
    return run_lottery(translation_options, tmp_path_factory.mktemp("runs") / "translated")


@pytest.fixture(scope="module")
def verdicts(translated):
    return findings.write_results(translated.run)[1]


def test_every_round_starts_from_mask_times_theta_0_of_all_four_networks(translated):
    initial = translated.replicate.initial.get()
    assert sorted(initial) == ["discriminator_a", "discriminator_b", *GENERATORS]
    folders = list(translated.replicate.rounds())
    assert len(folders) == 3
    for folder in folders:
        expected = rewind(initial, folder.masks.get())
        assert equal(translated.recorder.beginning(folder).weights, expected)


def test_each_network_is_ranked_and_pruned_within_itself(translated):
    replicate = translated.replicate
    before = replicate.round(1)
    weights, old = before.weights.get(), before.masks.get()
    new = replicate.round(2).masks.get()
    assert new.keys() == replicate.initial.get().keys()
    for name, mask in new.items():
        counted = Elements(mask)
        assert counted.remaining == round(0.64 * counted.total)
        magnitudes = {path: np.abs(weights[name][path]) for path in mask}
        kept = np.concatenate([magnitudes[path][mask[path]] for path in mask])
        lost = np.concatenate([magnitudes[path][old[name][path] & ~mask[path]] for path in mask])
        assert lost.max() <= kept.min()


def test_branches_are_those_of_the_other_gans(translated):
    here = translated.replicate.round(2)
    ticket = here.masks.get()
    assert {branch.branch_name for branch in here.branches()} == set(BRANCHES)
    for branch in here.branches():
        for name, mask in branch.masks.get().items():
            found, expected = Elements(mask), Elements(ticket[name])
            assert found.remaining == expected.remaining, branch.branch_name
            assert found.total == expected.total, branch.branch_name
    start = translated.recorder.beginning(here.branch("dense_discriminator")).weights
    trained = rewind(translated.replicate.round(0).weights.get(), ticket)
    for name in ("discriminator_a", "discriminator_b"):
        assert equal(start[name], trained[name])
    path = "to_image/kernel"
    assert not equal(start["generator_a2b"][path], trained["generator_a2b"][path])


def test_results_have_a_row_per_direction_and_a_verdict_each(translated, verdicts):
    rows = list(csv.DictReader(io.StringIO(translated.run.results.get().decode())))
    # The random ticket has a training in round 1 too.
    trainings = 3 + len(BRANCHES) + 1
    assert len(rows) == 2 * trainings and verdicts.keys() == set(GENERATORS)
    assert {row["generator"] for row in rows} == set(GENERATORS)
    assert rows[0]["fid"] != rows[1]["fid"]
    assert float(rows[2]["discriminator_sparsity"]) == pytest.approx(0.2, abs=0.01)
    for row in rows:
        comparison = verdicts[row["generator"]].comparisons[int(row["round"]), row["branch"]]
        assert row["verdict"] == comparison.verdict and float(row["fid"]) == comparison.fid_mean
    assert "a2b" in findings.table(findings.read_results(translated.run))


def test_the_report_shows_both_directions(translated, verdicts):
    report.write(translated.run)
    page = translated.run.report.get().decode()
    for word in ("a2b: FID", "b2a: FID", "generator a2b", "translated back", "cycle_weight"):
        assert word in page, word
    assert page.count("what remains, % of what is prunable") >= 2


def test_samples_are_rows_of_input_translation_and_cycle_of_both_domains(translated):
    size = translated.bench.config.data.resolution
    picture = tf.io.decode_png(translated.replicate.round(0).samples.get()).numpy()
    assert picture.shape == (8 * (size + 2), 6 * (size + 2), 1)
    tile = picture[1 : size + 1, 1 : size + 1]
    test = data.load_domains(translated.bench.config.data.dataset, "test", size)
    assert any(np.array_equal(tile, image) for image in test.a.images)


@pytest.mark.slow
def test_a_run_that_lost_its_last_stages_makes_them_again_bit_for_bit(
    translation_options, translated, tmp_path
):
    shutil.copytree(translated.run.path, tmp_path / "run")
    folder = RunFolder(tmp_path / "run").replicate(0).round(2)
    shutil.rmtree(folder.path)
    again = run_lottery({**translation_options, "branches": ("snip",)}, tmp_path / "run")
    assert len(again.recorder.beginnings) == 2
    for file in (
        "weights/generator_a2b.npz",
        "branches/snip/weights/discriminator_b.npz",
        "samples.png",
    ):
        first = translated.replicate.round(2).path / file
        assert (folder.path / file).read_bytes() == first.read_bytes()


@pytest.mark.slow
def test_a_ticket_is_transferred_to_another_pair(
    translation_options, translated, pictures, tmp_path
):
    other = tmp_path / "other"
    sources = {"trainA": "trainB", "trainB": "testA", "testA": "testB", "testB": "trainA"}
    for domain, source in sources.items():
        shutil.copytree(pictures / source, other / domain)
    parent = open_ticket(str(translated.replicate.round(1).path), "rewind")
    options = {**translation_options, "dataset": f"folder:{other}", "branches": ()}
    done = run_lottery(options, tmp_path / "run", parent=parent)
    results = findings.read_results(done.run)
    found = [(result.round, result.generator) for result in results]
    assert found == [(number, name) for number in (0, 1) for name in GENERATORS]
    assert equal(done.replicate.round(1).masks.get(), parent.kept)


@pytest.mark.parametrize("direction", ["a2b", "b2a"])
def test_a_round_that_translates_gets_the_very_scores_that_its_run_gave_it(translated, direction):
    here = translated.replicate.round(1)
    dataset = translated.bench.config.data.dataset
    request = Request(f"round:{here.path}", dataset, direction=direction)
    [record] = evaluate(request)["scores"]
    expected = here.scores.get()[f"generator_{direction}"]
    assert {name: record[name] for name in SCORES} == {name: expected[name] for name in SCORES}
    assert record["protocol"] == expected["protocol"]


def test_other_test_pictures_than_the_runs_are_warned_of(translated, tmp_path):
    run = RunFolder(shutil.copytree(translated.run.path, tmp_path / "run"))
    run.images.put({**run.images.get(), "test_digest": "of others"})
    dataset = translated.bench.config.data.dataset
    request = Request(f"round:{run.path}/replicate_0/round_01", dataset, direction="a2b")
    with pytest.warns(ToolkitWarning, match="are not those that .* was scored on"):
        evaluate(request)
    own = dataclasses.replace(request, images=f"round:{translated.replicate.round(1).path}")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "the test pictures of")
        evaluate(own)


def test_a_round_that_translates_is_scored_one_way(translated):
    request = Request(f"round:{translated.replicate.round(1).path}", "digits")
    with pytest.raises(UsageError, match="translates pictures: say which way with --direction"):
        evaluate(request)
    with pytest.raises(UsageError, match="unknown direction 'ab2': did you mean"):
        evaluate(dataclasses.replace(request, direction="ab2"))
    with pytest.raises(UsageError, match="--protocol=digits scores averaged generators"):
        evaluate(dataclasses.replace(request, direction="a2b", protocol="digits"))
