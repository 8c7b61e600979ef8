import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

import tf_gan_lth
from tf_gan_lth.experiment import provenance


def test_versions_of_the_package_and_its_stack_are_told():
    made = provenance.made_with()
    assert made["tf_gan_lth"] == tf_gan_lth.__version__
    assert all(re.match(r"\d+\.\d+", made[name]) for name in ("python", *provenance.PACKAGES))


@pytest.fixture
def checkout(tmp_path):
    """Somebody's own git checkout with the package in it, and git there."""
    package = tmp_path / "tf_gan_lth"
    source = pathlib.Path(tf_gan_lth.__file__).parent
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__"))

    def git(*arguments):
        own = ("-c", "user.name=me", "-c", "user.email=me@here")
        command = ["git", "-C", str(tmp_path), *own, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message=theirs")
    return tmp_path, git


def revision_in(folder):
    code = "from tf_gan_lth.experiment import provenance; print(provenance.git_revision())"
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-c", code]
    result = subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment, cwd=folder
    )
    return result.stdout.split()[-1]


def test_the_revision_is_that_of_a_checkout_of_the_package_and_of_no_other(checkout):
    folder, git = checkout
    assert revision_in(folder) == "None"  # it lies there, as in a virtual environment
    git("add", "tf_gan_lth")
    git("commit", "--quiet", "--message=ours")
    revision = git("rev-parse", "HEAD")
    assert revision_in(folder) == revision
    (folder / "tf_gan_lth" / "__init__.py").open("a").write("\n")
    assert revision_in(folder) == f"{revision}+changes"
