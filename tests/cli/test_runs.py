"""`tf-gan-lth runs` and `clean`: what there is, and what can go."""

import csv
import fcntl
import io
import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from tf_gan_lth.experiment import cleaning, inventory
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.errors import BusyError, UsageError
from tf_gan_lth.experiment.run_folder import RunFolder

WITHOUT_TENSORFLOW = """
import sys
from tf_gan_lth.cli import main
try:
    main.main(sys.argv)
except SystemExit as exit:
    code = exit.code
else:
    code = 0
sys.exit(99 if "tensorflow" in sys.modules else code)
"""
ROWS = """round,branch,generator,generator_sparsity,fid_mean,verdict
0,main,generator,0.0,10.0,dense
1,main,generator,0.2,10.5,undetermined
2,main,generator,0.36,30.0,worse
2,random_mask,generator,0.36,10.0,matching
"""


def tf_gan_lth(*arguments):
    command = [sys.executable, "-c", WITHOUT_TENSORFLOW, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def make_run(path, finished=True):
    """A run of two rounds and a branch, as a lottery leaves it; the files hold next to nothing."""
    run = RunFolder(path)
    options = {"rounds": 2, "branches": ("random_mask",), "branch_rounds": (2,)}
    run.claim(configs.from_options(options), {})
    replicate = run.replicate(0)
    replicate.initial.put({"generator": {"kernel": np.ones(2)}})
    rounds = [replicate.round(number) for number in range(3)]
    for folder in [*rounds, rounds[2].branch("random_mask")]:
        folder.masks.put({"generator": {"kernel": np.ones(2, bool)}})
        if folder.round_number == 2 and not finished:
            folder.checkpoint.put({"step": np.int64(3)})
            break
        folder.weights.put({"generator": {"kernel": np.ones(100)}})
        folder.samples.put(b"picture")
        for record in (folder.training, folder.sparsity, folder.scores):
            record.put({"generator": {}})
    run.results.put(ROWS.encode())
    if finished:
        run.report.put(b"page")
        run.tensorboard.mkdir()
        (run.tensorboard / "events").write_bytes(b"curves")
        rounds[1].saved_model("generator").mkdir()
        (rounds[1].saved_model("generator") / "saved_model.pb").write_bytes(b"graph")
    return run


def files(path):
    """{name: content} of all files but locks."""
    found = (each for each in path.rglob("*.*") if each.is_file() and each.name != ".lock")
    return {str(each.relative_to(path)): each.read_bytes() for each in found}


@pytest.fixture
def runs(tmp_path):
    root = tmp_path / "runs"
    make_run(root / "a")
    make_run(root / "study" / "b", finished=False)
    broken = make_run(root / "c")
    broken.config.path.write_text('{"digest": 1')
    (broken.path / ".lock").touch()
    lost = make_run(root / "d")
    lost.config.path.unlink()
    (root / "model").mkdir()
    (root / "model" / "config.json").write_text('{"model_type": "theirs"}')
    return root


def test_runs_are_listed_with_state_ticket_and_disk_within_two_seconds(runs):
    begun = time.monotonic()
    result = tf_gan_lth("runs", runs)
    taken = time.monotonic() - begun
    assert result.returncode == 0, result.stderr
    head, a, c, d, b = result.stdout.splitlines()
    assert head.split() == [
        "run",
        "GAN",
        "data",
        "trainings",
        "best",
        "ticket",
        "disk",
        "age",
        "state",
    ]
    assert a.startswith("a ") and "sngan  digits  4/4" in a and a.endswith("finished")
    assert "20.0%, FID 10.5, undetermined" in a
    assert "broken: " in c and "config.json" in c and "broken: " in d and "is missing" in d
    assert b.startswith("study/b ") and "  2/4  " in b
    assert b.endswith("stopped: replicate 0, round 2, main: in training")
    assert taken < 2 or os.getloadavg()[0] > os.cpu_count()


def test_lists_for_programs(runs):
    rows = json.loads(tf_gan_lth("runs", runs / "a", "--format=json").stdout)
    assert rows[0]["trainings_done"] == 4 and rows[0]["age_seconds"] < 600
    size = sum(each.stat().st_size for each in (runs / "a").rglob("*") if each.is_file())
    assert rows[0]["disk_bytes"] == size
    [best] = rows[0]["best"]
    assert (best["round"], best["fid"], best["verdict"]) == (1, 10.5, "undetermined")
    table = list(csv.DictReader(io.StringIO(tf_gan_lth("runs", runs, "--format=csv").stdout)))
    assert [row["state"].split(":")[0] for row in table] == [
        "finished",
        "broken",
        "broken",
        "stopped",
    ]
    assert table[0]["best_round"] == "1" and table[1]["fid"] == ""


def test_who_works_in_a_run_is_named(runs):
    path = runs / "a" / "replicate_0" / ".lock"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write("process 7 on node3\n")
        file.flush()
        assert inventory.survey(runs / "a").state == "running: process 7 on node3"
        result = tf_gan_lth("clean", runs, "--what=report", "--yes")
        assert result.returncode == 1
        assert "config.json is broken" in result.stderr  # of c, and d has none
        assert "is in use: wait until it is done, or stop it (process 7 on node3)" in result.stderr
        with pytest.raises(BusyError), cleaning.held(runs / "a"):
            pass
    assert (runs / "a" / "report.html").exists()
    assert inventory.survey(runs / "a").state == "finished"


def test_nothing_is_removed_before_it_is_listed_and_agreed_to(runs):
    (runs / "a" / "config.json.partial").write_text("{")
    before = files(runs / "a")
    for command in (["runs", runs / "a", "clean"], ["clean", runs / "a"]):
        result = tf_gan_lth(*command)
        assert result.returncode == 0, result.stderr
        assert "1 B  partial      config.json.partial" in result.stdout
        assert "kept, as --what does not name it: report 4 B" in result.stdout
        assert result.stdout.endswith("1 B would be removed. Nothing was: add --yes.\n")
        assert files(runs / "a") == before
    result = tf_gan_lth("runs", runs / "a", "clean", "--yes")
    assert result.stdout.endswith("Removed 1 B.\n")
    del before["config.json.partial"]
    assert files(runs / "a") == before


def test_what_is_named_goes_and_what_verdicts_need_stays(runs):
    before = files(runs / "a")
    kinds = "weights,report,exports,tensorboard,checkpoints"
    result = tf_gan_lth("clean", runs / "a", f"--what={kinds}", "--rounds=2", "--yes")
    assert result.returncode == 0, result.stderr
    gone = before.keys() - files(runs / "a").keys()
    here = "replicate_0/round_02"
    assert {name.partition("/weights/")[0] for name in gone if "/weights/" in name} == {
        here,
        f"{here}/branches/random_mask",
    }
    assert {name for name in gone if "/weights/" not in name} == {
        "report.html",
        "replicate_0/round_01/saved_model/saved_model.pb",
    }
    assert not (runs / "a" / "tensorboard").exists()
    assert not list((runs / "a").rglob("*.partial"))


def test_a_round_is_named_by_its_number_or_as_its_folder_is(runs):
    here = ["clean", runs / "a", "--what=weights"]
    listed = [tf_gan_lth(*here, f"--rounds={number}").stdout for number in ("1", "01")]
    assert listed[0] == listed[1] and "weights      replicate_0/round_01/weights" in listed[0]
    absent = tf_gan_lth(*here, "--rounds=7").stdout
    assert "no weights go: these rounds are not there" in absent and "train rounds" not in absent


def test_what_was_removed_is_not_said_to_be_kept(runs):
    result = tf_gan_lth("clean", runs / "a", "--what=weights", "--rounds=1", "--yes")
    assert "would train rounds without weights again" in result.stdout
    assert "weights are kept" not in result.stdout
    again = tf_gan_lth("clean", runs / "a", "--what=weights", "--rounds=2", "--yes")
    assert "weights are kept: the run is stopped: replicate 0, round 1, main" in again.stdout


def test_what_a_killed_cleaning_left_is_in_nobodys_way(runs):
    left = runs / "a" / "tensorboard.partial"
    left.mkdir()
    (left / "events").write_bytes(b"half")
    result = tf_gan_lth("clean", runs / "a", "--what=tensorboard", "--yes")
    assert result.returncode == 0, result.stderr
    assert not left.exists() and not (runs / "a" / "tensorboard").exists()


def test_an_unfinished_run_keeps_weights_and_checkpoint(runs):
    path = runs / "study" / "b"
    before = files(path)
    result = tf_gan_lth("clean", path, "--what=weights,checkpoints", "--rounds=all", "--yes")
    assert result.returncode == 0 and "weights are kept: the run is stopped" in result.stdout
    after = files(path)
    assert {name: after[name] for name in before} == before
    assert (path / "replicate_0" / "round_02" / "checkpoint").exists()


def test_nothing_behind_a_link_is_removed(runs, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    shared = make_run(elsewhere / "shared")
    (elsewhere / "a.partial").mkdir()
    (elsewhere / "a.partial" / "file").touch()
    (runs / "a" / "linked.partial").symlink_to(elsewhere / "a.partial")
    (runs / "a" / "linked").symlink_to(elsewhere)
    (runs / "a" / "replicate_1").symlink_to(shared.replicate(0).path)
    (runs / "link").symlink_to(elsewhere)
    before = files(elsewhere)
    kinds = ",".join(cleaning.KINDS)
    result = tf_gan_lth("clean", runs / "a", f"--what={kinds}", "--rounds=all", "--yes")
    assert result.returncode == 0, result.stderr
    assert files(elsewhere) == before and (elsewhere / "a.partial" / "file").exists()
    assert not (runs / "a" / "linked.partial").is_symlink()
    assert elsewhere / "shared" not in list(inventory.find_runs(runs))


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--what=weigths", "--rounds=1"], "did you mean 'weights'?"),
        (["--what=weights"], "belong together"),
        (["--rounds=1"], "belong together"),
        (["--what=weights", "--rounds=one"], "--rounds=one is no number of a round, nor all"),
        (["--format=xml"], "flag 'format'"),
    ],
)
def test_wrong_calls_are_one_line(runs, arguments, line):
    result = tf_gan_lth("clean", runs, *arguments)
    assert result.returncode == 2 and line in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_folder_without_runs_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "none", "gs://bucket/run"):
        result = tf_gan_lth("runs", folder)
        assert result.returncode == 2 and str(folder) in result.stderr
    with pytest.raises(UsageError, match="--what"):
        cleaning.check(["everything"], [])
