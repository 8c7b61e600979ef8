"""Translation between two image domains: what the GAN trains on, how it is scored and shown."""

import dataclasses
import functools
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from tf_gan_lth import data, gans
from tf_gan_lth.data.pixels import mixed_order
from tf_gan_lth.evaluation import Evaluator, Extractor, Protocol, protocols, reference
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.tasks.task import TASKS, Task, TaskImages, reference_size
from tf_gan_lth.training import Inference, Weights
from tf_gan_lth.training.image_to_image import DIRECTIONS
from tf_gan_lth.training.options import resolve

BATCH = 20  # images translated at a time
GRID_ROWS = 8


def protocol_of(config: Config) -> Protocol:
    """The protocol that a config names; it must translate every test image of a domain once.

    Raises:
      UsageError: the protocol is unknown, or is for averaged generators or a number of images.
    """
    named = protocols.get(config.evaluation.protocol)
    if named.ema or named.num_images is not None or config.evaluation.num_eval_images is not None:
        raise UsageError(
            f"{config.networks.gan} translates every test image once and keeps no averages: it"
            " needs --protocol=cyclegan and no --num_eval_images, not"
            f" --protocol={named.name}"
        )
    return named.but(feature_network=config.evaluation.feature_network, crop=config.data.crop)


def load_split(config: Config, split: str, resolution: int | None = None) -> data.Domains:
    """A split of the config's domains, at another resolution than the config's if one is given."""
    options = config.data
    return data.load_domains(
        options.dataset,
        split,
        resolution or options.resolution,
        options.data_dir,
        options.crop,
    )


def digest_of(domains: data.Domains) -> str:
    """What identifies the images of both domains."""
    return "+".join(one.digest for one in domains.sets.values())


def translate(generator: Inference, snapshot: Arrays, images: np.ndarray) -> np.ndarray:
    """The translations of images, both `(N, H, W, C)` float32 in [-1, 1]."""
    return np.concatenate(
        [generator(snapshot, tf.constant(part)).numpy() for part in _parts(images)]
    )


def _parts(images: np.ndarray) -> Iterator[np.ndarray]:
    """What is translated at a time."""
    yield from (images[at : at + BATCH] for at in range(0, len(images), BATCH))


def mixed(images: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """Yields the first `count` of all images in mixed order, in batches."""
    order = mixed_order(len(images))[:count]
    for at in range(0, count, BATCH):
        yield images[order[at : at + BATCH]]


@TASKS.register(name="image_to_image")
class ImageToImage(Task):
    """The task of generators that translate between two domains."""

    def __init__(self, config: Config, gan: gans.GAN, images: TaskImages):
        self._config = config
        # What is scored must stay the same too.
        record = {**images.record, "test_digest": digest_of(self._test)}
        self.images = dataclasses.replace(images, record=record)

        # Real images to compare with.
        self._protocol = protocol_of(config)
        extractor = Extractor.of(self._protocol, images.shape.channels)
        split, size = self._protocol.reference_split, reference_size(config, extractor)
        # Training images that are to be cropped are larger; then the real ones are loaded anew.
        ready = split == "train" and images.training.a.shape[0] == size
        real = images.training if ready else load_split(config, split, size)

        # One generator and one evaluator per direction.
        self._translators = {name: Inference(gan.networks[name]) for name in DIRECTIONS}
        self.evaluators = {}
        for name, (source, target) in DIRECTIONS.items():
            protocol = self._protocol.but(num_images=self._test.sets[source].count)
            target_images = reference.of_images(real.sets[target], extractor)
            self.evaluators[name] = Evaluator(protocol, extractor, target_images)

    @staticmethod
    def open_images(config: Config, gan: gans.GANSpec) -> TaskImages:
        protocol_of(config)  # refuses an unknown one before anything is loaded
        resolution = config.data.resolution
        augmentation = resolve(config.training, gan).augmentation
        images = load_split(config, "train", data.load_resolution(augmentation, resolution))
        domains = images.sets.values()
        record = {
            "name": "+".join(one.name for one in domains),
            "digest": digest_of(images),
            "count": sum(one.count for one in domains),
        }
        return TaskImages(images, gans.ImageShape(resolution, images.a.channels), record)

    @functools.cached_property
    def _test(self) -> data.Domains:
        return load_split(self._config, "test")

    def score(self, weights: Weights, replicate: int) -> dict[str, object]:
        """Scores the translations of all test images.

        Returns:
          {generator: its score record}, with `l1_inside` and `l1_outside` if the true translations
          are known.
        """
        del replicate
        return {
            name: self._score(name, functools.partial(self._translate, name, weights))
            for name in DIRECTIONS
        }

    def score_export(
        self, name: str, generate: Callable[..., np.ndarray], replicate: int, averaged: bool
    ) -> dict[str, object]:
        del replicate, averaged

        def translate_all(images: np.ndarray) -> np.ndarray:
            return np.concatenate([generate(part) for part in _parts(images)])

        return self._score(name, translate_all)

    def _score(self, name: str, translate: Callable[..., np.ndarray]) -> dict[str, object]:
        source = self._test.sets[DIRECTIONS[name][0]]
        inputs = data.scale(source.images).numpy()
        outputs = translate(inputs)
        images = mixed(outputs, source.count)
        record = self.evaluators[name].score(
            f"translations of {source.name}", images, source.count, False, trained=True
        )
        return record | self._test.distances(DIRECTIONS[name][0], inputs, outputs)

    def draw_samples(self, weights: Weights, replicate: int) -> bytes:
        """A PNG with, in each row, a test image of `a`, its translation and that back; then of `b`.

        The rows are the first test images in mixed order.
        """
        del replicate
        columns = []
        for name, back in zip(DIRECTIONS, reversed(DIRECTIONS), strict=True):
            source = self._test.sets[DIRECTIONS[name][0]]
            inputs = data.scale(source.images[mixed_order(source.count)[:GRID_ROWS]]).numpy()
            translated = self._translate(name, weights, inputs)
            columns += [inputs, translated, self._translate(back, weights, translated)]
        rows = min(len(column) for column in columns)
        images = np.stack([column[:rows] for column in columns], axis=1).reshape(
            -1, *columns[0].shape[1:]
        )
        return data.grid(tf.constant(images), columns=len(columns), zoom=1)

    def _translate(self, name: str, weights: Weights, images: np.ndarray) -> np.ndarray:
        return translate(self._translators[name], weights[name], images)
