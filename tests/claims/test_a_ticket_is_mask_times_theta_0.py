"""README: every round starts from mask x theta_0, bit for bit, and prunes what the round before
trained.
"""

import shutil

import numpy as np
import pytest

from tf_gan_lth import lottery
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.run_folder import Place, RunFolder
from tf_gan_lth.gans import variables


def trainings(finished):
    for place in finished.run.replicate(0).rounds():
        yield place
        yield from place.branches()


def test_every_training_starts_from_the_rewound_weights_bit_for_bit(finished):
    initial = finished.run.replicate(0).initial.get()
    checked = 0
    for place in trainings(finished):
        if place.branch_name == "random_init":
            continue
        masks, start = place.masks.get(), finished.starts[place.path]
        for network, weights in initial.items():
            assert start[network].keys() == weights.keys()
            for path, array in weights.items():
                expected = (
                    array * masks[network][path] + 0.0 if path in masks.get(network, {}) else array
                )
                assert start[network][path].tobytes() == expected.astype(array.dtype).tobytes(), (
                    place.path,
                    network,
                    path,
                )
                checked += 1
        assert all(
            np.array_equal(start["generator_ema"][p], start["generator"][p])
            for p in start["generator"]
        )
    assert checked == 5 * sum(len(weights) for weights in initial.values())


def test_theta_0_holds_every_kind_of_variable(finished):
    initial = finished.run.replicate(0).initial.get()
    for name, network in finished.lab.trainer.networks.items():
        assert variables(network).keys() == initial[name].keys()
    kinds = {path.split("/")[-1] for weights in initial.values() for path in weights}
    assert kinds == {"kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "u"}


def test_remaining_counts_are_powers_of_the_rate(finished):
    for number in range(4):
        mask = finished.run.replicate(0).round(number).masks.get()["generator"]
        total = sum(kept.size for kept in mask.values())
        assert sum(np.count_nonzero(kept) for kept in mask.values()) == round(0.8**number * total)


def test_masks_are_nested_and_rank_the_trained_live_weights(finished):
    replicate = finished.run.replicate(0)
    for number in range(1, 4):
        before, mask = replicate.round(number - 1), replicate.round(number).masks.get()["generator"]
        trained, old = before.weights.get()["generator"], before.masks.get()["generator"]
        assert all(not np.any(mask[path] & ~old[path]) for path in mask)
        kept = np.concatenate([np.abs(trained[path][mask[path]]) for path in mask])
        pruned = np.concatenate([np.abs(trained[path][old[path] & ~mask[path]]) for path in mask])
        assert pruned.size and pruned.max() <= kept.min()


def test_pruned_weights_stay_zero_in_what_is_saved(finished):
    for place in trainings(finished):
        weights = place.weights.get()
        for path, kept in place.masks.get()["generator"].items():
            for snapshot in ("generator", "generator_ema"):
                assert not np.any(weights[snapshot][path][~kept])
                assert np.all(weights[snapshot][path][kept])


def test_training_moves_everything_that_is_trained(finished):
    start = finished.starts[finished.run.replicate(0).round(1).path]
    end = finished.run.replicate(0).round(1).weights.get()
    for network in ("generator", "discriminator"):
        assert all(
            not np.array_equal(start[network][path], end[network][path]) for path in start[network]
        )


def test_the_step_is_traced_once_for_all_rounds_and_branches(finished):
    assert len(finished.starts) == 6
    assert finished.lab.trainer.model.traces == 1


def test_controls_differ_from_the_ticket_in_one_thing_each(finished):
    place = finished.run.replicate(0).round(2)
    ticket, initial = place.masks.get()["generator"], finished.run.replicate(0).initial.get()
    random_mask, random_init = (
        place.branch("random_mask").masks.get()["generator"],
        place.branch("random_init").masks.get()["generator"],
    )
    assert sum(kept.sum() for kept in random_mask.values()) == sum(
        kept.sum() for kept in ticket.values()
    )
    assert any(not np.array_equal(random_mask[path], ticket[path]) for path in ticket)
    assert all(np.array_equal(random_init[path], ticket[path]) for path in ticket)
    start = finished.starts[place.branch("random_init").path]
    path = "block_1/conv_1/kernel"
    assert not np.array_equal(
        start["generator"][path][ticket[path]], initial["generator"][path][ticket[path]]
    )
    assert all(
        np.array_equal(start["discriminator"][path], array)
        for path, array in initial["discriminator"].items()
    )


@pytest.fixture(scope="module")
def extended(finished, tiny_options, tmp_path_factory):
    """A copy of the finished run, asked for two more rounds; what was there is recorded first."""
    path = tmp_path_factory.mktemp("extended") / "run"
    shutil.copytree(finished.run.path, path)
    before = {path: path.read_bytes() for path in path.rglob("replicate_0/**/*") if path.is_file()}
    lab = lottery.Laboratory(configs.from_options({**tiny_options, "rounds": 5}), RunFolder(path))
    trained = []
    lottery.find_ticket(lab, 0, trained.append)
    return before, trained


def test_more_rounds_only_add_rounds(extended):
    before, trained = extended
    assert [place.round_number for place in trained] == [4, 5]
    assert all(path.read_bytes() == content for path, content in before.items())


def test_a_run_is_a_function_of_its_config(finished, tiny_config, tmp_path):
    lab = lottery.Laboratory(tiny_config, RunFolder(tmp_path / "again"))
    lottery.find_ticket(lab, 0, lambda place: None)
    for again in [
        *lab.run.replicate(0).rounds(),
        lab.run.replicate(0).round(2).branch("random_init"),
    ]:
        first = Place(
            finished.run.path / again.path.relative_to(lab.run.path), 0, again.round_number
        )
        old, new = first.weights.get(), again.weights.get()
        assert all(
            np.array_equal(old[network][path], new[network][path])
            for network in old
            for path in old[network]
        )
        assert first.scores.get()["fid"] == again.scores.get()["fid"]


def test_what_is_deleted_is_made_again_and_the_rest_kept(finished, tiny_config, tmp_path):
    """What the error about a broken artifact advises: delete it and run the same command again."""
    shutil.copytree(finished.run.path, tmp_path / "run")
    lab = lottery.Laboratory(tiny_config, RunFolder(tmp_path / "run"))
    place = lab.run.replicate(0).round(2).branch("random_mask")
    for path in (place.weights.path, place.masks.path):
        shutil.rmtree(path)
    for path in (place.training.path, place.sparsity.path, place.samples.path):
        path.unlink()
    lottery.find_ticket(lab, 0, lambda place: None)
    first = finished.run.replicate(0).round(2).branch("random_mask")
    for old, new in [
        (first.weights.get(), place.weights.get()),
        (first.masks.get(), place.masks.get()),
    ]:
        assert all(
            np.array_equal(old[network][path], new[network][path])
            for network in old
            for path in old[network]
        )
    assert (
        place.sparsity.get() == first.sparsity.get() and place.samples.get() == first.samples.get()
    )
    assert place.training.get()["steps"] == 2
