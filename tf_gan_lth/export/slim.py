"""A ticket of channels as the smaller network that it is."""

import tf_keras as keras

from tf_gan_lth import gans
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.config import LotteryConfig
from tf_gan_lth.methods.units import full_masks
from tf_gan_lth.pruning.slimming import slim


def slim_generator(
    lottery: LotteryConfig, gan: gans.GAN, name: str, snapshot: Arrays, kept: Arrays
) -> tuple[keras.Model, Arrays]:
    """A generator without its pruned channels.

    Args:
      lottery: of the run that pruned it, over channels.
      gan: whole networks.
      name: name of the generator.
      snapshot: its weights.
      kept: its expanded mask.

    Returns:
      The smaller network, its weights loaded, and these weights.

    Raises:
      MaskError: the mask is not one of channels, or of another network.
    """
    mask = full_masks(lottery, gan)[name].read(kept)
    network, smaller = slim(gan.networks[name], snapshot, mask)
    gans.load_snapshot(network, smaller)
    return network, smaller
