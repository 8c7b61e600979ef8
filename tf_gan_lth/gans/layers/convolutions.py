"""Convolutions computed in another form, which gives the same function in less time.

The first form is for a 3x3 convolution after nearest upsampling or before average pooling.
Upsampling repeats each pixel 2x2 times, and pooling takes the mean of 2x2 pixels. Combined with
either one, the 3x3 kernel acts on each pixel of the small map through its four shifts by a row, a
column or both. That is one convolution with strides of 2, whose 4x4 kernel is the sum of the four
shifted ones. It takes 16 products per pixel of the small map, where the two steps take 36.

The second form is for convolutions to the few channels of an image. A CPU computes sixteen channels
at a time, so three channels waste the rest. The first of two convolutions computes each column of
the kernel as separate channels, and so fills them; the second only adds up the columns, each at its
place.

The variable is still the original kernel, so masks, snapshots and exports are unaffected.
"""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.gans.layers.basic import Float32Kernel, SpectralConv2D, upsample_nearest

# Sums three rows over two shifts: row r of the result is row r - 1 plus row r.
_ROWS = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1]], np.float32)


def _spread(kernel: tf.Tensor, rows: np.ndarray) -> tf.Tensor:
    """Applies `rows` to a kernel's rows and columns, as one matrix product.

    `(3, 3, I, O)` becomes `(4, 4, I, O)`.
    """
    spread = tf.matmul(np.kron(rows, rows), tf.reshape(kernel, [9, -1]))
    return tf.reshape(spread, [4, 4, *kernel.shape[2:]])


def upsampled_conv2d(inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Nearest upsampling, then a 3x3 convolution that keeps the size.

    Args:
      inputs: `(N, H, W, I)` of any float type.
      kernel: `(3, 3, I, O)` float32.

    Returns:
      `(N, 2H, 2W, O)` in the type of the inputs.
    """
    # A transposed convolution scatters where a convolution gathers, so the kernel is flipped.
    turned = tf.transpose(_spread(kernel, _ROWS[::-1]), [0, 1, 3, 2])
    count, height, width, _ = tf.unstack(tf.shape(inputs))
    shape = tf.stack([count, 2 * height, 2 * width, kernel.shape[-1]])
    return tf.nn.conv2d_transpose(
        inputs, tf.cast(turned, inputs.dtype), shape, strides=2, padding="SAME"
    )


def pooled_conv2d(inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """A 3x3 convolution that keeps the size, then 2x2 average pooling.

    Args:
      inputs: `(N, 2H, 2W, I)` of any float type.
      kernel: `(3, 3, I, O)` float32.

    Returns:
      `(N, H, W, O)` in the type of the inputs.
    """
    return tf.nn.conv2d(
        inputs, tf.cast(_spread(kernel, 0.5 * _ROWS), inputs.dtype), strides=2, padding="SAME"
    )


def few_channels_conv2d(inputs: tf.Tensor, kernel: tf.Tensor, padding: str) -> tf.Tensor:
    """A convolution with strides of 1, for few output channels.

    Args:
      inputs: `(N, H, W, I)` of any float type.
      kernel: `(K, K, I, O)` float32.
      padding: `SAME` or `VALID`.

    Returns:
      `(N, H, W, O)` in the type of the inputs; with `VALID` padding, H and W are smaller by K - 1.
    """
    # The kernel's columns as separate channels: column k of output channel f is channel (k, f).
    size, _, channels, filters = kernel.shape
    columns = tf.reshape(tf.transpose(kernel, [0, 2, 1, 3]), [size, 1, channels, size * filters])
    # The second kernel adds up the columns: at its column k, channel (k, f) goes to output f.
    added = np.einsum("kl,fg->klfg", np.eye(size), np.eye(filters)).reshape(
        [1, size, size * filters, filters]
    )
    convolved = tf.nn.conv2d(inputs, tf.cast(columns, inputs.dtype), 1, padding)
    return tf.nn.conv2d(convolved, tf.constant(added, inputs.dtype), 1, padding)


class _Fused:
    """A layer that can compute its function in either of two forms.

    Args:
      fused: whether to use the faster form; False uses the plain one.
    """

    def __init__(self, *args, fused: bool = True, **kwargs):
        super().__init__(*args, **kwargs)
        self.fused = fused

    def get_config(self) -> dict:
        return {**super().get_config(), "fused": self.fused}


class _Upsampled(_Fused):
    """`NearestUpsampling`, then a 3x3 convolution with `padding="same"`."""

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        if self.fused:
            return upsampled_conv2d(inputs, kernel)
        return tf.nn.conv2d(upsample_nearest(inputs), tf.cast(kernel, inputs.dtype), 1, "SAME")

    def compute_output_shape(self, input_shape: tf.TensorShape) -> tf.TensorShape:
        count, height, width, channels = input_shape
        return super().compute_output_shape(
            [count, height and 2 * height, width and 2 * width, channels]
        )


class UpsampledConv2D(_Upsampled, Float32Kernel, keras.layers.Conv2D):
    """`NearestUpsampling`, then a 3x3 `Conv2D` with `padding="same"`."""


class UpsampledSpectralConv2D(_Upsampled, SpectralConv2D):
    """`NearestUpsampling`, then a 3x3 `SpectralConv2D` with `padding="same"`."""


class _Pooled(_Fused):
    """A 3x3 convolution with `padding="same"`, then 2x2 average pooling."""

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        if self.fused:
            return pooled_conv2d(inputs, kernel)
        kept = super().convolution_op(inputs, tf.cast(kernel, inputs.dtype))
        return tf.nn.avg_pool2d(kept, 2, 2, "VALID")

    def compute_output_shape(self, input_shape: tf.TensorShape) -> tf.TensorShape:
        count, height, width, channels = super().compute_output_shape(input_shape)
        return tf.TensorShape([count, height and height // 2, width and width // 2, channels])


class PooledConv2D(_Pooled, Float32Kernel, keras.layers.Conv2D):
    """A 3x3 `Conv2D` with `padding="same"`, then 2x2 average pooling."""


class PooledSpectralConv2D(_Pooled, SpectralConv2D):
    """A 3x3 `SpectralConv2D` with `padding="same"`, then 2x2 average pooling."""


class FewChannelsConv2D(_Fused, Float32Kernel, keras.layers.Conv2D):
    """A `Conv2D` with strides of 1 whose outputs are the few channels of an image."""

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        if self.fused:
            return few_channels_conv2d(inputs, kernel, self.padding.upper())
        return super().convolution_op(inputs, tf.cast(kernel, inputs.dtype))
