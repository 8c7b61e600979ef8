"""What every task has: images to train on, scores and samples of generators."""

import abc
import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from tf_gan_lth import gans
from tf_gan_lth.data import Domains, ImageSet
from tf_gan_lth.evaluation import Evaluator, Extractor
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.registry import Registry
from tf_gan_lth.training import Weights

Scores = dict[str, dict[str, object]]  # {generator: its score record}


@dataclasses.dataclass(frozen=True)
class TaskImages:
    """The images of a task.

    Attributes:
      training: what to train on, as the training step takes it.
      shape: what the networks are built for.
      record: what a run keeps of them, so that it does not go on with others.
    """

    training: ImageSet | Domains
    shape: gans.ImageShape
    record: dict[str, object]


def reference_size(config: Config, extractor: Extractor) -> int:
    """The height and width of the real images that scores compare with.

    Raises:
      UsageError: they differ from those of generated images, and the feature network resizes none.
    """
    asked, trained = config.evaluation.reference_resolution, config.data.resolution
    if asked not in (None, trained) and not extractor.network.size:
        raise UsageError(
            f"--reference_resolution={asked}: feature network '{extractor.network.name}' takes any"
            f" size and resizes nothing, so real images must be as generated ones, {trained}: leave"
            " it out, or give a --feature_network of one size"
        )
    return asked or trained


class Task(abc.ABC):
    """What a GAN is for.

    Args:
      config: of the run.
      gan: plain networks, whose weights are used up for scores and samples.
      images: what `open_images` returned.

    Attributes:
      images: likewise.
      evaluators: {generator: what scores it}.
    """

    images: TaskImages
    evaluators: dict[str, Evaluator]

    @staticmethod
    def complaints(config: Config, gan: gans.GANSpec) -> Iterator[str]:
        """One line for each thing of a config that the task cannot do."""
        asked = config.evaluation.eval_labels
        if asked != "uniform" and not gan.asks_labels(gans.options_of(gan, config)):
            yield f"--eval_labels={asked}: {gan.name} takes no labels; leave it out"

    @staticmethod
    @abc.abstractmethod
    def open_images(config: Config, gan: gans.GANSpec) -> TaskImages:
        """Loads the images to train on. Raises `ToolkitError` if they cannot be had."""

    @abc.abstractmethod
    def score(self, weights: Weights, replicate: int) -> Scores:
        """Scores the generators, under the protocol of the config."""

    @abc.abstractmethod
    def score_export(
        self, name: str, generate: Callable[..., np.ndarray], replicate: int, averaged: bool
    ) -> dict[str, object]:
        """Scores what stands for a generator on what the generator itself is scored on.

        Args:
          name: of the generator.
          generate: from its inputs to images `(N, H, W, C)`, both arrays.
          replicate: number of the replicate.
          averaged: whether its weights are averages.

        Returns:
          Its score record.
        """

    @abc.abstractmethod
    def draw_samples(self, weights: Weights, replicate: int) -> bytes:
        """A picture of what the generators make, as PNG."""


TASKS: Registry[type[Task]] = Registry("task")
