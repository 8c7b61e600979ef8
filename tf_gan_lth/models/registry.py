"""GANs by name: `build` returns the networks together with what is usual for them, so a preset says only what differs."""

import dataclasses
from collections.abc import Callable

import tf_keras as keras

from tf_gan_lth.experiment.errors import UsageError, check_known
from tf_gan_lth.models import sngan


@dataclasses.dataclass(frozen=True)
class Hyperparameters:
    """What is usual for training a GAN; the names are those of `TrainingConfig`, whose unset options fall back on these.

    Attributes:
      loss: name in `training.losses`.
      adam_betas: Adam's decay rates of the first and second moment.
    """

    loss: str
    adam_betas: tuple[float, float]
    steps: int
    discriminator_steps: int
    generator_batch_size: int
    discriminator_batch_size: int
    learning_rate: float
    ema_decay: float


@dataclasses.dataclass(frozen=True)
class GAN:
    """A GAN as plain Keras graphs.

    Attributes:
      networks: {name: network}; of a noise-to-image GAN `generator` and `discriminator`.
      hyperparameters: what is usual for it.
    """

    networks: dict[str, keras.Model]
    hyperparameters: Hyperparameters


@dataclasses.dataclass(frozen=True)
class _Kind:
    generator: Callable[[int, int, int], keras.Model]
    discriminator: Callable[[int, int, int], keras.Model]
    width: int
    hyperparameters: Hyperparameters


_KINDS = {
    # Chen et al. 2021, read in their code.
    "sngan": _Kind(
        sngan.generator,
        sngan.discriminator,
        width=256,
        hyperparameters=Hyperparameters(
            loss="hinge",
            adam_betas=(0.0, 0.9),
            steps=50_000,
            discriminator_steps=5,
            generator_batch_size=128,
            discriminator_batch_size=64,
            learning_rate=2e-4,
            ema_decay=0.999,
        ),
    ),
}


def build(name: str, resolution: int, channels: int, width: int | None, discriminator_width: int | None, seed: int) -> GAN:
    """Builds the networks of a GAN with fresh weights.

    Args:
      name: one of the known GANs.
      resolution: height and width of the images, in pixels: 8, 16, 32, ...
      channels: channels of the images.
      width: channels of the generator's hidden maps; None is the GAN's own.
      discriminator_width: of the discriminator's; None is half of the generator's.
      seed: what the fresh weights are drawn from. Sets the global seeds of Python, NumPy and TensorFlow, as
        Keras's initializers draw from those.

    Raises:
      UsageError: an unknown name, or a resolution that the networks cannot have.
    """
    check_known("GAN", name, _KINDS)
    if resolution < 8 or resolution & (resolution - 1):
        raise UsageError(f"--resolution={resolution} does not fit {name}: it must be a power of two from 8 on")
    kind = _KINDS[name]
    width = width or kind.width
    keras.utils.set_random_seed(seed % 2**32)
    networks = {
        "generator": kind.generator(resolution, width, channels),
        "discriminator": kind.discriminator(resolution, discriminator_width or max(1, width // 2), channels),
    }
    return GAN(networks, kind.hyperparameters)
