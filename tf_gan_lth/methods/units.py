"""Units: what a lottery prunes as a whole, by the name that `--unit` gives it."""

import dataclasses
import fnmatch

from tf_gan_lth import gans
from tf_gan_lth.experiment.config import LotteryConfig
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.methods.candidate import Masks
from tf_gan_lth.pruning.channel_masks import Channels
from tf_gan_lth.pruning.channels import Groups, channel_groups
from tf_gan_lth.pruning.masks import Elements
from tf_gan_lth.pruning.wrapping import prunable_paths

UNITS = {"element": "weights", "channel": "channels"}  # what people call them


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
        return {n: Channels.everything(g) for n, g in _without(found, lottery.exclude).items()}
    paths = prunable_paths(networks, lottery.exclude, lottery.prune_dense)
    held = {name: gans.take_snapshot(network) for name, network in networks.items()}
    return {name: Elements.everything(held[name], own) for name, own in paths.items()}


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
