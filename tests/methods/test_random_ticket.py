"""The paper's random ticket: a lottery of its own, from other initial weights of all networks."""

import shutil

import pytest
from helpers import equal, run_lottery, set_up

from tf_gan_lth import findings, report
from tf_gan_lth.experiment.inventory import planned_trainings, survey
from tf_gan_lth.methods import jobs
from tf_gan_lth.methods.candidate import rewind
from tf_gan_lth.pruning.masks import Elements, magnitudes


@pytest.fixture(scope="module")
def options(tiny_options):
    return {
        **tiny_options,
        "prune": ("generator", "discriminator"),
        "branches": ("random_ticket", "random_mask"),
        "branch_rounds": (3,),
    }


@pytest.fixture(scope="module")
def drawn(options, tmp_path_factory):
    """Three rounds, of which the last has its controls."""
    return run_lottery(options, tmp_path_factory.mktemp("random_ticket") / "run")


def test_it_has_every_round_up_to_the_one_that_is_asked_for(drawn):
    assert drawn.recorder.order == [
        (0, "main"),
        (1, "main"),
        (1, "random_ticket"),
        (2, "main"),
        (2, "random_ticket"),
        (3, "main"),
        (3, "random_ticket"),
        (3, "random_mask"),
    ]
    planned = planned_trainings(drawn.run, drawn.run.read_config(), transferred=False)
    assert [(f.round_number, f.branch_name) for f in planned] == drawn.recorder.order


def test_rounds_beyond_the_last_that_is_asked_for_have_none(options, tmp_path):
    own = set_up({**options, "branch_rounds": (1, 9)}, tmp_path / "run")
    planned = jobs.planned(own.method, own.bench, own.replicate, "random_ticket")
    assert [folder.round_number for folder in planned] == [1]


def test_every_round_starts_from_the_same_other_weights_of_all_networks(drawn):
    initial = drawn.replicate.initial.get()
    other = drawn.bench.fresh_weights(0, "random_ticket")
    for number in (1, 2, 3):
        folder = drawn.replicate.round(number).branch("random_ticket")
        begun = drawn.recorder.beginning(folder)
        expected = rewind(other, folder.masks.get())
        for network in ("generator", "discriminator"):
            assert not equal(other[network], initial[network])
            assert equal(begun.weights[network], expected[network])
        assert begun.step == 0


def test_its_masks_are_of_its_own_trainings_but_the_first(drawn):
    main = drawn.replicate.round(1).masks.get()
    first = drawn.replicate.round(1).branch("random_ticket")
    assert equal(first.masks.get(), main)
    for number in (2, 3):
        before = drawn.replicate.round(number - 1).branch("random_ticket")
        here = drawn.replicate.round(number)
        found = here.branch("random_ticket").masks.get()
        trained = before.weights.get()
        for network, mask in found.items():
            old = Elements(before.masks.get()[network])
            expected = old.keep(magnitudes(trained[network]), round(0.8**number * old.total))
            assert equal(mask, expected.expand())
        assert not equal(found, here.masks.get())


def test_table_verdict_and_report_show_it(drawn):
    results, verdicts = findings.write_results(drawn.run)
    rounds = [result.round for result in results if result.branch == "random_ticket"]
    assert rounds == [1, 2, 3]
    verdict = verdicts["generator"]
    assert "random_ticket" in verdict.sentence
    assert (2, "random_ticket") in verdict.comparisons
    report.conclude(drawn.run)
    assert b"random ticket" in drawn.run.report.get()
    assert survey(drawn.run.path).state == "finished"


def test_it_can_be_added_to_a_run_and_be_a_job_of_its_own(drawn, options, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(drawn.run.path, path)
    for number in (1, 2, 3):
        shutil.rmtree(path / f"replicate_0/round_{number:02d}/branches")
    again = set_up(options, path)
    jobs.run(again.method, again.bench, again.run, 0, "random_ticket")
    assert again.recorder.order == [(number, "random_ticket") for number in (1, 2, 3)]
    for number in (1, 2, 3):
        for kind in ("masks", "weights"):
            made = (f"replicate_0/round_{number:02d}/branches/random_ticket/{kind}").split("/")
            files = sorted(drawn.run.path.joinpath(*made).iterdir())
            assert files
            for file in files:
                assert file.read_bytes() == path.joinpath(*made, file.name).read_bytes()


def test_what_was_removed_of_its_earlier_rounds_is_trained_again(drawn, options, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(drawn.run.path, path)
    shutil.rmtree(path / "replicate_0/round_02/branches/random_ticket/weights")
    shutil.rmtree(path / "replicate_0/round_03/branches/random_ticket")
    with pytest.warns(match="round_02/branches/random_ticket/weights is missing"):
        again = run_lottery(options, path)
    for number in (2, 3):
        folder = again.replicate.round(number).branch("random_ticket")
        twin = drawn.replicate.round(number).branch("random_ticket")
        assert equal(folder.weights.get(), twin.weights.get())
