"""Reference statistics: what scores need to know of the real images.

They are computed once and cached, or read from files of this or other tools.
"""

import dataclasses
import json
import os
import pathlib
import warnings

import numpy as np
import scipy.linalg

from tf_gan_lth.data import ImageFolder, ImageSet
from tf_gan_lth.data.pixels import mixed_order
from tf_gan_lth.evaluation.extraction import VERSION, Extractor
from tf_gan_lth.evaluation.labels import Labels
from tf_gan_lth.evaluation.metrics import Gaussian, fit_gaussian
from tf_gan_lth.experiment import cache, digests
from tf_gan_lth.experiment.artifacts import Artifact, open_flushed
from tf_gan_lth.experiment.errors import (
    ArtifactError,
    EvaluationError,
    RunFolderError,
    ToolkitWarning,
)


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where statistics come from; equal origins give equal statistics.

    For files of other tools, everything but `images` and `images_digest` is unknown and None.

    Attributes:
      images: name of the images, for people.
      images_digest: digest of their pixels or files.
      split: split of the data set or folder; None if there is none, or if it is unknown.
      count: number of images.
      size: their height and width, in pixels.
      channels: how many they have; None if unknown, as in files of earlier versions.
      feature_network, feature_network_digest: the feature network that was used.
      resize_filter: how the images were resized; None if the network takes any size.
      version: version of the way from images to features.
    """

    images: str
    images_digest: str
    split: str | None = None
    count: int | None = None
    size: tuple[int, int] | None = None
    feature_network: str | None = None
    feature_network_digest: str | None = None
    resize_filter: str | None = None
    version: int | None = None
    channels: int | None = None

    @property
    def digest(self) -> str:
        """16 hex digits that identify the origin, computed from everything but names.

        It does not depend on the rounding of the features, so it is the same on every machine.
        """
        identity = [
            self.images_digest,
            self.count,
            self.feature_network_digest,
            self.resize_filter,
            self.version,
        ]
        return digests.short(json.dumps(identity))


@dataclasses.dataclass(frozen=True)
class Reference:
    """Statistics of real images.

    Attributes:
      origin: where the statistics come from.
      gaussian: mean and covariance of the features.
      features: `(count, D)` float32, in random order; None if the file has none. KID, precision,
        recall, density and coverage need them.
      labels: the classes of the images, in the order of the features; None if they have none, or
        nobody knows.
    """

    origin: Origin
    gaussian: Gaussian
    features: np.ndarray | None
    labels: Labels | None = None


def of_images(images: ImageSet | ImageFolder, extractor: Extractor) -> Reference:
    """The statistics of images, from the user's cache folder if it has them.

    Raises:
      EvaluationError: fewer than two images, or the network does not take them.
      DataError: an image file is broken.
      ArtifactError: the cached file is broken.
    """
    network = extractor.network
    # Before the cache is asked, which may have them from where grey images were repeated.
    extractor.check_channels(images.name, images.channels)
    origin = Origin(
        images=images.name,
        images_digest=images.digest,
        split=images.split,
        count=images.count,
        size=images.shape[:2],
        feature_network=network.name,
        feature_network_digest=network.digest,
        resize_filter=extractor.resize_filter if network.size else None,
        version=VERSION,
        channels=images.channels,
    )
    cached = _CachedReference(cache.folder() / "references" / f"{origin.digest}.npz")
    labels = _labels_of(images)
    if cached.exists():
        # The same images may have been cached under another name, and with other labels.
        return dataclasses.replace(cached.get_of(origin), origin=origin, labels=labels)
    if images.count < 2:
        raise EvaluationError(
            f"{images.name} has {images.count} image: statistics need two, and are good from"
            " thousands on"
        )
    features = extractor.features(images.name, images.batches(), images.count)
    reference = Reference(origin, fit_gaussian(features), features)
    try:
        cached.put(reference)
    except RunFolderError as error:
        warnings.warn(
            f"statistics are not cached ({error}); ${cache.VARIABLE} names another folder",
            ToolkitWarning,
            stacklevel=2,
        )
    return dataclasses.replace(reference, labels=labels)


def _labels_of(images: ImageSet | ImageFolder) -> Labels | None:
    """The labels in the order in which images come."""
    if not images.classes:
        return None
    numbers = images.labels[mixed_order(images.count)]
    return Labels(numbers, images.classes, images.class_names)


def read(path: pathlib.Path, extractor: Extractor) -> Reference:
    """Reads statistics that `make_statistics.py` wrote, or `mu` and `sigma` of another tool.

    Raises:
      ArtifactError: the file is missing, broken or holds something else.
      EvaluationError: the statistics are of another feature network or another resizing, or of
        grey images where those to score are in colour.
    """
    reference = ReferenceFile(path).get()
    network, origin = extractor.network, reference.origin
    if origin.feature_network_digest is None:
        return reference
    if origin.feature_network_digest != network.digest:
        raise EvaluationError(
            f"{path} holds statistics of feature network '{origin.feature_network}' (digest"
            f" {origin.feature_network_digest}), not of '{network.name}' ({network.digest})"
        )
    if network.size and origin.resize_filter != extractor.resize_filter:
        raise EvaluationError(
            f"{path} was resized by '{origin.resize_filter}', the protocol's filter is"
            f" '{extractor.resize_filter}'"
        )
    if origin.version != VERSION:
        raise EvaluationError(
            f"{path} was made by version {origin.version} of the extraction, this is {VERSION}:"
            " make it again"
        )
    if origin.channels is not None:
        extractor.check_channels(str(path), origin.channels)
    return reference


class ReferenceFile(Artifact):
    """Statistics as an npz file.

    It holds `mu` and `sigma` (float64), `features` (float32) if they are kept, and `origin` (JSON);
    beside features of images with labels, `labels` (int64), `classes` and maybe `class_names`.
    """

    def _read(self, path: pathlib.Path) -> Reference:
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            # Of a member that is no array, NumPy returns the bytes.
            odd = [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]
            if odd:
                raise ValueError(f"{', '.join(odd)} is no array")
        except OSError as error:
            raise ArtifactError(
                f"cannot read {path}: {error.strerror or error}; see to its rights and its disk"
            ) from None
        except Exception as error:  # those of numpy and zipfile have no common class
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ArtifactError(
                f"{path} is broken or no npz file ({reason}): expected arrays mu and sigma; if it"
                " is cached, delete it"
            ) from None
        gaussian = _gaussian(path, arrays)

        # Files of other tools have no origin.
        try:
            if "origin" in arrays:
                origin = _origin(str(arrays["origin"]))
            else:
                origin = _foreign(path, gaussian)
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(
                f"{path} has an origin that this version does not read: {error}"
            ) from None
        features = arrays.get("features")
        if features is not None and features.shape != (origin.count, len(gaussian.mu)):
            raise ArtifactError(
                f"{path} holds features {features.shape}: expected"
                f" {(origin.count, len(gaussian.mu))}"
            )
        return Reference(origin, gaussian, features, _stored_labels(path, arrays, origin.count))

    def _write(self, path: pathlib.Path, value: Reference) -> None:
        arrays = {
            "mu": value.gaussian.mu,
            "sigma": value.gaussian.sigma,
            "origin": json.dumps(dataclasses.asdict(value.origin)),
        }
        if value.features is not None:
            arrays["features"] = value.features
            arrays |= _arrays_of(value.labels) if value.labels else {}
        with open_flushed(path) as file:  # written directly, not via memory: features are large
            np.savez(file, **arrays)


class _CachedReference(ReferenceFile):
    """A cached file, which several processes may write at the same time.

    Each writes its own temporary file; the last one to be renamed stays.
    """

    def get_of(self, origin: Origin) -> Reference:
        """Reads the file; raises `ArtifactError` unless what it holds is of this origin."""
        found = self.get()
        if found.origin.digest != origin.digest:
            raise ArtifactError(
                f"{self.path} holds statistics of {found.origin.images} (digest"
                f" {found.origin.digest}), not of {origin.images} ({origin.digest}): delete it"
            )
        return found

    def _partial(self) -> pathlib.Path:
        return self.path.with_name(f"{self.path.name}.{os.getpid()}.partial")


def _foreign(path: pathlib.Path, gaussian: Gaussian) -> Origin:
    """The origin of statistics of another tool."""
    return Origin(
        images=path.name,
        images_digest=digests.short(gaussian.mu, np.ascontiguousarray(gaussian.sigma)),
    )


def _origin(text: str) -> Origin:
    fields = json.loads(text)
    return Origin(**{**fields, "size": tuple(fields["size"])})


def _arrays_of(labels: Labels) -> dict[str, np.ndarray]:
    arrays = {"labels": labels.numbers.astype("<i8"), "classes": np.array(labels.classes)}
    return arrays | ({"class_names": np.array(labels.names)} if labels.names else {})


def _stored_labels(
    path: pathlib.Path, arrays: dict[str, np.ndarray], count: int | None
) -> Labels | None:
    """The labels beside features; raises `ArtifactError` for what are no labels of these."""
    if "features" not in arrays or "labels" not in arrays:
        return None
    numbers, classes = arrays["labels"], arrays.get("classes", np.array(0))
    names = arrays.get("class_names")
    fit = numbers.shape == (count,) and numbers.dtype.kind in "iu" and classes.dtype.kind in "iu"
    fit = fit and classes.ndim == 0 and numbers.min() >= 0 and numbers.max() < classes
    if not fit or (names is not None and (names.shape != (classes,) or names.dtype.kind != "U")):
        raise ArtifactError(
            f"{path} holds labels that are not those of its {count} images: make it again"
        )
    titles = None if names is None else tuple(names.tolist())
    return Labels(numbers.astype(np.int64), int(classes), titles)


def _gaussian(path: pathlib.Path, arrays: dict[str, np.ndarray]) -> Gaussian:
    """Reads `mu` and `sigma`; raises `ArtifactError` unless they are a mean and a covariance."""
    if not {"mu", "sigma"} <= arrays.keys():
        raise ArtifactError(f"{path} holds {sorted(arrays)}: expected arrays mu and sigma")
    mu, sigma = arrays["mu"], arrays["sigma"]
    if (
        mu.ndim != 1
        or not len(mu)
        or sigma.shape != (len(mu), len(mu))
        or not {mu.dtype.kind, sigma.dtype.kind} <= {"f"}
    ):
        raise ArtifactError(
            f"{path} holds mu {mu.shape} and sigma {sigma.shape}: expected floats (D,) and (D, D)"
        )
    mu = mu.astype(np.float64)
    sigma = sigma.astype(np.float64)
    if not (np.isfinite(mu).all() and np.isfinite(sigma).all()):
        raise ArtifactError(f"{path} holds values that are not finite")
    largest = np.abs(sigma).max()
    if (
        not np.allclose(sigma, sigma.T, atol=1e-6 * largest)
        or scipy.linalg.eigvalsh(sigma)[0] < -1e-6 * largest
    ):
        raise ArtifactError(
            f"{path}: sigma is not a covariance (it must be symmetric, with no eigenvalue below 0)"
        )
    return Gaussian(mu, sigma)
