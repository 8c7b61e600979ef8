"""How many units stay where that is no number of units: budgets of MACs, and what is left of 0."""

import warnings

import numpy as np
import tf_keras as keras

from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.errors import ToolkitWarning
from tf_gan_lth.pruning.channel_masks import Channels
from tf_gan_lth.pruning.cost import cost
from tf_gan_lth.pruning.masks import Mask


def keep_macs(
    network: keras.Model, mask: Mask, scores: Arrays, share: float, layerwise: bool = False
) -> Mask:
    """The mask of the most units that leaves at most a share of a network's MACs.

    Args:
      network: plain; its MACs are counted by `cost`.
      mask: which units remain so far.
      scores: of its units; the highest stay: see `Mask.keep`.
      share: of the MACs of the whole network, in (0, 1].
      layerwise: rank within each layer.

    Returns:
      A mask that keeps at least `mask.least` units; if these take more than the share, a
      `ToolkitWarning` says so.
    """
    whole = cost(network).macs
    found = mask.keep(scores, mask.least, layerwise)
    left = cost(network, found.expand()).macs_left
    if left > share * whole:
        warnings.warn(
            f"the {network.name} keeps {left / whole:.1%} of its MACs, more than the"
            f" {share:.1%} asked for: {mask.least} units are the fewest that must stay",
            ToolkitWarning,
            stacklevel=2,
        )
        return found
    low, high = mask.least, mask.remaining
    while low < high:
        middle = (low + high + 1) // 2
        kept = mask.keep(scores, middle, layerwise)
        if cost(network, kept.expand()).macs_left <= share * whole:
            found, low = kept, middle
        else:
            high = middle - 1
    return found


def keep_as_many(network: keras.Model, mask: Mask, scores: Arrays, layerwise: bool = False) -> Mask:
    """Another mask of a network, of the units that score highest, with no more MACs than `mask`.

    Args:
      network: plain.
      mask: of the network, which says how many MACs stay, not which units.
      scores: of all its units.
      layerwise: rank within each layer.
    """
    found = cost(network, mask.expand())
    # Rounded up, as the very same units have to be within the share.
    share = np.nextafter(found.macs_left / found.macs, 1.0)
    return keep_macs(network, mask.full(), scores, share, layerwise)


def keep_positive(mask: Channels, scores: Arrays) -> Channels:
    """The mask of the channels that score above 0, and of one of each group where none does.

    Args:
      mask: which channels remain so far; those that do not score 0.
      scores: {group: `(C,)`}, as of gammas that training has made 0 or not.
    """
    count = sum(max(1, int(np.count_nonzero(array > 0))) for array in scores.values())
    return mask.keep(scores, count)
