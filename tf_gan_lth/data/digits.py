"""The 1,797 handwritten digits that scikit-learn carries, as a TFDS builder without downloads."""

from collections.abc import Iterator

import numpy as np
import tensorflow_datasets as tfds
from sklearn import datasets

TEST_EVERY = 5


class Digits(tfds.core.GeneratorBasedBuilder):
    """8x8 grey digits of 13 writers.

    They are the test part of the UCI set "Optical Recognition of Handwritten Digits" (Kaynak 1995).
    Every fifth image is in `test` (360), the others in `train` (1,437), so both have all writers
    and classes.
    """

    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.__doc__,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(8, 8, 1)),
                    "label": tfds.features.ClassLabel(num_classes=10),
                }
            ),
            supervised_keys=("image", "label"),
            homepage=(
                "https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits"
            ),
            license="CC BY 4.0",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        del dl_manager
        return {
            "train": self._generate_examples(test=False),
            "test": self._generate_examples(test=True),
        }

    def _generate_examples(self, test: bool) -> Iterator[tuple[int, dict]]:
        digits = datasets.load_digits()
        for number, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
            if (number % TEST_EVERY == 0) == test:
                yield (
                    number,
                    {
                        "image": np.uint8(np.round(image * 255 / 16))[..., None],
                        "label": int(label),
                    },
                )
