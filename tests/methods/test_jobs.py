"""Parts of a run, each for a process of its own."""

import dataclasses

import pytest
from helpers import equal, set_up

from tf_gan_lth.experiment.errors import BusyError, RunFolderError, UsageError
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.methods import jobs


def test_jobs_make_what_the_whole_makes_and_keep_out_of_each_others_way(
    finished, tiny_options, tmp_path
):
    own = set_up(tiny_options, tmp_path / "run")

    def run(branch):
        jobs.run(own.method, own.bench, own.run, 0, branch)

    unfinished = "--branch=random_mask: replicate 0, round 2, main is not finished; run the rounds"
    with pytest.raises(UsageError, match=f"{unfinished} first"):
        run("random_mask")
    run("main")
    folders = list(own.replicate.rounds())
    assert len(folders) == 4 and not any(list(folder.branches()) for folder in folders)

    here = own.replicate.round(2).branch("random_mask")
    busy = r"round 2, random_mask of .* by another process .*process \d+ on"
    with here.lock(), pytest.raises(BusyError, match=busy):
        run("random_mask")
    busy = "replicate_0 is being run by another process: give another --replicate"
    with own.replicate.lock():  # the rounds may go on while a branch is trained
        run("random_mask")
        with pytest.raises(BusyError, match=busy):
            run(None)
    branches = [branch.branch_name for branch in own.replicate.round(2).branches()]
    assert branches == ["random_mask"]

    whole = finished.replicate
    twin = whole.round(2).branch("random_mask")
    assert equal(here.weights.get(), twin.weights.get())
    assert equal(own.replicate.round(3).weights.get(), whole.round(3).weights.get())


def test_jobs_that_are_not_there_are_refused(tiny_options, tmp_path):
    own = set_up(tiny_options, tmp_path / "run")
    with pytest.raises(UsageError, match="--replicate=1 is none of --replicates=1"):
        jobs.run(own.method, own.bench, own.run, 1, None)
    with pytest.raises(UsageError, match="--branch=snip is in no round"):
        jobs.run(own.method, own.bench, own.run, None, "snip")


def test_two_may_claim_a_folder_for_the_same_config_and_not_for_another(tiny_config, tmp_path):
    first = RunFolder(tmp_path / "run")
    second = RunFolder(tmp_path / "run")
    first.claim(tiny_config)
    longer = dataclasses.replace(tiny_config.lottery, rounds=5)
    second.claim(dataclasses.replace(tiny_config, lottery=longer))
    with pytest.raises(
        RunFolderError, match="holds another experiment: --seed is 0 there and 1 here"
    ):
        second.claim(dataclasses.replace(tiny_config, seed=1))
