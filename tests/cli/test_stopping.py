"""Ctrl-C and SIGTERM end a command with a checkpoint, one line, and the code that shells expect."""

import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from tf_gan_lth.cli import stopping
from tf_gan_lth.experiment.artifacts import ArrayFile
from tf_gan_lth.experiment.errors import Stopped

ROOT = pathlib.Path(__file__).parents[2]
COMMAND = [sys.executable, str(ROOT / "scripts" / "find_ticket.py")]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def flags(options, run_dir):
    return [
        f"--{name}={','.join(map(str, value)) if isinstance(value, tuple) else value}"
        for name, value in {**options, "run_dir": run_dir}.items()
    ]


def default_interrupt():
    """Shells start what runs behind `&`, as tests may be, with Ctrl-C ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def wait_for(condition, process):
    until = time.monotonic() + 240
    while not condition() and time.monotonic() < until and process.poll() is None:
        time.sleep(0.05)
    assert condition(), process.communicate()


@pytest.fixture
def options(tiny_options):
    # A checkpoint every ten minutes: none but that of the signal.
    return {**tiny_options, "steps": 3000, "rounds": 0, "branches": (), "branch_rounds": (1,)}


def last_line(output):
    return output.decode().splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_within_a_training_writes_a_checkpoint(options, tmp_path, number):
    folder = tmp_path / "run" / "replicate_0" / "round_00"
    process = subprocess.Popen(
        [*COMMAND, *flags(options, tmp_path / "run")],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=default_interrupt,
    )
    curves = tmp_path / "run" / "tensorboard" / "replicate_0" / "round_00" / "main" / "train"

    def trains():  # the first points of its curves are there
        return curves.is_dir() and any(file.stat().st_size > 200 for file in curves.iterdir())

    wait_for(trains, process)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 128 + number, errors
    name = signal.Signals(number).name
    assert last_line(errors) == f"error: stopped by {name}; run the same command again to continue"
    assert b"Traceback" not in errors
    state = ArrayFile(folder / "checkpoint").get()
    assert 0 < state["step"] < 3000 and np.isfinite(state["seconds"])


def test_a_job_behind_an_ampersand_of_a_script_ends_so_at_sigterm_in_its_set_up(options, tmp_path):
    words = " ".join([*COMMAND, *flags(options, tmp_path / "run")])
    script = f"{words} & echo $!; wait $!; echo code $?"
    process = subprocess.Popen(
        ["sh", "-c", script], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    job = int(process.stdout.readline())
    status = pathlib.Path(f"/proc/{job}/status")

    def caught():  # SIGTERM has a handler
        mask = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt"))
        return int(mask.split()[1], 16) >> (signal.SIGTERM - 1) & 1

    wait_for(caught, process)
    os.kill(job, signal.SIGINT)  # as shells do it, a job in the background does not hear Ctrl-C
    time.sleep(0.2)
    os.kill(job, signal.SIGTERM)
    output, errors = process.communicate(timeout=120)
    assert output.decode().split() == ["code", "143"], errors
    assert last_line(errors) == "error: stopped by SIGTERM; run the same command again to continue"


STUBBORN = """
import os, signal, sys, time
from tf_gan_lth.cli import stopping
with stopping.when_asked():
    try:
        print("ready", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print("first", flush=True)
        time.sleep(60)
"""


def test_a_second_signal_ends_at_once_but_not_the_same_one_passed_on_twice():
    process = subprocess.Popen(
        [sys.executable, "-c", STUBBORN], env=ENVIRONMENT, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == b"first\n"
    process.send_signal(signal.SIGTERM)  # as `timeout` does, which signals child and group
    time.sleep(2 * stopping.SAME)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 143


def test_handlers_are_those_from_before_once_a_command_is_done():
    before = [signal.getsignal(number) for number in stopping.SIGNALS]
    with stopping.when_asked():
        assert signal.getsignal(signal.SIGTERM) is not before[1]
        with pytest.raises(Stopped, match="stopped by SIGTERM") as stopped:
            signal.raise_signal(signal.SIGTERM)
        assert stopped.value.exit_code == 143
    assert [signal.getsignal(number) for number in stopping.SIGNALS] == before


def test_in_another_thread_nothing_is_installed():
    seen = []

    def run():
        with stopping.when_asked():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]


def test_a_signal_before_the_command_has_begun_is_one_line(tmp_path):
    pipe = tmp_path / "a.flags"
    os.mkfifo(pipe)
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "scripts" / "runs.py"), f"--flagfile={pipe}"],
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
    )

    writer = None
    until = time.monotonic() + 60
    while writer is None and time.monotonic() < until:
        try:
            writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads yet
            time.sleep(0.05)
    # By then it waits for bytes. A signal between opening and that wait is only seen after it.
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=60)
    os.close(writer)
    assert process.returncode == 143
    assert error == b"error: stopped by SIGTERM; run the same command again to continue\n"
