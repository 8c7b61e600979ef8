"""What networks compute with in a step in place of their weights: narrow ones, and in 8 bits."""

import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.data import draws
from tf_gan_lth.gans.layers import quantised_weights
from tf_gan_lth.pruning.quantisation import kernels_of
from tf_gan_lth.training.configurations import Configurations

FIRST = -2  # of a step's draws, the first that configurations come from, downwards
Pairs = list[tuple[tf.Tensor, tf.Variable]]  # of gradients and variables


class StepWeights:
    """Replaces weights while a step computes losses and gradients, and puts them back.

    Args:
      networks: of which those with quantised maps get quantised kernels.

    Attributes:
      configurations: {network: what draws those of a supernet}.
    """

    def __init__(self, networks: dict[str, keras.Model]):
        self.configurations: dict[str, Configurations] = {}
        each = [kernels_of(network).values() for network in networks.values()]
        self._kernels = [kernel for kernels in each for kernel in kernels]
        self._in_32_bits: list[tf.Tensor] = []
        self._whole: list[tuple[tf.Variable, tf.Tensor, tf.Tensor]] = []

    @property
    def begun(self) -> bool:
        """Whether `begin` was called, where there is something to replace."""
        whole = bool(self._whole) or not self.configurations
        return whole and len(self._in_32_bits) == len(self._kernels)

    def begin(self, seed: tf.Tensor) -> None:
        """Makes zero what drawn configurations leave out, then kernels what 8 bits hold of them.

        Args:
          seed: two int32, of the step.
        """
        self._whole = []
        for number, configurations in enumerate(self.configurations.values()):
            for variable, kept in configurations.kept(draws.fold_in(seed, FIRST - number)):
                value = tf.identity(variable)
                self._whole.append((variable, value, kept))
                variable.assign(tf.where(kept, value, tf.zeros_like(value)))
        self._in_32_bits = [tf.identity(kernel) for kernel in self._kernels]
        for kernel in self._kernels:
            kernel.assign(quantised_weights(kernel))

    def end(self, pairs: Pairs) -> Pairs:
        """Puts the weights back, and returns their gradients: those of what was computed with.

        Through the rounding they go straight; what a configuration leaves out has none.
        """
        for kernel, value in zip(self._kernels, self._in_32_bits, strict=True):
            kernel.assign(value)
        stays = {}
        for variable, value, kept in self._whole:
            variable.assign(value)
            stays[variable.ref()] = tf.cast(kept, value.dtype)
        return [(g * stays[v.ref()] if v.ref() in stays else g, v) for g, v in pairs]
