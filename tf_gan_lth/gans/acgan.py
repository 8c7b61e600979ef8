"""The auxiliary classifier GAN of Odena et al. 2017, in StudioGAN's form, which Chen et al. prune.

The generator has conditional batch norms. The discriminator sees no labels: it says of which class
an image is, and learns that from real and generated images; the generator is to be understood. At
resolution 32, width 256 and ten classes the generator has 4,304,387 trainable parameters and the
discriminator 1,057,159.
"""

import dataclasses

import tf_keras as keras

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
    residual.check_resolution("acgan", images.resolution)
    judge_width = options.discriminator_width or max(1, options.width // 2)
    style = residual.Style(fused=fused)
    return {
        "generator": residual.generator(images, options.width, style),
        "discriminator": discriminator(images, judge_width, style),
    }


def discriminator(images: ImageShape, width: int, style: residual.Style) -> keras.Model:
    """Images in [-1, 1] to scores `(N, 1)` and logits of their classes `(N, K)`."""
    pictures = keras.Input([images.resolution, images.resolution, images.channels], name="images")
    x = residual.features(pictures, width, style)
    score = style.linear(1, width, "score", dtype="float32")(x)
    logits = style.linear(images.classes, width, "classes", use_bias=False, dtype="float32")(x)
    return keras.Model(pictures, [score, logits], name="discriminator")


# StudioGAN's configuration for CIFAR-10; the steps are those of Chen et al. 2021 (appendix).
gan = GANSpec(
    name="acgan",
    source="Odena et al. 2017, as in StudioGAN",
    networks={
        "generator": Network("generator", judge="discriminator", averaged=True),
        "discriminator": Network("discriminator"),
    },
    build=build,
    usual=Hyperparameters(
        loss="hinge",
        adam_betas=(0.5, 0.999),
        steps=50_000,
        discriminator_steps=5,
        generator_batch_size=64,
        discriminator_batch_size=64,
        learning_rate=2e-4,
        ema_decay=0.0,  # no average
        terms=("classify_real:1", "classify_fake:1", "recognizable:1"),
    ),
    step="noise_to_image",
    task="noise_to_image",
    options=Options,
    prior=lambda options, images, networks: Prior(residual.LATENT_DIM, images.classes),
    conditional=True,
    judged_apart=True,
)
