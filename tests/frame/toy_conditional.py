"""A conditional GAN in one file: digits by their class, 8x8, with an embedding and a projection."""

import dataclasses

import tf_keras as keras

from tf_gan_lth.experiment.config import option
from tf_gan_lth.gans import GANSpec, Hyperparameters, Network, Prior

layers = keras.layers


@dataclasses.dataclass(frozen=True)
class Options:
    """Networks"""

    width: int = option(8, "channels of the hidden maps", low=1)


def generator(width, channels, classes):
    latents = keras.Input([16], name="latents")
    labels = keras.Input([], dtype="int32", name="labels")
    embedded = layers.Embedding(classes, 16, name="embedding")(labels)
    x = layers.Dense(16 * width, name="dense")(layers.Concatenate()([latents, embedded]))
    x = layers.ReLU()(layers.Reshape([4, 4, width])(x))
    x = layers.Conv2DTranspose(channels, 4, 2, "same", activation="tanh", name="to_image")(x)
    return keras.Model([latents, labels], x, name="generator")


def discriminator(width, channels, classes):
    images = keras.Input([8, 8, channels], name="images")
    labels = keras.Input([], dtype="int32", name="labels")
    x = layers.LeakyReLU(0.2)(layers.Conv2D(width, 4, 2, "same", name="down")(images))
    x = layers.Flatten()(x)
    score = layers.Dense(1, name="score")(x)
    projection = layers.Embedding(classes, 16 * width, name="projection")(labels)
    judged = layers.Add()([score, layers.Dot(axes=1)([x, projection])])
    return keras.Model([images, labels], judged, name="discriminator")


def build(options, images, fused):
    size = (options.width, images.channels, images.classes)
    return {"generator": generator(*size), "discriminator": discriminator(*size)}


gan = GANSpec(
    name="toy_conditional",
    networks={
        "generator": Network("generator", judge="discriminator", averaged=True),
        "discriminator": Network("discriminator"),
    },
    build=build,
    usual=Hyperparameters(
        loss="hinge",
        adam_betas=(0.0, 0.9),
        steps=100,
        discriminator_steps=2,
        generator_batch_size=16,
        discriminator_batch_size=8,
        learning_rate=1e-3,
        ema_decay=0.9,
    ),
    step="noise_to_image",
    task="noise_to_image",
    options=Options,
    prior=lambda options, images, networks: Prior(16, images.classes),
    conditional=True,
)
