"""What made a run: the versions of the package and its stack, and the git revision if any."""

import importlib.metadata
import pathlib
import platform
import subprocess

from tf_gan_lth.experiment.version import VERSION

PACKAGES = (
    "tensorflow",
    "tf-keras",
    "tensorflow-model-optimization",
    "tensorflow-gan",
    "numpy",
)


def made_with() -> dict[str, str | None]:
    """The versions of the package, Python and the stack, and the git revision, by name."""
    return {
        "tf_gan_lth": VERSION,
        "git_revision": git_revision(),
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def git_revision() -> str | None:
    """The commit of the package's files, with `+changes` if they differ from it; None without git.

    Also None if the package is installed somewhere inside a checkout that does not track it.
    """
    folder = pathlib.Path(__file__).parents[1]
    if _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    revision = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no", ".")
    return f"{revision}+changes" if revision and changes else revision


def _git(folder: pathlib.Path, *arguments: str) -> str | None:
    """The output of a git command; None if it fails or git is not installed."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
