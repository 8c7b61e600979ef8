"""`tf-gan-lth COMMAND`: the commands, their help, and what is answered without TensorFlow."""

import os
import pathlib
import re
import subprocess
import sys

import pytest
from absl import flags

from tf_gan_lth import __version__
from tf_gan_lth.cli import command_line, main

ROOT = pathlib.Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
# Runs the command and fails with code 99 if that imported TensorFlow.
WITHOUT_TENSORFLOW = """
import sys
from tf_gan_lth.cli import main
code = 0
try:
    main.main(sys.argv)
except SystemExit as exit:
    code = exit.code
sys.exit(99 if "tensorflow" in sys.modules else code)
"""


def run(*command, cwd=ROOT):
    return subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=ENVIRONMENT,
        timeout=120,
    )


def tf_gan_lth(*arguments):
    return run("-c", WITHOUT_TENSORFLOW, *arguments)


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_all_commands_are_listed_without_tensorflow(arguments):
    result = tf_gan_lth(*arguments)
    assert result.returncode == 0, result.stderr
    for name in main.COMMANDS:
        assert f"\n  {name} " in result.stdout
    assert "Scores images against real ones under a named protocol." in result.stdout
    assert "sngan_digits.flags" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100


def test_every_command_of_the_folder_is_listed():
    folder = ROOT / "tf_gan_lth" / "cli"
    # A command defines its flags itself, or takes `define` from the script that it is.
    defines = re.compile(r"^(def define\(|from .* import define, main$)", re.MULTILINE)
    commands = {path.stem for path in folder.glob("*.py") if defines.search(path.read_text())}
    assert commands == set(main.COMMANDS)
    scripts = {path.stem for path in (ROOT / "scripts").glob("*.py")}
    assert scripts == commands


@pytest.mark.parametrize("name", main.COMMANDS)
def test_the_help_of_a_command_is_that_of_its_script(name, tmp_path):
    result = tf_gan_lth(name, "--help")
    assert result.returncode == 0, result.stderr
    summary = result.stdout.splitlines()[0]
    assert summary.endswith(".") and "\n  --" in result.stdout
    script = run(ROOT / "scripts" / f"{name}.py", "--help", cwd=tmp_path)
    assert script.returncode == 0, script.stderr
    assert script.stdout.splitlines()[0] == summary


def test_several_commands_live_in_one_process():
    before = set(flags.FLAGS)
    for name in main.COMMANDS * 2:
        main.find(name).define(flags.FlagValues())
    assert set(flags.FLAGS) == before


def test_the_version_is_printed():
    assert tf_gan_lth("--version").stdout == f"tf-gan-lth {__version__}\n"
    assert run("-m", "tf_gan_lth", "--version").stdout == f"tf-gan-lth {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["find_tiket"], "error: unknown command 'find_tiket': did you mean 'find_ticket'?"),
        (["find-ticket"], "error: unknown command 'find-ticket': did you mean 'find_ticket'?"),
        (["--rounds=3", "find_ticket"], "error: --rounds=3 stands before the command"),
        (["find_ticket", "--roundz=3"], "error: Unknown command line flag 'roundz'. Did you mean"),
        (["find_ticket", "--norewind=3"], "error: --norewind=3 does not take an argument"),
        (["find_ticket", "--rounds"], "error: Missing value for flag --rounds"),
        (["find_ticket"], "error: flag --run_dir=None: Flag --run_dir must have a value"),
        (["find_ticket", "digits"], "error: flag --run_dir"),
        (["evaluate", "--image=x"], "error: Unknown command line flag 'image'. Did you mean: imag"),
        (["sample", "--model=m"], "error: flag --output=None"),
    ],
)
def test_wrong_calls_are_one_line_and_code_2_without_tensorflow(arguments, line):
    result = tf_gan_lth(*arguments)
    assert result.returncode == 2, result.stderr
    [printed] = result.stderr.strip().splitlines()
    assert printed.startswith(line)


def test_flags_of_absl_work(tmp_path):
    """--verbosity is absl's own, and is read by its logging."""
    result = tf_gan_lth("find_ticket", "--rounds=-1", f"--run_dir={tmp_path}", "--verbosity=1")
    assert result.returncode == 2
    assert "Traceback" in result.stderr and "error: --rounds=-1" in result.stderr
    result = tf_gan_lth("find_ticket", "--only_check_args", f"--run_dir={tmp_path}")
    assert (result.returncode, result.stderr) == (0, "")


def test_another_command_is_spelt_as_this_one_was_called(monkeypatch):
    for program, expected in {
        "scripts/make_statistics.py": "python scripts/evaluate.py",
        "/venv/bin/tf-gan-lth": "tf-gan-lth evaluate",
        "/venv/lib/tf_gan_lth/__main__.py": "tf-gan-lth evaluate",
    }.items():
        monkeypatch.setattr(sys, "argv", [program])
        assert command_line.spell("evaluate") == expected


def test_the_script_that_translates_needs_nothing_of_this_package(tmp_path):
    script = tmp_path / "sample.py"
    script.write_bytes((ROOT / "scripts" / "sample.py").read_bytes())
    result = run(script, "--help", cwd=tmp_path)
    assert result.returncode == 0 and "--model" in result.stdout
    result = run(script, "--modle=x", cwd=tmp_path)
    assert result.returncode == 2 and "did you mean --model?" in result.stderr
    assert "Traceback" not in result.stderr
    result = run(script, "--model=m", "--images=none", "--output=o", cwd=tmp_path)
    assert result.returncode == 2 and result.stderr.strip() == "error: there is no folder none"
