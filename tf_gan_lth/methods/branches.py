"""Branches: controls and variants that start from one round of the trunk.

A branch is a function of the laboratory and a ticket that returns what to train instead. To add
one, write the function and register it; `--branches` and the error for unknown names follow."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from tf_gan_lth.experiment import seeds
from tf_gan_lth.experiment.run_folder import Place
from tf_gan_lth.lottery import criteria
from tf_gan_lth.pruning import masks as pruning
from tf_gan_lth.training import Masks, Weights

if TYPE_CHECKING:
    from tf_gan_lth.methods.bench import Laboratory


@dataclasses.dataclass(frozen=True)
class Ticket:
    """What a round trains.

    Attributes:
      place: where the round is kept.
      weights: of every network, not masked yet.
      masks: of the networks that are pruned.
      first_step: the step that training starts at: 0, or that of late rewinding.
    """

    place: Place
    weights: Weights
    masks: Masks
    first_step: int = 0


Branch = Callable[["Laboratory", Ticket], Ticket]
BRANCHES: dict[str, Branch] = {}


def register(branch: Branch) -> Branch:
    """Makes a branch available under its function's name."""
    BRANCHES[branch.__name__] = branch
    return branch


@register
def random_mask(lab: "Laboratory", ticket: Ticket) -> Ticket:
    """As many weights at random places of the whole network."""
    return _at_random(lab, ticket, pruning.random_mask, "random_mask")


@register
def random_mask_by_layer(lab: "Laboratory", ticket: Ticket) -> Ticket:
    """As many weights in each layer, at random places of it."""
    return _at_random(lab, ticket, pruning.random_mask_by_layer, "random_mask_by_layer")


def _at_random(lab: "Laboratory", ticket: Ticket, shuffle: Callable, name: str) -> Ticket:
    labels = ("replicate", ticket.place.replicate, "round", ticket.place.round_number, name)
    shuffled = {
        n: shuffle(mask, seeds.generator(lab.config.seed, *labels, n))
        for n, mask in ticket.masks.items()
    }
    return dataclasses.replace(ticket, masks=shuffled)


@register
def random_init(lab: "Laboratory", ticket: Ticket) -> Ticket:
    """The random ticket: its masks over fresh weights of every network that is pruned; the others
    start where they do.

    Fresh weights have not been trained up to the step of late rewinding, so training begins at step
    0, with theta_0 of the others."""
    fresh = lab.fresh_weights(
        ticket.place.replicate, "round", ticket.place.round_number, "random_init"
    )
    initial = lab.run.replicate(ticket.place.replicate).initial.get()
    weights = {**initial, **{name: fresh[name] for name in ticket.masks}}
    start = lab.config.lottery.discriminator_start
    return dataclasses.replace(
        ticket, weights=lab.with_discriminator(start, ticket.place, weights), first_step=0
    )


@register
def one_shot(lab: "Laboratory", ticket: Ticket) -> Ticket:
    """As many weights, all chosen at once by their magnitude in the trained dense GAN."""
    return lab.prune_at_once(ticket, criteria.magnitude(lab, lab.dense(ticket.place)))


@register
def snip(lab: "Laboratory", ticket: Ticket) -> Ticket:
    """As many weights, all chosen at once by their saliency before training; a pruned discriminator
    keeps the ticket's mask.
    """
    return lab.prune_at_once(ticket, criteria.snip(lab, ticket.place))


@register
def not_rewound(lab: "Laboratory", ticket: Ticket) -> Ticket:
    """Every network goes on from what the round before trained. (Standard pruning, where no round
    rewinds, is `--norewind`.)
    """
    before = lab.run.replicate(ticket.place.replicate).round(ticket.place.round_number - 1)
    return dataclasses.replace(ticket, weights=before.weights.get())


@register
def dense_discriminator(lab: "Laboratory", ticket: Ticket) -> Ticket:
    """The discriminator starts from the trained one of the dense GAN."""
    return dataclasses.replace(
        ticket, weights=lab.with_discriminator("dense", ticket.place, ticket.weights)
    )


@register
def second_discriminator(lab: "Laboratory", ticket: Ticket) -> Ticket:
    """The discriminator starts from the initial weights of a second seed."""
    return dataclasses.replace(
        ticket, weights=lab.with_discriminator("second_seed", ticket.place, ticket.weights)
    )
