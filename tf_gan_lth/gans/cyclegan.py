"""The CycleGAN of Zhu et al. 2017, in the form that Chen et al. 2021 prune.

At width 64 with nine blocks a generator has 11,383,555 trainable parameters, of which 11,372,928
prunable; a discriminator of width 64 has 2,766,529, of which 2,763,776 prunable.

Images are square if the resolution is given. With `resolution=None` they may have any height and
width that the network takes, also from call to call; layers, paths and shapes of the weights are
the same, so a snapshot fits both.
"""

import dataclasses
from collections.abc import Iterator

import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.experiment.config import Config, option
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.gans.layers import (
    DoublingConv2DTranspose,
    FewChannelsConv2D,
    InstanceNormalization,
    PaddedConv2D,
    ReflectionPadding,
    fan_in_uniform,
)
from tf_gan_lth.gans.spec import GANSpec, Hyperparameters, ImageShape, Network, Networks

MOST_BLOCKS = 100  # from thousands on, building the graph alone takes minutes


@dataclasses.dataclass(frozen=True)
class Options:
    """Networks"""

    width: int = option(64, "channels of the generator's outermost maps", low=1)
    discriminator_width: int | None = option(
        None, "channels of the discriminator's first map; unset: --width", low=1
    )
    blocks: int = option(9, "residual blocks of each generator", low=1)
    separable_blocks: bool = option(
        False,
        "make the convolutions of residual blocks depthwise separable: 3x3 of each channel, then"
        " 1x1 of all",
    )
    cycle_weight: float = option(10.0, "weight of the cycle-consistency loss", low=0.0)
    identity_weight: float = option(5.0, "weight of the identity loss", low=0.0)
    pool_size: int = option(50, "translated images that are kept to be judged again", low=0)


def build(options: Options, images: ImageShape, fused: bool) -> Networks:
    """Generators and discriminators of both domains; a resolution is a multiple of 4 from 24 on."""
    resolution = images.resolution
    if resolution is not None and (resolution < 24 or resolution % 4):
        raise UsageError(
            f"--resolution={resolution} does not fit cyclegan: it must be a multiple of 4 from 24"
            " on"
        )
    width, channels = options.width, images.channels
    generators = [
        generator(
            resolution, width, channels, options.blocks, name, fused, options.separable_blocks
        )
        for name in ("generator_a2b", "generator_b2a")
    ]
    discriminators = [
        discriminator(resolution, options.discriminator_width or width, channels, name)
        for name in ("discriminator_a", "discriminator_b")
    ]
    return {network.name: network for network in generators + discriminators}


def _conv(
    x: tf.Tensor,
    filters: int,
    size: int,
    name: str,
    *,
    strides: int = 1,
    kind=keras.layers.Conv2D,
    **options,
) -> tf.Tensor:
    # The paper's code draws only the kernels itself: biases start as PyTorch's do, gammas at 1,
    # betas at 0. PyTorch takes the fan-in of a transposed convolution from its outputs.
    fan_in = size * size * (filters if kind is DoublingConv2DTranspose else x.shape[-1])
    return kind(
        filters,
        size,
        strides,
        kernel_initializer=keras.initializers.RandomNormal(0.0, 0.02),
        bias_initializer=fan_in_uniform(fan_in),
        name=name,
        **options,
    )(x)


def _norm_relu(x: tf.Tensor, name: str, *, affine: bool = True) -> tf.Tensor:
    return keras.layers.ReLU()(InstanceNormalization(affine, name=name)(x))


def _separable(x: tf.Tensor, filters: int, name: str) -> tf.Tensor:
    """A 3x3 convolution of each channel, a norm, and a 1x1 convolution, as in Li et al. 2020."""
    x = keras.layers.DepthwiseConv2D(
        3,
        depthwise_initializer=keras.initializers.RandomNormal(0.0, 0.02),
        bias_initializer=fan_in_uniform(3 * 3),
        name=f"{name}/depthwise",
    )(x)
    x = InstanceNormalization(affine=False, name=f"{name}/norm")(x)
    return _conv(x, filters, 1, f"{name}/pointwise")


def _residual_block(x: tf.Tensor, name: str, separable: bool) -> tf.Tensor:
    width, shortcut = x.shape[-1], x

    def conv(x: tf.Tensor, name: str) -> tf.Tensor:
        x = ReflectionPadding(1)(x)
        return _separable(x, width, name) if separable else _conv(x, width, 3, name)

    x = conv(x, f"{name}/conv_1")
    x = _norm_relu(x, f"{name}/norm_1")
    x = conv(x, f"{name}/conv_2")
    x = InstanceNormalization(affine=False, name=f"{name}/norm_2")(x)
    return keras.layers.Add()([shortcut, x])


def _up(x: tf.Tensor, filters: int, name: str) -> tf.Tensor:
    x = _conv(x, filters, 3, f"{name}/conv", strides=2, kind=DoublingConv2DTranspose)
    return _norm_relu(x, f"{name}/norm")


def generator(
    resolution: int | None,
    width: int,
    channels: int,
    blocks: int,
    name: str,
    fused: bool = True,
    separable: bool = False,
) -> keras.Model:
    """Images `(N, H, W, channels)` of one domain to images of the other, both in [-1, 1] and of the
    same size.

    Args:
      resolution: H and W in pixels; None for any. A multiple of 4, from 8 on.
      width: channels of the outermost maps; inside there are four times as many.
      channels: channels of the images.
      blocks: number of residual blocks.
      name: of the network.
      fused: see `--fused_convolutions`.
      separable: see `--separable_blocks`.
    """
    images = keras.Input([resolution, resolution, channels], name="images")
    x = _conv(ReflectionPadding(3)(images), width, 7, "from_image/conv")
    x = _norm_relu(x, "from_image/norm")
    # The residual sums tie channels of many layers together, so those could not be removed by their
    # gammas: they have none.
    for number in (1, 2):
        x = _conv(x, 2**number * width, 3, f"down_{number}/conv", strides=2, kind=PaddedConv2D)
        x = _norm_relu(x, f"down_{number}/norm", affine=number == 1)
    for number in range(1, blocks + 1):
        x = _residual_block(x, f"block_{number}", separable)
    x = _up(x, 2 * width, "up_1")
    x = _up(x, width, "up_2")
    x = _conv(ReflectionPadding(3)(x), channels, 7, "to_image", kind=FewChannelsConv2D, fused=fused)
    return keras.Model(images, keras.layers.Activation("tanh", dtype="float32")(x), name=name)


def discriminator(resolution: int | None, width: int, channels: int, name: str) -> keras.Model:
    """Images `(N, H, W, channels)` in [-1, 1] to scores `(N, 1)`: the mean over overlapping patches
    of 70x70 pixels.

    Args:
      resolution: H and W in pixels; None for any. From 24 on: what is smaller has no patch.
      width: channels of the first map; the fourth has eight times as many.
      channels: channels of the images.
      name: of the network.
    """
    images = keras.Input([resolution, resolution, channels], name="images")
    x = images
    for number in range(1, 5):
        filters, strides = 2 ** (number - 1) * width, 2 if number < 4 else 1
        x = _conv(x, filters, 4, f"block_{number}/conv", strides=strides, kind=PaddedConv2D)
        if number > 1:
            x = InstanceNormalization(name=f"block_{number}/norm")(x)
        x = keras.layers.LeakyReLU(0.2)(x)
    x = _conv(x, 1, 4, "score", kind=PaddedConv2D)
    return keras.Model(images, keras.layers.GlobalAveragePooling2D(dtype="float32")(x), name=name)


def _complaints(config: Config) -> Iterator[str]:
    """What this GAN cannot do."""
    training = config.training
    blocks = config.extras.get("blocks", 0)
    if int(blocks) > MOST_BLOCKS:
        yield f"--blocks={blocks}: a generator has at most {MOST_BLOCKS}, and 6 or 9 are usual"
    if training.kd_weight:
        yield f"--kd_weight={training.kd_weight} is not for cyclegan: its scores are no logits"
    if any(term.startswith("distill_scores:") for term in training.terms):
        yield "--terms=distill_scores is not for cyclegan: its scores are no logits"


# Zhu et al. 2017, as Chen et al. 2021 train it; the steps are 200 epochs of horse2zebra.
gan = GANSpec(
    name="cyclegan",
    source="Zhu et al. 2017, as in Chen et al. 2021",
    networks={
        "generator_a2b": Network("generator", judge="discriminator_b"),
        "generator_b2a": Network("generator", judge="discriminator_a"),
        "discriminator_a": Network("discriminator"),
        "discriminator_b": Network("discriminator"),
    },
    build=build,
    usual=Hyperparameters(
        loss="least_squares",
        adam_betas=(0.5, 0.999),
        steps=200 * 1334,
        generator_batch_size=1,
        learning_rate=2e-4,
        decay_from=0.5,
        augmentation="crop_and_flip",
    ),
    step="image_to_image",
    task="image_to_image",
    options=Options,
    small_operations=True,
    complaints=_complaints,
)
