"""A ticket trains elsewhere from its own weights under its own mask, in a run that says where it
comes from.
"""

import dataclasses
import shutil

import numpy as np
import pytest

from tf_gan_lth import lottery
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.errors import MaskError, RunFolderError, UsageError
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.lottery import transfer
from tf_gan_lth.methods.parent import open_ticket


def equal(first, second):
    return first.keys() == second.keys() and all(
        np.array_equal(first[path], second[path]) for path in first
    )


def ticket_of(finished, number=2):
    return str(finished.run.replicate(0).round(number).path)


def run_transfer(options, parent, path):
    config = transfer.config_of(configs.from_options(options), parent)
    lab = lottery.Laboratory(config, RunFolder(path), parent=parent)
    trained = []
    transfer.transfer(lab, parent, 0, trained.append)
    return lab, trained


@pytest.fixture(scope="module")
def options(tiny_options):
    return {
        **tiny_options,
        "loss": "wasserstein",
        "branches": ("random_init", "dense_discriminator"),
    }


@pytest.fixture(scope="module")
def transferred(finished, options, tmp_path_factory):
    parent = open_ticket(ticket_of(finished), "rewind")
    lab, trained = run_transfer(options, parent, tmp_path_factory.mktemp("transfer") / "run")
    return parent, lab, trained


def test_the_dense_gan_the_ticket_and_its_controls_are_trained(transferred):
    _, _, trained = transferred
    assert [(place.round_number, place.branch_name) for place in trained] == [
        (0, "main"),
        (2, "main"),
        (2, "random_init"),
        (2, "dense_discriminator"),
    ]


def test_masks_and_weights_are_the_tickets(finished, transferred):
    _, lab, _ = transferred
    theirs, ours = finished.run.replicate(0), lab.run.replicate(0)
    assert equal(ours.round(2).masks.get()["generator"], theirs.round(2).masks.get()["generator"])
    assert all(
        equal(snapshot, theirs.initial.get()[network])
        for network, snapshot in ours.initial.get().items()
    )
    assert not equal(
        ours.round(2).weights.get()["generator"], theirs.round(2).weights.get()["generator"]
    )
    assert lottery.judge_run(lab.run)[1]["generator"].comparisons.keys() >= {
        (0, "main"),
        (2, "main"),
        (2, "random_init"),
    }


def test_the_run_records_its_parent(finished, transferred):
    parent, lab, _ = transferred
    record = lab.run.parent.get()
    assert record["digest"] == parent.digest == lab.run.read_config().lottery.parent
    assert record["run"] == str(finished.run.path) and (record["replicate"], record["round"]) == (
        0,
        2,
    )
    assert record["run_digest"] == finished.run.read_config().digest


def test_fresh_weights_make_another_run(finished, options, transferred, tmp_path):
    parent = open_ticket(ticket_of(finished), "fresh")
    assert parent.digest != transferred[0].digest
    lab, _ = run_transfer({**options, "branches": ()}, parent, tmp_path / "fresh")
    initial = lab.run.replicate(0).initial.get()
    assert equal(initial["generator"], lab.fresh_weights(0)["generator"])
    assert equal(lab.run.replicate(0).round(2).masks.get()["generator"], parent.masks["generator"])


def test_another_ticket_in_the_same_folder_is_refused(finished, options, transferred, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(transferred[1].run.path, path)
    with pytest.raises(RunFolderError, match="holds another experiment: --parent is"):
        run_transfer(options, open_ticket(ticket_of(finished, 1), "rewind"), path)
    with pytest.raises(RunFolderError, match="--parent is"):
        lottery.Laboratory(configs.from_options(options), RunFolder(path))


@pytest.mark.parametrize("weights", ["rewind", "fresh"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"width": 6},
            (
                r"of another generator: block_1/conv_1/kernel is \(3, 3, 4, 4\) there and \(3, 3,"
                r" 6, 6\) here; --resolution"
            ),
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
    with pytest.raises(MaskError, match=message):
        run_transfer(
            {**options, **change}, open_ticket(ticket_of(finished), weights), tmp_path / "run"
        )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rewind_step": 1}, "--rewind_step=1 is for finding tickets"),
        ({"criterion": "snip"}, "--criterion=snip is for finding tickets"),
        ({"branches": ("not_rewound",)}, "--branches=not_rewound goes on from the round before"),
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
def test_what_a_transfer_cannot_do_is_refused(finished, options, tmp_path, change, message):
    with pytest.raises(UsageError, match=message):
        run_transfer(
            {**options, **change}, open_ticket(ticket_of(finished), "rewind"), tmp_path / "run"
        )
    assert not (tmp_path / "run").exists()


def test_what_is_no_ticket_is_refused(finished, tmp_path):
    for path in (
        ticket_of(finished, 0),
        str(finished.run.replicate(0).round(2).branch("random_init").path),
    ):
        with pytest.raises(
            UsageError,
            match="is not a ticket: give a pruned round, such as RUN/replicate_0/round_05",
        ):
            open_ticket(path, "rewind")
    with pytest.raises(UsageError, match="is not a round of a run"):
        open_ticket(str(tmp_path), "rewind")


def test_the_options_that_a_ticket_brings_are_its_own(finished, tiny_config):
    parent = dataclasses.replace(
        open_ticket(ticket_of(finished), "rewind"), exclude=("generator/to_image",)
    )
    config = transfer.config_of(tiny_config, parent).lottery
    assert (config.rounds, config.branch_rounds, config.exclude, config.prune) == (
        2,
        (2,),
        ("generator/to_image",),
        ("generator",),
    )


def test_another_discriminator_is_refused_with_the_tickets_weights_and_taken_with_fresh_ones(
    finished, options, tmp_path
):
    changed = {**options, "discriminator_width": 3, "branches": ()}
    with pytest.raises(MaskError, match="the ticket is of another discriminator: block_1/conv_1/"):
        run_transfer(changed, open_ticket(ticket_of(finished), "rewind"), tmp_path / "run")
    run_transfer(changed, open_ticket(ticket_of(finished), "fresh"), tmp_path / "run")


def test_an_unknown_start_is_refused(finished):
    with pytest.raises(UsageError, match="unknown value of --weights 'frsh': did you mean 'fresh'"):
        open_ticket(ticket_of(finished), "frsh")
