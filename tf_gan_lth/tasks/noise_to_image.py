"""Drawing images from a prior: what such a GAN trains on, how what it draws is scored and shown."""

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from tf_gan_lth import data, gans
from tf_gan_lth.evaluation import Evaluator, Extractor, Labels, Protocol, protocols, reference
from tf_gan_lth.experiment import seeds
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.tasks.task import TASKS, Scores, Task, TaskImages, reference_size
from tf_gan_lth.training import EMA, Sampler, Weights
from tf_gan_lth.training.sampler import labels_of, sample

GRID_IMAGES = 64
GRID_COLUMNS = 8
GRID_CLASSES = 20  # of a conditional generator, the first so many are shown


def protocol_of(config: Config) -> Protocol:
    """The protocol that a config names, changed where the config says so.

    Raises:
      UsageError: it is unknown, or neither it nor the config says how many images to generate.
    """
    options = config.evaluation
    protocol = protocols.get(options.protocol).but(
        feature_network=options.feature_network,
        num_images=options.num_eval_images,
        crop=config.data.crop,
        labels=options.eval_labels,
    )
    if protocol.num_images is None:
        raise UsageError(
            f"--protocol={options.protocol} scores as many images as there are: say how many with"
            " --num_eval_images"
        )
    return protocol


def scored_generator(weights: Weights, name: str, protocol: Protocol) -> Arrays:
    """The snapshot of a generator that a protocol scores, averaged or live.

    Before training, the averages are the weights themselves; a GAN may keep none.
    """
    return weights[name + EMA if is_averaged(weights, name, protocol) else name]


def is_averaged(weights: Weights, name: str, protocol: Protocol) -> bool:
    """Whether `scored_generator` returns averages: only if there are some."""
    return protocol.ema and name + EMA in weights


def sampling_seed(config: Config, replicate: int, *labels: int) -> np.ndarray:
    """The stream of what a replicate's generators are scored on; labels give further ones."""
    return seeds.pair(config.seed, "replicate", replicate, "evaluation", *labels)


def load_set(config: Config, split: str, resolution: int | None = None) -> data.ImageSet:
    """A split of the config's data set, at another resolution than the config's if one is given."""
    options = config.data
    return data.load(
        options.dataset,
        split,
        resolution or options.resolution,
        options.data_dir,
        options.crop,
    )


@TASKS.register(name="noise_to_image")
class NoiseToImage(Task):
    """A generator that draws images from a prior.

    Attributes:
      sampler: draws images.
    """

    def __init__(self, config: Config, gan: gans.GAN, images: TaskImages):
        self.images = images
        self._config = config
        [self._generator] = gan.spec.generators
        self._protocol = protocol_of(config)
        extractor = Extractor.of(self._protocol, images.shape.channels)
        split, size = self._protocol.reference_split, reference_size(config, extractor)
        ready = split == "train" and size == config.data.resolution
        real_images = images.training if ready else load_set(config, split, size)
        real = reference.of_images(real_images, extractor)
        evaluator = Evaluator(self._protocol, extractor, real)
        self.evaluators = {self._generator: evaluator}
        self.sampler = Sampler(gan.networks[self._generator], evaluator.prior(gan.prior))

    @staticmethod
    def open_images(config: Config, gan: gans.GANSpec) -> TaskImages:
        protocol_of(config)  # an unknown one is refused before anything is loaded
        images = load_set(config, "train")
        conditional = gan.asks_labels(gans.options_of(gan, config))
        if conditional:
            data.check_classes(images, gan.name)
        classes = images.classes if conditional else 0
        shape = gans.ImageShape(config.data.resolution, images.channels, classes)
        record = {"name": images.name, "digest": images.digest, "count": images.count}
        if classes:
            record["labels_digest"] = images.labels_digest
        return TaskImages(images, shape, record)

    def score(self, weights: Weights, replicate: int) -> Scores:
        """The score record of the generator that the protocol names: the averaged or live one."""
        count = self._protocol.num_images
        images = self._images(weights, count, replicate)
        averaged = is_averaged(weights, self._generator, self._protocol)
        return {self._generator: self._scored(self._generator, images, replicate, averaged)}

    def score_export(
        self, name: str, generate: Callable[..., np.ndarray], replicate: int, averaged: bool
    ) -> dict[str, object]:
        count = self._protocol.num_images
        seed = sampling_seed(self._config, replicate)
        images = sample(generate, self.sampler.prior, count, seed)
        return self._scored(name, images, replicate, averaged)

    def _scored(
        self, name: str, images: Iterator[tf.Tensor], replicate: int, averaged: bool
    ) -> dict[str, object]:
        """The score record of images that the sampler's prior was drawn for."""
        count, prior = self._protocol.num_images, self.sampler.prior
        numbers = labels_of(prior, count, sampling_seed(self._config, replicate))
        labels = None if numbers is None else Labels(numbers, prior.classes)
        evaluator = self.evaluators[name]
        return evaluator.score("generated images", images, count, averaged, labels, trained=True)

    def draw_samples(self, weights: Weights, replicate: int) -> bytes:
        """A grid of its first samples, as PNG; of a conditional generator a class a row."""
        classes = min(self.sampler.prior.classes, GRID_CLASSES)
        labels = np.repeat(np.arange(classes), GRID_COLUMNS) if classes else None
        count = len(labels) if classes else GRID_IMAGES
        batches = self._images(weights, count, replicate, labels)
        return data.grid(tf.concat(list(batches), axis=0), columns=GRID_COLUMNS)

    def _images(
        self, weights: Weights, count: int, replicate: int, labels: np.ndarray | None = None
    ) -> Iterator[tf.Tensor]:
        """The same draws for every round, so that pictures and scores compare."""
        snapshot = scored_generator(weights, self._generator, self._protocol)
        return self.sampler.batches(snapshot, count, sampling_seed(self._config, replicate), labels)
