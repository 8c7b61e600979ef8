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
      was given no name. What called a model twice calls the copies of its layers twice; a layer of
      several models, or of a model and of what calls it, has one copy.

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
    copies: dict[int, keras.layers.Layer] = {}
    for layer in network.layers:  # before those of inner models, which may be the same
        if not isinstance(layer, keras.Model):
            _copy(layer, copies, layer.name)
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            copies[id(layer)] = _with_full_names(layer, copies)
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


def _with_full_names(model: keras.Model, copies: dict) -> keras.Model:
    """A copy of an inner model whose layers have its name before theirs."""
    unnamed = UNNAMED.fullmatch(model.name)
    prefix = (unnamed[1] or "") if unnamed else f"{model.name}/"
    return keras.models.clone_model(
        functional(model), clone_function=lambda own: _copy(own, copies, f"{prefix}{own.name}")
    )


def _copy(layer: keras.layers.Layer, copies: dict, name: str) -> keras.layers.Layer:
    """The copy of a layer, which is made and named when it is asked for first.

    Args:
      layer: may be a model.
      copies: {id of a layer: its copy}, to which this one is added.
      name: of the copy.
    """
    if id(layer) not in copies:
        if isinstance(layer, keras.Model):
            copy = keras.models.clone_model(
                functional(layer), clone_function=lambda own: _copy(own, copies, own.name)
            )
            copy._name = name
        else:
            copy = type(layer).from_config({**layer.get_config(), "name": name})
        copies[id(layer)] = copy
    return copies[id(layer)]


def functional(network: keras.Model) -> keras.Model:
    """The same layers as a plain functional model: a `Sequential` hides its input."""
    if isinstance(network, keras.Sequential):
        return keras.Model(network.inputs, network.outputs[0], name=network.name)
    return network
