"""A command's first and last lines, and that nothing else hides them."""

import os
import pathlib
import runpy
import subprocess
import sys
import types

import pytest
from absl import flags

from tf_gan_lth import __version__, data
from tf_gan_lth.cli import command_line
from tf_gan_lth.experiment import cache, paths
from tf_gan_lth.experiment.errors import ToolkitWarning, UsageError

ROOT = pathlib.Path(__file__).parents[2]
BY_HAND = {n: v for n, v in os.environ.items() if n not in ("TF_CPP_MIN_LOG_LEVEL", "PYTHONPATH")}


def shell(line, cwd, **environment):
    return subprocess.run(
        ["bash", "-c", line],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**BY_HAND, "PYTHONPATH": str(ROOT), "PYTHON": sys.executable, **environment},
        timeout=300,
    )


def test_a_line_of_ours_comes_first_and_tensorflow_is_silent(tmp_path):
    line = (
        '"$PYTHON" -m tf_gan_lth evaluate --images=folder:none --reference=digits --protocol=digits'
    )
    result = shell(line, tmp_path)
    assert result.returncode == 1 or result.returncode == 2
    first, *rest = result.stderr.splitlines()
    assert first == f"tf-gan-lth {__version__}: evaluate; starting TensorFlow ..."
    assert len(rest) == 1 and rest[0].startswith("error: ") and result.stdout == ""


def test_the_interface_is_imported_in_silence_and_leaves_no_trace(tmp_path):
    code = (
        "import os; before = dict(os.environ); import tf_gan_lth as lth; lth.GAN;"
        "assert os.environ.get('TF_CPP_MIN_LOG_LEVEL') is None;"
        "import logging, sys; assert logging.getLogger('tensorflow').level != logging.ERROR;"
        "print('to stderr', file=sys.stderr)"
    )
    result = shell(f'"$PYTHON" -c "{code}"', tmp_path)
    assert result.returncode == 0 and result.stderr == "to stderr\n"


@pytest.mark.parametrize("command", ["", "find_ticket --help", "find_ticket --version"])
def test_a_reader_that_goes_away_is_no_error(command, tmp_path):
    result = shell(f'set -o pipefail; "$PYTHON" -m tf_gan_lth {command} | true', tmp_path)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_script_that_translates_helps_and_exits_with_0(tmp_path):
    result = shell(f'"$PYTHON" {ROOT}/scripts/sample.py --help', tmp_path)
    assert result.returncode == 0 and "--model" in result.stdout


def test_a_process_runs_a_script_twice(monkeypatch, capsys):
    script = str(ROOT / "scripts" / "find_ticket.py")
    if "data_dir" not in flags.FLAGS:  # as TensorFlow's helpers do
        flags.DEFINE_string("data_dir", None, "of a library", module_name="a_library")
    monkeypatch.setattr(sys, "argv", [script, "--run_dir=x", "--rounds=-1"])
    for _ in range(2):
        with pytest.raises(SystemExit) as exit:
            runpy.run_path(script, run_name="__main__")
        assert exit.value.code == 2
        [line] = capsys.readouterr().err.splitlines()
        assert line == "error: --rounds=-1 is out of range: it must be at least 0"


def test_programs_of_one_process_do_not_share_flags():
    seen = []

    def define(values):
        command_line.define_flag(values, "Run", "steps", int, 1, "of a program")

    program = types.SimpleNamespace(
        define=define, main=lambda values: seen.append((values.steps, values.verbosity >= 1))
    )
    program.__doc__ = "A program."
    for arguments in (["--steps=3", "--verbosity=1"], []):
        with pytest.raises(SystemExit) as exit:
            command_line.run_command(program, ["program", *arguments])
        assert not exit.value.code
    assert seen == [(3, True), (1, False)]


def test_a_reader_that_goes_away_within_a_run_is_one_line(tmp_path):
    (tmp_path / "program.py").write_text(
        "import types\n"
        "from tf_gan_lth.cli import command_line\n"
        "def main(values):\n"
        "    for _ in range(100_000):\n"
        "        print('a line of a run')\n"
        "command = types.SimpleNamespace(define=lambda values: None, main=main)\n"
        "command_line.run_command(command)\n"
    )
    result = shell('set -o pipefail; "$PYTHON" program.py | head -1', tmp_path)
    assert (result.returncode, result.stdout) == (1, "a line of a run\n")
    [line] = result.stderr.splitlines()
    assert line.startswith("error: nobody reads this output any more")


def test_data_that_ship_are_prepared_in_silence(tmp_path, capfd):
    data.load("digits", "train", 8, str(tmp_path))
    assert capfd.readouterr() == ("", "")


def test_an_unknown_user_is_one_line():
    for path in ("~nobodyhere", "~nobodyhere/runs/a"):
        with pytest.raises(
            UsageError, match="there is no user 'nobodyhere'; .* write ./~nobodyhere$"
        ):
            paths.parse(path)
    assert paths.parse("runs/~a") == pathlib.Path("runs/~a")


@pytest.mark.parametrize("variable", [cache.VARIABLE, "XDG_CACHE_HOME"])
def test_without_a_cache_folder_there_is_one_for_the_process(variable, monkeypatch):
    monkeypatch.delenv(cache.VARIABLE, raising=False)
    monkeypatch.setenv(variable, "~nobodyhere")
    cache._of_the_process.cache_clear()
    with pytest.warns(ToolkitWarning, match="nothing is cached beyond this process .*nobodyhere"):
        folder = cache.folder()
    assert folder.is_dir() and cache.folder() == folder


@pytest.mark.slow
def test_a_ticket_is_found_without_a_home(tmp_path):
    """As in a container that is run under a number that no user has."""
    line = (
        '"$PYTHON" -m tf_gan_lth find_ticket --flagfile=sngan_digits.flags --steps=2'
        " --num_eval_images=100 --rounds=1 --branches= --run_dir=run"
    )
    result = shell(f"unset TF_GAN_LTH_CACHE XDG_CACHE_HOME; {line}", tmp_path, HOME="~")
    assert result.returncode == 0, result.stderr
    _, warning, *rest = result.stderr.splitlines()
    assert warning.startswith("warning: nothing is cached beyond this process")
    assert not rest and "Downloading" not in result.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def environment_of(folder, package):
    """A folder with the scripts and the package, and an environment with another's package."""
    (folder / "scripts").mkdir(parents=True)
    (folder / "scripts" / "setup.sh").write_bytes((ROOT / "scripts" / "setup.sh").read_bytes())
    (folder / "tf_gan_lth").mkdir()
    (folder / "tf_gan_lth" / "__init__.py").write_text("")
    made = [sys.executable, "-m", "venv", "--without-pip", str(folder / ".venv")]
    subprocess.run(made, check=True, timeout=100)
    [site] = (folder / ".venv" / "lib").glob("python*/site-packages")
    (site / "package.pth").write_text(f"{package}\n")


def test_an_environment_of_another_place_is_noticed(tmp_path):
    line = "source scripts/setup.sh; is_of_here && echo here || echo elsewhere"
    first = tmp_path / "first"
    environment_of(first, first)
    assert shell(line, first).stdout == "here\n"
    (tmp_path / "link").symlink_to(first)  # the same place under another name
    assert shell(line, tmp_path / "link").stdout == "here\n"
    subprocess.run(["cp", "-a", first, tmp_path / "copy"], check=True, timeout=100)
    assert shell(line, tmp_path / "copy").stdout == "elsewhere\n"
    first.rename(tmp_path / "renamed")
    assert shell(line, tmp_path / "renamed").stdout == "elsewhere\n"
    # One that is a link is the user's own.
    other = tmp_path / "other"
    environment_of(other, tmp_path / "renamed")
    (other / ".venv").rename(tmp_path / "shared")
    (other / ".venv").symlink_to(tmp_path / "shared")
    assert shell(line, other).stdout == "here\n"
