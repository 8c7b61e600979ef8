import io
import os
import pathlib
import subprocess
import sys
import time

import numpy as np
import pytest
from helpers import equal
from PIL import Image

from tf_gan_lth.experiment import locks
from tf_gan_lth.experiment.artifacts import File, Picture, Record, Snapshots
from tf_gan_lth.experiment.errors import ArtifactError, RunFolderError, ToolkitWarning
from tf_gan_lth.experiment.run_folder import RunFolder

WEIGHTS = {
    "generator": {"a/kernel": np.arange(6.0).reshape(2, 3), "a/bias": np.ones(3, np.float32)},
    "d": {"m": np.array([True, False])},
}


def test_what_is_written_is_read(tmp_path):
    assert equal(Snapshots(tmp_path / "deep" / "weights").put(WEIGHTS), WEIGHTS)
    assert equal(Snapshots(tmp_path / "deep" / "weights").get(), WEIGHTS)
    Record(tmp_path / "r.json").put({"fid": 1.25, "none": None, "inner": {"b": 1, "a": [1, 2]}})
    assert Record(tmp_path / "r.json").get() == {
        "fid": 1.25,
        "none": None,
        "inner": {"b": 1, "a": [1, 2]},
    }
    File(tmp_path / "f").put(b"x")
    assert File(tmp_path / "f").get() == b"x"
    assert not list(tmp_path.rglob("*.partial"))


def test_get_or_makes_once(tmp_path):
    made = []

    def make(value):
        made.append(value)
        return {"value": value}

    for _ in range(2):
        assert Record(tmp_path / "r.json").get_or(make, 3) == {"value": 3}
    assert made == [3]


def test_any_flipped_byte_is_found(tmp_path):
    artifact = Snapshots(tmp_path / "weights")
    artifact.put(WEIGHTS)
    file = tmp_path / "weights" / "generator.npz"
    content = file.read_bytes()
    refused = 0
    for position in range(len(content)):
        file.write_bytes(
            content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :]
        )
        try:
            assert equal(artifact.get(), WEIGHTS), position
        except ArtifactError as error:
            assert "weights is broken" in str(error) and "generator.npz" in str(error)
            refused += 1
    assert refused == len(content)


@pytest.mark.parametrize("length", [0, 1, 100, 500])
def test_a_truncated_file_is_named(tmp_path, length):
    Snapshots(tmp_path / "weights").put(WEIGHTS)
    file = tmp_path / "weights" / "generator.npz"
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(ArtifactError, match="weights is broken .the checksum of generator.npz"):
        Snapshots(tmp_path / "weights").get()


@pytest.mark.parametrize(
    ("remove", "add"), [("generator.npz", None), (None, "extra.npz"), ("checksums.json", None)]
)
def test_a_folder_that_lost_or_gained_a_file_is_named(tmp_path, remove, add):
    Snapshots(tmp_path / "weights").put(WEIGHTS)
    if remove:
        (tmp_path / "weights" / remove).unlink()
    if add:
        (tmp_path / "weights" / add).write_bytes(b"")
    with pytest.raises(ArtifactError, match="weights.* is (broken|missing)"):
        Snapshots(tmp_path / "weights").get()


@pytest.mark.parametrize(
    "edit", [lambda t: t.replace("1.25", "1.26"), lambda t: t[:-5], lambda t: "[1]", lambda t: ""]
)
def test_an_edited_record_is_named(tmp_path, edit):
    record = Record(tmp_path / "scores.json")
    record.put({"fid": 1.25})
    record.path.write_text(edit(record.path.read_text()))
    with pytest.raises(ArtifactError, match="scores.json is broken"):
        record.get()


def test_a_missing_artifact_is_named(tmp_path):
    with pytest.raises(ArtifactError, match="weights is missing"):
        Snapshots(tmp_path / "weights").get()


def test_a_failed_write_keeps_what_was_there(tmp_path, monkeypatch):
    record = Record(tmp_path / "scores.json")
    record.put({"fid": 1.0})

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunFolderError, match="No space left on device"):
        record.put({"fid": 2.0})
    monkeypatch.undo()
    assert record.get() == {"fid": 1.0} and [path.name for path in tmp_path.iterdir()] == [
        "scores.json"
    ]


def test_a_killed_write_leaves_no_artifact(tmp_path):
    script = f"""
import numpy as np, pathlib
from tf_gan_lth.experiment.artifacts import Snapshots
while True:
    folder = pathlib.Path({str(tmp_path)!r}) / "weights"
    Snapshots(folder).put({{str(n): {{"x": np.zeros(1 << 20)}} for n in range(8)}})
    break
"""
    process = subprocess.Popen([sys.executable, "-c", script])
    while not (tmp_path / "weights.partial").exists():
        time.sleep(0.0005)
    process.kill()
    process.wait()
    artifact = Snapshots(pathlib.Path(tmp_path) / "weights")
    if artifact.exists():  # the write won the race
        assert len(artifact.get()) == 8
    else:
        assert len(artifact.put(WEIGHTS)) == 2
        assert equal(artifact.get(), WEIGHTS) and [path.name for path in tmp_path.iterdir()] == [
            "weights"
        ]


def test_no_link_is_followed_when_a_file_is_written(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("mine")
    for name in ("r.json", "r.json.partial", "weights.partial"):
        (tmp_path / name).symlink_to(precious)
    Record(tmp_path / "r.json").put({"fid": 1})
    Snapshots(tmp_path / "weights").put(WEIGHTS)
    (tmp_path / ".lock").symlink_to(precious)
    with (
        pytest.raises(RunFolderError, match="cannot write .*symbolic links"),
        locks.hold(tmp_path / ".lock"),
    ):
        pass
    assert precious.read_text() == "mine" and not (tmp_path / "r.json").is_symlink()


def test_what_killed_processes_left_half_written_is_cleared(tmp_path):
    folder = RunFolder(tmp_path / "run").replicate(0).round(1)
    folder.scores.put({"fid": 1})
    left = [folder.path / "checkpoint.partial", folder.path / "scores.json.partial"]
    for path in left:
        path.write_text("half")
    (folder.path / "weights.partial").mkdir()
    (folder.path / "weights.partial" / "generator.npz").write_text("half")
    (folder.path / "mine.partial").write_text("somebody's")
    folder.clear()
    assert sorted(path.name for path in folder.path.iterdir()) == ["mine.partial", "scores.json"]


@pytest.mark.parametrize("change", ["cut", "empty", "text", "bit", "longer"])
def test_a_broken_picture_is_named_or_made_again(tmp_path, change):
    made = io.BytesIO()
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)).save(made, "PNG")
    whole = made.getvalue()
    picture = Picture(tmp_path / "samples.png")
    assert picture.get_or(lambda: whole) == whole == picture.get_or(lambda: b"not asked for")
    broken = {
        "cut": whole[:-9],
        "empty": b"",
        "text": b"hello",
        "bit": whole[:60] + bytes([whole[60] ^ 1]) + whole[61:],
        "longer": whole + b"x",
    }
    picture.path.write_bytes(broken[change])
    with pytest.raises(ArtifactError, match="samples.png is broken"):
        picture.get()
    with pytest.warns(ToolkitWarning, match="samples.png is broken .* and is made again"):
        assert picture.get_or(lambda: whole) == whole
    assert picture.path.read_bytes() == picture.get() == whole
