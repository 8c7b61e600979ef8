"""Images to score, from a folder, an exported generator, or a round of a run that may translate.

A user names them in one of these forms:

    folder:PATH                     the pictures in a folder
    saved_model:PATH                a SavedModel that takes latents, such as one that a run exports
    tflite:PATH, onnx:PATH          likewise a .tflite or .onnx file, as `export` writes it
    round:RUN/replicate_0/round_05  a trained ticket; a control of it is .../branches/random_mask
"""

import abc
import dataclasses
import functools
import os
import warnings
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from tf_gan_lth import data, gans
from tf_gan_lth.evaluation import Labels, Protocol, exported, saved_models
from tf_gan_lth.experiment import paths, plugins, seeds
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import (
    EvaluationError,
    ToolkitWarning,
    UsageError,
    check_known,
    error_reason,
)
from tf_gan_lth.experiment.replicate_folder import TrainingFolder
from tf_gan_lth.experiment.run_folder import RunFolder, find_training
from tf_gan_lth.pruning.quantisation import in_bits
from tf_gan_lth.tasks import image_to_image, noise_to_image
from tf_gan_lth.training import Inference
from tf_gan_lth.training.image_to_image import DIRECTIONS
from tf_gan_lth.training.replicas import share
from tf_gan_lth.training.sampler import labels_of, sample

WAYS = tuple(name.removeprefix("generator_") for name in DIRECTIONS)
SAVED_MODEL = "saved_model"
MODELS = (SAVED_MODEL, *exported.SUFFIXES)


class FolderImages:
    """The pictures in a folder, which are a single sample set.

    Attributes of every source:
      name: what the user called it.
      available: number of images; None if as many as needed are generated.
      resolution: their height and width, in pixels; None if these differ or are unknown.
      channels: how many they have; None if unknown.
      protocol: what the images are scored under by themselves; None if nothing says so.
      ema: whether averaged parameters generate them; None if unknown.
      target: domain, `a` or `b`, that pictures are translated to; None if nothing is translated.
      prior: what they are drawn from, or what is put in its place; None if they are not drawn.
      config: that of the run whose GAN makes them; None if they are of no run.
    """

    protocol = ema = target = prior = config = None

    def __init__(self, path: str, resolution: int | None = None, crop: str = "none"):
        self._folder = data.ImageFolder(paths.expand(path), resolution, crop=crop)
        height, width, self.channels = self._folder.shape
        self.name = self._folder.name
        self.available = self._folder.count
        self.resolution = height if height == width else None

    def batches(self, count: int, repeat: int) -> Iterator[tf.Tensor]:
        """Yields the first `count` pictures in mixed order; `repeat` makes no difference."""
        del repeat
        for images in self._folder.batches():
            yield images[:count]
            count -= len(images)
            if count <= 0:
                return

    def labels(self, count: int, repeat: int) -> None:
        """Nobody knows what was asked for."""


class DrawnImages(abc.ABC):
    """Images of a generator that draws from a prior."""

    available = target = config = None
    prior: gans.Prior

    def batches(self, count: int, repeat: int) -> Iterator[tf.Tensor]:
        """Yields the images of sample set number `repeat`."""
        # A generator, so that iterating over it keeps `self`, and so the model's variables, alive.
        yield from sample(self._call, self.prior, count, self._seed(repeat))

    def labels(self, count: int, repeat: int) -> Labels | None:
        """What `batches` asks for; None if the generator takes no labels."""
        numbers = labels_of(self.prior, count, self._seed(repeat))
        return None if numbers is None else Labels(numbers, self.prior.classes)

    @abc.abstractmethod
    def _call(self, latents: tf.Tensor, *labels: tf.Tensor) -> tf.Tensor:
        """The generator."""

    @abc.abstractmethod
    def _seed(self, repeat: int) -> np.ndarray:
        """Two int32, that a sample set is drawn from."""


class ModelImages(DrawnImages):
    """Images that an exported model draws.

    The model is a function of latents `(N, Z)` float32, and of a conditional one labels `(N,)`
    int32, that returns images `(N, H, W, C)`.

    Args:
      kind: `saved_model`, `tflite` or `onnx`.
      path: path of the SavedModel or file.
      seed: seed that the latents are derived from.

    Raises:
      UsageError: there is nothing of that kind.
      EvaluationError: it is broken, or does not draw images.
    """

    protocol = ema = None

    def __init__(self, kind: str, path: str, seed: int):
        self.name, self._own_seed = f"{kind}:{path}", seed
        opened = _open_saved_model if kind == SAVED_MODEL else _open_file
        self._generate, inputs, shape, classes = opened(paths.parse(path))
        self.prior = _prior_of(inputs, classes)
        if self.prior is None or len(shape) != 4:
            takes = ", ".join(f"{spec.dtype.name}{spec.shape}" for spec in inputs)
            raise EvaluationError(
                f"{path} maps {takes} to {tuple(shape)}: a generator maps float32 latents (N, Z) to"
                " images (N, H, W, C). Of one that translates, score what scripts/sample.py makes,"
                " as folder:PATH"
            )
        self.resolution, self.channels = shape[1], shape[3]

    def _seed(self, repeat: int) -> np.ndarray:
        return seeds.pair(self._own_seed, "evaluation", repeat)

    def _call(self, latents: tf.Tensor, *labels: tf.Tensor) -> tf.Tensor:
        try:
            return self._generate(latents, *labels)
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise EvaluationError(
                f"{self.name} failed on latents {latents.shape}: {error_reason(error)}"
            ) from error


Opened = tuple[Callable[..., tf.Tensor], list[tf.TensorSpec], Sequence[int | None], int | None]


def _open_saved_model(folder: paths.Path) -> Opened:
    """Its function, what that takes and returns, and the number of its classes if it has some."""
    if not folder.is_dir():
        raise UsageError(f"there is no SavedModel at {folder}")
    served = saved_models.Served(folder)
    # Of two outputs, or one of any rank, none is the images.
    one = len(served.outputs) == 1 and served.outputs[0].shape.rank is not None
    shape = tuple(served.outputs[0].shape) if one else ()
    return share(served), served.inputs, shape, served.classes


def _open_file(path: paths.Path) -> Opened:
    """The same of a `.tflite` or `.onnx` file."""
    model = exported.open_model(path, threads=len(os.sched_getaffinity(0)))
    inputs = [tf.TensorSpec(spec.shape, spec.dtype, spec.name) for spec in model.inputs]
    card = exported.card_of(path)
    classes = card["ticket"].get("classes") if card else None
    return model, inputs, model.output_shape, classes or None


def _prior_of(inputs: list[tf.TensorSpec], classes: int | None) -> gans.Prior | None:
    """The prior of a function of any number of float32 vectors of one size, else None.

    Args:
      inputs: what it takes; a conditional one takes `(N,)` integer labels too.
      classes: how many classes these count, as exports of conditional generators say.
    """
    latents = [spec for spec in inputs if spec.dtype == tf.float32 and spec.shape.rank == 2]
    labels = [spec for spec in inputs if spec.dtype.is_integer and spec.shape.rank == 1]
    if len(latents) != 1 or len(latents) + len(labels) != len(inputs):
        return None
    number, size = latents[0].shape
    if number is not None or size is None or len(labels) != (classes is not None):
        return None
    return gans.Prior(size, classes or 0)


class RoundImages(DrawnImages):
    """Images that the generator of a finished training generates.

    Sample set 0 is the one that the run itself was scored on.

    Args:
      path: path of the round or branch.
      protocol: decides between the averaged and the live generator; None is the run's protocol.

    Raises:
      UsageError: the path is not a round of a run, or its GAN translates images.
      ArtifactError: the training is not finished, or its files are broken.
    """

    def __init__(self, path: str, protocol: Protocol | None):
        self.name = f"round:{path}"
        run, self._folder = find_training(path)
        self.config, spec = _config_and_gan(run)
        if spec.prior is None:
            raise UsageError(f"{self.name} translates pictures: say which way with --direction")

        # Take the generator that the protocol scores.
        self.protocol = protocol or noise_to_image.protocol_of(self.config)
        self.resolution = self.config.data.resolution
        weights = self._folder.weights.get()
        [generator] = spec.generators
        # An imported round may have no averages, and then the live generator is scored.
        snapshot = noise_to_image.scored_generator(weights, generator, self.protocol)
        self.ema = noise_to_image.is_averaged(weights, generator, self.protocol)
        gan = load_generator(run, self._folder, generator, snapshot)
        self.prior = gan.prior
        self._generate = functools.partial(Inference(gan.networks[generator]), snapshot)
        self.channels = gan.networks[generator].output_shape[-1]

    def _call(self, latents: tf.Tensor, *labels: tf.Tensor) -> tf.Tensor:
        return self._generate(latents, *labels)

    def _seed(self, repeat: int) -> np.ndarray:
        further = [repeat] if repeat else []
        return noise_to_image.sampling_seed(self.config, self._folder.replicate, *further)


class TranslatedImages:
    """The test pictures of a run, as a generator of a finished training translates them.

    They are what the run itself was scored on.

    Args:
      path: path of the round or branch.
      protocol: None is the run's protocol.
      direction: `a2b` or `b2a`.

    Raises:
      UsageError: the path is not a round of a run, its GAN does not translate images, or the
        protocol is for averaged generators.
      ArtifactError: the training is not finished, or its files are broken.
      DataError: the pictures of the run's data set cannot be read.
    """

    ema = False
    prior = None

    def __init__(self, path: str, protocol: Protocol | None, direction: str):
        check_known("direction", direction, WAYS)
        self.name = f"round:{path} {direction}"
        run, folder = find_training(path)
        self.config, spec = _config_and_gan(run)
        if spec.prior is not None:
            raise UsageError(f"round:{path} draws images: --direction is for GANs that translate")
        self.protocol = protocol or image_to_image.protocol_of(self.config)
        if self.protocol.ema:
            raise UsageError(
                f"--protocol={self.protocol.name} scores averaged generators, and {self.name} has"
                " none: choose cyclegan"
            )
        name = f"generator_{direction}"
        domain, self.target = DIRECTIONS[name]
        self._snapshot = folder.weights.get()[name]
        gan = load_generator(run, folder, name, self._snapshot)
        self._generate = Inference(gan.networks[name])
        domains = image_to_image.load_split(self.config, "test")
        scored = run.images.get().get("test_digest") if run.images.exists() else None
        if scored not in (None, image_to_image.digest_of(domains)):
            warnings.warn(
                f"the test pictures of {self.config.data.dataset} are not those that {run.path} was"
                " scored on: its scores are of others",
                ToolkitWarning,
                stacklevel=2,
            )
        self._pictures = domains.sets[domain]
        self.available = self._pictures.count
        self.resolution = self.config.data.resolution
        self.channels = self._pictures.channels

    def batches(self, count: int, repeat: int) -> Iterator[np.ndarray]:
        """Yields the first `count` translations in mixed order; `repeat` makes no difference."""
        del repeat
        pictures = data.scale(self._pictures.images).numpy()
        translations = image_to_image.translate(self._generate, self._snapshot, pictures)
        yield from image_to_image.mixed(translations, count)

    def labels(self, count: int, repeat: int) -> None:
        """A generator that translates takes none."""


Source = FolderImages | ModelImages | RoundImages | TranslatedImages


def open_source(
    text: str,
    protocol: Protocol | None,
    seed: int,
    resolution: int | None = None,
    crop: str = "none",
    direction: str | None = None,
) -> Source:
    """Opens the images that `text` names, in one of the forms listed at the top of this module.

    Args:
      text: what the user said.
      protocol: the protocol that was asked for, if any: see `RoundImages`.
      seed: see `ModelImages`.
      resolution: height and width to resize the pictures of a folder to; None leaves them.
      crop: of the pictures of a folder: see `pixels.fit`.
      direction: of a round that translates, `a2b` or `b2a`; else None.

    Raises:
      UsageError: the text has none of these forms, or what it names does not exist.
    """
    kind, _, path = text.partition(":")
    if direction and kind != "round":
        raise UsageError(f"--direction={direction} is for a round of a GAN that translates")
    if kind == "folder" and path:
        return FolderImages(path, resolution, crop)
    if resolution:
        raise UsageError(
            f"--resolution={resolution} is for pictures in a folder: what a generator draws has its"
            " size"
        )
    if kind in MODELS and path:
        return ModelImages(kind, path, seed)
    if kind == "round" and path and direction:
        return TranslatedImages(path, protocol, direction)
    if kind == "round" and path:
        return RoundImages(path, protocol)
    raise UsageError(
        f"--images={text} is not understood: expected folder:PATH,"
        f" {', '.join(f'{each}:PATH' for each in MODELS)} or round:RUN/replicate_0/round_05"
    )


def _config_and_gan(run: RunFolder) -> tuple[Config, gans.GANSpec]:
    config = run.read_config()
    plugins.load(config.networks.plugins)
    return config, gans.find(config.networks.gan)


def load_generator(run: RunFolder, folder: TrainingFolder, name: str, snapshot: Arrays) -> gans.GAN:
    """Builds a run's networks without pruning wrappers, with a snapshot loaded into one of them.

    A generator that translates takes images of any size.

    Args:
      run: folder of the run.
      folder: of the training.
      name: name of the generator.
      snapshot: its weights.

    Raises:
      ArtifactError: the snapshot is of another network.
    """
    config = run.read_config()
    spec = gans.find(config.networks.gan)
    resolution = config.data.resolution if spec.prior else None
    used = run.config.get().get("used")
    # Runs of earlier versions did not record the number of channels: find the one that fits.
    shapes = [(used["images.channels"], used["images.classes"])] if used else [(1, 0), (3, 0)]
    for channels, classes in shapes:
        images = gans.ImageShape(resolution, channels, classes)
        gan = gans.build(spec, config, images, seed=0)
        held = gans.variables(gan.networks[name])
        if all(path in held and held[path].shape == a.shape for path, a in snapshot.items()):
            break
    if folder.round_number:  # round 0 is of 32 bits
        gan = dataclasses.replace(gan, networks=in_bits(gan, config.networks.bits))
    gans.load_snapshot(gan.networks[name], snapshot)
    return gan
