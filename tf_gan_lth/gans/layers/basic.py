"""Keras layers and initializers that the GANs share and Keras 2 does not have.

All of them compile under XLA, forward and backward, and take `(N, H, W, C)` float images. Under
Keras's mixed precision they compute in 16 bits, except for statistics and spectral norms, which are
computed in float32.
"""

import contextlib
import contextvars
import math
from collections.abc import Callable, Iterator, Sequence

import tensorflow as tf
import tf_keras as keras


def fan_in_uniform(fan_in: int) -> keras.initializers.Initializer:
    """Uniform in +-1/sqrt(fan_in).

    The paper's code (PyTorch) initialises Dense kernels and all biases with it.
    """
    bound = 1.0 / math.sqrt(fan_in)
    return keras.initializers.RandomUniform(-bound, bound)


class NearestUpsampling(keras.layers.Layer):
    """Doubles height and width by repeating pixels (`UpSampling2D` has no gradient under XLA)."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return upsample_nearest(inputs)


@tf.custom_gradient
def upsample_nearest(inputs: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """Repeats each pixel 2x2 times: `(N, H, W, C)` to `(N, 2H, 2W, C)`, of the same dtype."""
    # TensorFlow's own gradient of `broadcast_to` sums over two axes that are not adjacent, which is
    # many times slower than pooling.
    doubled = _doubled_by_concat(inputs) if _FOR_EXPORT.get() else _doubled_by_broadcast(inputs)
    return doubled, lambda upstream: 4 * tf.nn.avg_pool2d(upstream, 2, 2, "VALID")


_FOR_EXPORT = contextvars.ContextVar("for_export", default=False)


@contextlib.contextmanager
def for_export() -> Iterator[None]:
    """Within it, functions are traced from operations that other runtimes have.

    These are `upsample_nearest` without tensors of six dimensions, which TensorFlow Lite does not
    run in 32 bits without XNNPACK and does not convert to 8, with the same values, and
    `InstanceNormalization` of centred maps, for 8 bits, with the same values but for rounding.
    """
    token = _FOR_EXPORT.set(True)
    try:
        yield
    finally:
        _FOR_EXPORT.reset(token)


def _doubled_by_broadcast(inputs: tf.Tensor) -> tf.Tensor:
    height, width, channels = inputs.shape[1:]
    rows = tf.broadcast_to(
        inputs[:, :, None, :, None, :], [tf.shape(inputs)[0], height, 2, width, 2, channels]
    )
    return tf.reshape(rows, [-1, 2 * height, 2 * width, channels])


def _doubled_by_concat(inputs: tf.Tensor) -> tf.Tensor:
    height, width, channels = inputs.shape[1:]
    # A pixel, then a row, written twice in a row of memory.
    pixels = tf.reshape(tf.concat([inputs, inputs], axis=3), [-1, height, 2 * width * channels])
    rows = tf.concat([pixels, pixels], axis=2)
    return tf.reshape(rows, [-1, 2 * height, 2 * width, channels])


class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's batch normalization, with statistics of the whole batch over all replicas.

    The replicas are those of the strategy under which the layer is created. Keras drops
    `synchronized` when it copies a layer; on a single device it would only prevent the use of the
    fused kernel. The moving variance of the fused kernel is unbiased, as in PyTorch; the one of the
    synchronised kernel is biased: they differ by a factor n/(n-1).
    """

    def __init__(self, **kwargs):
        super().__init__(
            synchronized=tf.distribute.get_strategy().num_replicas_in_sync > 1, **kwargs
        )


class ReflectionPadding(keras.layers.Layer):
    """Pads by mirroring the `size` pixels next to each edge.

    `(N, H, W, C)` becomes `(N, H + 2 size, W + 2 size, C)`; H and W must be greater than `size`.
    """

    def __init__(self, size: int, **kwargs):
        super().__init__(**kwargs)
        self.size = size

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        edges = [self.size, self.size]
        return tf.pad(inputs, [[0, 0], edges, edges, [0, 0]], mode="REFLECT")

    def get_config(self) -> dict:
        return {**super().get_config(), "size": self.size}


class ChannelSelection(keras.layers.Layer):
    """Takes some of the channels: `(..., C)` to `(..., len(indices))`.

    Args:
      indices: positions of the channels that are taken, in the order in which they are returned.
    """

    def __init__(self, indices: Sequence[int], **kwargs):
        super().__init__(**kwargs)
        self.indices = [int(index) for index in indices]

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.gather(inputs, self.indices, axis=-1)

    def get_config(self) -> dict:
        return {**super().get_config(), "indices": list(self.indices)}


class _Prunable:
    """Tells TFMOT what to prune in a layer of a class that it does not know."""

    def get_prunable_weights(self) -> list[tf.Variable]:
        """The variables that TFMOT's wrapper masks: the stored kernel."""
        return [self.kernel]


class PaddedConv2D(_Prunable, keras.layers.Conv2D):
    """`Conv2D` with one row or column of zeros at every edge, as PyTorch's `padding=1`.

    For 4x4 kernels with strides of 2 on maps of even size that is `padding="same"`. Other maps are
    copied into padded ones. TensorFlow's explicit padding needs no copy, but has no fast bfloat16
    kernel on a CPU: with it, a training step of CycleGAN took three times as long.
    """

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        if (
            self.kernel_size == (4, 4)
            and self.strides == (2, 2)
            and not any(side is None or side % 2 for side in inputs.shape[1:3])
        ):
            return tf.nn.conv2d(inputs, kernel, self.strides, "SAME")
        return tf.nn.conv2d(
            tf.pad(inputs, [[0, 0], [1, 1], [1, 1], [0, 0]]), kernel, self.strides, "VALID"
        )

    def compute_output_shape(self, input_shape: tf.TensorShape) -> tf.TensorShape:
        count, *sides, channels = input_shape
        return super().compute_output_shape(
            [count, *(side and side + 2 for side in sides), channels]
        )


class DoublingConv2DTranspose(_Prunable, keras.layers.Conv2DTranspose):
    """`Conv2DTranspose` with a 3x3 kernel and strides of 2 that exactly doubles the map.

    It is PyTorch's with `padding=1, output_padding=1`. The full result has one more row and column:
    this layer drops the first ones, `padding="same"` the last ones.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        count, height, width, _ = tf.unstack(tf.shape(inputs))
        outputs = tf.raw_ops.Conv2DBackpropInput(
            input_sizes=tf.stack([count, 2 * height + 1, 2 * width + 1, self.filters]),
            filter=self.kernel,
            out_backprop=inputs,
            strides=[1, *self.strides, 1],
            padding="VALID",
        )
        # `tf.slice`, whose gradient pads, is faster than `[:, 1:, 1:]`.
        outputs = tf.slice(outputs, [0, 1, 1, 0], [-1, -1, -1, -1])
        known = [size and 2 * size for size in inputs.shape[1:3]]
        outputs.set_shape([inputs.shape[0], *known, self.filters])
        return tf.nn.bias_add(outputs, self.bias)


EPSILON = 1e-5
_FEW_IMAGES = 4  # up to this many images are normalised one by one, which is faster


class InstanceNormalization(keras.layers.Layer):
    """Normalises each channel of each image over height and width (Ulyanov et al. 2016).

    It does the same in training and inference. As in PyTorch, the variance is biased and epsilon is
    1e-5.

    Args:
      affine: whether to scale by `gamma` and shift by `beta`, trainable and of shape `(C,)`.
    """

    def __init__(self, affine: bool = True, **kwargs):
        super().__init__(**kwargs)
        self.affine = affine
        self.gamma = self.beta = None

    def build(self, input_shape: tf.TensorShape) -> None:
        if self.affine:
            shape = [input_shape[-1]]
            self.gamma = self.add_weight(
                name="gamma", shape=shape, initializer="ones", experimental_autocast=False
            )
            self.beta = self.add_weight(
                name="beta", shape=shape, initializer="zeros", experimental_autocast=False
            )
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        if _FOR_EXPORT.get():
            return self._centred(inputs)
        if inputs.shape[0] is not None and inputs.shape[0] <= _FEW_IMAGES:
            return tf.concat(
                [self._normalize(image) for image in tf.split(inputs, inputs.shape[0])], axis=0
            )
        whole = tf.cast(inputs, tf.float32)
        mean, variance = tf.nn.moments(whole, axes=[1, 2], keepdims=True)
        return tf.cast(
            tf.nn.batch_normalization(whole, mean, variance, self.beta, self.gamma, EPSILON),
            inputs.dtype,
        )

    def _centred(self, inputs: tf.Tensor) -> tf.Tensor:
        """Takes the mean away first, as in 8 bits the difference of two large products is lost.

        That, and a product for a square, which TensorFlow Lite quantises otherwise: whole 8 bits
        of a generator of three blocks are off by 0.21 of its images' deviation, instead of 0.50.
        """
        whole = tf.cast(inputs, tf.float32)
        centred = whole - tf.reduce_mean(whole, [1, 2], keepdims=True)
        variance = tf.reduce_mean(centred * centred, [1, 2], keepdims=True)
        scale = tf.math.rsqrt(variance + EPSILON)
        if not self.affine:
            return tf.cast(centred * scale, inputs.dtype)
        return tf.cast(centred * (scale * self.gamma) + self.beta, inputs.dtype)

    def _normalize(self, image: tf.Tensor) -> tf.Tensor:
        """Normalises a single image, by batch normalization with statistics in float32.

        That is a single operation forward and another backward.
        """
        channels = image.shape[-1]
        gamma = self.gamma if self.affine else tf.ones([channels])
        beta = self.beta if self.affine else tf.zeros([channels])
        # The raw operation, because Keras and `tf.nn` raise epsilon to 1.001e-5.
        unused = tf.zeros([0])
        norm = tf.raw_ops.FusedBatchNormV3
        return norm(
            x=image,
            scale=gamma,
            offset=beta,
            mean=unused,
            variance=unused,
            epsilon=EPSILON,
            is_training=True,
        ).y

    def get_config(self) -> dict:
        return {**super().get_config(), "affine": self.affine}


class ResidualSum(keras.layers.Add):
    """`Add` that TensorFlow does not fuse with the convolutions before it.

    TensorFlow 2.21 rewrites convolution, bias, sum and ReLU as one operation. Where the sum is used
    twice, the rewriting fails ("remapper failed: ... fanout exist for missing node"), and all other
    fusions of the graph are lost.
    """

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        return super().call([tf.ensure_shape(tensor, tensor.shape) for tensor in inputs])


class SpatialSum(keras.layers.Layer):
    """Sums over height and width, in float32: `(N, H, W, C)` to `(N, C)`."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(tf.cast(inputs, tf.float32), axis=[1, 2])


class Float32Kernel(_Prunable):
    """A layer that reads its kernel in float32, also under mixed precision.

    The kernel is transformed in float32, then cast to 16 bits.
    """

    def add_weight(self, name: str | None = None, **kwargs) -> tf.Variable:
        kept = {"experimental_autocast": False} if name == "kernel" else {}
        return super().add_weight(name=name, **kwargs, **kept)


class _SpectralNorm(Float32Kernel):
    """Divides the kernel by an estimate of its largest singular value (Miyato et al. 2018).

    The raw kernel is the trainable, prunable variable; the layer computes with `kernel / sigma`.
    Every call makes one power iteration from the vector `u`; with `training=True`, it also stores
    the new `u` for the next call. As in the paper's code, the gradient of sigma flows through the
    kernel but not through the singular vectors.
    """

    def build(self, input_shape: tf.TensorShape) -> None:
        super().build(input_shape)
        self.u = add_singular_vector(self, "u", self.kernel.shape[-1])

    def normalized_kernel(self, training: bool) -> tf.Tensor:
        """`kernel / sigma`, float32, in the kernel's shape."""
        return divided_by_spectral_norm(self.kernel, self.u, training)


def add_singular_vector(layer: keras.layers.Layer, name: str, size: int) -> tf.Variable:
    """Adds the `u` of `divided_by_spectral_norm` to a layer, `(size,)` float32."""
    return layer.add_weight(
        name=name,
        shape=[size],
        initializer=keras.initializers.RandomNormal(),
        trainable=False,
        experimental_autocast=False,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
    )


def divided_by_spectral_norm(kernel: tf.Tensor, u: tf.Variable, training: bool) -> tf.Tensor:
    """A kernel of spectral norm 1, after one power iteration from `u`.

    A kernel of zeros, as pruning may leave of a small layer, stays as it is, and so does its `u`.

    Args:
      kernel: `(..., O)` float32, seen as a matrix of O columns.
      u: `(O,)` float32, an estimate of the first right singular vector; renewed in training.
      training: whether the layer trains.
    """
    matrix = tf.reshape(kernel, [-1, kernel.shape[-1]])
    fixed = tf.stop_gradient(matrix)
    v = tf.math.l2_normalize(tf.linalg.matvec(fixed, u))
    turned = tf.linalg.matvec(fixed, v, transpose_a=True)
    renewed = tf.math.l2_normalize(turned)
    if training:
        # Zeros would be an estimate for ever, also of weights that grow back.
        u.assign(tf.where(tf.reduce_any(turned != 0.0), renewed, u))
    sigma = tf.reduce_sum(v * tf.linalg.matvec(matrix, renewed))
    return kernel / tf.where(sigma == 0.0, 1.0, sigma)


class SpectralConv2D(_SpectralNorm, keras.layers.Conv2D):
    """`Conv2D` with a kernel of spectral norm 1."""

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        outputs = self.convolution_op(inputs, self.normalized_kernel(training))
        return tf.nn.bias_add(outputs, self.bias) if self.use_bias else outputs

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        return super().convolution_op(inputs, tf.cast(kernel, inputs.dtype))


class SpectralDense(_SpectralNorm, keras.layers.Dense):
    """`Dense` with a kernel of spectral norm 1."""

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        outputs = tf.matmul(inputs, tf.cast(self.normalized_kernel(training), inputs.dtype))
        return tf.nn.bias_add(outputs, self.bias) if self.use_bias else outputs
