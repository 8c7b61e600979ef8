"""TFMOT's pruning wrapper, with masks that only the lottery sets.

TFMOT's own wrapper ranks weights within a tensor, counts forward calls as steps and re-masks the
kernel in every forward call. A lottery ticket needs none of that: its mask is fixed for a whole
round and ranked over the whole network. So `LotteryWrapper` keeps TFMOT's variables (and with them
its summaries and its registry of prunable layers) and leaves the forward pass alone. Masks are kept
by masking the gradients: see `training`.
"""

import fnmatch
from collections.abc import Iterable

import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras
from tensorflow_model_optimization.python.core.sparsity.keras import pruning_wrapper

from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.gans.snapshots import path_of


class LotterySchedule(tfmot.sparsity.keras.PruningSchedule):
    """Never prunes during training: the lottery prunes between rounds."""

    def __call__(self, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """TFMOT's question at a training step: (prune now?, target sparsity)."""
        del step
        return tf.constant(False), tf.constant(0.0)

    def get_config(self) -> dict:
        return {"class_name": type(self).__name__, "config": {}}


class LotteryWrapper(pruning_wrapper.PruneLowMagnitude):
    """Holds the masks of a layer's prunable variables and calls the layer as it is."""

    def __init__(self, layer: keras.layers.Layer, **kwargs):
        # TFMOT knows a layer by its exact class; of a subclass it asks the layer itself.
        layer.get_prunable_weights = lambda: prunable_variables(layer)
        super().__init__(layer, pruning_schedule=LotterySchedule(), **kwargs)

    def call(self, inputs, **kwargs):
        return self.layer(inputs, **kwargs)


def is_prunable(layer: keras.layers.Layer, dense: bool = False) -> bool:
    """Whether a layer can be pruned: 2-D convolutions but depthwise ones; Dense if asked for."""
    kinds = (keras.layers.Conv2D, keras.layers.SeparableConv2D)
    return isinstance(layer, (*kinds, keras.layers.Dense) if dense else kinds)


def prunable_variables(layer: keras.layers.Layer) -> list[tf.Variable]:
    """The variables of a prunable layer that masks cover: its kernel, as it is stored.

    Of a separable convolution that is the pointwise kernel; the depthwise one is small.
    """
    separable = isinstance(layer, keras.layers.SeparableConv2D)
    return [layer.pointwise_kernel if separable else layer.kernel]


def summed_axes(network: keras.Model) -> dict[str, int]:
    """{path: axis of the input channels} of the variables that masks can cover."""
    return {
        path_of(layer, variable): -1 if isinstance(layer, keras.layers.Conv2DTranspose) else -2
        for layer in network.layers
        if is_prunable(layer, dense=True)
        for variable in prunable_variables(layer)
    }


def prunable_paths(
    networks: dict[str, keras.Model], exclude: tuple[str, ...] = (), dense: bool = False
) -> dict[str, list[str]]:
    """{network: paths of the variables that are pruned}, of all prunable layers but excluded ones.

    Args:
      networks: plain networks, by name.
      exclude: patterns of `<network>/<layer>`, as in `fnmatch`.
      dense: whether Dense layers are pruned too.

    Raises:
      UsageError: a pattern fits no layer, or nothing is left of a network.
    """
    layers = {
        f"{name}/{layer.name}": (name, layer)
        for name, network in networks.items()
        for layer in network.layers
        if is_prunable(layer, dense)
    }
    left_out = excluded(layers, exclude, "the layers that are pruned")
    found = {name: [] for name in networks}
    for full_name, (name, layer) in layers.items():
        if full_name not in left_out:
            found[name] += [path_of(layer, variable) for variable in prunable_variables(layer)]
    has_layers = {name for name, _ in layers.values()}
    for name, paths in found.items():
        if not paths and name in has_layers:
            raise UsageError(f"--exclude={','.join(exclude)} leaves nothing of the {name} to prune")
        if not paths:
            raise UsageError(
                f"the {name} has no layer that can be pruned: give it a Conv2D, Conv2DTranspose or"
                " SeparableConv2D, or --prune_dense for its Dense layers"
            )
    return found


def excluded(layers: Iterable[str], patterns: Iterable[str], kind: str) -> set[str]:
    """The layers that patterns of `--exclude` fit.

    Args:
      layers: `<network>/<layer>`.
      patterns: of such names, as in `fnmatch`.
      kind: what the layers are, for the message.

    Raises:
      UsageError: a pattern fits none of them.
    """
    layers = list(layers)
    found = set()
    for pattern in patterns:
        fitting = fnmatch.filter(layers, pattern)
        if not fitting:
            raise UsageError(f"--exclude={pattern} fits none of {kind}: {', '.join(layers)}")
        found.update(fitting)
    return found


def wrap(network: keras.Model, dense: bool = False) -> keras.Model:
    """Clones a network with every prunable layer inside a `LotteryWrapper`; masks start as ones.

    The clone has fresh weights: load a snapshot next. Call it under the strategy's scope.
    """

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        copy = type(layer).from_config(layer.get_config())
        if not is_prunable(layer, dense):
            return copy
        # Without the layer's own policy, the wrapper would cast what it hands on to float32.
        wrapper = LotteryWrapper(copy, dtype=copy.dtype_policy)
        # TFMOT's name does not tell two networks apart, and its summaries would show only one.
        wrapper._name = f"{network.name}/{layer.name}"
        return wrapper

    return keras.models.clone_model(network, clone_function=clone)


def masks_of(network: keras.Model) -> dict[str, tuple[tf.Variable, tf.Variable]]:
    """{variable path: (variable, its mask)} of a wrapped network; paths are those of snapshots."""
    found = {}
    for layer in pruning_wrapper.collect_prunable_layers(network):
        for weight, mask, _ in layer.pruning_vars:
            found[path_of(layer.layer, weight)] = (weight, mask)
    return found
