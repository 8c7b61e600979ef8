"""Installed from a wheel, away from the repository, the console command works."""

import csv
import email
import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[2]
SOURCE = (
    "tf_gan_lth",
    "flags",
    "docs",
    "setup.cfg",
    "pyproject.toml",
    "MANIFEST.in",
    "README.md",
    "LICENSE",
)
# As pip asks a build back end for one.
MAKE_SDIST = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-cache-dir")


def python(*arguments, cwd, timeout=120, **environment):
    """Runs Python in a folder, without what the tests' own environment adds to its path."""
    others = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**others, **environment},
        timeout=timeout,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel, made from a source distribution of a copy: a build leaves files where it is made."""
    folder = tmp_path_factory.mktemp("dist")
    source = tmp_path_factory.mktemp("source")
    for name in SOURCE:
        if (ROOT / name).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignore)
        else:
            shutil.copy(ROOT / name, source)
    made = python("-c", MAKE_SDIST, folder, cwd=source)
    assert made.returncode == 0, made.stderr
    [sdist] = folder.glob("*.tar.gz")
    offline = ("--no-deps", "--no-build-isolation", "--no-index")
    made = python(*PIP, "wheel", *offline, f"--wheel-dir={folder}", sdist, cwd=folder)
    assert made.returncode == 0, made.stderr
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The folder that the wheel is installed in, and one to run it from."""
    target = tmp_path_factory.mktemp("site")
    offline = ("--no-deps", "--no-index", "--quiet")
    made = python(*PIP, "install", *offline, f"--target={target}", wheel, cwd=target)
    assert made.returncode == 0, made.stderr
    return target, tmp_path_factory.mktemp("elsewhere")


def test_a_wheel_holds_code_presets_and_networks(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "tf_gan_lth"
    networks = (package / "evaluation" / "embedded_networks").rglob("*")
    expected = [*package.rglob("*.py"), *networks, package / "py.typed"]
    paths = {path.relative_to(ROOT).as_posix() for path in expected if path.is_file()}
    presets = {f"tf_gan_lth/flags/{path.name}" for path in (ROOT / "flags").glob("*.flags")}
    assert {name for name in names if name.startswith("tf_gan_lth/")} == paths | presets


def test_a_wheel_says_what_it_is(wheel):
    archive = zipfile.ZipFile(wheel)
    [folder] = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
    metadata = email.message_from_bytes(archive.read(f"{folder}/METADATA"))
    assert metadata["Name"] == "tf_gan_lth" and metadata["Summary"] and metadata["Keywords"]
    assert metadata["License"] == "Apache-2.0"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_payload().lstrip().startswith("# tf_gan_lth")
    classifiers = metadata.get_all("Classifier")
    for version in ("3.10", "3.11", "3.12"):
        assert f"Programming Language :: Python :: {version}" in classifiers
    readme = (ROOT / "README.md").read_text("utf-8")
    for url in metadata.get_all("Project-URL"):
        assert url.split(", ")[1] in readme
    entry_points = archive.read(f"{folder}/entry_points.txt").decode()
    assert "tf-gan-lth = tf_gan_lth.cli.main:main" in entry_points
    assert f"{folder}/licenses/LICENSE" in archive.namelist()


def test_it_is_imported_from_where_it_was_installed(installed):
    target, elsewhere = installed
    code = "import tf_gan_lth; print(tf_gan_lth.__file__)"
    result = python("-c", code, cwd=elsewhere, PYTHONPATH=str(target))
    assert result.stdout.strip() == str(target / "tf_gan_lth" / "__init__.py")
    for command in (["-m", "tf_gan_lth"], [target / "bin" / "tf-gan-lth"]):
        result = python(*command, cwd=elsewhere, PYTHONPATH=str(target))
        assert result.returncode == 0, result.stderr
        assert "find_ticket" in result.stdout and "sngan_digits.flags" in result.stdout


@pytest.mark.slow
def test_a_ticket_is_found_outside_the_repository(installed, tmp_path):
    target, elsewhere = installed
    run_dir = elsewhere / "run"
    # The wide margin: a generator is exported whatever two steps make of it.
    size = ["--steps=2", "--rounds=1", "--branch_rounds=1", "--num_eval_images=100", "--margin=1"]
    result = python(
        "-m",
        "tf_gan_lth",
        "find_ticket",
        "--flagfile=sngan_digits.flags",
        *size,
        f"--data_dir={tmp_path}",
        f"--run_dir={run_dir}",
        cwd=elsewhere,
        timeout=600,
        PYTHONPATH=str(target),
    )
    assert result.returncode == 0, result.stderr
    with (run_dir / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4  # the dense GAN, the ticket and its two controls
    [saved_model] = run_dir.glob("replicate_0/round_*/saved_model/saved_model.pb")
    assert saved_model.is_file()
