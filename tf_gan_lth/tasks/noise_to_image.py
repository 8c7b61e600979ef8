"""Drawing images from latents: what such a GAN trains on, and how what it draws is scored and
shown.
"""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tf_gan_lth import data, models
from tf_gan_lth.evaluation import Evaluator, Extractor, Protocol, protocols, reference
from tf_gan_lth.experiment import seeds
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.config import Config, EvaluationConfig
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.training import EMA, Sampler, Weights

GRID_IMAGES = 64


def protocol_of(config: EvaluationConfig) -> Protocol:
    """The protocol that a config names, changed where the config says so.

    Raises:
      UsageError: it is unknown, or it does not say how many images to generate and the config
        neither.
    """
    protocol = protocols.get(config.protocol).but(
        feature_network=config.feature_network, num_images=config.num_eval_images
    )
    if protocol.num_images is None:
        raise UsageError(
            f"--protocol={config.protocol} scores as many images as there are: say how many with"
            " --num_eval_images"
        )
    return protocol


def scored_generator(weights: Weights, protocol: Protocol) -> Arrays:
    """The snapshot of the generator that a protocol scores. Before training, the averages are the
    weights themselves.
    """
    return (
        weights.get("generator" + EMA, weights["generator"])
        if protocol.ema
        else weights["generator"]
    )


def sampling_seed(config: Config, replicate: int, *labels: int) -> np.ndarray:
    """The stream of the latents that a replicate's generators are scored on; labels give further
    ones.
    """
    return seeds.pair(config.seed, "replicate", replicate, "evaluation", *labels)


class NoiseToImage:
    """The images of a lottery whose generator draws from latents.

    Attributes of every task:
      images: what to train on.
      channels: of the images.
      record: what a run keeps of the training images, so that it does not go on with others.
      evaluators: what scores each generator, by name; after `equip`.

    Attributes:
      sampler: draws images; after `equip`.

    Raises:
      ToolkitError: images or protocol cannot be had.
    """

    def __init__(self, config: Config):
        self._config = config
        self._protocol = protocol_of(config.evaluation)
        self.images = self._load("train")
        self.channels = self.images.channels
        self.record = {
            "name": self.images.name,
            "digest": self.images.digest,
            "count": self.images.count,
        }

    def _load(self, split: str) -> data.ImageSet:
        options = self._config.data
        return data.load(options.dataset, split, options.resolution, options.data_dir)

    def equip(self, gan: models.GAN) -> None:
        """Makes what scores and samples need, of plain networks whose weights are used up for
        it.
        """
        extractor, split = Extractor.of(self._protocol), self._protocol.reference_split
        real_images = self.images if split == "train" else self._load(split)
        self.evaluators = {
            "generator": Evaluator(
                self._protocol, extractor, reference.of_images(real_images, extractor)
            )
        }
        self.sampler = Sampler(gan.networks["generator"])

    def score(self, weights: Weights, replicate: int) -> dict[str, object]:
        """The score record of the generator that the protocol names: the averaged one or the live
        one.
        """
        count = self._protocol.num_images
        images = self._images(weights, count, replicate)
        return self.evaluators["generator"].score(
            "generated images", images, count, self._protocol.ema
        )

    def draw_samples(self, weights: Weights, replicate: int) -> bytes:
        """A grid of the same generator's first samples, as PNG."""
        return data.grid(next(self._images(weights, GRID_IMAGES, replicate)))

    def _images(self, weights: Weights, count: int, replicate: int) -> Iterator[tf.Tensor]:
        """The same latents for every round, so that pictures and scores compare."""
        snapshot = scored_generator(weights, self._protocol)
        return self.sampler.batches(snapshot, count, sampling_seed(self._config, replicate))
