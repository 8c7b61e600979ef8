"""Branches: controls and variants that start from one round of a method.

A branch is a function of the bench and a candidate that returns what to train instead. To add one,
write the function and register it; `--branches` and the error for unknown names follow.
"""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from tf_gan_lth.experiment import seeds
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.registry import Registry
from tf_gan_lth.gans import GANSpec
from tf_gan_lth.methods import criteria
from tf_gan_lth.methods.bench import Bench
from tf_gan_lth.methods.candidate import Candidate
from tf_gan_lth.methods.criteria import Scores
from tf_gan_lth.methods.imp import prune
from tf_gan_lth.methods.starts import replaced, with_discriminators, with_generators
from tf_gan_lth.pruning.budgets import keep_as_many

Branch = Callable[[Bench, Candidate], Candidate]
BRANCHES: Registry[Branch] = Registry("branch")
register = BRANCHES.register


@register
def random_mask(bench: Bench, ticket: Candidate) -> Candidate:
    """As many units, or MACs if the budget is of these, at random places of the whole network."""
    masks = {}
    for name, mask in ticket.masks.items():
        draws = _generator(ticket, bench, "random_mask", name)
        if bench.config.lottery.budget == "macs":
            scores = {key: draws.random(kept.shape) for key, kept in mask.kept.items()}
            masks[name] = keep_as_many(bench.gan.networks[name], mask, scores)
        else:
            masks[name] = mask.shuffled(draws)
    return dataclasses.replace(ticket, masks=masks)


@register
def random_mask_by_layer(bench: Bench, ticket: Candidate) -> Candidate:
    """As many units in each layer, at random places of it."""
    masks = {
        name: mask.shuffled(_generator(ticket, bench, "random_mask_by_layer", name), layerwise=True)
        for name, mask in ticket.masks.items()
    }
    return dataclasses.replace(ticket, masks=masks)


def _generator(ticket: Candidate, bench: Bench, *labels: str) -> np.random.Generator:
    here = ticket.folder
    place = ("replicate", here.replicate, "round", here.round_number)
    return seeds.generator(bench.config.seed, *place, *labels)


@register
def random_init(bench: Bench, ticket: Candidate) -> Candidate:
    """The ticket's masks over fresh weights of the networks that are pruned.

    The others start where they do, and a pruned discriminator where `--discriminator_start` says.
    Fresh weights have not been trained up to the step of late rewinding, nor in the phases or
    rounds before the ticket: where there are such, training begins at step 0, with theta_0 of the
    others, and takes as many steps in all.
    """
    here, lottery = ticket.folder, bench.config.lottery
    fresh = bench.fresh_weights(here.replicate, "round", here.round_number, "random_init")
    goes_on = ticket.first_step or ticket.phases or not lottery.rewind
    others = here.of_replicate.initial.get() if goes_on else ticket.weights
    weights = replaced(others, fresh, list(ticket.masks))
    start = lottery.discriminator_start
    weights = with_discriminators(bench, start, here, weights)
    return dataclasses.replace(ticket, weights=weights, first_step=0, phases=())


def _of_own_lottery(config: Config, gan: GANSpec) -> Iterator[str]:
    del gan
    lottery = config.lottery
    if lottery.method != "imp" or lottery.parent:
        what = "a transfer" if lottery.parent else f"--method={lottery.method}"
        yield f"--branches=random_ticket is a lottery of its own, which {what} is not"
    if not lottery.rewind:
        yield "--branches=random_ticket rewinds to weights of its own, which --norewind excludes"


@register(complaints=_of_own_lottery)
def random_ticket(bench: Bench, ticket: Candidate) -> Candidate:
    """The paper's random ticket: a lottery from other initial weights of all networks.

    Its first mask is the ticket's, of the trained dense GAN; each further one it finds in what it
    became in the round before, so every round up to the last of `--branch_rounds` has it. Its
    weights have not been trained up to the step of late rewinding: training begins at step 0.

    Source: the commands of Chen et al. 2021.
    """
    here = ticket.folder
    weights = bench.fresh_weights(here.replicate, "random_ticket")
    start = bench.config.lottery.discriminator_start
    weights = with_discriminators(bench, start, here, weights)
    masks = ticket.masks
    if here.round_number > 1:
        before = here.of_replicate.round(here.round_number - 1).branch("random_ticket")
        masks = prune(bench, before, here.round_number)
    return dataclasses.replace(ticket, weights=weights, masks=masks, first_step=0)


@register
def one_shot(bench: Bench, ticket: Candidate) -> Candidate:
    """As many units or MACs, all chosen at once by their magnitude in the trained dense GAN."""
    scores = criteria.magnitude(bench, ticket.folder.of_replicate.round(0))
    return _pruned_at_once(bench, ticket, scores)


@register(complaints=criteria.vanishing_gradients)
def snip(bench: Bench, ticket: Candidate) -> Candidate:
    """As many units or MACs, all chosen at once by their saliency before training.

    A pruned discriminator keeps the ticket's mask.
    """
    return _pruned_at_once(bench, ticket, criteria.snip(bench, ticket.folder))


def _pruned_at_once(bench: Bench, ticket: Candidate, scores: Scores) -> Candidate:
    """The ticket with masks as sparse, made from full ones in one step.

    Networks without scores keep theirs.
    """
    layerwise = bench.config.lottery.ranking == "layerwise"
    masks = dict(ticket.masks)
    for name in masks.keys() & scores.keys():
        mask, full = masks[name], masks[name].full()
        ranked = full.pool(scores[name])
        if bench.config.lottery.budget == "macs":
            masks[name] = keep_as_many(bench.gan.networks[name], mask, ranked, layerwise)
        else:
            masks[name] = full.keep(ranked, mask.remaining, layerwise)
    return dataclasses.replace(ticket, masks=masks)


@register
def not_rewound(bench: Bench, ticket: Candidate) -> Candidate:
    """Every network goes on from what the round before trained.

    Standard pruning, where no round rewinds, is `--norewind`.
    """
    here = ticket.folder
    before = here.of_replicate.round(here.round_number - 1)
    return dataclasses.replace(ticket, weights=before.weights.get())


@register
def dense_generator(bench: Bench, ticket: Candidate) -> Candidate:
    """The generator starts from the trained one of the dense GAN: finetuning of what is pruned."""
    weights = with_generators(bench, "dense", ticket.folder, ticket.weights)
    return dataclasses.replace(ticket, weights=weights)


@register
def dense_discriminator(bench: Bench, ticket: Candidate) -> Candidate:
    """The discriminator starts from the trained one of the dense GAN."""
    weights = with_discriminators(bench, "dense", ticket.folder, ticket.weights)
    return dataclasses.replace(ticket, weights=weights)


@register
def second_discriminator(bench: Bench, ticket: Candidate) -> Candidate:
    """The discriminator starts from the initial weights of a second seed."""
    weights = with_discriminators(bench, "second_seed", ticket.folder, ticket.weights)
    return dataclasses.replace(ticket, weights=weights)
