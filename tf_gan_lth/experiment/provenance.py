"""What made a run: versions, git revision, machine, devices, command and dates."""

import contextlib
import datetime
import importlib.metadata
import os
import pathlib
import platform
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator

from tf_gan_lth.experiment.artifacts import Record
from tf_gan_lth.experiment.version import VERSION

PACKAGES = (
    "tensorflow",
    "tf-keras",
    "tensorflow-model-optimization",
    "tensorflow-gan",
    "numpy",
)
MADE, CONTINUED = "made_with", "continued_with"  # fields of config.json
DATE = "date"
CPUINFO = pathlib.Path("/proc/cpuinfo")


def made_with() -> dict[str, object]:
    """What this process is: versions by name, git revision, system, host, devices, command, date.

    A value is a string, or None where it cannot be known; `devices` is a list of strings.
    """
    return {
        "tf_gan_lth": VERSION,
        "git_revision": git_revision(),
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
        "system": platform.platform(),
        "host": socket.gethostname(),
        "devices": devices(),
        "command": shlex.join(sys.argv),
        DATE: now(),
    }


def continued(stored: dict[str, object], here: dict[str, object]) -> dict[str, object]:
    """What `config.json` has to say if a run is continued by a process that is not as before.

    Args:
      stored: what it says; `made_with` and perhaps `continued_with` are read.
      here: what `made_with` says today.

    Returns:
      `continued_with`, the processes that continued the run, each kind once, with the date of the
      first; empty if this one is in all but its date as one that is known, or nothing is known.
    """
    later = list(stored.get(CONTINUED, []))
    known = [stored[MADE], *later] if MADE in stored else []
    undated = [{**each, DATE: None} for each in known]
    if not known or {**here, DATE: None} in undated:
        return {}
    return {CONTINUED: [*later, here]}


def of_run(config: dict[str, object]) -> dict[str, object]:
    """The provenance of a run, for its report and for what is exported of it.

    Args:
      config: content of `config.json`.

    Returns:
      `run`, the digest of the config; the fields of `made_with`; and `continued_with`, a list of
      them. Runs of versions that did not record some of it lack it.
    """
    return {
        "run": config.get("digest"),
        **config.get(MADE, {}),
        CONTINUED: config.get(CONTINUED, []),
    }


@contextlib.contextmanager
def timed(times: Record, part: str, finished: bool = False) -> Iterator[None]:
    """Records when a part of a run began, when it ended, and on which hosts.

    Args:
      times: `times.json` of a training, {part: its record}. A part that was stopped and goes on
        keeps its beginning.
      part: its name.
      finished: whether it is done already: then nothing is recorded.
    """
    if finished:
        yield
        return
    record = times.get() if times.exists() else {}
    entry = record.get(part) or {"began": now(), "hosts": []}
    hosts = dict.fromkeys([*entry["hosts"], socket.gethostname()])
    record[part] = {"began": entry["began"], "hosts": list(hosts)}
    times.put(record)
    yield
    record[part] |= {"ended": now()}
    times.put(record)


def now() -> str:
    """The date and time, UTC, as ISO 8601 writes it."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def devices() -> list[str]:
    """The processor, how many cores of it this process may use, and TensorFlow's other devices.

    The latter only if TensorFlow is loaded: loading it takes seconds.
    """
    found = [f"{len(os.sched_getaffinity(0))} cores of {_processor()}"]
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:
        return found
    for device in tensorflow.config.list_physical_devices():
        if device.device_type != "CPU":
            details = tensorflow.config.experimental.get_device_details(device)
            found.append(details.get("device_name", device.name))
    return found


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in CPUINFO.read_text("utf-8", "replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.machine()


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
