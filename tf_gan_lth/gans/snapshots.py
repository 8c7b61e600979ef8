"""Snapshots of a network by name: {variable path: array} of everything it holds, trainable or not.

A path is `<layer>/<variable>`, e.g. `block_1/conv_1/kernel`, whether or not the layer is inside a
pruning wrapper; the wrapper's own variables (mask, threshold, step) are not part of a snapshot."""

import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.errors import ArtifactError


def path_of(layer: keras.layers.Layer, variable: tf.Variable) -> str:
    """The path of a layer's variable in snapshots and masks."""
    return f"{layer.name}/{variable.name.split('/')[-1].removesuffix(':0')}"


def variables(network: keras.Model) -> dict[str, tf.Variable]:
    """{path: variable} of a network."""
    found = {}
    for layer in network.layers:
        inner = layer.layer if isinstance(layer, keras.layers.Wrapper) else layer
        for variable in inner.weights:
            path = path_of(inner, variable)
            if path in found:
                raise ValueError(f"two variables are named {path}")
            found[path] = variable
    return found


def take_snapshot(network: keras.Model) -> Arrays:
    """Copies every variable of a network."""
    return {path: variable.numpy().copy() for path, variable in variables(network).items()}


def load_snapshot(network: keras.Model, snapshot: Arrays) -> None:
    """Assigns every variable of a network.

    Raises:
      ArtifactError: paths or shapes of the snapshot are not those of the network.
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
