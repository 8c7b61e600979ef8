"""The Geometric GAN of Lim and Ye 2017, in StudioGAN's form: DCGAN's networks with hinge loss.

At resolution 32 and width 64 the generator has 3,812,355 trainable parameters and the discriminator
2,931,009.
"""

import dataclasses

from tf_gan_lth.experiment.config import option
from tf_gan_lth.gans import deep_conv, residual
from tf_gan_lth.gans.priors import Prior
from tf_gan_lth.gans.spec import GANSpec, Hyperparameters, ImageShape, Network, Networks


@dataclasses.dataclass(frozen=True)
class Options:
    """Networks"""

    width: int = option(64, "channels of the generator's outermost map", low=1)
    discriminator_width: int | None = option(
        None, "channels of the discriminator's outermost maps; unset: --width", low=1
    )


def build(options: Options, images: ImageShape, fused: bool) -> Networks:
    """`generator` and `discriminator` for a resolution that is a power of two, from 8 on."""
    residual.check_resolution("ggan", images.resolution)
    judge_width = options.discriminator_width or options.width
    return {
        "generator": deep_conv.generator(images, options.width, fused),
        "discriminator": deep_conv.discriminator(images, judge_width),
    }


# StudioGAN's configuration for CIFAR-10; the steps are those of Chen et al. 2021 (appendix).
gan = GANSpec(
    name="ggan",
    source="Lim and Ye 2017, as in StudioGAN",
    networks={
        "generator": Network("generator", judge="discriminator", averaged=True),
        "discriminator": Network("discriminator"),
    },
    build=build,
    usual=Hyperparameters(
        loss="hinge",
        adam_betas=(0.5, 0.999),
        steps=100_000,
        discriminator_steps=2,
        generator_batch_size=64,
        discriminator_batch_size=64,
        learning_rate=2e-4,
        ema_decay=0.0,  # no average
    ),
    step="noise_to_image",
    task="noise_to_image",
    options=Options,
    prior=lambda options, images, networks: Prior(deep_conv.LATENT_DIM),
    judged_apart=True,
)
