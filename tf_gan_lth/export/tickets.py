"""Tickets as they are exported: a trained generator, and what is known of it."""

import dataclasses
import functools

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth import data, gans
from tf_gan_lth.data.pixels import mixed_order
from tf_gan_lth.experiment import digests, plugins, provenance
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.replicate_folder import TrainingFolder
from tf_gan_lth.experiment.run_folder import RunFolder, find_training
from tf_gan_lth.export.slim import channels_of, slim_generator
from tf_gan_lth.tasks import image_to_image, noise_to_image
from tf_gan_lth.tasks.image_sources import load_generator
from tf_gan_lth.training import EMA
from tf_gan_lth.training.image_to_image import DIRECTIONS


@dataclasses.dataclass(frozen=True)
class Ticket:
    """What is exported.

    Attributes:
      network: the plain generator, with its weights, without the channels that were pruned.
      prior: what it draws from; None if it translates.
      snapshot: those weights.
      kept: its expanded mask; empty where what was pruned is not there.
      facts: what its description says of it, see `describe`.
    """

    network: keras.Model
    prior: gans.Prior | None
    snapshot: Arrays
    kept: Arrays
    facts: dict[str, object]


def weights_of(folder: TrainingFolder, name: str) -> tuple[Arrays, Arrays, bool]:
    """What a training left of a generator: its averages if it has some, and its expanded mask.

    Args:
      folder: of the training, which is finished.
      name: of the generator.

    Returns:
      The snapshot, the mask (empty if the network was not pruned), and whether these are averages.
    """
    weights = folder.weights.get()
    averaged = name + EMA in weights
    snapshot = weights[name + EMA] if averaged else weights[name]
    return snapshot, folder.final_masks.get().get(name, {}), averaged


def ticket_of(
    run: RunFolder, folder: TrainingFolder, name: str, snapshot: Arrays, kept: Arrays
) -> Ticket:
    """The ticket of a training, slim where channels were pruned.

    Args:
      run: folder of the run.
      folder: of the training.
      name: of the generator.
      snapshot: of its weights.
      kept: its expanded mask.
    """
    gan = load_generator(run, folder, name, snapshot)
    facts = describe(run, folder, name, snapshot, kept)
    if gan.prior is not None:
        facts["classes"] = gan.prior.classes
    network, lottery = gan.networks[name], run.read_config().lottery
    if lottery.unit == "channel" and kept:
        mask = channels_of(lottery, gan, name, kept)
        network, snapshot = slim_generator(gan, name, snapshot, mask)
        facts["digest"] = _digest(snapshot)
        facts["sparsity"] = 1.0 - mask.remaining / mask.total  # of channels, as everywhere
        kept = {}
    return Ticket(network, gan.prior, snapshot, kept, facts)


def describe(
    run: RunFolder, folder: TrainingFolder, name: str, snapshot: Arrays, kept: Arrays
) -> dict[str, object]:
    """What a description says: which ticket it is, how sparse, and what exported it when.

    `made_from` says what made the run, and when its parts began and ended: see `provenance`.
    """
    config = run.read_config()
    total = sum(mask.size for mask in kept.values())
    ones = sum(int(mask.sum()) for mask in kept.values())
    return {
        "run": run.path.absolute().name,
        "replicate": folder.replicate,
        "round": folder.round_number,
        "branch": folder.branch_name,
        "network": name,
        "gan": config.networks.gan,
        "unit": config.lottery.unit,
        "sparsity": 1.0 - ones / total if total else 0.0,
        "digest": _digest(snapshot),
        "made": provenance.now(),
        **provenance.made_with(),
        "made_from": {
            **provenance.of_run(run.config.get()),
            "times": folder.times.get() if folder.times.exists() else {},
        },
    }


def _digest(snapshot: Arrays) -> str:
    return digests.short(
        *(part for path in sorted(snapshot) for part in (path, snapshot[path].tobytes()))
    )


@dataclasses.dataclass(frozen=True)
class Found:
    """A finished training of a run, of which one generator is exported.

    Attributes:
      run: folder of the run.
      folder: of the training.
      name: of the generator.
      ticket: what is exported.
      dense: what was not pruned of the same run, if its round 0 is there, else the network as it
        was before pruning with its weights.
      averaged: whether the weights are averages.
    """

    run: RunFolder
    folder: TrainingFolder
    name: str
    ticket: Ticket
    dense: Ticket
    averaged: bool

    def inputs(self, count: int) -> tuple[np.ndarray, ...]:
        """What the generator takes: the draws, or the test pictures, that it is scored on.

        Raises:
          DataError: the pictures of the run's data set cannot be read.
        """
        prior = self.ticket.prior
        if prior is not None:
            config = self.run.read_config()
            seed = noise_to_image.sampling_seed(config, self.folder.replicate)
            return tuple(part.numpy() for part in prior.draw(count, tf.constant(seed)))
        chosen = np.resize(mixed_order(self._pictures.count), count)
        return (data.scale(self._pictures.images[chosen]).numpy(),)

    @functools.cached_property
    def _pictures(self) -> data.ImageSet:
        split = image_to_image.load_split(self.run.read_config(), "test")
        return split.sets[DIRECTIONS[self.name][0]]


def find(path: str, direction: str | None = None) -> Found:
    """Opens the training that a path names, such as `RUN/replicate_0/round_05` or a branch of it.

    Args:
      path: of the training.
      direction: as of `open_training`.

    Raises:
      UsageError: there is no such training; and as of `open_training`.
    """
    return open_training(*find_training(path), direction)


def open_training(run: RunFolder, folder: TrainingFolder, direction: str | None = None) -> Found:
    """Opens a generator of a training.

    Args:
      run: folder of the run.
      folder: of the training.
      direction: `a2b` or `b2a`, of a GAN that translates; else None.

    Raises:
      UsageError: it is not trained, or a direction is missing or too much.
      ArtifactError: its files are broken.
    """
    config = run.read_config()
    plugins.load(config.networks.plugins)
    spec = gans.find(config.networks.gan)
    if not folder.weights.exists():
        raise UsageError(f"{folder.path} is not trained: it has no weights")
    name = _chosen(spec, direction)
    snapshot, kept, averaged = weights_of(folder, name)
    ticket = ticket_of(run, folder, name, snapshot, kept)
    first = run.replicate(folder.replicate).round(0)
    if first.weights.exists():
        snapshot, _, _ = weights_of(first, name)
    dense = ticket_of(run, first, name, snapshot, {})
    return Found(run, folder, name, ticket, dense, averaged)


def _chosen(spec: gans.GANSpec, direction: str | None) -> str:
    names = spec.generators
    if direction is None and len(names) == 1:
        return names[0]
    if len(names) == 1:
        raise UsageError(f"{spec.name} draws images: --direction is for GANs that translate")
    if direction is None:
        raise UsageError(f"{spec.name} translates two ways: say which with --direction=a2b or b2a")
    return f"generator_{direction}"
