"""Images to be scored, by what a user calls them: a folder, an exported generator, or a round of a
run.

folder:PATH                                  the pictures in a folder
saved_model:PATH                             a SavedModel that takes latents, such as the ones that
a run exports
round:RUN/replicate_0/round_05               a trained ticket; round_05/branches/random_mask is one
of its controls"""

import pathlib
from collections.abc import Iterator

import tensorflow as tf
import tf_keras as keras

from tf_gan_lth import data, models
from tf_gan_lth.evaluation import Protocol
from tf_gan_lth.experiment import paths, seeds
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import EvaluationError, UsageError, error_reason
from tf_gan_lth.experiment.run_folder import find_place
from tf_gan_lth.tasks.noise_to_image import protocol_of, sampling_seed, scored_generator
from tf_gan_lth.training.replicas import share
from tf_gan_lth.training import EMA, Sampler
from tf_gan_lth.training.sampler import sample


class FolderImages:
    """The pictures in a folder, of which there is one set.

    Attributes of every source:
      name: what the user called it.
      available: how many images there are; None if they are generated, as many as are asked for.
      resolution: their height and width, in pixels; None if that is not one known number.
    """

    def __init__(self, path: str):
        self._folder = data.ImageFolder(pathlib.Path(path).expanduser())
        height, width, _ = self._folder.shape
        self.name, self.available, self.resolution = (
            self._folder.name,
            self._folder.count,
            height if height == width else None,
        )

    def batches(self, count: int, repeat: int) -> Iterator[tf.Tensor]:
        """Yields the first `count` pictures in mixed order, whatever the number of the sample
        set.
        """
        del repeat
        for images in self._folder.batches():
            yield images[:count]
            count -= len(images)
            if count <= 0:
                return


class SavedModelImages:
    """What a SavedModel draws: a function of latents `(N, Z)` float32 that returns images `(N, H,
    W, C)`.

    Args:
      path: of the SavedModel.
      seed: what the latents are derived from.

    Raises:
      UsageError: there is no such folder.
      EvaluationError: it is no generator.
    """

    available = None

    def __init__(self, path: str, seed: int):
        self.name, self._seed = f"saved_model:{path}", seed
        folder = paths.parse(path)
        if not folder.is_dir():
            raise UsageError(f"there is no SavedModel at {folder}")
        try:
            self._loaded = tf.saved_model.load(str(folder))
            function = self._loaded.signatures["serving_default"]
        except (OSError, KeyError, ValueError, tf.errors.OpError) as error:
            raise EvaluationError(
                f"{folder} is not a SavedModel with a signature 'serving_default':"
                f" {error_reason(error)}"
            ) from None
        inputs, outputs = (
            tf.nest.flatten(part)
            for part in (function.structured_input_signature, function.structured_outputs)
        )
        if not _are_latents(inputs) or [spec.shape.rank for spec in outputs] != [4]:
            found = " to ".join(
                str([f"{spec.dtype.name}{spec.shape}" for spec in specs])
                for specs in (inputs, outputs)
            )
            raise EvaluationError(
                f"{folder} maps {found}: a generator maps float32 latents (N, Z) to images (N, H,"
                " W, C)"
            )
        self._latent_dim, self.resolution = inputs[0].shape[1], outputs[0].shape[1]
        self._generate = share(lambda noise: tf.nest.flatten(function(noise))[0])

    def batches(self, count: int, repeat: int) -> Iterator[tf.Tensor]:
        """Yields the images of sample set number `repeat`."""
        # Yielded here, not returned, so that what iterates keeps `self`, and with it the
        # SavedModel's variables, alive.
        yield from sample(
            self._call, self._latent_dim, count, seeds.pair(self._seed, "evaluation", repeat)
        )

    def _call(self, noise: tf.Tensor) -> tf.Tensor:
        try:
            return self._generate(noise)
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise EvaluationError(
                f"{self.name} failed on latents {noise.shape}: {error_reason(error)}"
            ) from error


def _are_latents(inputs: list[tf.TensorSpec]) -> bool:
    """Whether a function takes any number of float32 vectors of a known size, and nothing else."""
    if len(inputs) != 1 or inputs[0].dtype != tf.float32 or inputs[0].shape.rank != 2:
        return False
    number, size = inputs[0].shape
    return number is None and size is not None


class RoundImages:
    """What the generator of a finished training draws. Its sample set 0 is the one that the run
    itself was scored on.

    Args:
      path: of the round or branch.
      protocol: says which of the generators to take, the averaged or the live one; None is the
        run's own.

    Raises:
      UsageError: it is not a round of a run.
      ArtifactError: the training is not finished, or its files are broken.
    """

    available = None

    def __init__(self, path: str, protocol: Protocol | None):
        self.name = f"round:{path}"
        run, self._place = find_place(path)
        self._config = run.read_config()
        if models.kind(self._config.networks.gan).family != "noise_to_image":
            raise UsageError(
                f"{self.name} translates pictures: translate a folder with scripts/sample.py and"
                " give it as folder:PATH"
            )
        self.protocol, self.resolution = (
            protocol or protocol_of(self._config.evaluation),
            self._config.data.resolution,
        )
        weights = self._place.weights.get()
        self._snapshot = scored_generator(weights, self.protocol)
        self.ema = self._snapshot is weights.get(
            "generator" + EMA
        )  # an imported round may have no averages
        self._sampler = Sampler(load_generator(self._config, "generator", self._snapshot))

    def batches(self, count: int, repeat: int) -> Iterator[tf.Tensor]:
        """Yields the images of sample set number `repeat`."""
        seed = sampling_seed(self._config, self._place.replicate, *([repeat] if repeat else []))
        return self._sampler.batches(self._snapshot, count, seed)


Source = FolderImages | SavedModelImages | RoundImages


def open_source(text: str, protocol: Protocol | None, seed: int) -> Source:
    """The images that `text` names, in one of the forms that are listed above.

    Raises:
      UsageError: it is in none of them, or is not there.
    """
    kind, _, path = text.partition(":")
    if kind == "folder" and path:
        return FolderImages(path)
    if kind == "saved_model" and path:
        return SavedModelImages(path, seed)
    if kind == "round" and path:
        return RoundImages(path, protocol)
    raise UsageError(
        f"--images={text} is not understood: expected folder:PATH, saved_model:PATH or"
        " round:RUN/replicate_0/round_05"
    )


def load_generator(config: Config, name: str, snapshot: Arrays) -> keras.Model:
    """A plain generator of a run, with the weights of a snapshot; one that translates takes images
    of any size.
    """
    channels = snapshot["to_image/kernel"].shape[-1]
    resolution = (
        config.data.resolution
        if models.kind(config.networks.gan).family == "noise_to_image"
        else None
    )
    network = models.build(config.networks, resolution, channels, seed=0).networks[name]
    models.load_snapshot(network, snapshot)
    return network
