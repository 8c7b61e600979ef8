"""Channel groups: which slices of which variables go together, found from a network's graph.

A channel is more than a filter: with it go its bias, its place in norms, and the slice of every
kernel that reads it. Layers whose maps are added write the same channels, and features that are
flattened or reshaped remain those of their channel. So groups are found, not written down: each
feature of the graph gets a label, each layer joins labels by the rule of its class
(`channel_rules`), and channels that lie in the same variables are a group.

What cannot go: inputs and outputs of the network; whatever is read or written by a layer without a
rule; and a trunk, a group that several layers write together, as those before a residual sum do,
unless whole trunks are to lose channels. What a block reads of a trunk can be selected instead.

Source: groups are those of Fang et al. 2023 (DepGraph, Torch-Pruning).
"""

import dataclasses
from collections.abc import Iterable

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.pruning.channel_flow import Flow, Labels
from tf_gan_lth.pruning.channel_rules import NORMS, Call, NotKnown, follow, gains_of

SHOWN = 3  # layers that a reason names


@dataclasses.dataclass(frozen=True, eq=False)
class Slices:
    """What of one variable belongs to each channel of a group.

    Attributes:
      path: of the variable.
      axis: along which its slices lie.
      positions: `(C, n)` int; channel k has the slices `positions[k]`. There are several where a
        channel has several features, as after Flatten.
    """

    path: str
    axis: int
    positions: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Group:
    """Channels that lie in the same variables; each of them stays or goes as a whole.

    Attributes:
      name: of the first layer that writes them, with `#2`, `#3` ... for its further groups.
      size: C, the number of channels.
      slices: of every variable that has a part in them.
      writers: names of the layers that write them.
      selects: whether the writer is a norm that reads a trunk. Then a channel of the group is not
        one of the trunk, but a choice of what the norm and the layers after it read.
    """

    name: str
    size: int
    slices: tuple[Slices, ...]
    writers: tuple[str, ...]
    selects: bool = False

    def values(self, arrays: Arrays, variable: str | None = None) -> np.ndarray:
        """What each channel has of arrays, side by side: `(C, n)`.

        Args:
          arrays: {variable path: array of the variable's shape}, as of weights or gradients;
            variables that it lacks are left out.
          variable: takes only those of this name, e.g. `gamma`.
        """
        found = [np.zeros((self.size, 0), np.float32)]
        for part in self.slices:
            if part.path not in arrays or variable not in (None, part.path.rpartition("/")[2]):
                continue
            taken = np.moveaxis(arrays[part.path], part.axis, 0)[part.positions]
            found.append(taken.reshape(self.size, -1))
        return np.concatenate(found, axis=1)


@dataclasses.dataclass(frozen=True, eq=False)
class Groups:
    """The channel groups of a network.

    Attributes:
      prunable: groups whose channels can go, in the order of the graph.
      fixed: {group name: why its channels cannot go}.
      unknown: {layer name: why the analysis does not know it}; what it reads and writes is left
        whole.
      shapes: {variable path: shape} of the variables that prunable groups have slices of.
      trainable: paths of those that are trained; the others are statistics and vectors of norms.
    """

    prunable: tuple[Group, ...]
    fixed: dict[str, str]
    unknown: dict[str, str]
    shapes: dict[str, tuple[int, ...]]
    trainable: frozenset[str]

    @property
    def total(self) -> int:
        """The number of channels that can go."""
        return sum(group.size for group in self.prunable)


def channel_groups(
    network: keras.Model, prune_trunk: bool = False, selections: bool = True
) -> Groups:
    """Finds which channels of a network go together, and which can go.

    Args:
      network: functional, not wrapped for pruning; only its graph and the shapes of its variables
        are looked at.
      prune_trunk: whether trunks can lose channels, for all layers that write or read them.
      selections: whether a norm with gammas that reads a trunk which stays whole makes a group of
        what it and the layers after it read, as the input selections of Chen et al. 2021 in SNGAN.
        There, a trunk is also what a block reads both through the norm and past it, by a shortcut
        that writes a trunk.

    Raises:
      UsageError: the network has no graph.
    """
    if not getattr(network, "_is_graph_network", False):
        raise UsageError(
            f"{network.name} has no graph to find channels in, as a subclassed or unbuilt model:"
            " make it by keras.Model(inputs, outputs)"
        )
    walk = _Walk(network, frozenset())
    if selections and not prune_trunk:
        walk = _with_selections(network, walk)
    return walk.groups(prune_trunk)


def calls(network: keras.Model) -> list:
    """The calls of a network's layers, Keras's nodes, each after those that it reads."""
    position = {id(layer): number for number, layer in enumerate(network.layers)}
    levels = sorted(network._nodes_by_depth.items(), reverse=True)
    return [
        node
        for _, nodes in levels
        for node in sorted(nodes, key=lambda node: position.get(id(node.layer), -1))
    ]


@dataclasses.dataclass
class _Channel:
    """What is known of one channel; dicts are sets that keep their order."""

    slices: dict[tuple[str, int], list[int]] = dataclasses.field(default_factory=dict)
    writers: dict[str, None] = dataclasses.field(default_factory=dict)
    readers: dict[str, None] = dataclasses.field(default_factory=dict)
    reasons: dict[str, None] = dataclasses.field(default_factory=dict)
    sums: dict[str, None] = dataclasses.field(default_factory=dict)

    @property
    def kind(self) -> tuple:
        """Equal for channels of one group."""
        counts = tuple((key, len(positions)) for key, positions in self.slices.items())
        return counts, tuple(self.writers), tuple(self.reasons)


class _Walk:
    """One pass over the graph.

    Args:
      network: functional.
      selecting: names of norms that select: what they return are channels of their own.
    """

    def __init__(self, network: keras.Model, selecting: frozenset[str]):
        self.flow = Flow()
        self.unknown: dict[str, str] = {}
        self.read_by_norms: dict[str, list[Labels]] = {}
        self._selecting = selecting
        self._labels: dict[int, Labels] = {}
        for node in calls(network):
            outputs = tf.nest.flatten(node.outputs)
            for tensor, labels in zip(outputs, self._returned(node, outputs), strict=True):
                self._labels[id(tensor)] = labels
        for tensor in network.outputs:
            self.flow.hold(self._labels[id(tensor)], "an output of the network")

    def _returned(self, node, outputs: list) -> list[Labels]:
        """The labels of what a call returns."""
        layer = node.layer
        if node.is_input:
            return self._held(layer, outputs, "an input of the network")
        reads = [self._labels[id(tensor)] for tensor in node.keras_inputs]
        if type(layer) in NORMS and gains_of(layer):
            self.read_by_norms.setdefault(layer.name, []).append(reads[0])
        if layer.name in self._selecting:
            self.flow.hold(reads[0], f"a trunk, of which {layer.name} selects")
            reads = [self.flow.fresh(len(reads[0]), layer.name), *reads[1:]]
        shapes = [tuple(tensor.shape) for tensor in node.keras_inputs]
        try:
            if len(outputs) != 1:
                raise NotKnown("it returns several maps")
            call = Call(layer, reads, shapes, tuple(outputs[0].shape))
            return [follow(self.flow, call)]
        except NotKnown as error:
            self.unknown[layer.name] = str(error)
        reason = f"{layer.name} uses it: {self.unknown[layer.name]}"
        for labels in reads:
            self.flow.hold(labels, reason)
        return self._held(layer, outputs, reason)

    def _held(self, layer: keras.layers.Layer, outputs: list, reason: str) -> list[Labels]:
        """New labels of channels that cannot go."""
        found = []
        for tensor in outputs:
            features = tensor.shape[-1] if tensor.shape.rank > 1 else 0
            labels = self.flow.fresh(features or 0, layer.name)
            self.flow.hold(labels, reason)
            found.append(labels)
        return found

    def channels(self) -> dict[int, _Channel]:
        """{root label: its channel}, in the order of the graph."""
        flow = self.flow
        found = {int(root): _Channel() for root in flow.roots(range(flow.count))}
        for key, labels in flow.bound.items():
            for position, root in enumerate(flow.roots(labels)):
                found[int(root)].slices.setdefault(key, []).append(position)
        facts = (
            *(("writers", name, labels) for name, labels in flow.written),
            *(("readers", name, labels) for name, labels in flow.read),
            *(("reasons", reason, labels) for labels, reason in flow.held),
            *(("sums", reason, labels) for labels, reason in flow.summed),
        )
        for kind, fact, labels in facts:
            for root in flow.roots(labels):
                getattr(found[int(root)], kind)[fact] = None
        for labels in flow.offset:
            for root in flow.roots(labels):
                found[int(root)].reasons |= found[int(root)].sums
        return found

    def groups(self, prune_trunk: bool) -> Groups:
        kinds: dict[tuple, list[_Channel]] = {}
        for channel in self.channels().values():
            kinds.setdefault(channel.kind, []).append(channel)

        prunable = []
        fixed = {}
        uses: dict[str, int] = {}
        for channels in kinds.values():
            writers = tuple(channels[0].writers)
            uses[writers[0]] = uses.get(writers[0], 0) + 1
            name = writers[0] + (f"#{uses[writers[0]]}" if uses[writers[0]] > 1 else "")
            reasons = list(channels[0].reasons)
            if len(writers) > 1 and not prune_trunk:
                reasons.append(f"a trunk, which {_shown(writers)} write together")
            if reasons:
                fixed[name] = "; ".join(reasons)
                continue
            slices = tuple(
                Slices(*key, np.array([channel.slices[key] for channel in channels]))
                for key in channels[0].slices
            )
            selects = writers[0] in self._selecting
            prunable.append(Group(name, len(channels), slices, writers, selects))

        paths = {part.path for group in prunable for part in group.slices}
        shapes = {path: shape for path, shape in self.flow.shapes.items() if path in paths}
        trainable = frozenset(self.flow.trainable & paths)
        return Groups(tuple(prunable), fixed, self.unknown, shapes, trainable)


def _with_selections(network: keras.Model, walk: _Walk) -> _Walk:
    """A pass in which every norm selects that can, or the given one if none can.

    A norm can if it reads nothing but a trunk, and is the only layer that writes what it returns:
    no sum leads that back into a trunk, no other norm selects of it, and it is no output.
    """
    selecting = _of_trunks(walk)
    while selecting:
        found = _Walk(network, selecting)
        channels = found.channels()
        written = dict(found.flow.written)
        right = set()
        for name in selecting & _of_trunks(found):
            made = [channels[root] for root in found.flow.roots(written[name])]
            if not any(len(channel.writers) > 1 or channel.reasons for channel in made):
                right.add(name)
        if right == selecting:
            return found
        selecting = frozenset(right)
    return walk


def _of_trunks(walk: _Walk) -> frozenset[str]:
    """Names of the norms that read nothing but trunks, and are called once."""
    channels = walk.channels()
    trunks = [channel for channel in channels.values() if len(channel.writers) > 1]
    into_trunks = {writer for channel in trunks for writer in channel.writers}
    return frozenset(
        name
        for name, reads in walk.read_by_norms.items()
        if len(reads) == 1
        and all(
            len(channels[root].writers) > 1 or into_trunks & channels[root].readers.keys()
            for root in walk.flow.roots(reads[0])
        )
    )


def _shown(names: Iterable[str]) -> str:
    """The first few names, for a message."""
    names = list(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
