"""The algorithm of the paper: find a lottery ticket in a GAN."""

from collections.abc import Callable

from tf_gan_lth.experiment.run_folder import Place
from tf_gan_lth.lottery.branches import BRANCHES, Ticket
from tf_gan_lth.lottery.laboratory import Laboratory
from tf_gan_lth.pruning import masks as pruning
from tf_gan_lth.training import Masks, Weights


def find_ticket(lab: Laboratory, replicate: int, after_training: Callable[[Place], None]) -> None:
    """Train, prune, rewind, repeat: iterative magnitude pruning of a GAN (Chen et al. 2021, algorithm 1).

    Every stage returns what the run folder has of it, so a run that was stopped continues with its next unfinished stage,
    and a run that is asked for more rounds adds them.

    Args:
      lab: data, networks and run folder.
      replicate: which repetition of the experiment.
      after_training: called with the place of each round and branch once its scores are there.
    """
    place = lab.run.replicate(replicate)
    initial = place.initial.get_or(lab.fresh_weights, replicate)
    lab.check_protocol(place.untrained_scores.get_or(lab.score, initial, replicate))
    for number in range(lab.config.lottery.rounds + 1):
        here, before = place.round(number), place.round(number - 1)
        masks = here.masks.get_or(lab.prune, before, number) if number else here.masks.get_or(lab.full_masks, initial)
        train_and_score(lab, here, initial, masks, after_training)
        for name in lab.branches(number):
            start, branch_masks = BRANCHES[name](lab, Ticket(replicate, number, initial, masks))
            train_and_score(lab, here.branch(name), start, branch_masks, after_training)


def rewind(initial: Weights, masks: Masks) -> Weights:
    """mask x theta_0: every variable of every network as it was at the start, pruned weights exactly zero."""
    return {name: pruning.apply(weights, masks.get(name, {})) for name, weights in initial.items()}


def train_and_score(lab: Laboratory, here: Place, initial: Weights, masks: Masks, after_training: Callable[[Place], None]) -> None:
    """Rewinds, trains and scores; what is there already is checked and kept."""
    finished = here.scores.exists()
    masks = here.masks.get_or(dict, masks)
    here.sparsity.get_or(lab.sparsity, masks)
    weights = here.weights.get_or(lab.train, rewind(initial, masks), masks, here)
    here.training.get_or(lab.training_record)
    here.samples.get_or(lab.draw_samples, weights, here.replicate)
    lab.check_protocol(here.scores.get_or(lab.score, weights, here.replicate))
    if not finished:
        after_training(here)
