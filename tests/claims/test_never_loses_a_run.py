"""README: a run that is killed and started again gives the same masks and scores as one that was
never stopped.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np

ROOT = pathlib.Path(__file__).parents[2]


def command(run_dir, options):
    flags = [
        f"--{name}={','.join(map(str, value)) if isinstance(value, tuple) else value}"
        for name, value in options.items()
    ]
    return [
        sys.executable,
        str(ROOT / "scripts" / "find_ticket.py"),
        f"--run_dir={run_dir}",
        *flags,
    ]


def test_a_run_that_was_killed_continues_to_the_same_masks_and_scores(tiny_options, tmp_path):
    options = {
        **tiny_options,
        "rounds": 2,
        "branch_rounds": (2,),
        "branches": ("random_mask",),
        "steps": 20,
        "checkpoint_minutes": 0,
    }
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(
        command(tmp_path / "whole", options),
        env=environment,
        check=True,
        capture_output=True,
        timeout=300,
    )

    process = subprocess.Popen(
        command(tmp_path / "killed", options),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    round_1 = tmp_path / "killed" / "replicate_0" / "round_01"
    deadline = time.monotonic() + 200
    while not (round_1 / "checkpoint").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (round_1 / "checkpoint").exists() and not (round_1 / "weights").exists()

    result = subprocess.run(
        command(tmp_path / "killed", options),
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    assert "round 0, main" not in result.stdout and "round 1, main" in result.stdout
    assert "continues at step" in result.stdout and not list(
        (tmp_path / "killed").rglob("checkpoint")
    )
    compared = 0
    for file in sorted((tmp_path / "whole").rglob("*.npz")):
        again = tmp_path / "killed" / file.relative_to(tmp_path / "whole")
        with np.load(file) as whole, np.load(again) as continued:
            assert whole.files == continued.files
            assert all(np.array_equal(whole[name], continued[name]) for name in whole.files), file
            compared += 1
    assert compared == 2 + 4 * (1 + 3)
    for file in sorted((tmp_path / "whole").rglob("scores.json")):
        again = tmp_path / "killed" / file.relative_to(tmp_path / "whole")
        scores = [json.loads(path.read_text())["generator"] for path in (file, again)]
        assert scores[0]["fid"] == scores[1]["fid"]
