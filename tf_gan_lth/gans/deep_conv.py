"""The convolutional generator and discriminator that DCGAN and GGAN share, as in StudioGAN.

Widths double from the image inwards, up to eight times the outermost one.
"""

import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.gans.layers import BatchNormalization, FewChannelsConv2D, SpatialSum
from tf_gan_lth.gans.spec import ImageShape

LATENT_DIM = 128
MOST = 8  # times the outermost width


def _norm_relu(x: tf.Tensor, name: str) -> tf.Tensor:
    x = BatchNormalization(momentum=0.9, epsilon=1e-4, name=name)(x)
    return keras.layers.ReLU()(x)


def _widths(images: ImageShape, width: int) -> list[int]:
    """Of the maps from that at the image to the 4x4 one."""
    return [min(2**number, MOST) * width for number in range(images.resolution.bit_length() - 2)]


def generator(images: ImageShape, width: int, fused: bool = True) -> keras.Model:
    """Latents `(N, 128)` from N(0, I) to images `(N, H, W, C)` in [-1, 1].

    Args:
      images: their size, a power of two from 8 on.
      width: channels of the outermost map.
      fused: see `--fused_convolutions`.
    """
    latents = keras.Input([LATENT_DIM], name="latents")
    first, *others = _widths(images, width)[::-1]
    x = keras.layers.Dense(4 * 4 * first, kernel_initializer="orthogonal", name="dense")(latents)
    x = keras.layers.Reshape([4, 4, first])(x)
    for number, filters in enumerate(others, 1):
        x = keras.layers.Conv2DTranspose(
            filters, 4, 2, "same", kernel_initializer="orthogonal", name=f"block_{number}/conv"
        )(x)
        x = _norm_relu(x, f"block_{number}/norm")
    x = FewChannelsConv2D(
        images.channels,
        3,
        padding="same",
        kernel_initializer="orthogonal",
        name="to_image",
        fused=fused,
    )(x)
    return keras.Model(
        latents, keras.layers.Activation("tanh", dtype="float32")(x), name="generator"
    )


def _conv_norm_relu(x: tf.Tensor, filters: int, size: int, strides: int, name: str) -> tf.Tensor:
    conv = keras.layers.Conv2D(
        filters, size, strides, "same", kernel_initializer="orthogonal", name=f"{name}/conv"
    )
    return _norm_relu(conv(x), f"{name}/norm")


def discriminator(images: ImageShape, width: int) -> keras.Model:
    """Images `(N, H, W, C)` in [-1, 1] to scores `(N, 1)`: high for real, low for generated.

    Args:
      images: their size, a power of two from 8 on.
      width: channels of the outermost maps.
    """
    pictures = keras.Input([images.resolution, images.resolution, images.channels], name="images")
    *halved, last = _widths(images, width)
    x = pictures
    for number, filters in enumerate(halved, 1):
        x = _conv_norm_relu(x, filters, 3, 1, f"block_{number}/keep")
        x = _conv_norm_relu(x, filters, 4, 2, f"block_{number}/halve")
    x = SpatialSum()(_conv_norm_relu(x, last, 3, 1, "last"))
    score = keras.layers.Dense(1, kernel_initializer="orthogonal", name="score", dtype="float32")
    return keras.Model(pictures, score(x), name="discriminator")
