"""Image tensors as PNG files."""

import tensorflow as tf

from tf_gan_lth.data.pixels import quantize


def grid(images: tf.Tensor, columns: int = 8, zoom: int = 2, border: int = 1) -> bytes:
    """A PNG with the images side by side.

    Args:
      images: `(N, H, W, C)` float in [-1, 1]; N a multiple of `columns`.
      columns: images in a row.
      zoom: pixels a side that each pixel becomes.
      border: black pixels around each image.
    """
    pixels = tf.cast(quantize(images), tf.uint8)
    pixels = tf.repeat(tf.repeat(pixels, zoom, axis=1), zoom, axis=2)
    pixels = tf.pad(pixels, [[0, 0], [border, border], [border, border], [0, 0]])
    count, height, width, channels = pixels.shape
    rows = tf.reshape(pixels, [count // columns, columns, height, width, channels])
    lines = tf.transpose(rows, [0, 2, 1, 3, 4])
    sheet = tf.reshape(lines, [count // columns * height, columns * width, channels])
    return tf.io.encode_png(sheet).numpy()
