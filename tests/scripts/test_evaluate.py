"""`make_statistics.py` and `evaluate.py` as a user runs them."""

import json

import numpy as np
import pytest
from PIL import Image
from running import run


def last_line(result):
    return result.stderr.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    draw = np.random.default_rng(0)
    for number in range(50):
        Image.fromarray(draw.integers(0, 256, (16, 16), np.uint8)).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def statistics(tiny_options, tmp_path_factory):
    path = tmp_path_factory.mktemp("statistics") / "digits.npz"
    flags = ["--dataset=digits", "--split=train", "--resolution=16", "--feature_network=digits"]
    result = run(
        "make_statistics.py", *flags, f"--data_dir={tiny_options['data_dir']}", f"--output={path}"
    )
    assert result.returncode == 0, result.stderr
    assert "1,437 images of digits:train, 64 features" in result.stdout
    return path


def test_scores_are_printed_and_written_with_their_protocol(pictures, statistics, tmp_path):
    output = tmp_path / "new" / "scores.json"
    flags = [f"--images=folder:{pictures}", f"--reference={statistics}", "--protocol=digits"]
    result = run("evaluate.py", *flags, f"--output={output}")
    assert result.returncode == 0, result.stderr
    record = json.loads(output.read_text())
    [scores] = record["scores"]
    details = scores["protocol_details"]
    assert f"{scores['fid']:.4f}" in result.stdout and "digits+num_images=50" in result.stdout
    assert (
        details["reference_images"] == 1437
        and details["reference_digest"]
        and details["ema"] is None
    )
    # The warning is one line, as errors are.
    warnings = [
        line for line in result.stderr.splitlines() if "50 generated images for 64 features" in line
    ]
    assert (
        len(warnings) == 1
        and warnings[0].startswith("warning: ")
        and scores["warnings"] == [warnings[0].removeprefix("warning: ")]
    )
    again = run("evaluate.py", *flags, f"--output={output}")
    assert (
        again.returncode == 2
        and "scores.json exists and is not overwritten: give another --output" in last_line(again)
    )


def test_bad_input_is_one_line_that_names_it(pictures, statistics, tmp_path):
    broken = tmp_path / "broken.npz"
    broken.write_bytes(statistics.read_bytes()[:-500])
    result = run(
        "evaluate.py", f"--images=folder:{pictures}", f"--reference={broken}", "--protocol=digits"
    )
    assert result.returncode == 1 and f"error: {broken} is broken or no npz file" in last_line(
        result
    )
    assert "Traceback" not in result.stderr
    result = run(
        "make_statistics.py",
        "--dataset=digits",
        "--feature_network=digits",
        f"--output={tmp_path / 'stats'}",
    )
    assert result.returncode == 2 and "must end in .npz" in last_line(result)
    result = run(
        "evaluate.py",
        f"--images=folder:{pictures}",
        f"--reference={statistics}",
        "--protocol=digits",
        "--strategy=multi_worker",
    )
    assert (
        result.returncode == 2
        and "unknown strategy 'multi_worker': did you mean 'mirrored'?" in last_line(result)
    )
