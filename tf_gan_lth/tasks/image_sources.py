"""Images to score, from a folder, an exported generator, or a round of a run.

A user names them in one of three forms:

    folder:PATH                     the pictures in a folder
    saved_model:PATH                a SavedModel that takes latents, such as one that a run exports
    round:RUN/replicate_0/round_05  a trained ticket; a control of it is .../branches/random_mask
"""

from collections.abc import Iterator

import tensorflow as tf

from tf_gan_lth import data, gans
from tf_gan_lth.evaluation import Protocol, saved_models
from tf_gan_lth.experiment import paths, plugins, seeds
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.errors import EvaluationError, UsageError, error_reason
from tf_gan_lth.experiment.run_folder import RunFolder, find_training
from tf_gan_lth.tasks.noise_to_image import protocol_of, sampling_seed, scored_generator
from tf_gan_lth.training import EMA, Sampler
from tf_gan_lth.training.replicas import share
from tf_gan_lth.training.sampler import sample


class FolderImages:
    """The pictures in a folder, which are a single sample set.

    Attributes of every source:
      name: what the user called it.
      available: number of images; None if as many as needed are generated.
      resolution: their height and width, in pixels; None if these differ or are unknown.
    """

    def __init__(self, path: str, resolution: int | None = None):
        self._folder = data.ImageFolder(paths.expand(path), resolution)
        height, width, _ = self._folder.shape
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


class SavedModelImages:
    """Images that a SavedModel generates.

    The model is a function of latents `(N, Z)` float32 that returns images `(N, H, W, C)`.

    Args:
      path: path of the SavedModel.
      seed: seed that the latents are derived from.

    Raises:
      UsageError: there is no such folder.
      EvaluationError: it is not a generator.
    """

    available = None

    def __init__(self, path: str, seed: int):
        # Load the model.
        self.name, self._seed = f"saved_model:{path}", seed
        folder = paths.parse(path)
        if not folder.is_dir():
            raise UsageError(f"there is no SavedModel at {folder}")
        self._loaded = saved_models.load(folder)
        try:
            function = self._loaded.signatures["serving_default"]
        except (AttributeError, KeyError) as error:
            raise EvaluationError(
                f"{folder} is not a SavedModel with a signature 'serving_default':"
                f" {error_reason(error)}"
            ) from None

        # Check that it maps latents, and labels if it was exported so, to images.
        inputs = tf.nest.flatten(function.structured_input_signature)
        outputs = tf.nest.flatten(function.structured_outputs)
        prior = _prior_of(inputs, getattr(self._loaded, "classes", None))
        if prior is None or [spec.shape.rank for spec in outputs] != [4]:
            found = " to ".join(
                str([f"{spec.dtype.name}{spec.shape}" for spec in specs])
                for specs in (inputs, outputs)
            )
            raise EvaluationError(
                f"{folder} maps {found}: a generator maps float32 latents (N, Z) to images (N, H,"
                " W, C)"
            )

        self._prior = prior
        self.resolution = outputs[0].shape[1]
        # A signature takes its inputs by name; the prior draws latents first.
        names = [spec.name for spec in sorted(inputs, key=lambda spec: -spec.shape.rank)]

        def generate(*drawn: tf.Tensor) -> tf.Tensor:
            return tf.nest.flatten(function(**dict(zip(names, drawn, strict=True))))[0]

        self._generate = share(generate)

    def batches(self, count: int, repeat: int) -> Iterator[tf.Tensor]:
        """Yields the images of sample set number `repeat`."""
        # A generator, so that iterating over it keeps `self`, and so the SavedModel's variables,
        # alive.
        seed = seeds.pair(self._seed, "evaluation", repeat)
        yield from sample(self._call, self._prior, count, seed)

    def _call(self, latents: tf.Tensor, *labels: tf.Tensor) -> tf.Tensor:
        try:
            return self._generate(latents, *labels)
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise EvaluationError(
                f"{self.name} failed on latents {latents.shape}: {error_reason(error)}"
            ) from error


def _prior_of(inputs: list[tf.TensorSpec], classes: tf.Variable | None) -> gans.Prior | None:
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
    return gans.Prior(size, int(classes) if labels else 0)


class RoundImages:
    """Images that the generator of a finished training generates.

    Sample set 0 is the one that the run itself was scored on.

    Args:
      path: path of the round or branch.
      protocol: decides between the averaged and the live generator; None is the run's protocol.

    Raises:
      UsageError: the path is not a round of a run, or its GAN translates images.
      ArtifactError: the training is not finished, or its files are broken.
    """

    available = None

    def __init__(self, path: str, protocol: Protocol | None):
        self.name = f"round:{path}"
        run, self._folder = find_training(path)
        self._config = run.read_config()
        plugins.load(self._config.networks.plugins)
        spec = gans.find(self._config.networks.gan)
        if spec.prior is None:
            raise UsageError(
                f"{self.name} translates pictures: translate a folder with scripts/sample.py and"
                " give it as folder:PATH"
            )

        # Take the generator that the protocol scores.
        self.protocol = protocol or protocol_of(self._config.evaluation)
        self.resolution = self._config.data.resolution
        weights = self._folder.weights.get()
        [generator] = spec.generators
        # An imported round may have no averages, and then the live generator is scored.
        self._snapshot = scored_generator(weights, generator, self.protocol)
        self.ema = self._snapshot is weights.get(generator + EMA)
        gan = load_generator(run, generator, self._snapshot)
        self._sampler = Sampler(gan.networks[generator], gan.prior)

    def batches(self, count: int, repeat: int) -> Iterator[tf.Tensor]:
        """Yields the images of sample set number `repeat`."""
        seed = sampling_seed(self._config, self._folder.replicate, *([repeat] if repeat else []))
        return self._sampler.batches(self._snapshot, count, seed)


Source = FolderImages | SavedModelImages | RoundImages


def open_source(
    text: str, protocol: Protocol | None, seed: int, resolution: int | None = None
) -> Source:
    """Opens the images that `text` names, in one of the forms listed at the top of this module.

    Args:
      text: what the user said.
      protocol: the protocol that was asked for, if any: see `RoundImages`.
      seed: see `SavedModelImages`.
      resolution: height and width to resize the pictures of a folder to; None leaves them.

    Raises:
      UsageError: the text has none of these forms, or what it names does not exist.
    """
    kind, _, path = text.partition(":")
    if kind == "folder" and path:
        return FolderImages(path, resolution)
    if resolution:
        raise UsageError(
            f"--resolution={resolution} is for pictures in a folder: what a generator draws has its"
            " size"
        )
    if kind == "saved_model" and path:
        return SavedModelImages(path, seed)
    if kind == "round" and path:
        return RoundImages(path, protocol)
    raise UsageError(
        f"--images={text} is not understood: expected folder:PATH, saved_model:PATH or"
        " round:RUN/replicate_0/round_05"
    )


def load_generator(run: RunFolder, name: str, snapshot: Arrays) -> gans.GAN:
    """Builds a run's networks without pruning wrappers, with a snapshot loaded into one of them.

    A generator that translates takes images of any size.

    Args:
      run: folder of the run.
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
    gans.load_snapshot(gan.networks[name], snapshot)
    return gan
