"""An artifact knows where it belongs, and says so where it does not."""

import json
import os
import shutil

import numpy as np
import pytest
from helpers import equal

from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment import paths
from tf_gan_lth.experiment.artifacts import ArrayFile, Record, Snapshots
from tf_gan_lth.experiment.errors import ArtifactError, RunFolderError, ToolkitWarning
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.findings.results import read_results

SCORES = {"generator": {"fid": 2.0, "protocol": "p", "eval_seconds": 1.0}}
SPARSITY = {"generator": {"sparsity": 0.5, "parameters_left": 1}}
TRAINING = {"steps": 1, "seed": 0, "train_seconds": 1.0}


def weights(value):
    return {"generator": {"a/kernel": np.full((2, 3), value, np.float32)}}


def fill(folder, value=1.0):
    folder.masks.put(weights(value))
    folder.weights.put(weights(-value))
    folder.checkpoint.put({"step": np.int64(3)})
    folder.training.put(TRAINING)
    folder.sparsity.put(SPARSITY)
    folder.scores.put(SCORES)


@pytest.fixture
def run(tmp_path):
    run = RunFolder(tmp_path / "run")
    run.claim(configs.from_options({"steps": 3}))
    run.replicate(0).initial.put(weights(0.0))
    for number in (0, 1):
        fill(run.replicate(0).round(number), number)
    fill(run.replicate(0).round(1).branch("random_mask"), 7)
    return run


def test_a_moved_run_is_read(run, tmp_path):
    moved = RunFolder(shutil.move(run.path, tmp_path / "other name"))
    folder = moved.replicate(0).round(1)
    assert equal(folder.masks.get(), weights(1)) and folder.scores.get() == SCORES
    assert folder.checkpoint.get() == {"step": 3} and len(read_results(moved)) == 3


@pytest.mark.parametrize(
    "kind", ["masks", "weights", "checkpoint", "training", "sparsity", "scores"]
)
@pytest.mark.parametrize("other", ["round", "branch", "replicate"])
def test_what_lies_in_another_place_is_named(run, kind, other):
    here = run.replicate(0).round(1)
    there = {
        "round": run.replicate(0).round(0),
        "branch": here.branch("random_mask"),
        "replicate": run.replicate(1).round(1),
    }[other]
    source, target = getattr(here, kind), getattr(there, kind)
    paths.remove(target.path)
    target.path.parent.mkdir(parents=True, exist_ok=True)
    (shutil.copytree if source.path.is_dir() else shutil.copy)(source.path, target.path)
    with pytest.raises(ArtifactError, match=f"wrong place: it is {kind} of replicate 0, round 1"):
        target.get()


def test_what_is_of_another_run_is_named(run, tmp_path):
    other = RunFolder(tmp_path / "other")
    other.claim(configs.from_options({"steps": 4}))
    shutil.copytree(run.path / "replicate_0", other.path / "replicate_0")
    with pytest.raises(ArtifactError, match="wrong place"):
        read_results(other)


def test_a_config_that_is_extended_keeps_the_id(run):
    run.claim(configs.from_options({"steps": 3, "rounds": 12}))
    assert run.replicate(0).round(1).scores.get() == SCORES


def test_scores_and_sparsity_exchanged_are_named(run):
    folder = run.replicate(0).round(1)
    content = folder.scores.path.read_bytes()
    folder.scores.path.write_bytes(folder.sparsity.path.read_bytes())
    folder.sparsity.path.write_bytes(content)
    with pytest.raises(ArtifactError, match="sparsity.json is in the wrong place: it is scores"):
        read_results(run)


@pytest.mark.parametrize("name", ["replicate_1", "replicate_7"])
def test_a_copied_replicate_is_no_second_one(run, name):
    shutil.copytree(run.path / "replicate_0", run.path / name)
    with pytest.raises((ArtifactError, RunFolderError), match=name):
        read_results(run)


def test_a_copied_replicate_without_places_is_no_second_one(tmp_path):
    run = RunFolder(tmp_path)
    run.claim(configs.Config())
    for number in (0, 1):
        Snapshots(run.replicate(number).initial.path).put(weights(0.0))
    with pytest.raises(RunFolderError, match="replicate_1 is a copy of .*replicate_0"):
        read_results(run)


def test_artifacts_without_a_place_are_read(run):
    folder = run.replicate(0).round(1)
    for artifact, value in (
        (folder.masks, weights(3)),
        (folder.scores, {"generator": {"fid": 3.0}}),
        (folder.checkpoint, {"step": np.int64(4)}),
    ):
        paths.remove(artifact.path)
        type(artifact)(artifact.path).put(value)
        assert equal(artifact.get(), value) if artifact is folder.masks else artifact.get() == value


def test_only_canonical_names_are_counted(run):
    shutil.copytree(run.path / "replicate_0", run.path / "replicate_00")
    shutil.copytree(run.replicate(0).round(1).path, run.path / "replicate_0" / "round_1")
    with pytest.warns(ToolkitWarning, match="replicate_00' is left out: a run would write"):
        assert [replicate.number for replicate in run.replicates()] == [0]
    with pytest.warns(ToolkitWarning, match="round_1' is left out: a run would write round_01"):
        assert [folder.round_number for folder in run.replicate(0).rounds()] == [0, 1]


@pytest.mark.parametrize("name", [b"=cmd|' !A0", b"\xff\xfe", b"+1", b"a b"])
def test_branches_of_hostile_names_are_left_out(run, name):
    folder = run.replicate(0).round(1)
    branches = folder.path / "branches"
    shutil.copytree(branches / "random_mask", branches / os.fsdecode(name))
    with pytest.warns(ToolkitWarning, match="left out"):
        assert [branch.branch_name for branch in folder.branches()] == ["random_mask"]


@pytest.mark.parametrize("record", ["scores", "sparsity", "training"])
def test_a_record_that_lacks_a_field_is_named(run, record):
    artifact = getattr(run.replicate(0).round(1), record)
    artifact.put({"generator": {"protocol": "p", "sparsity": 0.5}})
    with pytest.raises(ArtifactError, match=f"{record}.json is broken .it has no field"):
        read_results(run)


def test_a_config_without_options_is_named(run):
    run.config.put({"digest": "x"})
    with pytest.raises(ArtifactError, match="config.json is broken .it has no field 'options'"):
        run.read_config()


@pytest.mark.parametrize("kind", [Record, ArrayFile])
def test_what_cannot_be_read_is_not_to_be_deleted(tmp_path, kind):
    (tmp_path / "x").mkdir()  # reading a folder is an error of the system, for root too
    with pytest.raises(ArtifactError, match="cannot read .*x: Is a directory") as error:
        kind(tmp_path / "x").get()
    assert "delete" not in str(error.value)


def test_a_link_in_place_of_a_partial_file_is_not_followed(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("mine")
    (tmp_path / "r.json.partial").symlink_to(tmp_path / "precious")
    Record(tmp_path / "r.json").put({"a": 1})
    assert (tmp_path / "precious" / "file").read_text() == "mine"
    assert json.loads((tmp_path / "r.json").read_text())["a"] == 1


def test_a_copied_training_without_places_is_no_second_one(tmp_path):
    run = RunFolder(tmp_path)
    run.claim(configs.Config())
    for number in (0, 1):
        Snapshots(run.replicate(number).initial.path).put(weights(float(number)))
        Snapshots(run.replicate(number).round(1).weights.path).put(weights(7.0))
    with pytest.raises(RunFolderError, match="replicate_1 is a copy of .*round_01/weights"):
        read_results(run)


def test_replicates_of_a_transfer_begin_with_the_same_weights(tmp_path):
    run = RunFolder(tmp_path)
    run.claim(configs.Config(), parent={"digest": "0", "round": 5})
    for number in (0, 1):
        run.replicate(number).initial.put(weights(1.0))
    assert read_results(run) == []


@pytest.mark.parametrize("kind", ["masks", "weights", "training", "sparsity"])
def test_what_was_removed_is_missing_and_what_is_yet_to_come_is_not(run, kind):
    folder = run.replicate(0).round(1)
    folder.samples.path.write_bytes(b"")
    assert folder.missing() == []
    paths.remove(getattr(folder, kind).path)
    assert folder.missing() == [getattr(folder, kind)]
    assert run.replicate(0).round(2).missing() == []
