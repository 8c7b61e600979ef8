"""README: every round starts from mask x theta_0, bit for bit, and prunes what the round before
trained.
"""

import shutil

import numpy as np
import pytest
from helpers import equal, run_lottery

from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.gans import variables


def trainings(finished):
    for folder in finished.replicate.rounds():
        yield folder
        yield from folder.branches()


def test_every_training_starts_from_the_rewound_weights_bit_for_bit(finished):
    initial = finished.replicate.initial.get()
    checked = 0
    for folder in trainings(finished):
        if folder.branch_name == "random_init":
            continue
        masks = folder.masks.get()
        start = finished.recorder.beginning(folder).weights
        for network, weights in initial.items():
            assert start[network].keys() == weights.keys()
            for path, array in weights.items():
                expected = array
                if path in masks.get(network, {}):
                    expected = array * masks[network][path] + np.float32(0.0)
                assert equal(start[network][path], expected), (folder.path, network, path)
                checked += 1
        assert equal(start["generator_ema"], start["generator"])
    assert checked == 5 * sum(len(weights) for weights in initial.values())


def test_theta_0_holds_every_kind_of_variable(finished):
    initial = finished.replicate.initial.get()
    for name, network in finished.bench.trainer.networks.items():
        assert variables(network).keys() == initial[name].keys()
    kinds = {path.split("/")[-1] for weights in initial.values() for path in weights}
    assert kinds == {"kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "u"}


def test_remaining_counts_are_powers_of_the_rate(finished):
    for number in range(4):
        mask = finished.replicate.round(number).masks.get()["generator"]
        total = sum(kept.size for kept in mask.values())
        remaining = sum(np.count_nonzero(kept) for kept in mask.values())
        assert remaining == round(0.8**number * total)


def test_masks_are_nested_and_rank_the_trained_live_weights(finished):
    replicate = finished.replicate
    for number in range(1, 4):
        before = replicate.round(number - 1)
        mask = replicate.round(number).masks.get()["generator"]
        trained = before.weights.get()["generator"]
        old = before.masks.get()["generator"]
        assert all(not np.any(mask[path] & ~old[path]) for path in mask)
        kept = np.concatenate([np.abs(trained[path][mask[path]]) for path in mask])
        pruned = np.concatenate([np.abs(trained[path][old[path] & ~mask[path]]) for path in mask])
        assert pruned.size and pruned.max() <= kept.min()


def test_pruned_weights_stay_zero_in_what_is_saved(finished):
    for folder in trainings(finished):
        weights = folder.weights.get()
        for path, kept in folder.masks.get()["generator"].items():
            for snapshot in ("generator", "generator_ema"):
                assert not np.any(weights[snapshot][path][~kept])
                assert np.all(weights[snapshot][path][kept])


def test_training_moves_everything_that_is_trained(finished):
    folder = finished.replicate.round(1)
    start = finished.recorder.beginning(folder).weights
    end = folder.weights.get()
    for network in ("generator", "discriminator"):
        assert not any(equal(start[network][path], end[network][path]) for path in start[network])


def test_the_step_is_traced_once_for_all_rounds_and_branches(finished):
    assert len(finished.recorder.beginnings) == 6
    assert finished.bench.trainer.model.traces == 1


def test_controls_differ_from_the_ticket_in_one_thing_each(finished):
    folder = finished.replicate.round(2)
    ticket = folder.masks.get()["generator"]
    initial = finished.replicate.initial.get()
    random_mask = folder.branch("random_mask").masks.get()["generator"]
    random_init = folder.branch("random_init").masks.get()["generator"]
    counts = [sum(kept.sum() for kept in mask.values()) for mask in (random_mask, ticket)]
    assert counts[0] == counts[1]
    assert not equal(random_mask, ticket) and equal(random_init, ticket)
    start = finished.recorder.beginning(folder.branch("random_init")).weights
    path = "block_1/conv_1/kernel"
    kept = ticket[path]
    assert not equal(start["generator"][path][kept], initial["generator"][path][kept])
    assert equal(start["discriminator"], initial["discriminator"])


@pytest.fixture(scope="module")
def extended(finished, tiny_options, tmp_path_factory):
    """A copy of the finished run, asked for two more rounds; what was there is recorded first."""
    path = tmp_path_factory.mktemp("extended") / "run"
    shutil.copytree(finished.run.path, path)
    before = {path: path.read_bytes() for path in path.rglob("replicate_0/**/*") if path.is_file()}
    return before, run_lottery({**tiny_options, "rounds": 5}, path)


def test_more_rounds_only_add_rounds(extended):
    before, longer = extended
    assert longer.recorder.order == [(4, "main"), (5, "main")]
    assert len(longer.recorder.beginnings) == 2
    assert before and all(path.read_bytes() == content for path, content in before.items())


def test_a_run_is_a_function_of_its_config(finished, tiny_options, tmp_path):
    again = run_lottery(tiny_options, tmp_path / "again")
    folders = list(trainings(again))
    assert len(folders) == 6
    for folder, first in zip(folders, trainings(finished), strict=True):
        assert folder.title == first.title
        assert equal(folder.weights.get(), first.weights.get())
        fids = [f.scores.get()["generator"]["fid"] for f in (first, folder)]
        assert fids[0] == fids[1]


def test_what_is_deleted_is_made_again_and_the_rest_kept(finished, tiny_options, tmp_path):
    """What the error about a broken artifact advises: delete it and run the same command again."""
    shutil.copytree(finished.run.path, tmp_path / "run")
    folder = RunFolder(tmp_path / "run").replicate(0).round(2).branch("random_mask")
    for path in (folder.weights.path, folder.masks.path):
        shutil.rmtree(path)
    for path in (folder.training.path, folder.sparsity.path, folder.samples.path):
        path.unlink()
    again = run_lottery(tiny_options, tmp_path / "run")
    assert list(again.recorder.beginnings) == [folder.title]
    first = finished.replicate.round(2).branch("random_mask")
    assert equal(first.weights.get(), folder.weights.get())
    assert equal(first.masks.get(), folder.masks.get())
    assert folder.sparsity.get() == first.sparsity.get()
    assert folder.samples.get() == first.samples.get()
    assert folder.training.get()["steps"] == 2
