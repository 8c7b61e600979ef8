"""A ticket of channels as the smaller network that it is."""

import tf_keras as keras

from tf_gan_lth import gans
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.config import LotteryConfig
from tf_gan_lth.methods.units import full_masks
from tf_gan_lth.pruning.channel_masks import Channels
from tf_gan_lth.pruning.slimming import slim


def channels_of(lottery: LotteryConfig, gan: gans.GAN, name: str, kept: Arrays) -> Channels:
    """The channels that a generator keeps.

    Args:
      lottery: of the run that pruned it, over channels.
      gan: whole networks.
      name: name of the generator.
      kept: its expanded mask.

    Raises:
      MaskError: the mask is not one of channels, or of another network.
    """
    return full_masks(lottery, gan)[name].read(kept)


def slim_generator(
    gan: gans.GAN, name: str, snapshot: Arrays, mask: Channels
) -> tuple[keras.Model, Arrays]:
    """A generator without its pruned channels.

    Args:
      gan: whole networks.
      name: name of the generator.
      snapshot: its weights.
      mask: what it keeps.

    Returns:
      The smaller network, its weights loaded, and these weights.
    """
    network, smaller = slim(gan.networks[name], snapshot, mask)
    gans.load_snapshot(network, smaller)
    return network, smaller
