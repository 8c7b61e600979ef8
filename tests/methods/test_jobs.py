import dataclasses

import numpy as np
import pytest

from tf_gan_lth import lottery
from tf_gan_lth.experiment.errors import BusyError, RunFolderError, UsageError
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.lottery import parts


def ignore(place):
    del place


def test_parts_make_what_the_whole_makes_and_keep_out_of_each_others_way(
    finished, tiny_config, tmp_path
):
    run = RunFolder(tmp_path / "run")
    lab = lottery.Laboratory(tiny_config, run)
    with pytest.raises(
        UsageError,
        match=(
            "--branch=random_mask: replicate 0, round 2, main is not finished; run the rounds first"
        ),
    ):
        parts.run(lab, 0, "random_mask", ignore)
    parts.run(lab, 0, "main", ignore)
    places = list(run.replicate(0).rounds())
    assert len(places) == 4 and not any(list(place.branches()) for place in places)

    here = run.replicate(0).round(2).branch("random_mask")
    with (
        here.lock(),
        pytest.raises(
            BusyError, match=r"round 2, random_mask of .* by another process .*process \d+ on"
        ),
    ):
        parts.run(lab, 0, "random_mask", ignore)
    with run.replicate(0).lock():  # the rounds may go on while a branch is trained
        parts.run(lab, 0, "random_mask", ignore)
        with pytest.raises(
            BusyError, match="replicate_0 is being run by another process: give another --replicate"
        ):
            parts.run(lab, 0, None, ignore)
    assert [branch.branch_name for branch in run.replicate(0).round(2).branches()] == [
        "random_mask"
    ]

    whole = finished.run.replicate(0)
    for place, twin in [
        (here, whole.round(2).branch("random_mask")),
        (run.replicate(0).round(3), whole.round(3)),
    ]:
        for name, snapshot in twin.weights.get().items():
            made = place.weights.get()[name]
            assert all(np.array_equal(array, made[path]) for path, array in snapshot.items())


def test_parts_that_are_not_there_are_refused(tiny_config, tmp_path):
    lab = lottery.Laboratory(tiny_config, RunFolder(tmp_path / "run"))
    with pytest.raises(UsageError, match="--replicate=1 is none of --replicates=1"):
        parts.run(lab, 1, None, ignore)
    with pytest.raises(UsageError, match="--branch=snip is in no round"):
        parts.run(lab, None, "snip", ignore)


def test_two_may_claim_a_folder_for_the_same_config_and_not_for_another(tiny_config, tmp_path):
    first, second = RunFolder(tmp_path / "run"), RunFolder(tmp_path / "run")
    first.claim(tiny_config)
    second.claim(
        dataclasses.replace(tiny_config, lottery=dataclasses.replace(tiny_config.lottery, rounds=5))
    )
    with pytest.raises(
        RunFolderError, match="holds another experiment: --seed is 0 there and 1 here"
    ):
        second.claim(dataclasses.replace(tiny_config, seed=1))
