"""Runs in a store. Like `gs://`, a path that begins with `file://` is reached through `tf.io.gfile`
alone.
"""

import dataclasses
import re
import signal
import threading
import time

import numpy as np
import pytest
import tensorflow as tf
from helpers import equal, set_up

from tf_gan_lth import export, findings, report
from tf_gan_lth.cli.progress import Progress
from tf_gan_lth.experiment import locks, paths
from tf_gan_lth.experiment.artifacts import Record, Snapshots
from tf_gan_lth.experiment.errors import ArtifactError, BusyError, RunFolderError, UsageError
from tf_gan_lth.experiment.run_folder import RunFolder, find_training
from tf_gan_lth.methods import Observer, loop

WEIGHTS = {
    "generator": {"a/kernel": np.arange(6.0).reshape(2, 3)},
    "d": {"m": np.array([True, False])},
}


@pytest.fixture
def store(tmp_path):
    return paths.parse(f"file://{tmp_path}/bucket")


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(locks, "BEAT", 0.1)
    monkeypatch.setattr(locks, "PATIENCE", 2.0)


@pytest.fixture(
    params=[signal.default_int_handler, signal.SIG_IGN], ids=["foreground", "background"]
)
def job(request):
    """What a shell gives to a job there to do with SIGINT."""
    before = signal.signal(signal.SIGINT, request.param)
    yield
    signal.signal(signal.SIGINT, before)


def write_a_sign_of_life(path, process):
    with path.open("wb") as file:
        file.write(f"{process}, 0, 7".encode())


def test_paths_are_told_apart(tmp_path):
    assert paths.parse(tmp_path) == tmp_path and paths.parse("~").is_absolute()
    path = paths.parse("gs://bucket/runs/") / "a.partial"
    assert str(path) == "gs://bucket/runs/a.partial" and str(path.parent) == "gs://bucket/runs"
    assert (path.name, path.stem, path.suffix) == ("a.partial", "a", ".partial")
    with pytest.raises(UsageError, match=r"ftp://x: TensorFlow reads no ftp://; it has .*gs://"):
        paths.parse("ftp://x")


def test_artifacts_in_a_store_are_whole_or_not_there(store):
    snapshots = Snapshots(store / "weights")
    assert not snapshots.exists()
    read = snapshots.put(WEIGHTS) and snapshots.get()
    assert equal(read, WEIGHTS)
    with (store / "weights" / "d.npz").open("wb") as file:
        file.write(b"x")
    with pytest.raises(ArtifactError, match=r"file://.*/weights is broken \(the checksum of d.npz"):
        snapshots.get()
    # What a writing leaves that was killed before its last file.
    (store / "weights" / "checksums.json").unlink()
    assert not snapshots.exists() and snapshots.get_or(lambda: WEIGHTS) and snapshots.get()
    with pytest.raises(ArtifactError, match="r.json is missing"):
        Record(store / "r.json").get()


class Stopping(Observer):
    """Stops a run, as Ctrl-C does, once so many trainings have their scores."""

    def __init__(self, count):
        self.left = count

    def scored(self, folder):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def test_a_lottery_in_a_store_is_the_one_on_the_disk(finished, tiny_options, store, quick):
    own = set_up({**tiny_options, "rounds": 2}, str(store / "run"))
    run = own.run
    busy = r"file://.*/replicate_0 is being run by another process.*process \d+ on"
    with run.replicate(0).lock(), pytest.raises(BusyError, match=busy):
        loop.run(own.method, own.bench, own.replicate)
    stopped = dataclasses.replace(own.bench, observer=Stopping(2))
    with pytest.raises(KeyboardInterrupt):
        loop.run(own.method, stopped, own.replicate)
    watched = dataclasses.replace(own.bench, observer=Progress(run))
    loop.run(own.method, watched, own.replicate)
    for folder in (run.replicate(0).round(2), run.replicate(0).round(2).branch("random_mask")):
        twin = finished.run.path / str(folder.path).removeprefix(f"{run.path}/")
        assert equal(folder.weights.get(), Snapshots(twin / "weights").get())
        scores = find_training(str(folder.path))[1].scores.get()["generator"]
        assert scores["fid"] == Record(twin / "scores.json").get()["generator"]["fid"]
    report.conclude(run)
    assert len(findings.read_results(run)) == 5
    assert run.report.exists() and run.tensorboard.is_dir()
    _, verdicts = findings.judge_run(run)
    verdicts = {"generator": dataclasses.replace(verdicts["generator"], best=2)}
    for _ in range(2):  # made, then checked
        (saved_model,) = export.export_tickets(run, verdicts)
    generator = tf.saved_model.load(str(saved_model))
    assert generator.sample(2, tf.constant([1, 2])).shape == (2, 8, 8, 1)
    with pytest.raises(RunFolderError, match="holds another experiment"):
        run.claim(dataclasses.replace(own.bench.config, seed=7))


def refusal(path):
    """What a second process is told of a lease."""
    with pytest.raises(BusyError) as refused, locks.hold(path, "busy"):
        pass
    return str(refused.value)


def test_a_lease_is_one_process_s_while_it_lives(store, quick):
    path = store / locks.NAME
    with locks.hold(path, "busy"):
        time.sleep(2.5)  # beyond the patience of others
        # Who holds it is unknown at the moment of a heartbeat.
        told = [refusal(path) for _ in range(3)]
        assert any(re.fullmatch(r"busy \(process \d+ on [^,]+\)", line) for line in told), told
    assert not path.exists()
    write_a_sign_of_life(path, "process 1 on dead")  # of one that was killed
    with locks.hold(path, "busy"):
        order = []

        def wait():
            with locks.hold(path):
                order.append("second")

        other = threading.Thread(target=wait)
        other.start()
        time.sleep(0.3)
        order.append("first")
    other.join()
    assert order == ["first", "second"]


def test_of_two_that_ask_at_once_one_gets_the_lease(store, quick):
    path, inside, most, refused = store / locks.NAME, [], [], []

    def enter():
        try:
            with locks.hold(path, "busy"):
                inside.append(1)
                most.append(len(inside))
                time.sleep(1.0)
                inside.pop()
        except BusyError:
            refused.append(1)

    threads = [threading.Thread(target=enter) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] and len(refused) == 2


def test_a_process_whose_lease_was_taken_over_is_stopped_and_leaves_the_other_ones(
    store, quick, job
):
    path = store / locks.NAME
    with (
        pytest.raises(RunFolderError, match="was taken over by another process"),
        locks.hold(path, "busy"),
    ):
        write_a_sign_of_life(path, "process 1 on other")
        time.sleep(60)
        raise AssertionError("was not stopped")
    assert path.read_text().startswith("process 1 on other")
    assert signal.getsignal(locks.LOST) is signal.SIG_DFL


def test_a_thread_whose_lease_was_taken_over_hears_of_it_on_leaving(store, quick):
    path, told = store / locks.NAME, []

    def work():
        try:
            with locks.hold(path, "busy"):
                write_a_sign_of_life(path, "process 1 on other")
                time.sleep(1.0)
        except RunFolderError as error:
            told.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(told) == 1 and "was taken over by another process" in told[0]


def test_a_store_that_cannot_be_written_is_one_line(store):
    store.mkdir()
    with (store / "file").open("wb") as file:
        file.write(b"x")
    with pytest.raises(RunFolderError, match="cannot write file://"):
        Record(store / "file" / "r.json").put({})


def test_a_copy_on_a_disk_leaves_out_what_is_not_finished(store, tmp_path):
    run = RunFolder(str(store / "run"))
    for number in range(2):
        run.replicate(0).round(number).weights.put(WEIGHTS)
    (run.replicate(0).round(1).weights.path / "checksums.json").unlink()
    copy = run.copy_to(tmp_path / "copy").replicate(0)
    assert (
        copy.round(0).weights.get().keys() == WEIGHTS.keys() and not copy.round(1).weights.exists()
    )


def test_a_folder_in_a_store_is_copied_and_removed(store, tmp_path):
    for name in ("a/b/c", "a/d", "a/tensorboard/e"):
        (store / name).parent.mkdir(parents=True)
        with (store / name).open("wb") as file:
            file.write(name.encode())
    paths.copy_folder(
        store / "a", tmp_path / "copy", without=lambda path: path.name == "tensorboard"
    )
    assert sorted(path.name for path in (tmp_path / "copy").rglob("*")) == ["b", "c", "d"]
    assert (tmp_path / "copy" / "b" / "c").read_bytes() == b"a/b/c"
    paths.remove(store / "a")
    paths.remove(store / "a")
    assert not (store / "a").exists()
