"""Training without the pruned channels: the same candidate, in less time.

What stays trains as it does in the masked networks, but for the order in which floats are summed;
what is pruned is put back as zeros, so that files and rounds are those of whole networks.
"""

import dataclasses
from collections.abc import Sequence

import tf_keras as keras

from tf_gan_lth.pruning.channel_masks import Channels
from tf_gan_lth.pruning.cost import cost
from tf_gan_lth.pruning.slimming import slim, slim_snapshot, widened_snapshot
from tf_gan_lth.training.checkpoints import Checkpoints
from tf_gan_lth.training.trainer import EMA, Start, Trained, Trainer, Weights

# Multiply-accumulates of a training that pay for tracing its networks anew, some ten seconds.
PAYS = 1e12
PASSES = 3  # of a training step: forwards, and backwards to the weights and to what was read


def saves_time(whole: Trainer, masks: dict[str, Channels]) -> bool:
    """Whether a training is worth being traced anew without its pruned channels.

    It is a matter of counts, not of clocks: a run that is continued elsewhere decides the same.

    Args:
      whole: trains the whole networks.
      masks: of the networks that are pruned.
    """
    networks = whole.model.gan.networks
    costs = [cost(networks[name], mask.expand()) for name, mask in masks.items()]
    saved = sum(each.macs - each.macs_left for each in costs)
    images = whole.config.steps * whole.config.generator_batch_size
    return PASSES * saved * images > PAYS


def train_slim(
    whole: Trainer,
    masks: dict[str, Channels],
    start: Start,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    stop: int | None = None,
    checkpoints: Checkpoints | None = None,
) -> Trained:
    """As `whole.train`, with networks that lack the pruned channels.

    Args:
      whole: trains the whole networks, with static masks.
      masks: of the networks that are pruned; `start.kept` has them expanded.
      start: the state before the first step, of whole networks.
      callbacks: of `fit`.
      stop: number of the step before which training ends; None is the configured number.
      checkpoints: what keeps the state of a training that is interrupted, and continues it. A
        checkpoint of slim networks is no checkpoint of whole ones.
    """
    trainer, small = slim_trainer(whole, masks, start.weights)
    begins = dataclasses.replace(start, weights=small, kept={})
    trained = trainer.train(begins, callbacks, stop, checkpoints)
    return Trained(_widened(trained.weights, start.weights, masks), start.kept)


def slim_trainer(
    whole: Trainer, masks: dict[str, Channels], weights: Weights
) -> tuple[Trainer, Weights]:
    """What trains the same networks without the pruned channels, and their weights.

    Args:
      whole: trains the whole networks.
      masks: of the networks that are pruned.
      weights: of the whole networks, and averages of some.
    """
    networks, small = dict(whole.model.gan.networks), dict(weights)
    with whole.strategy.scope():
        for name, mask in masks.items():
            networks[name], small[name] = slim(networks[name], weights[name], mask)
            if name + EMA in small:
                small[name + EMA] = slim_snapshot(small[name + EMA], mask)
    gan = dataclasses.replace(whole.model.gan, networks=networks)
    trainer = Trainer(
        gan,
        whole.config,
        whole.images,
        whole.strategy,
        masked=False,
        teachers=whole.model.teachers,
        bits=whole.bits,
        slimmed=masks,
    )
    return trainer, small


def _widened(trained: Weights, start: Weights, masks: dict[str, Channels]) -> Weights:
    """Snapshots of the whole networks; averages that the start lacks look like their network."""
    found = {}
    for name, snapshot in trained.items():
        mask = masks.get(name.removesuffix(EMA))
        like = start.get(name, start[name.removesuffix(EMA)])
        found[name] = widened_snapshot(snapshot, like, mask) if mask else snapshot
    return found
