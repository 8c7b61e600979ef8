"""The projection GAN of Miyato and Koyama 2018, in StudioGAN's form, which Chen et al. 2021 prune.

The generator has conditional batch norms. In StudioGAN's form the discriminator has batch norms in
place of spectral ones; with those, it is `sngan --conditional`. At resolution 32, width 256 and ten
classes the generator has 4,304,387 trainable parameters and the discriminator 1,057,159.
"""

import dataclasses

from tf_gan_lth.experiment.config import option
from tf_gan_lth.gans import residual
from tf_gan_lth.gans.priors import Prior
from tf_gan_lth.gans.spec import GANSpec, Hyperparameters, ImageShape, Network, Networks


@dataclasses.dataclass(frozen=True)
class Options:
    """Networks"""

    width: int = option(256, "channels of the generator's hidden maps", low=1)
    discriminator_width: int | None = option(
        None, "channels of the discriminator's hidden maps; unset: half of --width", low=1
    )


def build(options: Options, images: ImageShape, fused: bool) -> Networks:
    """`generator` and `discriminator` for a resolution that is a power of two, from 8 on."""
    residual.check_resolution("projgan", images.resolution)
    judge_width = options.discriminator_width or max(1, options.width // 2)
    style = residual.Style(fused=fused)
    return {
        "generator": residual.generator(images, options.width, style),
        "discriminator": residual.discriminator(images, judge_width, style),
    }


# StudioGAN's configuration for CIFAR-10; the steps are those of Chen et al. 2021 (appendix).
gan = GANSpec(
    name="projgan",
    source="Miyato and Koyama 2018, as in StudioGAN",
    networks={
        "generator": Network("generator", judge="discriminator", averaged=True),
        "discriminator": Network("discriminator"),
    },
    build=build,
    usual=Hyperparameters(
        loss="hinge",
        adam_betas=(0.5, 0.999),
        steps=100_000,
        discriminator_steps=5,
        generator_batch_size=64,
        discriminator_batch_size=64,
        learning_rate=2e-4,
        ema_decay=0.0,  # no average
    ),
    step="noise_to_image",
    task="noise_to_image",
    options=Options,
    prior=lambda options, images, networks: Prior(residual.LATENT_DIM, images.classes),
    conditional=True,
    judged_apart=True,
)
