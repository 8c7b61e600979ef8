"""How masks change within a training, by name: functions called between gradient and optimizer.

A ticket's masks are static. A function here may change them at any step, as sparse training from
scratch does (SET, RigL): it chooses, and `replace_mask` keeps weights and moments in step with it.
"""

from collections.abc import Callable

import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.experiment.registry import Registry
from tf_gan_lth.training.optimizers import inner


class Masked:
    """A variable that a mask covers.

    Attributes:
      path: in snapshots and masks.
      variable: the weight.
      mask: float32, 1 keeps and 0 prunes, of its shape.
    """

    def __init__(self, path: str, variable: tf.Variable, mask: tf.Variable):
        self.path = path
        self.variable = variable
        self.mask = mask


Gradients = list[tuple[Masked, tf.Tensor]]  # dense: of pruned weights too
Optimizer = keras.optimizers.Optimizer
MaskUpdate = Callable[[tf.Tensor, Gradients, Optimizer], None]
UPDATES: Registry[MaskUpdate] = Registry("mask update")
register = UPDATES.register


@register
def static(step: tf.Tensor, gradients: Gradients, optimizer: Optimizer) -> None:
    """Masks stay as they are.

    Args of every update:
      step: number of the training step, int32.
      gradients: of a player's masked variables, over all replicas.
      optimizer: the player's.
    """
    del step, gradients, optimizer


def replace_mask(masked: Masked, kept: tf.Tensor, optimizer: Optimizer) -> None:
    """Changes a mask within a step.

    Weights that the new mask drops or adds become zero, and so do their moments: what is added
    starts from nothing, as in Evci et al. 2020.

    Args:
      masked: the variable and its mask.
      kept: the new mask, float32.
      optimizer: that of the variable.
    """
    stays = tf.logical_and(kept > 0, tf.equal(masked.mask, kept))
    zeros = tf.zeros_like(kept)  # a product would leave -0
    for variable in [masked.variable, *_moments(masked.variable, optimizer)]:
        variable.assign(tf.where(stays, variable, zeros))
    masked.mask.assign(kept)


def _moments(variable: tf.Variable, optimizer: Optimizer) -> list[tf.Variable]:
    """The optimizer's variables that belong to a weight: Keras gives them its shape and order."""
    optimizer = inner(optimizer)
    slot = optimizer._index_dict[optimizer._var_key(variable)]
    return [optimizer._momentums[slot], optimizer._velocities[slot]]
