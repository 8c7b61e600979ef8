"""What made a run: versions of the package and its stack, and the git revision if there is one."""

import importlib.metadata
import pathlib
import platform
import subprocess

import tf_gan_lth

PACKAGES = (
    "tensorflow",
    "tf-keras",
    "tensorflow-model-optimization",
    "tensorflow-gan",
    "numpy",
)


def made_with() -> dict[str, str | None]:
    """{what: version} of the package, Python, the stack, and the revision of a git checkout."""
    return {
        "tf_gan_lth": tf_gan_lth.__version__,
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
    """The commit that the package's files are of, `+changes` if they differ; None outside git.

    A package that is installed below somebody's own checkout is none of its files.
    """
    folder = pathlib.Path(tf_gan_lth.__file__).parent
    if _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    revision = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no", ".")
    return f"{revision}+changes" if revision and changes else revision


def _git(folder: pathlib.Path, *arguments: str) -> str | None:
    """What git prints; None if it fails or is not there."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
