"""Maps of a network beside those of its teacher, matched through trained 1x1 convolutions.

Which maps: of the sums of the teacher's graph, which residual blocks end with, the last one of each
of four equal parts; of a network without sums, of the maps that its layers with kernels read.
"""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.gans.snapshots import path_of
from tf_gan_lth.pruning.channel_masks import Channels
from tf_gan_lth.pruning.channel_rules import KERNELS
from tf_gan_lth.pruning.channels import calls
from tf_gan_lth.pruning.wrapping import LotteryWrapper

MOST = 4  # maps of a network that are matched, as in Li et al. 2020
Maps = tuple[tf.Tensor, ...]


class Adapters:
    """Takes the maps of a student to those of its teacher: `(N, H, W, C)` to `(N, H, W, C')`.

    An adapter is a 1x1 convolution with a bias. It begins as the identity, as channel k of the
    student is channel k of the dense network, pruned or not; where that is not known, as zeros.

    Args:
      student: functional, with layers named as the teacher's are.
      teacher: functional.
      mask: of the channels that the student was made slim by; None if it has all.

    Attributes:
      student, teacher: the networks, which return their images and then the matched maps.
      layers: names of those that make the maps.
      variables: kernels and biases, in the order of the maps; trained with the generators.

    Raises:
      UsageError: the teacher has no map to match, or the student's are of other sizes.
    """

    def __init__(self, student: keras.Model, teacher: keras.Model, mask: Channels | None = None):
        self.layers = matched_layers(teacher)
        taught, own = (_maps(network, self.layers) for network in (teacher, student))
        for name, one, other in zip(self.layers, own, taught, strict=True):
            if one.shape[1:-1] != other.shape[1:-1]:
                raise UsageError(
                    f"--terms=distill_features: the map of {name} is {tuple(one.shape[1:])} of the"
                    f" {student.name} and {tuple(other.shape[1:])} of its teacher: both must be of"
                    " one size"
                )
        self.student = keras.Model(student.input, [*student.outputs, *own], name="student")
        self.teacher = keras.Model(teacher.input, [*teacher.outputs, *taught], name="teacher")
        self._initial: list[np.ndarray] = []
        for one, other in zip(own, taught, strict=True):
            kernel = _identity(one.shape[-1], other, mask)
            self._initial += [kernel, np.zeros(kernel.shape[1], np.float32)]
        self.variables = [tf.Variable(value, name="adapter") for value in self._initial]

    def restart(self) -> None:
        """The state before a training."""
        for variable, value in zip(self.variables, self._initial, strict=True):
            variable.assign(value)

    def distance(self, maps: Maps, taught: Maps) -> tf.Tensor:
        """The mean squared difference of adapted and taught maps, summed over the layers.

        Args:
          maps: of the student, in the order of `layers`.
          taught: of the teacher.
        """
        kernels, biases = self.variables[::2], self.variables[1::2]
        found = []
        for one, other, kernel, bias in zip(maps, taught, kernels, biases, strict=True):
            adapted = tf.tensordot(tf.cast(one, tf.float32), kernel, 1) + bias
            found.append(tf.reduce_mean(tf.square(adapted - tf.cast(other, tf.float32))))
        return tf.add_n(found)


def matched_layers(network: keras.Model) -> tuple[str, ...]:
    """Names of the layers whose maps are matched: four of a network, or as many as there are.

    Raises:
      UsageError: it has none between its inputs and its outputs.
    """
    ends = {id(tensor) for tensor in [*network.inputs, *network.outputs]}
    nodes = [node for node in calls(network) if not node.is_input]
    sums = [node.outputs for node in nodes if isinstance(node.layer, keras.layers.Add)]
    reads = [node.keras_inputs[0] for node in nodes if isinstance(node.layer, tuple(KERNELS))]
    for found in (sums, reads):
        inner = [one for one in found if id(one) not in ends and one.node.outputs is one]
        names = list(dict.fromkeys(one.node.layer.name for one in inner))
        if names:
            break
    else:
        raise UsageError(
            f"--terms=distill_features: the {network.name} has no map to match, neither a sum nor"
            " one that a convolution reads"
        )
    parts = min(MOST, len(names))
    return tuple(names[-(-part * len(names) // parts) - 1] for part in range(1, parts + 1))


def _maps(network: keras.Model, names: tuple[str, ...]) -> list[tf.Tensor]:
    """What layers of these names return in a network."""
    made = {}
    for node in calls(network):
        wrapped = isinstance(node.layer, LotteryWrapper)
        made[node.layer.layer.name if wrapped else node.layer.name] = node.outputs
    return [made[name] for name in names]


def _identity(size: int, taught: tf.Tensor, mask: Channels | None) -> np.ndarray:
    """`(size, C)`: a one where a channel of a student is one of the teacher's map, of C channels.

    Args:
      size: channels of the student's map.
      taught: the teacher's map, in its graph.
      mask: of the channels that stay.
    """
    whole = np.eye(taught.shape[-1], dtype=np.float32)
    axes = mask.axes if mask else {}
    stays = np.resize(_stays(taught, axes), len(whole))  # as Reshape and Flatten have them
    known = np.count_nonzero(stays) == size
    return whole[stays] if known else np.zeros((size, len(whole)), np.float32)


def _stays(taught: tf.Tensor, axes: dict[str, dict[int, np.ndarray]]) -> np.ndarray:
    """Which channels stay of the layer that wrote a map, found by way of its first inputs."""
    node = taught.node
    while type(node.layer) not in KERNELS and not node.is_input:
        node = node.keras_inputs[0].node
    kernel = KERNELS.get(type(node.layer))
    if kernel is None:
        return np.ones(1, bool)
    variable = getattr(node.layer, kernel.variable)
    axis = kernel.writes % variable.shape.rank
    everything = np.ones(variable.shape[axis], bool)
    return axes.get(path_of(node.layer, variable), {}).get(axis, everything)
