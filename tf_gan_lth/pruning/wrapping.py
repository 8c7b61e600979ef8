"""TFMOT's pruning wrapper, with masks that only the lottery sets.

TFMOT's own wrapper ranks weights within a tensor, counts forward calls as steps and re-masks the
kernel in every forward call. A lottery ticket needs none of that: its mask is fixed for a whole
round and ranked over the whole network. So `LotteryWrapper` keeps TFMOT's variables (and with them
its summaries and its registry of prunable layers) and leaves the forward pass alone. Masks are kept
by masking the gradients: see `training`."""

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras
from tensorflow_model_optimization.python.core.sparsity.keras import pruning_wrapper

from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.gans.snapshots import path_of
from tf_gan_lth.pruning.masks import check_shapes


class LotterySchedule(tfmot.sparsity.keras.PruningSchedule):
    """How many weights are left in each round; never prunes during training.

    Round k of iterative pruning leaves `round((1 - rate)**k * total)` of the prunable weights.
    """

    def __init__(self, rate: float):
        self.rate = rate

    def remaining(self, number: int, total: int) -> int:
        """The number of weights that stay in round `number`, out of `total`."""
        return round((1.0 - self.rate) ** number * total)

    def __call__(self, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """TFMOT's question at a training step: (prune now?, target sparsity)."""
        del step
        return tf.constant(False), tf.constant(0.0)

    def get_config(self) -> dict:
        return {"class_name": type(self).__name__, "config": {"rate": self.rate}}


class LotteryWrapper(pruning_wrapper.PruneLowMagnitude):
    """Holds the mask of a layer's kernel and calls the layer as it is."""

    def call(self, inputs, **kwargs):
        return self.layer(inputs, **kwargs)


def prunable(layer: keras.layers.Layer) -> bool:
    """Whether the lottery prunes this layer: every convolution, whatever its size, and nothing
    else.
    """
    return isinstance(layer, keras.layers.Conv2D)


def wrap(network: keras.Model, schedule: LotterySchedule) -> keras.Model:
    """Clones a network with every convolution inside a `LotteryWrapper`; masks start as ones.

    The clone has fresh weights: load a snapshot next. Call it under the strategy's scope.
    """

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        copy = type(layer).from_config(layer.get_config())
        if not prunable(layer):
            return copy
        # Without the layer's own policy, the wrapper would cast what it hands on to float32.
        wrapper = LotteryWrapper(copy, pruning_schedule=schedule, dtype=copy.dtype_policy)
        # TFMOT's name does not tell two networks apart, and its summaries would show only one of
        # them.
        wrapper._name = f"{network.name}/{layer.name}"
        return wrapper

    return keras.models.clone_model(network, clone_function=clone)


def masks_of(network: keras.Model) -> dict[str, tuple[tf.Variable, tf.Variable]]:
    """{kernel path: (kernel, its mask)} of a wrapped network; the paths are those of its
    snapshots.
    """
    found = {}
    for layer in pruning_wrapper.collect_prunable_layers(network):
        for weight, mask, _ in layer.pruning_vars:
            found[path_of(layer.layer, weight)] = (weight, mask)
    return found


def set_masks(network: keras.Model, mask: Arrays) -> None:
    """Assigns the masks of a wrapped network; kernels without a mask in `mask` keep all their
    weights.

    Raises:
      MaskError: the mask has a path that is no prunable kernel of the network, or another shape.
    """
    held = masks_of(network)
    check_shapes({path: kernel for path, (kernel, _) in held.items()}, mask)
    for path, (kernel, variable) in held.items():
        variable.assign(mask.get(path, np.ones(kernel.shape)))
