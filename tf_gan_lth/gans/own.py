"""A GAN of one's own: any functional tf_keras models, checked before anything is trained."""

import dataclasses
import functools
import re
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tf_keras.src import backend
from tf_keras.src.engine.functional import Functional

from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import UsageError, check_known, error_reason
from tf_gan_lth.gans import nested
from tf_gan_lth.gans.priors import Prior
from tf_gan_lth.gans.snapshots import named_variables, path_of
from tf_gan_lth.gans.spec import GANSpec, Hyperparameters, ImageShape, Network, Networks

TRIED = 8  # images that are drawn to see whether they are in [-1, 1]
LARGE = 1e3  # latents so far out that what is not bounded leaves [-1, 1]


# What is usual for a GAN of one's own, unless it says otherwise.
USUAL = Hyperparameters(
    loss="hinge",
    adam_betas=(0.0, 0.9),
    steps=10_000,
    learning_rate=2e-4,
    discriminator_steps=1,
    generator_batch_size=64,
    discriminator_batch_size=64,
    ema_decay=0.999,
)


def own_gan(
    generator: keras.Model,
    discriminator: keras.Model,
    loss: str = USUAL.loss,
    *,
    name: str = "own",
    **usual: object,
) -> GANSpec:
    """A GAN of your own Keras networks.

    Its weights are drawn anew for each replicate, by the layers' initializers: those that the
    models hold are not used.

    Args:
      generator: functional model of latents `(N, Z)` float32, or of latents and labels `(N,)` int32
        for a conditional GAN, to images `(N, H, W, C)` in [-1, 1], C 1 or 3.
      discriminator: functional model of images, or of images and labels, to scores `(N, 1)`: high
        for real, low for generated, not passed through a sigmoid. Of a conditional GAN it may take
        images alone and return logits of their classes `(N, K)` beside the scores, which terms such
        as `classify_real` use.
      loss: name of the adversarial loss: see `training.losses`.
      name: what a run calls the GAN; on the command line that is `my_gan.py:NAME`.
      **usual: what is usual for training it, where `USUAL` is not, by the names of
        `Hyperparameters`: `steps`, `learning_rate`, `adam_betas`, `discriminator_steps`,
        `generator_batch_size`, `discriminator_batch_size`, `ema_decay`, `decay_from`,
        `augmentation`, `terms`. A run's options can change all but the betas.

    Raises:
      UsageError: a network cannot be pruned, rewound or trained, or so; the message says what to
        change.
    """
    for role, network in (("generator", generator), ("discriminator", discriminator)):
        _check_model(role, network)
    _check_shared(generator, discriminator)
    # After all names: Keras takes the name of a copy for one that was given.
    for role, network in (("generator", generator), ("discriminator", discriminator)):
        _check_copies(role, network)
    generator = nested.inline(nested.functional(generator))
    discriminator = nested.inline(nested.functional(discriminator))
    conditional = _check(generator, discriminator)
    for given, value in {"loss": loss, **usual}.items():
        check_known("hyperparameter", given, [f.name for f in dataclasses.fields(USUAL)])
        if value is None:
            raise UsageError(f"{given}=None: leave it out for what is usual, or give a value")
    return GANSpec(
        name=name,
        networks={
            "generator": Network("generator", judge="discriminator", averaged=True),
            "discriminator": Network("discriminator"),
        },
        build=functools.partial(_build, generator, discriminator),
        usual=dataclasses.replace(USUAL, loss=loss, **usual),
        step="noise_to_image",
        task="noise_to_image",
        prior=lambda options, images, networks: Prior(
            generator.inputs[0].shape[-1], images.classes
        ),
        conditional=conditional,
        complaints=_complaints,
    )


def _build(
    generator: keras.Model,
    discriminator: keras.Model,
    options: object,
    images: ImageShape,
    fused: bool,
) -> Networks:
    """Copies with fresh weights. Raises `UsageError` unless the images are of their size."""
    del options, fused
    expected = (images.resolution, images.resolution, images.channels)
    _check_fit("images are", (None, *expected), generator)
    networks = {"generator": generator, "discriminator": discriminator}
    return {role: keras.models.clone_model(network) for role, network in networks.items()}


def _check(generator: keras.Model, discriminator: keras.Model) -> bool:
    """Whether the networks are conditional. Raises `UsageError` if they make no GAN."""
    for role, network in (("generator", generator), ("discriminator", discriminator)):
        _check_paths(role, network)
    conditional = _check_inputs(generator, discriminator)
    _check_scores(discriminator)
    _check_images(generator)
    _check_fit("discriminator takes images", discriminator.inputs[0].shape, generator)
    return conditional


def _complaints(config: Config) -> Iterator[str]:
    """What a GAN of one's own cannot be combined with."""
    precision = config.training.precision
    if precision != "float32":
        yield (
            f"--precision={precision}: networks of your own keep the precision that they were built"
            " in; leave it out"
        )


def _check_model(role: str, network: object) -> None:
    """Raises `UsageError` for what is no functional model of named, plain layers."""
    if isinstance(network, type) or not isinstance(network, keras.Model):
        module = type(network).__module__.partition(".")[0]
        if module == "keras":
            raise UsageError(
                f"the {role} is a Keras 3 model: build it with tf_keras (`import tf_keras as"
                " keras`), as TFMOT prunes nothing else"
            )
        raise UsageError(f"the {role} is a {type(network).__name__}: expected a tf_keras.Model")
    if not isinstance(network, Functional) or not network.inputs:
        raise UsageError(
            f"the {role} is a subclassed model or was never built: make it by keras.Model(inputs,"
            " outputs), or keras.Sequential with an Input, so that its layers can be found"
        )
    for layer in network.layers:
        _check_layer(role, layer)


def _check_paths(role: str, network: keras.Model) -> None:
    """Raises `UsageError` for two variables of one path."""
    paths = [path for layer in network.layers for path, _ in named_variables(layer)]
    twice = sorted({path for path in paths if paths.count(path) > 1})
    if twice:
        raise UsageError(f"the {role} has two variables {twice[0]}: give their layers other names")


def _check_layer(role: str, layer: keras.layers.Layer) -> None:
    if isinstance(layer, keras.layers.Lambda):
        raise UsageError(
            f"the {role}'s layer {layer.name} is a Lambda, whose code a run cannot keep: write a"
            " keras.layers.Layer with a call method instead"
        )
    if isinstance(layer, keras.Model):
        _check_model(f"{role}'s layer {layer.name}", layer)
        return
    paths = [path_of(layer, variable) for variable in layer.weights]
    parts = layer._flatten_layers() if len(set(paths)) < len(paths) else [layer]
    for part in parts:
        _check_name(role, part)


def _check_copies(role: str, network: keras.Model) -> None:
    """Raises `UsageError` for a layer that its config does not make again, as replicates need."""
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            _check_copies(f"{role}'s {layer.name}", layer)
            continue
        try:
            type(layer).from_config(layer.get_config())
        # Keras and a class of the user's raise all kinds of errors.
        except Exception as error:
            raise UsageError(
                f"the {role}'s layer {layer.name} cannot be made again from its config:"
                f" {_why_not_copied(layer, error)}"
            ) from error


def _why_not_copied(layer: keras.layers.Layer, error: Exception) -> str:
    activation = getattr(layer, "activation", None)
    if getattr(activation, "__module__", "tf_keras").partition(".")[0] != "tf_keras":
        name = getattr(activation, "__name__", type(activation).__name__)
        return (
            f"Keras does not know its activation {name} by name; take one of Keras,"
            " or write it under @keras.utils.register_keras_serializable()"
        )
    return f"{error_reason(error)}; give {type(layer).__name__} a get_config with all its options"


def _check_name(role: str, layer: keras.layers.Layer) -> None:
    """Raises `UsageError` for a layer with weights that has no name of its own.

    Keras names what has none by a counter, which differs from process to process.
    """
    kind = type(layer).__name__
    counted = re.fullmatch(rf"{_snake_case(kind)}(_\d+)?", layer.name)
    if layer.weights and counted and layer.name not in backend.OBSERVED_NAMES:
        raise UsageError(
            f"the {role}'s {kind} '{layer.name}' has no name of its own, by which a run finds its"
            f" weights again: give it one, {kind}(..., name='...')"
        )


def _snake_case(kind: str) -> str:
    """A class's name as Keras makes layers' names of it: `conv2d` of `Conv2D`."""
    words = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", kind)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


def _check_shared(generator: keras.Model, discriminator: keras.Model) -> None:
    own = {variable.ref() for variable in generator.weights}
    shared = [variable.name for variable in discriminator.weights if variable.ref() in own]
    if shared:
        raise UsageError(
            f"generator and discriminator share {shared[0].removesuffix(':0')}: each needs layers"
            " of its own, as they are pruned and rewound apart"
        )


def _check_inputs(generator: keras.Model, discriminator: keras.Model) -> bool:
    """Whether both take labels. Raises `UsageError` if they take something else."""
    counts = (len(generator.inputs), len(discriminator.inputs))
    classifies = counts == (2, 1) and len(discriminator.outputs) == 2
    if counts not in ((1, 1), (2, 2)) and not classifies:
        raise UsageError(
            f"the generator takes {counts[0]} inputs and the discriminator {counts[1]}: expected"
            " latents and images, or (latents, labels) and (images, labels)"
        )
    latents = generator.inputs[0]
    if latents.shape.rank != 2 or latents.shape[-1] is None or latents.dtype != tf.float32:
        raise UsageError(
            f"the generator's first input is {latents.dtype.name}{latents.shape}: expected float32"
            " latents (None, Z), keras.Input([Z])"
        )
    for role, network in (("generator", generator), ("discriminator", discriminator)):
        labels = network.inputs[1:]
        if labels and (labels[0].shape.rank != 1 or not labels[0].dtype.is_integer):
            raise UsageError(
                f"the {role}'s second input is {labels[0].dtype.name}{labels[0].shape}: expected"
                " int32 labels (None,), keras.Input([], dtype='int32')"
            )
    return counts[0] == 2


def _check_scores(discriminator: keras.Model) -> None:
    scores, *logits = [output.shape[1:] for output in discriminator.outputs]
    classifies = len(discriminator.inputs) == 1 and [one.rank for one in logits] == [1]
    if scores != [1] or (logits and not classifies):
        shapes = ", ".join(str(output.shape) for output in discriminator.outputs)
        raise UsageError(
            f"the discriminator returns {shapes}: expected one score an image, (None, 1); end it in"
            " Dense(1), or in a mean over a map of scores"
        )


def _check_images(generator: keras.Model) -> None:
    """Raises `UsageError` unless the generator returns square grey or RGB images in [-1, 1]."""
    if len(generator.outputs) != 1 or generator.outputs[0].shape.rank != 4:
        shapes = ", ".join(str(output.shape) for output in generator.outputs)
        raise UsageError(f"the generator returns {shapes}: expected images (None, H, W, C)")
    _, height, width, channels = generator.outputs[0].shape
    if height is None or height != width or channels not in (1, 3):
        raise UsageError(
            f"the generator returns {generator.outputs[0].shape}: expected square images of a known"
            " size, grey (C 1) or RGB (C 3)"
        )
    draw = np.random.default_rng(0).normal(size=[TRIED, generator.inputs[0].shape[-1]])
    labels = [tf.zeros([TRIED], tensor.dtype) for tensor in generator.inputs[1:]]
    found = np.concatenate(
        [generator([tf.constant(draw * size, tf.float32), *labels]) for size in (1.0, LARGE)]
    )
    low = float(found.min())
    high = float(found.max())
    if not np.isfinite(found).all() or low < -1.0 or high > 1.0 or low >= 0.0:
        raise UsageError(
            f"the generator's images are from {low:.3g} to {high:.3g}, the data in [-1, 1]: end it"
            " in keras.layers.Activation('tanh')"
        )


def _check_fit(what: str, shape: tuple, generator: keras.Model) -> None:
    """Raises `UsageError` unless images `(None, H, W, C)` are of the generator's shape."""
    expected = tuple(shape)[1:]
    returned = tuple(generator.outputs[0].shape)[1:]
    if expected != returned:
        sizes = ["x".join(map(str, side)) for side in (expected, returned)]
        raise UsageError(
            f"the {what} {sizes[0]} and the generator returns {sizes[1]}: make them one size, with"
            " --resolution or in the networks"
        )
