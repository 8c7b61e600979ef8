"""The feature network for `digits`: a small convnet, trained by `scripts/train_digits_network.py`, shipped as a SavedModel.

It has the signature of TF-GAN's Inception module, so every score is computed the same way on digits as on photographs.
"""

import pathlib

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.data import ImageSet, scale

PATH = pathlib.Path(__file__).parent / "digits_network"
RESOLUTION = 16
FEATURES = 64
CLASSES = 10


def build() -> keras.Model:
    """Images `(N, 16, 16, 1)` in [-1, 1] to `{"pool_3": (N, 64), "logits": (N, 10)}`."""
    images = keras.Input([RESOLUTION, RESOLUTION, 1])
    x = images
    for filters, stride in [(32, 1), (FEATURES, 2), (FEATURES, 2)]:
        x = keras.layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False)(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    features = keras.layers.GlobalAveragePooling2D()(x)
    logits = keras.layers.Dense(CLASSES)(keras.layers.Dropout(0.3)(features))
    return keras.Model(images, {"pool_3": features, "logits": logits}, name="digits_network")


def train(train_set: ImageSet, test_set: ImageSet, epochs: int, seed: int) -> tuple[keras.Model, float]:
    """Trains the network on shifted, turned and scaled digits.

    Args:
      train_set: digits at resolution 16 to train on.
      test_set: digits held out.
      epochs: passes over the training set.
      seed: makes the result reproducible.

    Returns:
      The network and its accuracy on the held-out digits, in [0, 1].
    """
    keras.utils.set_random_seed(seed)
    network = build()
    augment = keras.Sequential(
        [
            keras.layers.RandomTranslation(0.1, 0.1, fill_mode="constant", fill_value=-1.0),
            keras.layers.RandomRotation(0.03, fill_mode="constant", fill_value=-1.0),
            keras.layers.RandomZoom(0.1, fill_mode="constant", fill_value=-1.0),
        ]
    )
    examples = tf.data.Dataset.from_tensor_slices((scale(train_set.images), train_set.labels)).cache()
    batches = examples.shuffle(len(train_set.labels), seed=seed).batch(64)
    batches = batches.map(lambda images, labels: (augment(images, training=True), labels)).prefetch(2)
    schedule = keras.optimizers.schedules.CosineDecay(2e-3, epochs * len(batches))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(optimizer=keras.optimizers.Adam(schedule), loss={"logits": loss})
    network.fit(batches, epochs=epochs, verbose=2)
    predicted = np.argmax(network.predict(scale(test_set.images), verbose=0)["logits"], axis=1)
    return network, float(np.mean(predicted == test_set.labels))


def export(network: keras.Model, path: pathlib.Path) -> None:
    """Writes the network as a SavedModel that takes grey images of any size and resizes them itself."""

    class FeatureNetwork(tf.Module):
        def __init__(self):
            super().__init__()
            self.network = build()  # without the optimizer's variables
            self.network.set_weights(network.get_weights())

        @tf.function(input_signature=[tf.TensorSpec([None, None, None, 1], tf.float32)])
        def __call__(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
            return self.network(tf.image.resize(images, [RESOLUTION, RESOLUTION], antialias=True), training=False)

    module = FeatureNetwork()
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, str(path), signatures=module.__call__, options=options)
