"""Branches: controls and variants that start from one round of the trunk.

A branch is a function of the laboratory and a ticket that returns the initial weights and the masks to train instead. To
add one, write the function and register it; `--branches` and the error for unknown names follow.
"""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from tf_gan_lth.experiment import seeds
from tf_gan_lth.pruning import masks as pruning
from tf_gan_lth.training import Masks, Weights

if TYPE_CHECKING:
    from tf_gan_lth.lottery.laboratory import Laboratory


@dataclasses.dataclass(frozen=True)
class Ticket:
    """What a round of the trunk trains: the initial weights (unmasked) and the masks."""

    replicate: int
    round_number: int
    initial: Weights
    masks: Masks


Branch = Callable[["Laboratory", Ticket], tuple[Weights, Masks]]
BRANCHES: dict[str, Branch] = {}


def register(branch: Branch) -> Branch:
    """Makes a branch available under its function's name."""
    BRANCHES[branch.__name__] = branch
    return branch


@register
def random_mask(lab: "Laboratory", ticket: Ticket) -> tuple[Weights, Masks]:
    """The ticket's initial weights under a mask with as many ones at random places of the whole network."""
    labels = ("replicate", ticket.replicate, "round", ticket.round_number, "random_mask")
    shuffled = {n: pruning.random_mask(mask, seeds.generator(lab.config.seed, *labels, n)) for n, mask in ticket.masks.items()}
    return ticket.initial, shuffled


@register
def random_init(lab: "Laboratory", ticket: Ticket) -> tuple[Weights, Masks]:
    """The ticket's masks over fresh weights of every network that is pruned; the others keep theirs."""
    fresh = lab.fresh_weights(ticket.replicate, "round", ticket.round_number, "random_init")
    return {**ticket.initial, **{name: fresh[name] for name in ticket.masks}}, ticket.masks
