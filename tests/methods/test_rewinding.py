"""What the rounds start from: theta_0, theta_k, other discriminators, or the round before."""

import pytest
from helpers import equal, run_lottery

from tf_gan_lth.methods.candidate import rewind
from tf_gan_lth.pruning import masks as pruning


@pytest.fixture(scope="module")
def late(tiny_options, tmp_path_factory):
    """Late rewinding to step 3 of 8."""
    options = {
        **tiny_options,
        "steps": 8,
        "rewind_step": 3,
        "rounds": 1,
        "branch_rounds": (1,),
        "branches": ("random_init", "random_mask"),
    }
    return run_lottery(options, tmp_path_factory.mktemp("study") / "late")


def test_late_rewinding_goes_back_to_the_weights_of_its_step(late):
    replicate = late.replicate
    theta = replicate.rewind.get()
    assert theta.keys() == {"generator", "generator_ema", "discriminator"}
    ticket = replicate.round(1)
    for folder in (replicate.round(0), ticket, ticket.branch("random_mask")):
        begun = late.recorder.beginning(folder)
        masks = folder.masks.get()
        assert begun.step == 3
        for network in theta:
            mask = masks.get(network.removesuffix("_ema"), {})
            assert equal(begun.weights[network], pruning.apply(theta[network], mask))
    assert not equal(theta["generator"], replicate.initial.get()["generator"])
    assert late.recorder.beginning(ticket.branch("random_init")).step == 0


def test_late_rewinding_is_a_point_on_the_dense_run(late, tiny_options, tmp_path):
    """theta_k is what k steps of the same stream give, whatever follows."""
    short = run_lottery({**tiny_options, "steps": 3, "rounds": 0}, tmp_path / "short")
    assert equal(late.replicate.rewind.get(), short.replicate.round(0).weights.get())


@pytest.mark.parametrize("start", ["dense", "second_seed"])
def test_the_discriminator_starts_where_the_config_says(tiny_options, tmp_path, start):
    options = {**tiny_options, "discriminator_start": start, "rounds": 2, "branch_rounds": ()}
    done = run_lottery(options, tmp_path / "run")
    dense = done.replicate.round(0)
    initial = done.replicate.initial.get()
    second = done.bench.fresh_weights(0, "second_seed")["discriminator"]
    expected = dense.weights.get()["discriminator"] if start == "dense" else second
    assert not equal(expected, initial["discriminator"])
    begun = done.recorder.beginning(dense).weights
    assert equal(begun["discriminator"], initial["discriminator"])
    for number in (1, 2):
        folder = done.replicate.round(number)
        begun = done.recorder.beginning(folder).weights
        assert equal(begun["discriminator"], expected)
        assert equal(begun["generator"], rewind(initial, folder.masks.get())["generator"])


def test_the_generator_starts_from_the_dense_one_where_the_config_says(tiny_options, tmp_path):
    options = {
        **tiny_options,
        "generator_start": "dense",
        "rounds": 2,
        "branches": ("random_init",),
    }
    done = run_lottery(options, tmp_path / "run")
    initial = done.replicate.initial.get()
    dense = done.replicate.round(0)
    trained = dense.weights.get()["generator"]
    assert equal(done.recorder.beginning(dense).weights["generator"], initial["generator"])
    for number in (1, 2):
        folder = done.replicate.round(number)
        begun = done.recorder.beginning(folder).weights
        expected = rewind({"generator": trained}, folder.masks.get())["generator"]
        assert equal(begun["generator"], expected) and equal(begun["generator_ema"], expected)
        assert equal(begun["discriminator"], initial["discriminator"])
    fresh = done.recorder.beginning(done.replicate.round(2).branch("random_init")).weights
    assert not equal(fresh["generator"], begun["generator"])


def test_standard_pruning_never_rewinds(tiny_options, tmp_path):
    options = {**tiny_options, "rewind": False, "rounds": 2, "branches": ()}
    done = run_lottery(options, tmp_path / "run")
    for number in (1, 2):
        before = done.replicate.round(number - 1)
        here = done.replicate.round(number)
        expected = rewind(before.weights.get(), here.masks.get())
        assert equal(done.recorder.beginning(here).weights, expected)
