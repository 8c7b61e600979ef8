"""Residual generators and discriminators, which several GANs of this folder share.

Maps have one width throughout. A 1x1 convolution commutes with nearest upsampling and with average
pooling, so shortcuts convolve on the smaller map: the same function, a quarter of the work. For the
3x3 convolutions beside them see `layers.convolutions`.
"""

import dataclasses
from collections.abc import Callable

import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.gans import layers as own
from tf_gan_lth.gans.spec import ImageShape

LATENT_DIM = 128
Initializer = str | keras.initializers.Initializer


@dataclasses.dataclass(frozen=True)
class Style:
    """How the layers of a network begin, and what normalises them.

    Attributes:
      kernel: initializer of convolutions.
      dense: fan-in to the initializer of Dense kernels.
      bias: fan-in to that of biases.
      gamma: makes that of the gammas of batch norms.
      epsilon: of batch norms.
      spectral: whether kernels are divided by their spectral norm. A discriminator has batch norms
        where it is not.
      fused: see `--fused_convolutions`.
    """

    kernel: str = "orthogonal"
    dense: Callable[[int], Initializer] = lambda fan_in: "orthogonal"
    bias: Callable[[int], Initializer] = lambda fan_in: "zeros"
    gamma: Callable[[], Initializer] = lambda: "ones"
    epsilon: float = 1e-4
    spectral: bool = False
    fused: bool = True

    def conv(self, filters: int, size: int, fan_in: int, name: str, **options):
        """A convolution that keeps the size of the map."""
        kind = own.SpectralConv2D if self.spectral else keras.layers.Conv2D
        return self._conv(kind, filters, size, fan_in, name, **options)

    def upsampled(self, filters: int, fan_in: int, name: str) -> keras.layers.Layer:
        """A 3x3 convolution of a map that is doubled first."""
        kind = own.UpsampledSpectralConv2D if self.spectral else own.UpsampledConv2D
        return self._conv(kind, filters, 3, fan_in, name, fused=self.fused)

    def pooled(self, filters: int, fan_in: int, name: str) -> keras.layers.Layer:
        """A 3x3 convolution of a map that is halved after it."""
        kind = own.PooledSpectralConv2D if self.spectral else own.PooledConv2D
        return self._conv(kind, filters, 3, fan_in, name, fused=self.fused)

    def to_image(self, channels: int, fan_in: int, name: str) -> keras.layers.Layer:
        """A 3x3 convolution to the channels of an image."""
        if self.spectral:
            return self.conv(channels, 3, fan_in, name)
        return self._conv(own.FewChannelsConv2D, channels, 3, fan_in, name, fused=self.fused)

    def attention(self, filters: int, fan_in: int, name: str) -> keras.layers.Layer:
        """A 1x1 convolution of an attention."""
        return self.conv(filters, 1, fan_in, name, use_bias=False)

    def linear(self, units: int, fan_in: int, name: str, **options) -> keras.layers.Layer:
        kind = own.SpectralDense if self.spectral else keras.layers.Dense
        return kind(
            units,
            kernel_initializer=self.dense(fan_in),
            bias_initializer=self.bias(fan_in),
            name=name,
            **options,
        )

    def norm(self, x: tf.Tensor, name: str) -> tf.Tensor:
        options = {"gamma_initializer": self.gamma(), "name": name}
        return own.BatchNormalization(momentum=0.9, epsilon=self.epsilon, **options)(x)

    def conditional_norm(
        self, x: tf.Tensor, condition: tf.Tensor | None, classes: int | None, name: str
    ) -> tf.Tensor:
        """A batch norm, of a condition if there is one: see `ConditionalBatchNormalization`."""
        if condition is None:
            return self.norm(x, name)
        return own.ConditionalBatchNormalization(
            classes if condition.shape.rank == 1 else None,
            self.spectral,
            momentum=0.9,
            epsilon=self.epsilon,
            name=name,
        )([x, condition])

    def _conv(self, kind: type, filters: int, size: int, fan_in: int, name: str, **options):
        return kind(
            filters,
            size,
            padding="same",
            kernel_initializer=self.kernel,
            bias_initializer=self.bias(size * size * fan_in),
            name=name,
            **options,
        )


def check_resolution(gan: str, resolution: int, least: int = 8) -> None:
    """Raises `UsageError` unless a resolution is a power of two, from the least one on."""
    if resolution < least or resolution & (resolution - 1):
        raise UsageError(
            f"--resolution={resolution} does not fit {gan}: it must be a power of two from {least}"
            " on"
        )


def block_count(resolution: int) -> int:
    """How many blocks lead from a 4x4 map to one of a resolution."""
    return resolution.bit_length() - 3


def first_map(latents: tf.Tensor, width: int, style: Style) -> tf.Tensor:
    """Latents `(N, Z)` to the first map `(N, 4, 4, width)`."""
    x = style.linear(4 * 4 * width, latents.shape[-1], "dense")(latents)
    return keras.layers.Reshape([4, 4, width])(x)


def _up_block(
    x: tf.Tensor, condition: tf.Tensor | None, classes: int, name: str, style: Style
) -> tf.Tensor:
    width = x.shape[-1]
    relu = keras.layers.ReLU
    shortcut = style.conv(width, 1, width, f"{name}/shortcut")(x)
    x = relu()(style.conditional_norm(x, condition, classes, f"{name}/norm_1"))
    x = style.upsampled(width, width, f"{name}/conv_1")(x)
    x = relu()(style.conditional_norm(x, condition, classes, f"{name}/norm_2"))
    x = style.conv(width, 3, width, f"{name}/conv_2")(x)
    return keras.layers.Add()([x, own.NearestUpsampling()(shortcut)])


def grown(
    x: tf.Tensor,
    images: ImageShape,
    style: Style,
    conditions: list[tf.Tensor | None],
    attention: bool = False,
) -> tf.Tensor:
    """The first map, doubled by a residual block after another, to images in [-1, 1].

    Args:
      x: `(N, 4, 4, width)`.
      images: their size; a power of two.
      style: of the layers.
      conditions: for each block what its norms depend on: labels `(N,)` of `images.classes`
        classes, features, or None.
      attention: whether the map of half the resolution attends to itself.
    """
    for number, condition in enumerate(conditions, 1):
        x = _up_block(x, condition, images.classes, f"block_{number}", style)
        if attention and number == len(conditions) - 1:
            x = own.self_attention(x, "attention", style.attention)
    x = keras.layers.ReLU()(style.norm(x, "norm"))
    x = style.to_image(images.channels, x.shape[-1], "to_image")(x)
    return keras.layers.Activation("tanh", dtype="float32")(x)


def generator(
    images: ImageShape, width: int, style: Style, *, attention: bool = False
) -> keras.Model:
    """Latents `(N, 128)`, and labels `(N,)` if the images have classes, to images in [-1, 1]."""
    latents = keras.Input([LATENT_DIM], name="latents")
    labels = keras.Input([], dtype="int32", name="labels") if images.classes else None
    conditions = [labels] * block_count(images.resolution)
    x = grown(first_map(latents, width, style), images, style, conditions, attention)
    inputs = [latents, labels] if images.classes else latents
    return keras.Model(inputs, x, name="generator")


def _down_block(
    x: tf.Tensor, width: int, name: str, style: Style, *, first: bool, halve: bool
) -> tf.Tensor:
    fan_in, shortcut = x.shape[-1], x
    if not first:
        x = _norm_relu(x, f"{name}/norm_1", style)
    x = style.conv(width, 3, fan_in, f"{name}/conv_1")(x)
    x = _norm_relu(x, f"{name}/norm_2", style)
    if halve:
        x = style.pooled(width, width, f"{name}/conv_2")(x)
        shortcut = _halved_shortcut(shortcut, f"{name}/shortcut_norm", style, first)
        shortcut = style.conv(width, 1, fan_in, f"{name}/shortcut")(shortcut)
    else:
        x = style.conv(width, 3, width, f"{name}/conv_2")(x)
    return own.ResidualSum()([x, shortcut])


def _norm_relu(x: tf.Tensor, name: str, style: Style) -> tf.Tensor:
    return keras.layers.ReLU()(x if style.spectral else style.norm(x, name))


def _halved_shortcut(x: tf.Tensor, norm: str, style: Style, first: bool) -> tf.Tensor:
    """What a shortcut convolves; StudioGAN normalises images after pooling, maps before."""
    pool = keras.layers.AveragePooling2D()
    if style.spectral:
        return pool(x)
    return style.norm(pool(x), norm) if first else pool(style.norm(x, norm))


def features(x: tf.Tensor, width: int, style: Style, attention: bool = False) -> tf.Tensor:
    """Images `(N, H, W, C)` to what a discriminator judges by, `(N, width)` float32.

    Blocks halve the map until it is 8x8 (the first one always does), then two keep it. With
    attention, the map of half the resolution attends to itself.
    """
    halvings = max(1, (x.shape[1] // 8).bit_length() - 1)
    for number in range(1, halvings + 3):
        first, halve = number == 1, number <= halvings
        x = _down_block(x, width, f"block_{number}", style, first=first, halve=halve)
        if attention and first:
            x = own.self_attention(x, "attention", style.attention)
    return own.SpatialSum()(keras.layers.ReLU()(x))


def discriminator(
    images: ImageShape,
    width: int,
    style: Style,
    *,
    attention: bool = False,
    use_bias: bool = True,
) -> keras.Model:
    """Images in [-1, 1], and labels `(N,)` if they have classes, to scores `(N, 1)`: high for real,
    low for generated. Labels are judged by projection.
    """
    pictures = keras.Input([images.resolution, images.resolution, images.channels], name="images")
    x = features(pictures, width, style, attention)
    score = style.linear(1, width, "score", use_bias=use_bias, dtype="float32")(x)
    if not images.classes:
        return keras.Model(pictures, score, name="discriminator")
    labels = keras.Input([], dtype="int32", name="labels")
    fit = own.Projection(images.classes, style.spectral, name="projection", dtype="float32")
    score = keras.layers.Add(dtype="float32")([score, fit([x, labels])])
    return keras.Model([pictures, labels], score, name="discriminator")
