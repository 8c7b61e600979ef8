"""Feature networks for the data sets that need no download.

They are small convnets, trained by `scripts/train_feature_network.py` and shipped as SavedModels.
They have the signature of TF-GAN's Inception module, so scores are computed in the same way as on
photographs.
"""

import dataclasses
import pathlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.data import ImageSet, load, load_domains, scale

FOLDER = pathlib.Path(__file__).parent / "embedded_networks"
FEATURES = 64
TONES = 3


@dataclasses.dataclass(frozen=True)
class Embedded:
    """A feature network that ships with the package.

    Attributes:
      dataset: name of the data set that it is trained on, and its own name.
      resolution: height and width that it resizes images to, in pixels.
      channels: number of channels of the images.
      classes: number of classes.
      examples: a function of a split's name that returns its images with their classes.
      augment: a function that makes the layers that augment training images; these keep the class.
      class_names: names of the classes as the data set has them; None if it has none.
    """

    dataset: str
    resolution: int
    channels: int
    classes: int
    examples: Callable[[str], ImageSet]
    augment: Callable[[], list[keras.layers.Layer]]
    class_names: tuple[str, ...] | None = None

    @property
    def path(self) -> pathlib.Path:
        return FOLDER / self.dataset

    def build(self) -> keras.Model:
        """Builds the untrained network.

        It maps images `(N, resolution, resolution, channels)` in [-1, 1] to `{"pool_3": (N, 64),
        "logits": (N, classes)}`.
        """
        images = keras.Input([self.resolution, self.resolution, self.channels])
        x = images
        for filters, stride in [(32, 1), (FEATURES, 2), (FEATURES, 2)]:
            x = keras.layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False)(x)
            x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
        features = keras.layers.GlobalAveragePooling2D()(x)
        logits = keras.layers.Dense(self.classes)(keras.layers.Dropout(0.3)(features))
        return keras.Model(
            images, {"pool_3": features, "logits": logits}, name=f"{self.dataset}_network"
        )


def _digits(split: str) -> ImageSet:
    return load("digits", split, NETWORKS["digits"].resolution)


def _shifted_turned_and_scaled() -> list[keras.layers.Layer]:
    blank = {"fill_mode": "constant", "fill_value": -1.0}
    return [
        keras.layers.RandomTranslation(0.1, 0.1, **blank),
        keras.layers.RandomRotation(0.03, **blank),
        keras.layers.RandomZoom(0.1, **blank),
    ]


def _shapes(split: str) -> ImageSet:
    """Images of both domains; a class is a domain and a third of the hues from red to yellow."""
    domains = load_domains("shapes2stripes", split, 64)
    images, labels = [], []
    for number, (name, domain) in enumerate(domains.sets.items()):
        shapes = domains.masks[name] > 0
        # The mean colour of a striped shape has the hue of its stripes.
        colours = (domain.images * shapes).sum((1, 2)) / shapes.sum((1, 2))
        labels.append(number * TONES + _tones(colours))
        images.append(domain.images)
    return ImageSet("shapes2stripes", split, np.concatenate(images), np.concatenate(labels))


def _tones(colours: np.ndarray) -> np.ndarray:
    """The class 0, 1 or 2 of each of `(N, 3)` colours: thirds of the hues from red to yellow.

    From red to yellow, the share of green beside red grows.
    """
    red, green, blue = colours.T
    return np.clip((green - blue) / (red - blue) * TONES, 0, TONES - 1).astype(int)


def _shifted_and_flipped() -> list[keras.layers.Layer]:
    return [keras.layers.RandomTranslation(0.1, 0.1), keras.layers.RandomFlip()]


NETWORKS = {
    network.dataset: network
    for network in [
        Embedded(
            "digits",
            resolution=16,
            channels=1,
            classes=10,
            examples=_digits,
            augment=_shifted_turned_and_scaled,
            class_names=tuple("0123456789"),
        ),
        Embedded(
            "shapes2stripes",
            resolution=64,
            channels=3,
            classes=2 * TONES,
            examples=_shapes,
            augment=_shifted_and_flipped,
        ),
    ]
}


def train(embedded: Embedded, epochs: int, seed: int) -> tuple[keras.Model, float]:
    """Trains a network on augmented images.

    Args:
      embedded: the network to train.
      epochs: number of passes over the training images.
      seed: random seed, which makes the result reproducible.

    Returns:
      The network and its accuracy on the test images, in [0, 1].
    """
    # Data and network.
    train_set, test_set = (embedded.examples(split) for split in ("train", "test"))
    keras.utils.set_random_seed(seed)
    network = embedded.build()

    # Input pipeline.
    augment = keras.Sequential(embedded.augment())
    examples = tf.data.Dataset.from_tensor_slices(
        (scale(train_set.images), train_set.labels)
    ).cache()
    batches = examples.shuffle(len(train_set.labels), seed=seed).batch(64)
    batches = batches.map(lambda images, labels: (augment(images, training=True), labels)).prefetch(
        2
    )

    # Training, then the accuracy on the test images.
    schedule = keras.optimizers.schedules.CosineDecay(2e-3, epochs * len(batches))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(optimizer=keras.optimizers.Adam(schedule), loss={"logits": loss})
    network.fit(batches, epochs=epochs, verbose=2)
    predicted = np.argmax(network.predict(scale(test_set.images), verbose=0)["logits"], axis=1)
    return network, float(np.mean(predicted == test_set.labels))


def export(embedded: Embedded, network: keras.Model, path: pathlib.Path) -> None:
    """Writes a network as a SavedModel that takes images of any size and resizes them."""
    size = [embedded.resolution, embedded.resolution]

    class FeatureNetwork(tf.Module):
        def __init__(self):
            super().__init__()
            # A new network, without the optimizer's variables.
            self.network = embedded.build()
            self.network.set_weights(network.get_weights())

        @tf.function(
            input_signature=[tf.TensorSpec([None, None, None, embedded.channels], tf.float32)]
        )
        def __call__(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
            return self.network(tf.image.resize(images, size, antialias=True), training=False)

    module = FeatureNetwork()
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, str(path), signatures=module.__call__, options=options)
