"""The BigGAN of Brock et al. 2019 for CIFAR-10, in StudioGAN's form, which Chen et al. 2021 prune.

It is `sagan` with an embedding of the classes that all norms of the generator share, and with
latents of which every depth gets a part of its own. At resolution 32, width 384 and ten classes the
generator has 9,416,196 trainable parameters and the discriminator 2,415,170.
"""

import dataclasses

import tf_keras as keras

from tf_gan_lth.experiment.config import option
from tf_gan_lth.gans import residual
from tf_gan_lth.gans.layers import hierarchical_latents
from tf_gan_lth.gans.priors import Prior
from tf_gan_lth.gans.spec import GANSpec, Hyperparameters, ImageShape, Network, Networks


@dataclasses.dataclass(frozen=True)
class Options:
    """Networks"""

    width: int = option(384, "channels of the generator's hidden maps", low=1)
    discriminator_width: int | None = option(
        None, "channels of the discriminator's hidden maps; unset: half of --width", low=1
    )


PART = 20  # latents of each depth
EMBEDDING = 128  # features of a class


def build(options: Options, images: ImageShape, fused: bool) -> Networks:
    """`generator` and `discriminator` for a resolution that is a power of two, from 16 on."""
    residual.check_resolution("biggan", images.resolution, least=16)
    judge_width = options.discriminator_width or max(1, options.width // 2)
    style = residual.Style(spectral=True, fused=fused)
    return {
        "generator": generator(images, options.width, style),
        "discriminator": residual.discriminator(images, judge_width, style, attention=True),
    }


def generator(images: ImageShape, width: int, style: residual.Style) -> keras.Model:
    """Latents `(N, 20 * depths)` and labels `(N,)` to images in [-1, 1].

    A depth is the first map, or a block.
    """
    blocks = residual.block_count(images.resolution)
    latents = keras.Input([PART * (blocks + 1)], name="latents")
    labels = keras.Input([], dtype="int32", name="labels")
    first, *others = hierarchical_latents(latents, blocks + 1)
    embedded = keras.layers.Embedding(
        images.classes, EMBEDDING, embeddings_initializer="orthogonal", name="classes"
    )(labels)
    conditions = [keras.layers.Concatenate()([embedded, part]) for part in others]
    x = residual.first_map(first, width, style)
    x = residual.grown(x, images, style, conditions, attention=True)
    return keras.Model([latents, labels], x, name="generator")


# StudioGAN's configuration for CIFAR-10; the steps are those of Chen et al. 2021 (appendix).
gan = GANSpec(
    name="biggan",
    source="Brock et al. 2019, as in StudioGAN",
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
        ema_decay=0.9999,
    ),
    step="noise_to_image",
    task="noise_to_image",
    options=Options,
    prior=lambda options, images, networks: Prior(
        networks["generator"].inputs[0].shape[-1], images.classes
    ),
    conditional=True,
)
