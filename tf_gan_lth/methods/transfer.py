"""Transfer: a ticket that was found on one data set or with one loss, trained on another."""

import dataclasses
from collections.abc import Callable

from tf_gan_lth import models
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.run_folder import Place
from tf_gan_lth.methods.branches import Ticket
from tf_gan_lth.methods.bench import Laboratory
from tf_gan_lth.methods.parent import Parent
from tf_gan_lth.methods.imp import play


def config_of(config: Config, parent: Parent) -> Config:
    """The config of the run that trains a ticket: its rounds are the dense GAN and that of the
    ticket.
    """
    lottery = dataclasses.replace(
        config.lottery,
        parent=parent.digest,
        prune=tuple(models.role(name) for name in parent.masks),
        exclude=parent.exclude,
        rounds=parent.round_number,
        branch_rounds=(parent.round_number,),
    )
    usual = type(lottery)()
    for name in ("rewind", "rewind_step", "criterion"):
        if getattr(lottery, name) != getattr(usual, name):
            raise UsageError(
                f"--{name}={getattr(lottery, name)} is for finding tickets: a transfer prunes and"
                " rewinds nothing"
            )
    for name in ("prune", "exclude"):
        asked, has = getattr(config.lottery, name), getattr(lottery, name)
        if asked not in (getattr(usual, name), has):
            raise UsageError(
                f"--{name}={','.join(asked)}, but the ticket was found with"
                f" {','.join(has) or 'none'}: leave it out"
            )
    if config.training.kd_weight and "discriminator" not in lottery.prune:
        raise UsageError(
            f"--kd_weight={config.training.kd_weight} teaches a pruned discriminator, which this"
            " ticket has not"
        )
    if "not_rewound" in lottery.branches:
        raise UsageError(
            "--branches=not_rewound goes on from the round before, which a transfer does not train"
        )
    return dataclasses.replace(config, lottery=lottery)


def transfer(
    lab: Laboratory, parent: Parent, replicate: int, after_training: Callable[[Place], None]
) -> None:
    """Trains the dense GAN and the ticket, from the same weights, and the ticket's controls; scores
    all of them.

    Replicates share the ticket; they differ in the order of the data, the latents and, if those are
    fresh, the weights.

    Args:
      lab: data, networks and run folder, made for `config_of` and the parent.
      parent: the ticket.
      replicate: which repetition.
      after_training: called with the place of each training once its scores are there.

    Raises:
      BusyError: another process is at this replicate.
    """
    place = lab.run.replicate(replicate)
    with place.lock():
        initial = (
            place.initial.get_or(lab.fresh_weights, replicate)
            if parent.weights is None
            else place.initial.get_or(dict, parent.weights)
        )
        lab.check_protocol(place.untrained_scores.get_or(lab.score, initial, replicate))
        for here, masks in [
            (place.round(0), lab.full_masks(initial)),
            (place.round(parent.round_number), parent.masks),
        ]:
            weights = lab.with_discriminator(lab.config.lottery.discriminator_start, here, initial)
            ticket = Ticket(here, weights, here.masks.get_or(dict, masks))
            play(lab, ticket, after_training)
