"""What images a GAN that tells classes apart can be trained on."""

import numpy as np

from tf_gan_lth.data import class_folders
from tf_gan_lth.data.datasets import FOLDER, folder_path
from tf_gan_lth.data.image_set import ImageSet
from tf_gan_lth.experiment.errors import UsageError

SHOWN = 5  # classes that a message names


def check_classes(images: ImageSet, gan: str) -> None:
    """Raises `UsageError` for images that a conditional GAN cannot be trained on.

    They have no labels, or those of a single class, or none of a class that labels are drawn of; or
    class folders differ between splits.

    Args:
      images: to train on.
      gan: name of the GAN, for messages.
    """
    if not images.classes:
        raise UsageError(f"{gan} asks for labels, which --dataset={images.dataset} has not")
    if images.classes == 1:
        raise UsageError(
            f"{gan} tells classes apart, and all images of --dataset={images.dataset} are of one:"
            " it takes two or more"
        )
    if images.dataset.startswith(FOLDER):
        _check_splits(images, gan)
    counts = np.bincount(images.labels, minlength=images.classes)
    titles = images.class_names or [str(number) for number in range(images.classes)]
    absent = [title for title, count in zip(titles, counts, strict=True) if not count]
    if absent:
        raise UsageError(
            f"{gan} tells {images.classes} classes apart, and {images.name} has no image of"
            f" {_listed(absent)}: number classes without gaps, or choose a split that has all"
        )


def _check_splits(images: ImageSet, gan: str) -> None:
    known = class_folders.classes_by_split(folder_path(images.dataset))
    every = {name for names in known.values() for name in names}
    lacking = [
        f"{split} has no {_listed(sorted(every - set(names)))}"
        for split, names in known.items()
        if every - set(names)
    ]
    if lacking:
        raise UsageError(
            f"{gan} tells classes apart, and the class folders of {images.dataset} differ between"
            f" splits: {'; '.join(lacking)}; give all splits the same"
        )


def _listed(titles: list[str]) -> str:
    more = len(titles) - SHOWN
    return ", ".join(titles[:SHOWN]) + (f" and {more} more" if more > 0 else "")
