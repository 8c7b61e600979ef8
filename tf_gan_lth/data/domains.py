"""Two domains of unpaired images by name, to translate between."""

import dataclasses
import functools
import pathlib

import numpy as np
import tensorflow_datasets as tfds

from tf_gan_lth.data import prepared, shapes2stripes
from tf_gan_lth.data.datasets import FOLDER, check_name, folder_path
from tf_gan_lth.data.folders import ImageFolder
from tf_gan_lth.data.image_set import MIN_COUNT, ImageSet
from tf_gan_lth.data.pixels import fit
from tf_gan_lth.experiment.errors import DataError, UsageError, check_known

SPLITS = ("train", "test")
DOMAINS = ("A", "B")
RESIZING = "bicubic"  # as Zhu et al. 2017 do


@dataclasses.dataclass(frozen=True)
class Domains:
    """A split of two domains, decoded and resized, in memory.

    No image of one domain belongs to an image of the other.

    Attributes:
      a: images of domain A; its split is `trainA` or `testA`, its labels are all 0. It has no
        classes.
      b: images of domain B, with as many channels; its labels are all 1. It has no classes.
      masks: of each domain, `a` and `b`, `(N, H, W, 1)` uint8 with 255 where translation should
        change something; None where nobody knows.
    """

    a: ImageSet
    b: ImageSet
    masks: dict[str, np.ndarray] | None = None

    def distances(self, domain: str, inputs: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
        """How far translations are from the true ones; empty where nobody knows these.

        Args:
          domain: `a` or `b`, that of the inputs.
          inputs: all images of that domain, in order, `(N, H, W, C)` in [-1, 1].
          outputs: their translations, likewise.

        Returns:
          `l1_inside` and `l1_outside`: see `shapes2stripes.distances`, each the mean over images.
        """
        if self.masks is None:
            return {}
        target = "b" if domain == "a" else "a"
        found = shapes2stripes.distances(inputs, outputs, self.masks[domain], f"{domain}2{target}")
        names = ("l1_inside", "l1_outside")
        return {name: float(np.mean(each)) for name, each in zip(names, found, strict=True)}

    @property
    def sets(self) -> dict[str, ImageSet]:
        """{"a": images of domain A, "b": images of domain B}."""
        return {"a": self.a, "b": self.b}


@functools.cache
def known_domains() -> tuple[str, ...]:
    """Names that `load_domains` takes.

    They are `shapes2stripes` and the pairs of TFDS's `cycle_gan`, which are downloaded.
    """
    pairs = tfds.builder_cls("cycle_gan").builder_configs
    return (shapes2stripes.NAME, *(f"cycle_gan/{pair}" for pair in pairs))


def load_domains(
    name: str, split: str, resolution: int, data_dir: str | None = None, crop: str = "none"
) -> Domains:
    """Loads a split of two domains into memory: of a data set of TFDS or of a folder.

    TFDS prepares a data set on first use.

    Args:
      name: one of `known_domains()`; or `folder:PATH` with pictures in `PATH/trainA`,
        `PATH/trainB`, `PATH/testA` and `PATH/testB`, where hidden files are left out.
      split: `train` or `test`.
      resolution: height and width to resize to (bicubic, antialiased), in pixels: an image that is
        not square is squashed to one, a smaller one is enlarged. `shapes2stripes` cannot be
        resized: it is 64.
      data_dir: folder of prepared data sets; None is TFDS's own. Nothing to a folder.
      crop: see `pixels.fit`.

    Raises:
      UsageError: the name or the folder is unknown, or the resolution impossible.
      DataError: the data set cannot be prepared; or the folder lacks a domain, or holds something
        else than two or more pictures in each, all in grey or all in RGB.
    """
    check_known("split", split, SPLITS)
    splits = [split + domain for domain in DOMAINS]
    masks = None
    if name == shapes2stripes.NAME:
        shapes2stripes.check_size(resolution, resolution)
        images, masks = _read_drawn(splits, data_dir)
    elif name.startswith(FOLDER):
        images = _read_folder(folder_path(name), splits, resolution, crop)
    else:
        check_name("pair of domains", name, known_domains())
        images = [_read_pair(name, domain, resolution, data_dir, crop) for domain in splits]
    a, b = (
        ImageSet(name, domain, pixels, np.full(len(pixels), label, np.int64))
        for label, (domain, pixels) in enumerate(zip(splits, images, strict=True))
    )
    _check_fit(name, a, b)
    return Domains(a, b, masks)


def _read_drawn(
    splits: list[str], data_dir: str | None
) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """Images of both domains, and their masks by name."""
    images, masks = [], {}
    for domain, split in zip("ab", splits, strict=True):
        builder = prepared.prepare(
            shapes2stripes.NAME, shapes2stripes.Shapes2Stripes, split, data_dir
        )
        pixels, masks[domain] = prepared.read(builder, split, ("image", "mask"))
        images.append(pixels)
    return images, masks


def _read_folder(
    root: pathlib.Path, splits: list[str], resolution: int, crop: str
) -> list[np.ndarray]:
    if not root.is_dir():
        raise UsageError(f"there is no folder {root}")
    expected = [split + domain for split in SPLITS for domain in DOMAINS]
    missing = [domain for domain in expected if not (root / domain).is_dir()]
    if missing:
        raise DataError(
            f"{root} has no folder {missing[0]}: expected pictures in four, {', '.join(expected)}"
        )
    return [ImageFolder(root, resolution, domain, crop).read(RESIZING) for domain in splits]


def _read_pair(
    name: str, split: str, resolution: int, data_dir: str | None, crop: str
) -> np.ndarray:
    builder = prepared.prepare(name, functools.partial(tfds.builder, name), split, data_dir)
    pictures = (
        fit(picture, resolution, crop, RESIZING) for picture in prepared.stream(builder, split)
    )
    return np.fromiter(pictures, np.dtype((np.uint8, (resolution, resolution, 3))))


def _check_fit(name: str, a: ImageSet, b: ImageSet) -> None:
    for domain in (a, b):
        if domain.count < MIN_COUNT:
            raise DataError(
                f"{name} has {domain.count} image in {domain.split}: expected at least {MIN_COUNT}"
                " in each domain"
            )
    if a.channels != b.channels:
        kinds = {1: "grey", 3: "RGB"}
        differ = f"{a.split} holds {kinds[a.channels]} and {b.split} {kinds[b.channels]} images"
        raise DataError(f"{name}: {differ}; convert one of them, so that all are of one kind")
