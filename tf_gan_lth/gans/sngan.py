"""The SNGAN of Miyato et al. 2018, in the form that Chen et al. 2021 prune.

At resolution 32, generator width 256 and discriminator width 128 the generator has 4,276,739
trainable parameters and the discriminator 1,053,824. A 1x1 convolution commutes with nearest
upsampling and with average pooling, so both shortcuts convolve on the smaller map: the same
function, a quarter of the work. For the 3x3 convolutions beside them see `layers.convolutions`.
"""

import dataclasses

import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.experiment.config import option
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.gans.layers import (
    BatchNormalization,
    FewChannelsConv2D,
    NearestUpsampling,
    PooledSpectralConv2D,
    ResidualSum,
    SpatialSum,
    SpectralConv2D,
    SpectralDense,
    UpsampledConv2D,
    fan_in_uniform,
)
from tf_gan_lth.gans.priors import Prior
from tf_gan_lth.gans.spec import GANSpec, Hyperparameters, ImageShape, Network, Networks

LATENT_DIM = 128


@dataclasses.dataclass(frozen=True)
class Options:
    """Networks"""

    width: int = option(256, "channels of the generator's hidden maps", low=1)
    discriminator_width: int | None = option(
        None, "channels of the discriminator's hidden maps; unset: half of --width", low=1
    )


def build(options: Options, images: ImageShape, fused: bool) -> Networks:
    """`generator` and `discriminator` for a resolution that is a power of two, from 8 on."""
    resolution = images.resolution
    if resolution < 8 or resolution & (resolution - 1):
        raise UsageError(
            f"--resolution={resolution} does not fit sngan: it must be a power of two from 8 on"
        )
    judge_width = options.discriminator_width or max(1, options.width // 2)
    return {
        "generator": generator(resolution, options.width, images.channels, fused),
        "discriminator": discriminator(resolution, judge_width, images.channels, fused),
    }


def _conv(kind, filters: int, size: int, fan_in: int, name: str, **options) -> keras.layers.Layer:
    return kind(
        filters,
        size,
        padding="same",
        kernel_initializer="glorot_uniform",
        bias_initializer=fan_in_uniform(size * size * fan_in),
        name=name,
        **options,
    )


def _norm_relu(x: tf.Tensor, name: str) -> tf.Tensor:
    gamma = keras.initializers.RandomNormal(1.0, 0.02)
    x = BatchNormalization(momentum=0.9, epsilon=1e-5, gamma_initializer=gamma, name=name)(x)
    return keras.layers.ReLU()(x)


def _up_block(x: tf.Tensor, width: int, name: str, fused: bool) -> tf.Tensor:
    fan_in = x.shape[-1]
    shortcut = _conv(keras.layers.Conv2D, width, 1, fan_in, f"{name}/shortcut")(x)
    x = _norm_relu(x, f"{name}/norm_1")
    x = _conv(UpsampledConv2D, width, 3, fan_in, f"{name}/conv_1", fused=fused)(x)
    x = _norm_relu(x, f"{name}/norm_2")
    x = _conv(keras.layers.Conv2D, width, 3, width, f"{name}/conv_2")(x)
    return keras.layers.Add()([x, NearestUpsampling()(shortcut)])


def generator(resolution: int, width: int, channels: int, fused: bool = True) -> keras.Model:
    """Latents `(N, 128)` from N(0, I) to images `(N, resolution, resolution, channels)` in [-1, 1].

    Args:
      resolution: pixels a side, 4 times a power of two.
      width: channels of every hidden map.
      channels: channels of the image.
      fused: see `--fused_convolutions`.
    """
    latents = keras.Input([LATENT_DIM], name="latents")
    x = keras.layers.Dense(
        4 * 4 * width,
        kernel_initializer=fan_in_uniform(LATENT_DIM),
        bias_initializer=fan_in_uniform(LATENT_DIM),
        name="dense",
    )(latents)
    x = keras.layers.Reshape([4, 4, width])(x)
    for number in range(1, resolution.bit_length() - 2):
        x = _up_block(x, width, f"block_{number}", fused)
    x = _norm_relu(x, "norm")
    x = _conv(FewChannelsConv2D, channels, 3, width, "to_image", fused=fused)(x)
    return keras.Model(
        latents, keras.layers.Activation("tanh", dtype="float32")(x), name="generator"
    )


def _down_block(
    x: tf.Tensor, width: int, name: str, fused: bool, *, first: bool, halve: bool
) -> tf.Tensor:
    fan_in, shortcut = x.shape[-1], x
    if not first:
        x = keras.layers.ReLU()(x)
    x = _conv(SpectralConv2D, width, 3, fan_in, f"{name}/conv_1")(x)
    x = keras.layers.ReLU()(x)
    if halve:
        x = _conv(PooledSpectralConv2D, width, 3, width, f"{name}/conv_2", fused=fused)(x)
        shortcut = keras.layers.AveragePooling2D()(shortcut)
        shortcut = _conv(SpectralConv2D, width, 1, fan_in, f"{name}/shortcut")(shortcut)
    else:
        x = _conv(SpectralConv2D, width, 3, width, f"{name}/conv_2")(x)
    return ResidualSum()([x, shortcut])


def discriminator(resolution: int, width: int, channels: int, fused: bool = True) -> keras.Model:
    """Images `(N, resolution, resolution, channels)` in [-1, 1] to scores `(N, 1)`: high for real,
    low for generated.

    Blocks halve the map until it is 8x8 (the first one always does), then two keep it.
    """
    images = keras.Input([resolution, resolution, channels], name="images")
    halvings = max(1, (resolution // 8).bit_length() - 1)
    x = images
    for number in range(1, halvings + 3):
        x = _down_block(
            x, width, f"block_{number}", fused, first=number == 1, halve=number <= halvings
        )
    x = SpatialSum()(keras.layers.ReLU()(x))
    x = SpectralDense(
        1, use_bias=False, kernel_initializer=fan_in_uniform(width), name="score", dtype="float32"
    )(x)
    return keras.Model(images, x, name="discriminator")


# Chen et al. 2021, read in their code.
gan = GANSpec(
    name="sngan",
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
    prior=lambda options, images, networks: Prior(LATENT_DIM),
)
