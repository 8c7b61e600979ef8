"""A ticket trains elsewhere from its own weights under its own mask, in a run that says where it
comes from.
"""

import dataclasses
import shutil

import numpy as np
import pytest
from helpers import equal, run_lottery, set_up

from tf_gan_lth import findings, gans
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.errors import MaskError, RunFolderError, UsageError
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.methods import Transfer, jobs
from tf_gan_lth.methods.branches import BRANCHES
from tf_gan_lth.methods.candidate import expand, rewind
from tf_gan_lth.methods.parent import WEIGHTS, Parent, open_ticket


def ticket_of(finished, number=2):
    return str(finished.replicate.round(number).path)


@pytest.fixture(scope="module")
def options(tiny_options):
    return {
        **tiny_options,
        "loss": "wasserstein",
        "branches": ("random_init", "dense_discriminator"),
    }


@pytest.fixture(scope="module")
def parent(finished):
    return open_ticket(ticket_of(finished), "rewind")


@pytest.fixture(scope="module")
def transferred(options, parent, tmp_path_factory):
    return run_lottery(options, tmp_path_factory.mktemp("transfer") / "run", parent=parent)


def test_the_dense_gan_the_ticket_and_its_controls_are_trained(transferred):
    assert transferred.recorder.order == [
        (0, "main"),
        (2, "main"),
        (2, "random_init"),
        (2, "dense_discriminator"),
    ]


def test_masks_and_weights_are_the_tickets(finished, transferred):
    theirs = finished.replicate
    ours = transferred.replicate
    masks = ours.round(2).masks.get()
    initial = theirs.initial.get()
    assert equal(masks, theirs.round(2).masks.get())
    assert equal(ours.initial.get(), initial)
    start = transferred.recorder.beginning(ours.round(2)).weights
    expected = rewind(initial, masks)
    assert all(equal(start[network], snapshot) for network, snapshot in expected.items())
    trained = [replicate.round(2).weights.get()["generator"] for replicate in (ours, theirs)]
    assert not equal(*trained)
    comparisons = findings.judge_run(transferred.run)[1]["generator"].comparisons
    assert comparisons.keys() >= {(0, "main"), (2, "main"), (2, "random_init")}


@pytest.mark.slow
def test_a_branch_of_a_transfer_can_be_a_job_of_its_own(options, transferred, parent, tmp_path):
    shutil.copytree(transferred.run.path, tmp_path / "run")
    again = set_up(options, tmp_path / "run", parent=parent)
    folder = again.replicate.round(2).branch("random_init")
    shutil.rmtree(folder.path)
    jobs.run(again.method, again.bench, again.run, 0, "random_init")
    assert again.recorder.order == [(2, "random_init")]
    first = transferred.replicate.round(2).branch("random_init")
    assert equal(folder.weights.get(), first.weights.get())


def test_the_run_records_its_parent(finished, transferred, parent):
    record = transferred.run.parent.get()
    assert record["digest"] == parent.digest == transferred.run.read_config().lottery.parent
    assert record["run"] == str(finished.run.path)
    assert (record["replicate"], record["round"]) == (0, 2)
    assert record["run_digest"] == finished.run.read_config().digest


def test_fresh_weights_make_another_run(finished, options, parent, tmp_path):
    fresh = open_ticket(ticket_of(finished), "fresh")
    assert fresh.digest != parent.digest
    other = run_lottery({**options, "branches": ()}, tmp_path / "fresh", parent=fresh)
    initial = other.replicate.initial.get()
    assert equal(initial["generator"], other.bench.fresh_weights(0)["generator"])
    masks = other.replicate.round(2).masks.get()
    assert equal(masks["generator"], fresh.kept["generator"])


@pytest.mark.parametrize(
    ("weights", "from_training"),
    [
        ("trained", {"generator", "discriminator"}),
        ("trained_generator", {"generator"}),
        ("trained_discriminator", {"discriminator"}),
    ],
)
def test_a_ticket_starts_from_what_its_training_made_of_its_networks(
    finished, options, parent, tmp_path, weights, from_training
):
    trained = open_ticket(ticket_of(finished), weights)
    assert trained.digest != parent.digest
    other = run_lottery({**options, "branches": ()}, tmp_path / "run", parent=trained)
    initial = finished.replicate.initial.get()
    ended = finished.replicate.round(2).weights.get()
    dense = other.recorder.beginning(other.replicate.round(0)).weights
    ticket = other.recorder.beginning(other.replicate.round(2)).weights
    for name in ("generator", "discriminator"):
        assert equal(dense[name], initial[name])
        theta = ended if name in from_training else initial
        assert equal(ticket[name], rewind({name: theta[name]}, trained.kept)[name])
    assert equal(ticket["generator_ema"], ticket["generator"])
    assert equal(other.replicate.round(2).masks.get(), trained.kept)
    assert other.run.parent.get()["weights"] == weights
    kinds = {open_ticket(ticket_of(finished), kind).digest for kind in WEIGHTS}
    assert len(kinds) == len(WEIGHTS)


def test_random_init_is_fresh_in_what_is_pruned_alone(finished, options, parent, tmp_path):
    trained = open_ticket(ticket_of(finished), "trained_discriminator")
    run = set_up(options, tmp_path / "trained", parent=trained)
    _, ticket = run.method.candidates(run.bench, run.replicate)
    drawn = BRANCHES["random_init"](run.bench, ticket).weights
    ended = finished.replicate.round(2).weights.get()
    assert equal(drawn["discriminator"], ended["discriminator"])
    assert not equal(drawn["generator"], ticket.weights["generator"])
    # Weights that a late rewinding goes back to have averages, which are not of fresh ones.
    theta = {**parent.weights, "generator_ema": ended["generator_ema"]}
    late = dataclasses.replace(parent, weights=theta)
    run = set_up(options, tmp_path / "late", parent=late)
    _, ticket = run.method.candidates(run.bench, run.replicate)
    assert "generator_ema" in ticket.weights
    drawn = BRANCHES["random_init"](run.bench, ticket).weights
    assert drawn.keys() == {"generator", "discriminator"}
    assert equal(drawn["discriminator"], parent.weights["discriminator"])


def test_two_starts_of_a_network_are_refused(finished, options, tmp_path):
    trained = open_ticket(ticket_of(finished), "trained_discriminator")
    changed = {**options, "branches": (), "discriminator_start": "second_seed"}
    message = "--weights=trained_discriminator and --discriminator_start=second_seed are two starts"
    with pytest.raises(UsageError, match=message):
        set_up(changed, tmp_path / "run", parent=trained)


def test_a_ticket_without_a_trained_discriminator_is_named(finished, options, tmp_path):
    trained = open_ticket(ticket_of(finished), "trained")
    alone = {name: w for name, w in trained.trained.items() if name != "discriminator"}
    lacking = dataclasses.replace(trained, trained=alone)
    message = "--weights=trained: the ticket's round has no trained discriminator"
    with pytest.raises(UsageError, match=message):
        set_up({**options, "branches": ()}, tmp_path / "run", parent=lacking)


def test_another_ticket_in_the_same_folder_is_refused(finished, options, transferred, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(transferred.run.path, path)
    with pytest.raises(RunFolderError, match="holds another experiment: --parent is"):
        set_up(options, path, parent=open_ticket(ticket_of(finished, 1), "rewind"))
    with pytest.raises(RunFolderError, match="--parent is"):
        set_up(options, path)


@pytest.mark.parametrize("weights", ["rewind", "fresh"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"width": 6},
            r"of another generator: block_1/conv_1/kernel is \(3, 3, 4, 4\) there and \(3, 3,"
            r" 6, 6\) here; --resolution",
        ),
        (
            {"resolution": 16},
            "the ticket is of another generator: only one of the two has block_2/",
        ),
    ],
)
def test_networks_of_other_shapes_are_refused_before_any_training(
    finished, options, tmp_path, change, message, weights
):
    ticket = open_ticket(ticket_of(finished), weights)
    with pytest.raises(MaskError, match=message):
        set_up({**options, **change}, tmp_path / "run", parent=ticket)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rewind_step": 1}, "--rewind_step=1 is for finding tickets"),
        ({"criterion": "snip"}, "--criterion=snip is for finding tickets"),
        ({"method": "finetuning"}, "--method=finetuning is for finding tickets"),
        ({"budgets": (0.5, 0.25)}, "--budgets=0.5,0.25 is for finding tickets"),
        ({"branches": ("not_rewound",)}, "--branches=not_rewound goes on from the round before"),
        (
            {"branches": ("random_ticket",)},
            "--branches=random_ticket is a lottery of its own, which a transfer is not",
        ),
        (
            {"kd_weight": 1.0},
            "--kd_weight=1.0 teaches a pruned discriminator, which this ticket has not",
        ),
        (
            {"prune": ("generator", "discriminator")},
            "--prune=generator,discriminator, but the ticket was found with generator",
        ),
    ],
)
def test_what_a_transfer_cannot_do_is_refused(options, parent, tmp_path, change, message):
    with pytest.raises(UsageError, match=message):
        set_up({**options, **change}, tmp_path / "run", parent=parent)
    assert not (tmp_path / "run").exists()


def test_what_is_no_ticket_is_refused(finished, tmp_path):
    branch = finished.replicate.round(2).branch("random_init")
    for path in (ticket_of(finished, 0), str(branch.path)):
        with pytest.raises(
            UsageError,
            match="is not a ticket: give a pruned round, such as RUN/replicate_0/round_05",
        ):
            open_ticket(path, "rewind")
    with pytest.raises(UsageError, match="is not a round of a run"):
        open_ticket(str(tmp_path), "rewind")


def test_a_ticket_whose_masks_still_change_is_none(tmp_path):
    """Until a round is trained, its masks are not those that its training leaves."""
    run = RunFolder(tmp_path / "run")
    run.claim(configs.from_options({"mask_update": "rigl"}))
    here, masks = run.replicate(0).round(1), {"generator": {"kernel": np.ones(3, bool)}}
    run.replicate(0).initial.put({"generator": {"kernel": np.ones(3)}})
    here.masks.put(masks)
    with pytest.raises(UsageError, match="is not trained: --mask_update=rigl changes its masks"):
        open_ticket(str(here.path), "rewind")
    here.trained_masks.put(masks)
    assert equal(open_ticket(str(here.path), "rewind").kept, masks)


def test_the_options_that_a_ticket_brings_are_its_own(parent, tiny_config):
    lottery = dataclasses.replace(parent.lottery, exclude=("generator/to_image",))
    parent = dataclasses.replace(parent, lottery=lottery)
    config = Transfer(parent).configure(tiny_config, gans.find("sngan")).lottery
    assert (config.rounds, config.branch_rounds) == (2, (2,))
    assert (config.exclude, config.prune) == (("generator/to_image",), ("generator",))


@pytest.mark.parametrize(
    "units",
    [
        {"unit": "channel"},
        {"unit": "channel", "prune_trunk": True, "budget": "macs"},
        {"unit": "2:4", "rate": 0.5, "rounds": 1},
        {"prune_dense": True},
    ],
)
def test_units_are_those_of_the_ticket(options, tmp_path, units):
    theirs = set_up({**options, **units, "branches": ()}, tmp_path / "theirs")
    masks = theirs.bench.full_masks
    lottery = theirs.run.read_config().lottery
    record = {"digest": "theirs", "weights": "fresh"}
    parent = Parent(1, expand(masks), None, lottery, record)
    ours = set_up({**options, "branches": ()}, tmp_path / "ours", parent=parent).bench
    assert ours.config.lottery.unit == lottery.unit
    assert ours.config.lottery.budget == lottery.budget  # of what random masks keep as much
    read = ours.read_masks(parent.kept)["generator"]
    assert type(read) is type(masks["generator"]) and read.total == masks["generator"].total


def test_other_units_than_those_of_the_ticket_are_refused(options, parent, tmp_path):
    message = "--unit=channel, but the ticket was found with element: leave it out"
    with pytest.raises(UsageError, match=message):
        set_up({**options, "unit": "channel"}, tmp_path / "run", parent=parent)


def test_a_gan_without_the_networks_of_the_ticket_is_named(parent, tiny_config):
    message = "it has a generator, and cyclegan has generator_a2b, .*; give its --gan"
    with pytest.raises(UsageError, match=message):
        Transfer(parent).configure(tiny_config, gans.find("cyclegan"))


def test_another_discriminator_is_refused_with_the_tickets_weights_and_taken_with_fresh_ones(
    finished, options, parent, tmp_path
):
    changed = {**options, "discriminator_width": 3, "branches": ()}
    with pytest.raises(MaskError, match="the ticket is of another discriminator: block_1/conv_1/"):
        set_up(changed, tmp_path / "run", parent=parent)
    fresh = open_ticket(ticket_of(finished), "fresh")
    other = run_lottery(changed, tmp_path / "run", parent=fresh)
    assert other.recorder.order == [(0, "main"), (2, "main")]


def test_an_unknown_start_is_refused(finished):
    with pytest.raises(UsageError, match="unknown value of --weights 'frsh': did you mean 'fresh'"):
        open_ticket(ticket_of(finished), "frsh")
