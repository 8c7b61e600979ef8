"""Snapshots: all variables of a network, trainable or not, as {variable path: array}.

A path is `<layer>/<variable>`, e.g. `block_1/conv_1/kernel`, whether or not the layer is inside a
pruning wrapper. The wrapper's own variables (mask, threshold, step) are not part of a snapshot.
"""

import json

import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.errors import ArtifactError


def path_of(layer: keras.layers.Layer, variable: tf.Variable) -> str:
    """The path of a layer's variable in snapshots and masks."""
    return f"{layer.name}/{variable.name.split('/')[-1].removesuffix(':0')}"


def variables(network: keras.Model) -> dict[str, tf.Variable]:
    """The variables of a network, as {path: variable}."""
    found = {}
    for layer in network.layers:
        for path, variable in named_variables(layer):
            if path in found:
                raise ValueError(f"two variables are named {path}")
            found[path] = variable
    return found


def named_variables(layer: keras.layers.Layer) -> list[tuple[str, tf.Variable]]:
    """The variables of a layer with their paths.

    Of a layer that is made of others, such as an attention of three convolutions, a path that
    several variables would have takes the names in between: `attention/query/kernel`.
    """
    owned = _owned(layer)
    paths = [path_of(owner, variable) for owner, variable in owned]
    return [
        (path if paths.count(path) == 1 else _long_path(owner, variable), variable)
        for path, (owner, variable) in zip(paths, owned, strict=True)
    ]


def _long_path(layer: keras.layers.Layer, variable: tf.Variable) -> str:
    inside = variable.name.removesuffix(":0").rpartition(f"{layer.name}/")[2]
    return f"{layer.name}/{inside}"


def _owned(layer: keras.layers.Layer) -> list[tuple[keras.layers.Layer, tf.Variable]]:
    """The variables of a layer, each with the layer after which it is called."""
    if not isinstance(layer, keras.layers.Wrapper):
        return [(layer, variable) for variable in layer.weights]
    inner = [(layer.layer, variable) for variable in layer.layer.weights]
    if hasattr(layer, "pruning_vars"):  # TFMOT's wrapper, whose own variables are masks
        return inner
    # Of another one, such as `Bidirectional`, they are part of what the network computes.
    held = {id(variable) for _, variable in inner}
    return inner + [(layer, variable) for variable in layer.weights if id(variable) not in held]


def take_snapshot(network: keras.Model) -> Arrays:
    """Copies every variable of a network into a snapshot."""
    return {path: variable.numpy().copy() for path, variable in variables(network).items()}


def load_snapshot(network: keras.Model, snapshot: Arrays) -> None:
    """Assigns a snapshot to the variables of a network.

    Raises:
      ArtifactError: paths or shapes of the snapshot differ from those of the network.
    """
    targets = variables(network)
    if targets.keys() != snapshot.keys():
        odd = sorted(targets.keys() ^ snapshot.keys())
        raise ArtifactError(
            f"the snapshot is of another {network.name}: only one of the two has"
            f" {', '.join(odd[:3])}"
        )
    for path, variable in targets.items():
        shape = snapshot[path].shape
        if variable.shape != shape:
            raise ArtifactError(
                f"the snapshot is of another {network.name}: {path} is {shape}, not"
                f" {variable.shape}"
            )
    for path, variable in targets.items():
        variable.assign(snapshot[path])


def graph_text(network: keras.Model) -> str:
    """What a functional network computes, as text: layers in order, options, variables and inputs.

    The text is the same for networks that are built alike in different processes. So it leaves out
    dtype policies, and the names of layers without variables, which Keras numbers by a counter.
    """
    position = {id(layer): number for number, layer in enumerate(network.layers)}
    nodes = {id(node) for level in network._nodes_by_depth.values() for node in level}
    lines = []
    for layer in network.layers:
        left_out = ("dtype",) if layer.weights else ("dtype", "name")
        options = {n: v for n, v in layer.get_config().items() if _is_plain(v)}
        shapes = {path_of(layer, v): tuple(v.shape) for v in layer.weights}
        inputs = [
            [position[id(inbound)] for inbound in tf.nest.flatten(node.inbound_layers)]
            for node in layer.inbound_nodes
            if id(node) in nodes
        ]
        options = {n: v for n, v in options.items() if n not in left_out}
        lines.append(json.dumps([type(layer).__name__, options, shapes, inputs], sort_keys=True))
    return "\n".join(lines)


def _is_plain(value: object) -> bool:
    """Whether an option is a number, a string, None or a list of these."""
    if isinstance(value, list | tuple):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, bool | int | float | str)
