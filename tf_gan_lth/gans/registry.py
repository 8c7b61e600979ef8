"""GANs by name: `build` returns the networks together with what is usual for them, so a preset says
only what differs.
"""

import dataclasses
from collections.abc import Callable

import tf_keras as keras

from tf_gan_lth.experiment.config import NetworkConfig
from tf_gan_lth.experiment.errors import check_known
from tf_gan_lth.gans import cyclegan, sngan


@dataclasses.dataclass(frozen=True)
class Hyperparameters:
    """What is usual for training a GAN; the names are those of `TrainingConfig`, whose unset
    options fall back on these.

    None: the GAN has no such option.

    Attributes:
      loss: name in `training.losses`.
      adam_betas: Adam's decay rates of the first and second moment.
    """

    loss: str
    adam_betas: tuple[float, float]
    steps: int
    generator_batch_size: int
    learning_rate: float
    decay_from: float
    discriminator_steps: int | None = None
    discriminator_batch_size: int | None = None
    ema_decay: float | None = None
    cycle_weight: float | None = None
    identity_weight: float | None = None
    pool_size: int | None = None
    augmentation: str | None = None


Networks = dict[str, keras.Model]


@dataclasses.dataclass(frozen=True)
class Kind:
    """A GAN without weights.

    Attributes:
      name: what it is called.
      family: `noise_to_image` (networks `generator` and `discriminator`) or `image_to_image`
        (`generator_a2b`, `generator_b2a`, `discriminator_a`, `discriminator_b`).
      networks: (config, resolution, channels) to plain Keras graphs by name.
      hyperparameters: what is usual for it.
    """

    name: str
    family: str
    networks: Callable[[NetworkConfig, int | None, int], Networks]
    hyperparameters: Hyperparameters

    @property
    def generators(self) -> tuple[str, ...]:
        """The names of its generators."""
        return (
            ("generator",)
            if self.family == "noise_to_image"
            else ("generator_a2b", "generator_b2a")
        )


@dataclasses.dataclass(frozen=True)
class GAN:
    """A GAN as plain Keras graphs, by name."""

    kind: Kind
    networks: Networks


KINDS = {
    kind.name: kind
    for kind in [
        # Chen et al. 2021, read in their code.
        Kind(
            "sngan",
            "noise_to_image",
            sngan.networks,
            Hyperparameters(
                loss="hinge",
                adam_betas=(0.0, 0.9),
                steps=50_000,
                discriminator_steps=5,
                generator_batch_size=128,
                discriminator_batch_size=64,
                learning_rate=2e-4,
                decay_from=1.0,
                ema_decay=0.999,
            ),
        ),
        # Zhu et al. 2017, as Chen et al. 2021 train it; the steps are 200 epochs of horse2zebra.
        Kind(
            "cyclegan",
            "image_to_image",
            cyclegan.networks,
            Hyperparameters(
                loss="least_squares",
                adam_betas=(0.5, 0.999),
                steps=200 * 1334,
                generator_batch_size=1,
                learning_rate=2e-4,
                decay_from=0.5,
                cycle_weight=10.0,
                identity_weight=5.0,
                pool_size=50,
                augmentation="crop_and_flip",
            ),
        ),
    ]
}


def role(network: str) -> str:
    """`generator` or `discriminator`: what a network of that name is."""
    return network.partition("_")[0]


def kind(name: str) -> Kind:
    """The GAN of that name. Raises `UsageError` if there is none."""
    check_known("GAN", name, KINDS)
    return KINDS[name]


def build(
    config: NetworkConfig,
    resolution: int | None,
    channels: int,
    *,
    seed: int,
    precision: str = "float32",
) -> GAN:
    """Builds the networks of a GAN with fresh weights.

    Args:
      config: which GAN, and its size; what is unset is the GAN's own.
      resolution: height and width of the images, in pixels; None for any, where the GAN translates.
      channels: channels of the images.
      seed: what the fresh weights are drawn from. Sets the global seeds of Python, NumPy and
        TensorFlow, as Keras's initializers draw from those.
      precision: Keras's dtype policy of the layers; the weights, and what the networks return, are
        float32 under each.

    Raises:
      UsageError: an unknown name, or a resolution or option that the networks cannot have.
    """
    built = kind(config.gan)
    keras.utils.set_random_seed(seed % 2**32)
    usual = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(precision)
    try:
        return GAN(built, built.networks(config, resolution, channels))
    finally:
        keras.mixed_precision.set_global_policy(usual)
