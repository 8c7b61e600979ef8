"""GANs by name: those of this folder, and a user's own from a file, a package or Python."""

import dataclasses
import functools
import importlib
import importlib.util
import pathlib
import re
import types
from collections.abc import Callable, Iterator

import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import (
    ToolkitError,
    UsageError,
    check_known,
    error_reason,
)
from tf_gan_lth.experiment.plugins import load_file
from tf_gan_lth.gans import nested
from tf_gan_lth.gans.spec import DISCRIMINATOR, GAN, GANSpec, ImageShape

FOLDER = pathlib.Path(__file__).parent
_made_in_python: dict[str, GANSpec] = {}


@functools.cache
def known() -> tuple[str, ...]:
    """The GANs of this folder: each file that assigns `gan` at its top."""
    files = sorted(FOLDER.glob("*.py"))
    return tuple(f.stem for f in files if re.search(r"^gan = ", f.read_text("utf-8"), re.M))


def remember(spec: GANSpec) -> None:
    """Makes a GAN that was built in Python available under its name, in this process."""
    if spec.name in known():
        raise UsageError(f"'{spec.name}' is the name of a GAN of this package: give yours another")
    _made_in_python[spec.name] = spec


def find(name: str) -> GANSpec:
    """The GAN of that name.

    Args:
      name: one of `known()`; `my_gan.py:NAME` or `package.module:NAME`, where NAME is a `GANSpec`
        (what `tf_gan_lth.GAN` returns) or a function that returns one; or the name of one that was
        built in Python.

    Raises:
      UsageError: there is none, or its file fails.
    """
    if name in _made_in_python:
        return _made_in_python[name]
    if ":" in name:
        return _find_own(name)
    check_known("GAN", name, [*known(), *_made_in_python, "my_gan.py:NAME"])
    return importlib.import_module(f"tf_gan_lth.gans.{name}").gan


@functools.cache
def _find_own(text: str) -> GANSpec:
    place, _, attribute = text.rpartition(":")
    module = load_file(place, "--gan") if place.endswith(".py") else _import(place, text)
    if not hasattr(module, attribute):
        public = [name for name in vars(module) if not name.startswith("_")]
        raise UsageError(f"{place} has no '{attribute}': it has {', '.join(public) or 'nothing'}")
    found = getattr(module, attribute)
    if not isinstance(found, GANSpec) and callable(found):
        found = _called(found, text)
    if not isinstance(found, GANSpec):
        raise UsageError(
            f"{text} is a {type(found).__name__}: expected what tf_gan_lth.GAN(...) returns, or a"
            " function that returns it"
        )
    # Under the name that the command gives, so that the run finds it again.
    return dataclasses.replace(found, name=text)


def _called(function: Callable[[], object], text: str) -> object:
    try:
        return function()
    except ToolkitError:
        raise
    except Exception as error:  # whatever a user's function does
        raise UsageError(f"--gan={text}: {type(error).__name__}: {error}") from error


def _import(module: str, text: str) -> types.ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UsageError(
            f"--gan={text}: {error_reason(error)}; for a file write my_gan.py:NAME"
        ) from error
    except ToolkitError:
        raise
    except Exception as error:  # whatever a user's module does, or no name of one
        raise UsageError(f"--gan={text}: {type(error).__name__}: {error}") from error


def options_of(spec: GANSpec, config: Config) -> object:
    """The GAN's own options, as the config says.

    Raises:
      UsageError: a value is out of range or of another type.
    """
    return configs.read_extras(spec.options, config.extras)


def build(
    spec: GANSpec, config: Config, images: ImageShape, *, seed: int, precision: str = "float32"
) -> GAN:
    """Builds the networks of a GAN with fresh weights.

    Args:
      spec: the GAN.
      config: its options, and the form of its convolutions.
      images: what its images are like.
      seed: what the fresh weights are drawn from. Sets the global seeds of Python, NumPy and
        TensorFlow, as Keras's initializers draw from those.
      precision: Keras's dtype policy of the layers; the weights, and what the networks return, are
        float32 under each.

    Raises:
      UsageError: a resolution or option that the networks cannot have, or a network without a role.
    """
    options = options_of(spec, config)
    keras.utils.set_random_seed(seed % 2**32)
    usual = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(precision)
    try:
        built = spec.build(options, images, config.networks.fused_convolutions)
        networks = {name: nested.inline(network) for name, network in built.items()}
    finally:
        keras.mixed_precision.set_global_policy(usual)
    odd = sorted(networks.keys() ^ spec.networks.keys())
    if odd:
        problem = "no role" if odd[0] in networks else "a role, but no network"
        raise UsageError(f"'{odd[0]}' of {spec.name} has {problem}: give each network its role")
    for name, network in networks.items():
        _check_classes(name, network, images.classes)
    for name in spec.of_role(DISCRIMINATOR):
        _check_logits(name, networks[name], images.classes)
    prior = spec.prior(options, images, networks) if spec.prior else None
    return GAN(spec, options, networks, prior)


def _check_classes(name: str, network: keras.Model, classes: int) -> None:
    """Raises `UsageError` for labels of more classes than a layer that reads them knows."""
    for labels in network.inputs[1:]:
        for layer in _readers(labels.node.layer):
            options = layer.get_config()
            found = [options.get(key) for key in ("classes", "input_dim", "num_tokens")]
            known = next((count for count in found if count), None)
            if known and known < classes:
                raise UsageError(
                    f"the {name}'s layer {layer.name} knows {known} classes, and the images have"
                    f" {classes}: build it for as many"
                )


def _readers(layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    """The layers that read what one returns, and of those that hand integers on, their readers."""
    for node in layer.outbound_nodes:
        yield node.layer
        if all(tensor.dtype.is_integer for tensor in tf.nest.flatten(node.outputs)):
            yield from _readers(node.layer)


def _check_logits(name: str, discriminator: keras.Model, classes: int) -> None:
    """Raises `UsageError` for images of more classes than a discriminator tells apart."""
    for logits in discriminator.outputs[1:]:
        if logits.shape[-1] < classes:
            raise UsageError(
                f"the {name} returns logits of {logits.shape[-1]} classes, and the images have"
                f" {classes}: build it for as many"
            )
