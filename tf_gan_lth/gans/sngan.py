"""The SNGAN of Miyato et al. 2018, in the form that Chen et al. 2021 prune.

At resolution 32, generator width 256 and discriminator width 128 the generator has 4,276,739
trainable parameters and the discriminator 1,053,824. With `--conditional` and ten classes they have
4,304,387 and 1,055,105, as in StudioGAN: conditional batch norms (Dumoulin et al. 2017) and a
projection discriminator (Miyato and Koyama 2018).
"""

import dataclasses

import tf_keras as keras

from tf_gan_lth.experiment.config import option
from tf_gan_lth.gans import residual
from tf_gan_lth.gans.layers import fan_in_uniform
from tf_gan_lth.gans.priors import Prior
from tf_gan_lth.gans.spec import GANSpec, Hyperparameters, ImageShape, Network, Networks

LATENT_DIM = residual.LATENT_DIM

# The initial weights of the paper's code.
STYLE = residual.Style(
    kernel="glorot_uniform",
    dense=fan_in_uniform,
    bias=fan_in_uniform,
    gamma=lambda: keras.initializers.RandomNormal(1.0, 0.02),
    epsilon=1e-5,
)


@dataclasses.dataclass(frozen=True)
class Options:
    """Networks"""

    width: int = option(256, "channels of the generator's hidden maps", low=1)
    discriminator_width: int | None = option(
        None, "channels of the discriminator's hidden maps; unset: half of --width", low=1
    )
    conditional: bool = option(False, "draw and judge images by their classes, with sngan")


def build(options: Options, images: ImageShape, fused: bool) -> Networks:
    """`generator` and `discriminator` for a resolution that is a power of two, from 8 on."""
    residual.check_resolution("sngan", images.resolution)
    judge_width = options.discriminator_width or max(1, options.width // 2)
    size = (images.channels, fused, images.classes)
    return {
        "generator": generator(images.resolution, options.width, *size),
        "discriminator": discriminator(images.resolution, judge_width, *size),
    }


def generator(
    resolution: int, width: int, channels: int, fused: bool = True, classes: int = 0
) -> keras.Model:
    """Latents `(N, 128)`, and labels `(N,)` if there are classes, to images in [-1, 1]."""
    style = dataclasses.replace(STYLE, fused=fused)
    return residual.generator(ImageShape(resolution, channels, classes), width, style)


def discriminator(
    resolution: int, width: int, channels: int, fused: bool = True, classes: int = 0
) -> keras.Model:
    """Images in [-1, 1], and labels `(N,)` if there are classes, to scores `(N, 1)`."""
    style = dataclasses.replace(STYLE, spectral=True, fused=fused)
    shape = ImageShape(resolution, channels, classes)
    return residual.discriminator(shape, width, style, use_bias=classes > 0)


# Chen et al. 2021, read in their code.
gan = GANSpec(
    name="sngan",
    source="Miyato et al. 2018, as in Chen et al. 2021",
    networks={
        "generator": Network("generator", judge="discriminator", averaged=True),
        "discriminator": Network("discriminator"),
    },
    build=build,
    usual=Hyperparameters(
        loss="hinge",
        adam_betas=(0.0, 0.9),
        steps=50_000,
        discriminator_steps=5,
        generator_batch_size=128,
        discriminator_batch_size=64,
        learning_rate=2e-4,
        ema_decay=0.999,
    ),
    step="noise_to_image",
    task="noise_to_image",
    options=Options,
    prior=lambda options, images, networks: Prior(LATENT_DIM, images.classes),
    conditional=lambda options: options.conditional,
)
