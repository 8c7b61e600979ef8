"""Convolutions that compute the same function in another form, which takes less time.

The first form is that of 3x3 convolutions beside a change of the map's size. Nearest upsampling
repeats a pixel 2x2 times and average pooling is the mean of 2x2 pixels. A 3x3 kernel after the one
or before the other sees each pixel of the small map
through its four shifts by a row, a column or both: that is the 4x4 kernel which is their sum, with
strides of 2. It takes 16 products a pixel of the small map where the two steps take 36.

The second is that of convolutions to the few channels of an image. A CPU computes sixteen channels
at a time, and three of them waste the others. The columns of the kernel, each a convolution of its
own, have as many channels together as there is room for; a second convolution only adds them up,
each at its place.

The variable stays the kernel itself, so masks, snapshots and exports do not know the difference.
"""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.gans.layers.basic import Float32Kernel, NearestUpsampling, SpectralConv2D

# Sums a kernel of three rows over its two shifts: row r of the result is row r - 1 plus row r.
_ROWS = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1]], np.float32)


def _spread(kernel: tf.Tensor, rows: np.ndarray) -> tf.Tensor:
    """`(3, 3, I, O)` to `(4, 4, I, O)`: `rows` applied to its rows and to its columns, as one
    product of matrices.
    """
    spread = tf.matmul(np.kron(rows, rows), tf.reshape(kernel, [9, -1]))
    return tf.reshape(spread, [4, 4, *kernel.shape[2:]])


def upsampled_conv2d(inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Nearest upsampling, then a 3x3 convolution that keeps the size: `(N, H, W, I)` to `(N, 2H,
    2W, O)`.

    Args:
      inputs: of any float type, which the result has too.
      kernel: `(3, 3, I, O)` float32.
    """
    # A transposed convolution scatters where a convolution gathers, so its kernel is turned round.
    turned = tf.transpose(_spread(kernel, _ROWS[::-1]), [0, 1, 3, 2])
    count, height, width, _ = tf.unstack(tf.shape(inputs))
    shape = tf.stack([count, 2 * height, 2 * width, kernel.shape[-1]])
    return tf.nn.conv2d_transpose(
        inputs, tf.cast(turned, inputs.dtype), shape, strides=2, padding="SAME"
    )


def pooled_conv2d(inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """A 3x3 convolution that keeps the size, then 2x2 average pooling: `(N, 2H, 2W, I)` to `(N, H,
    W, O)`.

    Args:
      inputs, kernel: as in `upsampled_conv2d`.
    """
    return tf.nn.conv2d(
        inputs, tf.cast(_spread(kernel, 0.5 * _ROWS), inputs.dtype), strides=2, padding="SAME"
    )


def few_channels_conv2d(inputs: tf.Tensor, kernel: tf.Tensor, padding: str) -> tf.Tensor:
    """A convolution with strides of 1, for few output channels: `(N, H, W, I)` to `(N, H, W, O)`,
    less with `VALID` padding.

    Args:
      inputs: of any float type, which the result has too.
      kernel: `(K, K, I, O)` float32.
      padding: `SAME` or `VALID`.
    """
    size, _, channels, filters = kernel.shape
    columns = tf.reshape(tf.transpose(kernel, [0, 2, 1, 3]), [size, 1, channels, size * filters])
    # To output channel f, at column k of the sums, goes channel f of column k.
    added = np.einsum("kl,fg->klfg", np.eye(size), np.eye(filters)).reshape(
        [1, size, size * filters, filters]
    )
    convolved = tf.nn.conv2d(inputs, tf.cast(columns, inputs.dtype), 1, padding)
    return tf.nn.conv2d(convolved, tf.constant(added, inputs.dtype), 1, padding)


class _Fused:
    """A layer with two forms of one function.

    Args:
      fused: False computes it as it is written down.
    """

    def __init__(self, *args, fused: bool = True, **kwargs):
        super().__init__(*args, **kwargs)
        self.fused = fused

    def get_config(self) -> dict:
        return {**super().get_config(), "fused": self.fused}


class UpsampledConv2D(_Fused, Float32Kernel, keras.layers.Conv2D):
    """`NearestUpsampling`, then a 3x3 `Conv2D` with `padding="same"`."""

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        if self.fused:
            return upsampled_conv2d(inputs, kernel)
        return tf.nn.conv2d(NearestUpsampling()(inputs), tf.cast(kernel, inputs.dtype), 1, "SAME")

    def compute_output_shape(self, input_shape: tf.TensorShape) -> tf.TensorShape:
        count, height, width, channels = input_shape
        return super().compute_output_shape(
            [count, height and 2 * height, width and 2 * width, channels]
        )


class PooledSpectralConv2D(_Fused, SpectralConv2D):
    """A 3x3 `SpectralConv2D` with `padding="same"`, then 2x2 average pooling."""

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        if self.fused:
            return pooled_conv2d(inputs, kernel)
        return tf.nn.avg_pool2d(super().convolution_op(inputs, kernel), 2, 2, "VALID")

    def compute_output_shape(self, input_shape: tf.TensorShape) -> tf.TensorShape:
        count, height, width, channels = super().compute_output_shape(input_shape)
        return tf.TensorShape([count, height and height // 2, width and width // 2, channels])


class FewChannelsConv2D(_Fused, Float32Kernel, keras.layers.Conv2D):
    """A `Conv2D` with strides of 1 to the few channels of an image."""

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        if self.fused:
            return few_channels_conv2d(inputs, kernel, self.padding.upper())
        return super().convolution_op(inputs, tf.cast(kernel, inputs.dtype))
