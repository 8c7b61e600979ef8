"""Units: what a lottery prunes as a whole, by the name that `--unit` gives it."""

import dataclasses
import fnmatch
import warnings
from collections.abc import Iterable, Iterator

import tf_keras as keras

from tf_gan_lth import gans
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.config import Config, LotteryConfig
from tf_gan_lth.experiment.errors import ToolkitWarning, UsageError
from tf_gan_lth.methods.candidate import Masks
from tf_gan_lth.pruning.channel_masks import Channels
from tf_gan_lth.pruning.channels import Groups, channel_groups
from tf_gan_lth.pruning.masks import Elements, Mask
from tf_gan_lth.pruning.two_of_four import FOUR, TwoOfFour
from tf_gan_lth.pruning.wrapping import excluded, prunable_paths, summed_axes
from tf_gan_lth.training.model import STATIC

# What people call them.
UNITS = {"element": "weights", "channel": "channels", "2:4": "weights"}

# Dense kernels are pruned if asked for; the others' weights of two axes are no kernels.
NO_KERNELS = (
    keras.layers.Dense,
    keras.layers.Embedding,
    keras.layers.LayerNormalization,
    keras.layers.PReLU,
)


def complaints(config: Config) -> Iterator[str]:
    """What of a config the units that it prunes cannot be combined with."""
    lottery = config.lottery
    finds = not lottery.parent  # a transfer prunes nothing
    if finds and lottery.unit == "2:4" and (lottery.rate != 0.5 or lottery.rounds > 1):
        yield (
            "--unit=2:4 prunes half of the weights at once: it needs --rounds=1 and --rate=0.5, not"
            f" --rounds={lottery.rounds} and --rate={lottery.rate}"
        )
    if lottery.unit == "2:4" and lottery.budget != "units":
        yield f"--budget={lottery.budget}: --unit=2:4 keeps half of the weights, whatever they take"
    if lottery.unit != "channel":
        for name in ("prune_trunk", "train_slim"):
            if getattr(lottery, name):
                yield f"--{name} is of channels: it needs --unit=channel"
        return
    if lottery.train_slim and config.evaluation.score_every:
        yield "--score_every scores whole networks: leave it out with --train_slim"
    if lottery.prune_dense:
        yield "--prune_dense is of single weights: leave it out with --unit=channel"
    if config.training.mask_update != STATIC:
        yield f"--mask_update={config.training.mask_update} is of single weights: not of channels"


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
        return {n: Channels.everything(g, n) for n, g in _without(found, lottery.exclude).items()}
    paths = prunable_paths(networks, lottery.exclude, lottery.prune_dense)
    held = {name: gans.variables(network) for name, network in networks.items()}
    whole = {name: Elements.everything(held[name], own) for name, own in paths.items()}
    if lottery.unit == "2:4":
        return {name: _in_fours(networks[name], mask) for name, mask in whole.items()}
    for name, mask in whole.items():
        _name_whole(networks[name], name, mask, lottery.exclude)
    return whole


def tell_last_channels(name: str, before: Mask, scores: Arrays, kept: Mask) -> None:
    """Warns of layers that keep a channel only because one must stay; nothing of other units.

    Args:
      name: of the network.
      before: what remained before.
      scores: of its units, by which those that stay were chosen over the whole network.
      kept: what remains.
    """
    if not isinstance(before, Channels):
        return
    layers = before.last_of_layers(scores, kept)
    if layers:
        warnings.warn(
            f"the {name} keeps one channel each of {', '.join(layers)}, of which all would go by"
            " their scores",
            ToolkitWarning,
            stacklevel=2,
        )


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


def _name_whole(network: keras.Model, name: str, mask: Elements, exclude: Iterable[str]) -> None:
    """Warns of layers with kernels that no mask covers, before hours of training show it.

    Dense layers are left out, as `--prune_dense` is there for them, and what `--exclude` names.
    """
    whole = [
        f"{layer.name} ({type(layer).__name__})"
        for layer in network.layers
        if _has_kernels(layer)
        and not any(path in mask.kept for path, _ in gans.named_variables(layer))
        and not any(fnmatch.fnmatchcase(f"{name}/{layer.name}", pattern) for pattern in exclude)
    ]
    if whole:
        warnings.warn(
            f"no weight of these layers of the {name} is pruned: {', '.join(whole)}",
            ToolkitWarning,
            stacklevel=2,
        )


def _has_kernels(layer: keras.layers.Layer) -> bool:
    if isinstance(layer, NO_KERNELS):
        return False
    return any(variable.shape.rank >= 2 for variable in layer.trainable_weights)


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
    layers = excluded(writers, patterns, "the layers whose channels can go")
    kept = {}
    for name, groups in found.items():
        whole = [g for g in groups.prunable if layers & {f"{name}/{w}" for w in g.writers}]
        fixed = groups.fixed | {group.name: "excluded" for group in whole}
        prunable = tuple(group for group in groups.prunable if group not in whole)
        kept[name] = dataclasses.replace(groups, prunable=prunable, fixed=fixed)
    return kept
