"""Whether zeros of single weights save time in TensorFlow Lite: 1x1 and 3x3 convolutions.

    python benchmarks/sparse_kernels.py

XNNPACK has sparse kernels for 1x1 convolutions alone, and takes them for a file whose kernels have
the sparse encoding. A 3x3 convolution can be written as the sum of nine shifted 1x1 ones. A stack
of eight layers of 256 channels on maps of 16x16, as a paper-size SNGAN's blocks have them, is timed
on one thread, each form dense and at 80, 90 and 95 % random sparsity, in turns.
"""

import argparse
import statistics
import time

import numpy as np
import tensorflow as tf
import tf_keras as keras
from ai_edge_litert.interpreter import Interpreter

layers = keras.layers


class Shift(layers.Layer):
    """Moves a map by whole pixels; zeros come in."""

    def __init__(self, down: int, right: int):
        super().__init__()
        self.down, self.right = down, right

    def call(self, x):
        pads = [[0, 0], [1 + self.down, 1 - self.down], [1 + self.right, 1 - self.right], [0, 0]]
        return tf.pad(x, pads)[:, 1:-1, 1:-1]


def pointwise(x, width):
    return layers.Conv2D(width, 1, use_bias=False)(x)


def three(x, width):
    return layers.Conv2D(width, 3, padding="same", use_bias=False)(x)


def nine_shifted(x, width):
    parts = [Shift(a, b)(pointwise(x, width)) for a in (-1, 0, 1) for b in (-1, 0, 1)]
    return layers.Add()(parts)


def stack(form, width: int, side: int, depth: int, sparsity: float) -> keras.Model:
    """A network of one form of convolutions, with a share of its kernels' entries zero."""
    # XNNPACK's sparse graphs begin with a 3x3 convolution of stride 2 on three channels.
    images = keras.Input([2 * side, 2 * side, 3], batch_size=1)
    x = layers.Conv2D(width, 3, 2, padding="same")(images)
    for _ in range(depth):
        x = layers.ReLU()(form(x, width))
    network = keras.Model(images, layers.GlobalAveragePooling2D()(x))
    generator = np.random.default_rng(0)
    for variable in network.trainable_weights[2:]:
        kept = generator.random(variable.shape) >= sparsity
        variable.assign(variable * kept.astype(np.float32))
    return network


def lite(network: keras.Model, encode: bool) -> Interpreter:
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    if encode:
        converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
    interpreter = Interpreter(model_content=converter.convert(), num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--side", type=int, default=16)
    parser.add_argument("--depth", type=int, default=8)
    parser.add_argument("--turns", type=int, default=15)
    asked = parser.parse_args()
    for form in (pointwise, three, nine_shifted):
        runs, taken = {}, {}
        for sparsity in (0.0, 0.8, 0.9, 0.95):
            network = stack(form, asked.width, asked.side, asked.depth, sparsity)
            for encode in (False, True) if sparsity else (False,):
                runs[sparsity, encode] = lite(network, encode)
                taken[sparsity, encode] = []
        for _ in range(asked.turns):
            for name, interpreter in runs.items():
                began = time.perf_counter()
                interpreter.invoke()
                taken[name].append(time.perf_counter() - began)
        dense = statistics.median(taken[0.0, False])
        for (sparsity, encode), times in taken.items():
            ratio = statistics.median(times) / dense
            encoding = "sparse" if encode else "plain"
            print(f"{form.__name__:<13} {sparsity:.0%} zeros, {encoding:<6} {ratio:.2f} of dense")


if __name__ == "__main__":
    main()
