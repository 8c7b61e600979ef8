"""Rebuilds functional networks with other layers in the place of theirs."""

from collections.abc import Callable

import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.pruning.channels import calls

# Of a call of a layer, Keras's node, and of what it reads in the new graph: the layer that is
# called instead, and what that reads.
Replace = Callable[[object, list], tuple[keras.layers.Layer, list]]


def rebuild(network: keras.Model, replace: Replace) -> keras.Model:
    """The graph again, with fresh weights; inputs are as they were.

    Args:
      network: functional; it stays as it is.
      replace: see `Replace`; what is read is a flat list of the call's arguments that have no
        keyword. For a layer that is called again it is asked again, and may return the same layer.
    """
    tensors: dict[int, tf.Tensor] = {}

    def renewed(value: object) -> object:
        return tensors.get(id(value), value)

    for call in calls(network):
        if call.is_input:
            tensors[id(call.outputs)] = type(call.layer).from_config(call.layer.get_config()).output
            continue
        args = tf.nest.map_structure(renewed, call.call_args)
        kwargs = tf.nest.map_structure(renewed, call.call_kwargs)
        layer, reads = replace(call, tf.nest.flatten(args))
        returned = tf.nest.flatten(layer(*tf.nest.pack_sequence_as(args, reads), **kwargs))
        for tensor, new in zip(tf.nest.flatten(call.outputs), returned, strict=True):
            tensors[id(tensor)] = new
    inputs = tf.nest.map_structure(renewed, network._nested_inputs)
    outputs = tf.nest.map_structure(renewed, network._nested_outputs)
    return keras.Model(inputs, outputs, name=network.name)
