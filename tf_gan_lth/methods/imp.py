"""The algorithm of the paper: find a lottery ticket in a GAN."""

from collections.abc import Callable

from tf_gan_lth.experiment.run_folder import Place, Replicate
from tf_gan_lth.methods.branches import BRANCHES, Ticket
from tf_gan_lth.methods.bench import Laboratory
from tf_gan_lth.pruning import masks as pruning
from tf_gan_lth.training import EMA, Masks, Weights

AfterTraining = Callable[[Place], None]


def find_ticket(
    lab: Laboratory, replicate: int, after_training: AfterTraining, branches: bool = True
) -> None:
    """Train, prune, rewind, repeat: iterative magnitude pruning of a GAN (Chen et al. 2021,
    algorithm 1).

    Every stage returns what the run folder has of it, so a run that was stopped continues with its
    next unfinished stage, and a run that is asked for more rounds adds them.

    Args:
      lab: data, networks and run folder.
      replicate: which repetition of the experiment.
      after_training: called with the place of each round and branch once its scores are there.
      branches: whether to train the branches too; other processes can: see `parts`.

    Raises:
      BusyError: another process is at this replicate.
    """
    place = lab.run.replicate(replicate)
    with place.lock():
        initial = place.initial.get_or(lab.fresh_weights, replicate)
        lab.check_protocol(place.untrained_scores.get_or(lab.score, initial, replicate))
        for number in range(lab.config.lottery.rounds + 1):
            play(lab, draw(lab, place, number), after_training, branches)


def draw(lab: Laboratory, place: Replicate, number: int) -> Ticket:
    """The ticket of a round: the weights to rewind to, and the mask that the round before
    leaves.
    """
    initial, rewind_step = place.initial.get(), lab.config.lottery.rewind_step
    start = place.rewind.get_or(lab.warm_up, initial, place.number) if rewind_step else initial
    here, before = place.round(number), place.round(number - 1)
    masks = (
        here.masks.get_or(lab.prune, before, number)
        if number
        else here.masks.get_or(lab.full_masks, initial)
    )
    from_before = number and not lab.config.lottery.rewind
    weights = (
        before.weights.get()
        if from_before
        else lab.with_discriminator(lab.config.lottery.discriminator_start, here, start)
    )
    return Ticket(here, weights, masks, rewind_step)


def play(
    lab: Laboratory, ticket: Ticket, after_training: AfterTraining, branches: bool = True
) -> None:
    """Trains and scores a ticket, and the branches of its round."""
    train_and_score(lab, ticket.place, ticket, after_training)
    for name in lab.branches(ticket.place.round_number) if branches else ():
        play_branch(lab, ticket, name, after_training)


def play_branch(lab: Laboratory, ticket: Ticket, name: str, after_training: AfterTraining) -> None:
    """Trains and scores one branch of a round whose training is done, unless another process is at
    it.
    """
    here = ticket.place.branch(name)
    with here.lock():
        # Of a branch that is complete nothing is made, only checked.
        start = Ticket(here, {}, {}) if here.is_complete() else BRANCHES[name](lab, ticket)
        train_and_score(lab, here, start, after_training)


def rewind(weights: Weights, masks: Masks) -> Weights:
    """mask x theta: every variable of every network as it was at the start, pruned weights exactly
    zero.
    """
    return {
        name: pruning.apply(snapshot, masks.get(name.removesuffix(EMA), {}))
        for name, snapshot in weights.items()
    }


def train_and_score(
    lab: Laboratory, here: Place, ticket: Ticket, after_training: AfterTraining
) -> None:
    """Rewinds, trains and scores; what is there already is checked and kept."""
    finished = here.scores.exists()
    masks = here.masks.get_or(dict, ticket.masks)
    here.sparsity.get_or(lab.sparsity, masks)
    weights = here.weights.get_or(
        lambda: lab.train(rewind(ticket.weights, masks), masks, here, ticket.first_step)
    )
    here.checkpoint.remove()
    here.training.get_or(lab.training_record, ticket.first_step)
    here.samples.get_or(lab.draw_samples, weights, here.replicate)
    lab.check_protocol(here.scores.get_or(lab.score, weights, here.replicate))
    if not finished:
        after_training(here)
