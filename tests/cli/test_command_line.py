"""What a user meets at the terminal: help by concern, and one clear line with the right exit code
for bad input.
"""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]


def find_ticket(*arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "scripts" / "find_ticket.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)


def check_refused(result, code, *words):
    assert result.returncode == code, result.stderr
    line = result.stderr.strip().splitlines()[-1]
    assert line.startswith("error: ") and "Traceback" not in result.stderr
    assert all(word in line for word in words), line


def test_help_groups_flags_by_concern_with_defaults():
    result = find_ticket("--help")
    assert result.returncode == 0
    order = [
        "Data:",
        "--dataset ",
        "Networks:",
        "--width ",
        "Training:",
        "--steps ",
        "Lottery:",
        "--rounds ",
        "Run:",
        "--run_dir ",
    ]
    places = [
        result.stdout.index(f"\n{word}" if word.endswith(":") else f"  {word} ") for word in order
    ]
    assert places == sorted(places)
    assert "(default: 0.2)" in result.stdout and "in pixels" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rounds=-1"], ["--rounds=-1", "at least 0"]),
        (["--rate=1.5"], ["--rate=1.5", "from 0.0 to 0.999"]),
        (["--rounds=many"], ["--rounds=many"]),
        (["--roundz=3"], ["roundz", "rounds"]),
        (["digits"], ["unexpected argument 'digits'"]),
        (["--branch_rounds=2,x"], ["--branch_rounds=", "x"]),
    ],
)
def test_bad_usage_is_one_line_and_code_2(arguments, words, tmp_path):
    check_refused(find_ticket(f"--run_dir={tmp_path / 'run'}", *arguments), 2, *words)
    assert not (tmp_path / "run").exists()


def test_the_run_folder_is_required():
    check_refused(find_ticket(), 2, "--run_dir")


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path):
    result = find_ticket(f"--run_dir={tmp_path / 'run'}", "--dataset=digit")
    check_refused(
        result,
        2,
        "unknown dataset 'digit'",
        "did you mean 'digits'",
        "Known: cifar10, digits, folder:PATH, npz:PATH, stl10",
    )
    assert not (tmp_path / "run").exists()


def test_a_run_of_another_config_is_refused_by_field(finished, tiny_options):
    flags = [
        f"--{name}={','.join(map(str, value)) if isinstance(value, tuple) else value}"
        for name, value in tiny_options.items()
    ]
    before = (finished.run.path / "config.json").read_bytes()
    check_refused(
        find_ticket(f"--run_dir={finished.run.path}", *flags, "--steps=3"),
        1,
        "--steps is 2 there and 3 here",
    )
    assert (finished.run.path / "config.json").read_bytes() == before


def test_tracebacks_come_only_when_asked_for(tmp_path):
    result = find_ticket(f"--run_dir={tmp_path}", "--rounds=-1", "--verbosity=1")
    assert (
        result.returncode != 0 and "Traceback" in result.stderr and "--rounds=-1" in result.stderr
    )


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    check_refused(
        find_ticket(f"--run_dir={tmp_path / 'file' / 'run'}", "--width=4", "--resolution=8"),
        1,
        "cannot write",
        "run",
    )


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("export", ["--ticket=RUN"]),
        ("make_statistics", ["--dataset=digits", "--feature_network=digits"]),
        ("train_feature_network", ["--dataset=digits"]),
    ],
)
def test_a_place_in_a_store_is_no_folder_on_a_disk(tmp_path, command, options):
    script = [sys.executable, str(ROOT / "scripts" / f"{command}.py"), *options]
    result = subprocess.run(
        [*script, "--output=gs://bucket/a"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=300,
    )
    check_refused(result, 2, "gs://bucket/a is in an object store", "written to a disk alone")
    assert not list(tmp_path.iterdir())
