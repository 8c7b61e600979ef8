"""Two real processes on the loopback run a lottery together, as the script's users start them."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from tf_gan_lth.experiment.run_folder import RunFolder

ROOT = pathlib.Path(__file__).parents[2]
STEPS = 20
INERT = ("bias", "moving_mean", "moving_variance")  # see test_two_processes_find_the_ticket_of_one


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


def start(options, run_dir, task=None, ports=(), **changes):
    named = {**options, "branches": (), "rounds": 1, "steps": STEPS, "run_dir": run_dir, **changes}
    arguments = [
        f"--{name}={','.join(map(str, value)) if isinstance(value, tuple) else value}"
        for name, value in named.items()
    ]
    environment = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"}
    if ports:
        cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
        environment["TF_CONFIG"] = json.dumps(
            {"cluster": cluster, "task": {"type": "worker", "index": task}}
        )
    command = [sys.executable, str(ROOT / "scripts" / "find_ticket.py"), *arguments]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(process):
    output, _ = process.communicate(timeout=240)
    return process.returncode, output


@pytest.fixture(scope="module")
def options(tiny_options):
    return {name: value for name, value in tiny_options.items() if name != "branch_rounds"}


@pytest.mark.slow
def test_two_processes_find_the_ticket_of_one(options, tmp_path):
    """A bias before a batch norm has no gradient but rounding, which Adam scales up; it moves
    nothing but the norm's mean.

    The moving variance of one device is corrected for the batch size, the synchronised one is not.
    """
    alone = finish(start(options, tmp_path / "one"))
    ports = free_ports(2)
    chief, other = [
        finish(process)
        for process in [start(options, tmp_path / "two", task, ports) for task in range(2)]
    ]
    assert (alone[0], chief[0], other[0]) == (0, 0, 0), chief[1] + other[1]
    assert "Verdict" in chief[1] and "Verdict" not in other[1]
    one, two = RunFolder(tmp_path / "one").replicate(0), RunFolder(tmp_path / "two").replicate(0)
    compared = 0
    for number in range(2):
        masks, weights = one.round(number).masks.get()["generator"], two.round(number).weights.get()
        assert all(
            np.array_equal(mask, masks[path])
            for path, mask in two.round(number).masks.get()["generator"].items()
        )
        assert not any(np.any(weights["generator"][path][~kept]) for path, kept in masks.items())
        for name, snapshot in one.round(number).weights.get().items():
            for path, array in snapshot.items():
                if not path.endswith(INERT) or path == "to_image/bias" or name == "discriminator":
                    assert np.abs(array - weights[name][path]).max() < 1e-4, (name, path)
                    compared += 1
    assert compared > 60


@pytest.mark.slow
def test_a_worker_that_dies_ends_the_job_which_continues_when_it_is_started_again(
    options, tmp_path
):
    run_dir, changes = tmp_path / "run", {"steps": 200, "rounds": 0, "checkpoint_minutes": 0}
    ports = free_ports(2)
    chief, other = [start(options, run_dir, task, ports, **changes) for task in range(2)]
    checkpoint = RunFolder(run_dir).replicate(0).round(0).checkpoint
    until = time.monotonic() + 120
    while not checkpoint.exists() and time.monotonic() < until:
        time.sleep(0.05)
    os.killpg(other.pid, signal.SIGKILL)
    code, output = finish(chief)
    finish(other)
    assert code == 1 and "error: another worker is gone; what is finished is kept" in output, output
    assert checkpoint.exists()
    ports = free_ports(2)
    chief, other = [
        finish(process)
        for process in [start(options, run_dir, task, ports, **changes) for task in range(2)]
    ]
    assert (chief[0], other[0]) == (0, 0), chief[1] + other[1]
    assert (
        "continues at step" in chief[1] and RunFolder(run_dir).replicate(0).round(0).is_complete()
    )
