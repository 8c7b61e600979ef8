"""Units: what a lottery prunes as a whole, by the name that `--unit` gives it."""

import dataclasses
import fnmatch
import warnings

import tf_keras as keras

from tf_gan_lth import gans
from tf_gan_lth.experiment.config import LotteryConfig
from tf_gan_lth.experiment.errors import ToolkitWarning, UsageError
from tf_gan_lth.methods.candidate import Masks
from tf_gan_lth.pruning.channel_masks import Channels
from tf_gan_lth.pruning.channels import Groups, channel_groups
from tf_gan_lth.pruning.masks import Elements
from tf_gan_lth.pruning.two_of_four import FOUR, TwoOfFour
from tf_gan_lth.pruning.wrapping import prunable_paths, summed_axes

# What people call them.
UNITS = {"element": "weights", "channel": "channels", "2:4": "weights"}


def full_masks(lottery: LotteryConfig, gan: gans.GAN) -> Masks:
    """The masks that keep every unit of the networks that are pruned.

    Args:
      lottery: says which networks, which units of them, and which layers are left whole.
      gan: plain networks.

    Raises:
      UsageError: a pattern of `--exclude` fits nothing, or a network has no unit that can go.
    """
    pruned = [name for role in lottery.prune for name in gan.spec.of_role(role)]
    networks = {n: network for n, network in gan.networks.items() if n in pruned}
    if lottery.unit == "channel":
        found = {n: channel_groups(net, lottery.prune_trunk) for n, net in networks.items()}
        _name_unknown(found)
        return {n: Channels.everything(g) for n, g in _without(found, lottery.exclude).items()}
    paths = prunable_paths(networks, lottery.exclude, lottery.prune_dense)
    held = {name: gans.take_snapshot(network) for name, network in networks.items()}
    whole = {name: Elements.everything(held[name], own) for name, own in paths.items()}
    if lottery.unit == "2:4":
        return {name: _in_fours(networks[name], mask) for name, mask in whole.items()}
    return whole


def _name_unknown(found: dict[str, Groups]) -> None:
    """Warns of layers that the analysis does not know, whose channels all stay."""
    for name, groups in found.items():
        if groups.unknown:
            reasons = "; ".join(f"{layer}: {why}" for layer, why in groups.unknown.items())
            warnings.warn(
                f"what these layers of the {name} read and write is left whole: {reasons}",
                ToolkitWarning,
                stacklevel=2,
            )


def _in_fours(network: keras.Model, mask: Elements) -> TwoOfFour:
    """The mask of those kernels whose input channels are a multiple of four."""
    axes = {path: axis for path, axis in summed_axes(network).items() if path in mask.kept}
    fitting = {p: axis for p, axis in axes.items() if mask.kept[p].shape[axis] % FOUR == 0}
    left = sorted(mask.kept.keys() - fitting.keys())
    if not fitting:
        raise UsageError(
            f"--unit=2:4: no kernel of the {network.name} has a multiple of 4 input channels"
        )
    if left:
        warnings.warn(
            f"--unit=2:4 leaves whole what has no multiple of 4 input channels: {', '.join(left)}"
            f" of the {network.name}",
            ToolkitWarning,
            stacklevel=2,
        )
    return TwoOfFour({path: mask.kept[path] for path in fitting}, fitting)


def _without(found: dict[str, Groups], patterns: tuple[str, ...]) -> dict[str, Groups]:
    """The groups without those that an excluded layer writes: all their channels stay.

    Args:
      found: {network: its groups}.
      patterns: of `<network>/<layer>`, as in `fnmatch`.
    """
    writers = [
        f"{n}/{layer}" for n, g in found.items() for one in g.prunable for layer in one.writers
    ]
    for pattern in patterns:
        if not fnmatch.filter(writers, pattern):
            raise UsageError(
                f"--exclude={pattern} fits none of the layers whose channels can go:"
                f" {', '.join(writers)}"
            )
    kept = {}
    for name, groups in found.items():
        excluded = [
            group
            for group in groups.prunable
            if any(fnmatch.fnmatchcase(f"{name}/{w}", p) for w in group.writers for p in patterns)
        ]
        fixed = groups.fixed | {group.name: "excluded" for group in excluded}
        prunable = tuple(group for group in groups.prunable if group not in excluded)
        kept[name] = dataclasses.replace(groups, prunable=prunable, fixed=fixed)
    return kept
