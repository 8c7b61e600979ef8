"""Every variant that a config can ask for continues from what is there, and makes nothing twice."""

import random
import shutil

import numpy as np
import pytest
from helpers import equal, run_lottery, set_up, snapshot

from tf_gan_lth import findings, gans
from tf_gan_lth.experiment import locks
from tf_gan_lth.experiment.errors import RunFolderError
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.methods import jobs
from tf_gan_lth.methods.branches import BRANCHES
from tf_gan_lth.pruning.masks import Elements


@pytest.fixture(scope="module")
def options(tiny_options):
    """All that a config can ask for together, and every branch."""
    return {
        **tiny_options,
        "steps": 6,
        "prune": ("generator", "discriminator"),
        "kd_weight": 1.0,
        "rewind_step": 2,
        "discriminator_start": "dense",
        "ranking": "layerwise",
        "ranking_weights": "ema",
        "rounds": 2,
        "branch_rounds": (2,),
        "branches": tuple(sorted(BRANCHES)),
    }


@pytest.fixture(scope="module")
def everything(options, tmp_path_factory):
    return run_lottery(options, tmp_path_factory.mktemp("study") / "everything")


def test_what_is_asked_is_stated(options, everything):
    stated = everything.run.config.get()["options"]
    for name in ("ranking", "ranking_weights", "rewind_step", "discriminator_start", "kd_weight"):
        assert stated[name] == options[name]


@pytest.mark.slow
def test_every_variant_continues_to_the_same_weights(options, everything, tmp_path):
    shutil.copytree(everything.run.path, tmp_path / "run")
    replicate = RunFolder(tmp_path / "run").replicate(0)
    lost = [replicate.round(1), replicate.round(2), *replicate.round(2).branches()]
    for folder in lost:
        for artifact in (folder.weights, folder.masks):
            shutil.rmtree(artifact.path)
        folder.scores.path.unlink()
    again = run_lottery(options, tmp_path / "run")
    assert len(again.recorder.beginnings) == len(lost) == 2 + len(BRANCHES)
    compared = 0
    for file in sorted(everything.run.path.rglob("*.npz")):
        compared += 1
        twin = tmp_path / "run" / file.relative_to(everything.run.path)
        assert file.read_bytes() == twin.read_bytes(), file
    assert compared > 50


def used_up(bench):
    """What training, scores, samples and gradients change."""
    plain = {name: gans.take_snapshot(network) for name, network in bench.gan.networks.items()}
    model = bench.trainer.model
    return {**plain, "trained": snapshot(model), "stream": model.stream.numpy()}


def test_a_finished_run_computes_nothing_again(options, everything):
    files = [path for path in everything.run.path.rglob("*.*") if path.name != locks.NAME]
    written = [path.stat().st_mtime_ns for path in files]
    again = set_up(options, everything.run.path)
    before = used_up(again.bench)
    random_state = random.getstate()  # fresh weights would seed Python's generator anew
    jobs.run(again.method, again.bench, again.run)
    assert again.recorder.order == [] and again.recorder.beginnings == {}
    assert equal(used_up(again.bench), before)
    assert random.getstate() == random_state
    assert [path.stat().st_mtime_ns for path in files] == written


def test_branches_keep_the_sparsity_of_a_pruned_discriminator(everything):
    folder = everything.replicate.round(2)
    ticket = folder.masks.get()
    expected = Elements(ticket["discriminator"])
    for branch in folder.branches():
        mask = branch.masks.get()["discriminator"]
        weights = branch.weights.get()["discriminator"]
        found = Elements(mask)
        assert found.remaining == expected.remaining, branch.branch_name
        assert found.total == expected.total, branch.branch_name
        assert not any(np.any(weights[path][~kept]) for path, kept in mask.items())
    snip = folder.branch("snip").masks.get()
    assert equal(snip["discriminator"], ticket["discriminator"])
    assert not equal(snip["generator"], ticket["generator"])
    results = findings.read_results(everything.run)
    steps = {result.branch: result.steps for result in results if result.round == 2}
    assert {steps.pop(name) for name in ("random_init", "random_ticket")} == {6}
    assert set(steps.values()) == {4}


def test_other_training_images_are_refused(tiny_options, finished, tmp_path):
    shutil.copytree(finished.run.path, tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    run.images.put({**run.images.get(), "digest": "0"})
    with pytest.raises(RunFolderError, match="was trained on other images"):
        set_up(tiny_options, tmp_path / "run")
