"""Data sets that TFDS downloads and prepares; what goes wrong there becomes one line."""

import contextlib
import io
import logging
import os
import sys
from collections.abc import Callable, Iterator

import absl.logging
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from requests import RequestException
from tensorflow_datasets.core.download import downloader
from tensorflow_datasets.core.utils import tqdm_utils

from tf_gan_lth.experiment import cache, locks, paths
from tf_gan_lth.experiment.errors import (
    DataError,
    UsageError,
    check_known,
    error_reason,
)

# TFDS tries a download eleven times, with pauses that double: without a network that takes three
# and a half minutes. Five times take three seconds. It has no option for that.
RETRIES = 4

Builder = Callable[..., tfds.core.DatasetBuilder]


def prepare(
    name: str, make_builder: Builder, split: str, data_dir: str | None
) -> tfds.core.DatasetBuilder:
    """The builder of a data set that is prepared, now or before.

    Args:
      name: of the data set, for messages.
      make_builder: its builder, as a function of `data_dir`.
      split: name of the split that is to be read.
      data_dir: folder of prepared data sets; None is TFDS's own. What it lacks is prepared there.

    Raises:
      UsageError: the data set has no such split.
      DataError: it cannot be downloaded or written.
    """
    data_dir = data_dir or _without_home()
    retries = tfds.core.utils.temporary_assignment(downloader, "MAX_RETRIES", RETRIES)
    silence = tfds.core.utils.temporary_assignment(
        logging.getLogger("urllib3.connectionpool"), "disabled", True
    )
    try:
        with retries, silence:  # urllib3 warns of every try
            builder = make_builder(data_dir=data_dir)
            if not builder.data_path.exists():
                # One of several processes prepares it, and the others wait. TFDS itself would have
                # them all do it.
                with locks.hold(paths.parse(builder.data_path.parent) / locks.NAME):
                    builder = make_builder(data_dir=data_dir)
                    with _own_words(name, builder):
                        builder.download_and_prepare()
    except (RequestException, tfds.download.DownloadError) as error:
        advice = (
            f"prepare it once on a machine with network access, with --dataset={name}, and give its"
            " folder as --data_dir"
        )
        raise DataError(f"{name} cannot be downloaded: {_reason(error)}; {advice}") from error
    except UsageError:  # of `find`
        raise
    except Exception as error:  # those of TFDS have no common class
        place = data_dir or "TFDS's own folder"
        advice = "give a folder with room that can be written as --data_dir"
        raise DataError(
            f"{name} cannot be prepared in {place}: {_reason(error)}; {advice}"
        ) from error
    if not builder.info.splits:
        raise DataError(f"{builder.data_dir} holds no data: delete it to have it prepared again")
    check_known(f"split of {name}", split, builder.info.splits)
    return builder


def _without_home() -> str | None:
    """Where data sets are prepared if TFDS would look for its own folder in a home that is none."""
    if "TFDS_DATA_DIR" in os.environ or paths.has_home():
        return None
    return str(cache.folder() / "tensorflow_datasets")


@contextlib.contextmanager
def _own_words(name: str, builder: tfds.core.DatasetBuilder) -> Iterator[None]:
    """A line where something is downloaded, instead of TFDS's; it has its way in a chatty run."""
    if absl.logging.get_verbosity() >= absl.logging.DEBUG:
        yield
        return
    if builder.info.download_size:
        print(
            f"downloading and preparing {name} in {builder.data_path}, once; --verbosity=1 shows"
            " how far it is",
            file=sys.stderr,
            flush=True,
        )
    bars = tfds.core.utils.temporary_assignment(tqdm_utils, "_active", False)
    with bars, contextlib.redirect_stdout(io.StringIO()):
        yield


def read(
    builder: tfds.core.DatasetBuilder, split: str, features: tuple[str, str] = ("image", "label")
) -> tuple[np.ndarray, np.ndarray]:
    """All images of a split, in the order in which TFDS stores them.

    Args:
      builder: of the prepared data set.
      split: name of the split.
      features: of the data set, in the order to return.

    Returns:
      `(N, H, W, C)` uint8 images and `(N,)` int64 labels, or what `features` hold.

    Raises:
      DataError: the data set cannot be read.
    """
    with _reading(builder):
        stored = tfds.as_numpy(builder.as_dataset(split=split, batch_size=-1))
    return tuple(stored[feature] for feature in features)


def stream(builder: tfds.core.DatasetBuilder, split: str) -> Iterator[np.ndarray]:
    """Yields the images of a split one by one, `(H, W, C)` uint8; they may differ in size.

    Otherwise as `read`.
    """
    with _reading(builder):
        for example in tfds.as_numpy(builder.as_dataset(split=split)):
            yield example["image"]


def stream_labelled(
    builder: tfds.core.DatasetBuilder, split: str, labelled: bool
) -> Iterator[tuple[np.ndarray, int]]:
    """Yields images one by one with their labels; without labels, with 0. Otherwise as `stream`."""
    with _reading(builder):
        for example in tfds.as_numpy(builder.as_dataset(split=split)):
            yield example["image"], int(example["label"]) if labelled else 0


def find(name: str, data_dir: str | None) -> tfds.core.DatasetBuilder:
    """The builder of a data set of TFDS, `NAME` or `NAME/CONFIG`.

    Raises:
      UsageError: TFDS has none of that name or config.
    """
    try:
        return tfds.builder(name, data_dir=data_dir, try_gcs=False)
    except (tfds.core.registered.DatasetNotFoundError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UsageError(f"tfds:{name}: TFDS has no such data set or config ({reason})") from None


@contextlib.contextmanager
def _reading(builder: tfds.core.DatasetBuilder) -> Iterator[None]:
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        raise DataError(
            f"{builder.data_dir} cannot be read: {_reason(error)}; delete it to have it prepared"
            " again"
        ) from error


def _reason(error: Exception) -> str:
    """What an error says, in short, without retries and without the place in TensorFlow's graph."""
    if isinstance(error, tf.errors.OpError):
        return str(error.message).splitlines()[0].rsplit("}} ", 1)[-1]
    cause = error.args[0] if error.args else None
    return error_reason(getattr(cause, "reason", error))
