"""What makes networks conditional: norms, scores and latents that depend on classes."""

import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.gans.layers.basic import (
    BatchNormalization,
    ChannelSelection,
    add_singular_vector,
    divided_by_spectral_norm,
)


def _rows_of(table: tf.Tensor, labels: tf.Tensor, classes: int) -> tf.Tensor:
    """The rows of a table `(classes, C)` float32 that labels `(N,)` name, `(N, C)`.

    As a product: a look-up's gradient is sparse, and sums it up in any order on a GPU.
    """
    return tf.matmul(tf.one_hot(labels, classes), table)


def _check_rank(layer: keras.layers.Layer, what: str, shape: tf.TensorShape, rank: int) -> None:
    """Raises `UsageError` for inputs of another rank, which would broadcast to something else."""
    if len(shape) != rank:
        expected = {1: "labels (N,), keras.Input([])", 2: "features (N, D)"}[rank]
        raise UsageError(f"{layer.name}: its {what} is {tuple(shape)}: expected {expected}")


class ConditionalBatchNormalization(BatchNormalization):
    """Batch normalization whose scale and shift depend on a condition (de Vries et al. 2017).

    `[maps, condition]`, maps `(N, H, W, C)`, to `norm(maps) * (1 + gain) + shift`. Gain and shift
    are rows of two tables where the condition is labels `(N,)`, and products with two kernels where
    it is features `(N, D)`, as a class embedding beside latents in BigGAN (Brock et al. 2019).

    Args:
      classes: number of classes of the labels; None where the condition is features.
      spectral: whether both kernels are divided by their spectral norm.
      kernel_initializer: of both kernels, `(classes, C)` or `(D, C)`.
      **kwargs: of `BatchNormalization`, such as `momentum` and `epsilon`.
    """

    def __init__(
        self,
        classes: int | None = None,
        spectral: bool = False,
        kernel_initializer: str = "orthogonal",
        **kwargs,
    ):
        super().__init__(**{**kwargs, "center": False, "scale": False})
        self.classes = classes
        self.spectral = spectral
        self.kernel_initializer = kernel_initializer  # makes two, which draw apart

    def build(self, input_shape: list[tf.TensorShape]) -> None:
        maps, condition = input_shape
        _check_rank(self, "condition", condition, 1 if self.classes else 2)
        super().build(maps)
        self.input_spec = None  # of the maps alone
        shape = [self.classes or condition[-1], maps[-1]]
        self.gains = self._kernel("gains", shape)
        self.shifts = self._kernel("shifts", shape)
        if self.spectral:
            self.gains_u = add_singular_vector(self, "gains_u", maps[-1])
            self.shifts_u = add_singular_vector(self, "shifts_u", maps[-1])

    def _kernel(self, name: str, shape: list[int]) -> tf.Variable:
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=keras.initializers.get(self.kernel_initializer),
            experimental_autocast=False,
        )

    def call(self, inputs: list[tf.Tensor], training: bool = False) -> tf.Tensor:
        maps, condition = inputs
        normalized = super().call(maps, training=training)
        kernels = [self.gains, self.shifts]
        if self.spectral:
            vectors = [self.gains_u, self.shifts_u]
            pairs = zip(kernels, vectors, strict=True)
            kernels = [divided_by_spectral_norm(*pair, training) for pair in pairs]
        gain, shift = [tf.cast(self._rows(k, condition), maps.dtype) for k in kernels]
        return normalized * (1 + gain[:, None, None]) + shift[:, None, None]

    def _rows(self, kernel: tf.Tensor, condition: tf.Tensor) -> tf.Tensor:
        """What the condition of each image makes of a kernel, `(N, C)` float32."""
        if self.classes:
            return _rows_of(kernel, condition, self.classes)
        return tf.matmul(tf.cast(condition, tf.float32), kernel)

    def compute_output_shape(self, input_shape: list[tf.TensorShape]) -> tf.TensorShape:
        return tf.TensorShape(input_shape[0])

    def kernel_positions(self, input_shape: tuple, output_shape: tuple) -> int:
        """Products with a condition of features count, look-ups do not: see `pruning.cost`."""
        del input_shape, output_shape
        return 0 if self.classes else 1

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "classes": self.classes,
            "spectral": self.spectral,
            "kernel_initializer": keras.initializers.serialize(
                keras.initializers.get(self.kernel_initializer)
            ),
        }


class Projection(keras.layers.Layer):
    """How well features fit a class: their product with its embedding (Miyato and Koyama 2018).

    `[features, labels]`, `(N, C)` and `(N,)` int, to float32 `(N, 1)`, which is added to the score.

    Args:
      classes: number of classes.
      spectral: whether the embeddings `(classes, C)` are divided by their spectral norm.
      embeddings_initializer: of the embeddings.
    """

    def __init__(
        self,
        classes: int,
        spectral: bool = False,
        embeddings_initializer: str = "orthogonal",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.classes = classes
        self.spectral = spectral
        self.embeddings_initializer = keras.initializers.get(embeddings_initializer)

    def build(self, input_shape: list[tf.TensorShape]) -> None:
        _check_rank(self, "first input", input_shape[0], 2)
        _check_rank(self, "second input", input_shape[1], 1)
        features = input_shape[0][-1]
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=[self.classes, features],
            initializer=self.embeddings_initializer,
            experimental_autocast=False,
        )
        if self.spectral:
            self.u = add_singular_vector(self, "u", features)
        super().build(input_shape)

    def call(self, inputs: list[tf.Tensor], training: bool = False) -> tf.Tensor:
        features, labels = inputs
        embeddings = self.embeddings
        if self.spectral:
            embeddings = divided_by_spectral_norm(embeddings, self.u, training)
        products = _rows_of(embeddings, labels, self.classes) * tf.cast(features, tf.float32)
        return tf.reduce_sum(products, axis=1, keepdims=True)

    def kernel_positions(self, input_shape: tuple, output_shape: tuple) -> int:
        """Look-ups do not count: see `pruning.cost`."""
        del input_shape, output_shape
        return 0

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "classes": self.classes,
            "spectral": self.spectral,
            "embeddings_initializer": keras.initializers.serialize(self.embeddings_initializer),
        }


def hierarchical_latents(latents: tf.Tensor, parts: int) -> list[tf.Tensor]:
    """Latents `(N, parts * Z)` as `parts` tensors `(N, Z)`, each for one depth of a generator.

    Source: Brock et al. 2019, whose first part makes the first map, and whose others go with the
    class into the norms of a block each.

    Raises:
      UsageError: they cannot be divided into so many.
    """
    if latents.shape[-1] % parts:
        raise UsageError(
            f"{latents.shape[-1]} latents cannot be divided into {parts} equal parts: take"
            f" {-(-latents.shape[-1] // parts) * parts}"
        )
    size = latents.shape[-1] // parts
    return [ChannelSelection(range(n * size, (n + 1) * size))(latents) for n in range(parts)]
