"""Models within a model, such as a backbone that is called as one layer, taken apart.

Snapshots, masks and costs go by the layers of a network: those of an inner model would be neither
pruned nor told apart by their names.
"""

import re

import tensorflow as tf
import tf_keras as keras
from tf_keras.src.engine.functional import Functional

from tf_gan_lth.experiment.errors import UsageError

# Keras names a model that has no name by a counter, which differs from process to process.
UNNAMED = re.compile(r"(.*/)?(model|functional|sequential)(_\d+)?")


def inline(network: keras.Model) -> keras.Model:
    """A functional network whose inner models are replaced by their layers.

    Args:
      network: functional, or a `Sequential` with an `Input`; its inner models too.

    Returns:
      The network itself if it has no inner model. Otherwise copies of all layers with fresh
      weights; a layer `conv` of an inner model `body` is named `body/conv`, or `conv` if the model
      was given no name. What called a model twice calls the copies of its layers twice.

    Raises:
      UsageError: an inner model is subclassed, two layers get one name, or a call sets `training`.
    """
    while inner := [layer for layer in network.layers if isinstance(layer, keras.Model)]:
        for model in inner:
            _check(network, model)
        network = _opened(network)
    return network


def _check(network: keras.Model, model: keras.Model) -> None:
    if not isinstance(model, Functional) or not model.inputs:
        raise UsageError(
            f"{network.name} has a subclassed model as its layer {model.name}: call its layers"
            " directly, or make it by keras.Model(inputs, outputs)"
        )


def _opened(network: keras.Model) -> keras.Model:
    """Replaces the outermost inner models."""
    copies = {id(layer): _copy(layer) for layer in network.layers}
    inputs = [keras.Input(batch_shape=x.shape, dtype=x.dtype, name=x.name) for x in network.inputs]
    uses = network._tensor_usage_count
    found = {
        str(id(old)): [new] * uses[str(id(old))]
        for old, new in zip(network.inputs, inputs, strict=True)
    }
    for node in _in_order(network):
        arguments, options = node.map_arguments(found)
        returned = _call(network, copies[id(node.layer)], arguments, options)
        for old, new in zip(node.flat_output_ids, tf.nest.flatten(returned), strict=True):
            found[old] = [new] * uses[old]
    outputs = [found[str(id(old))].pop() for old in network.outputs]
    try:
        return keras.Model(
            inputs if len(inputs) > 1 else inputs[0],
            outputs if len(outputs) > 1 else outputs[0],
            name=network.name,
        )
    except ValueError as error:  # names that are not unique
        raise UsageError(
            f"{network.name}: two layers of its inner models have one name, {error}: name these"
            " models, keras.Model(..., name='...')"
        ) from error


def _in_order(network: keras.Model) -> list:
    """The calls of a network's layers, each after those that it reads from."""
    depths = sorted(network._nodes_by_depth, reverse=True)
    nodes = [node for depth in depths for node in network._nodes_by_depth[depth]]
    return [node for node in nodes if not node.is_input]


def _call(network: keras.Model, layer: keras.layers.Layer, arguments: tuple, options: dict):
    if not isinstance(layer, keras.Model):
        return layer(*arguments, **options)
    if options.get("training") is not None:
        raise UsageError(
            f"{network.name} calls its inner model {layer.name} with"
            f" training={options['training']}: leave that to training and sampling"
        )
    # Not called as a layer, its layers become layers of the network that calls.
    return layer.call(*arguments[:1])


def _copy(layer: keras.layers.Layer) -> keras.layers.Layer:
    if not isinstance(layer, keras.Model):
        return type(layer).from_config(layer.get_config())
    unnamed = UNNAMED.fullmatch(layer.name)
    prefix = (unnamed[1] or "") if unnamed else f"{layer.name}/"

    def renamed(own: keras.layers.Layer) -> keras.layers.Layer:
        return type(own).from_config({**own.get_config(), "name": f"{prefix}{own.name}"})

    return keras.models.clone_model(functional(layer), clone_function=renamed)


def functional(network: keras.Model) -> keras.Model:
    """The same layers as a plain functional model: a `Sequential` hides its input."""
    if isinstance(network, keras.Sequential):
        return keras.Model(network.inputs, network.outputs[0], name=network.name)
    return network
