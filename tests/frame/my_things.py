"""Everything that `--plugins` can add, each a few lines."""

import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.evaluation import feature_networks
from tf_gan_lth.methods import branches, criteria
from tf_gan_lth.training import augmentations, losses, terms


@feature_networks.register
def my_features():
    images = keras.Input([8, 8, 1])
    features = keras.layers.Flatten()(keras.layers.AveragePooling2D(4)(images))
    return keras.Model(images, {"pool_3": features, "logits": 10 * features})


@criteria.register
def smallest_layers_first(bench, before):
    """Each weight's magnitude over its layer's largest."""
    weights = before.weights.get()
    return {
        name: {
            path: abs(weights[name][path]) / abs(weights[name][path]).max()
            for path in mask.expand()
        }
        for name, mask in bench.full_masks.items()
    }


@branches.register
def untouched(bench, ticket):
    """The ticket once more."""
    return ticket


@terms.register("generator")
def brightness(context):
    return tf.reduce_mean(context.fake)


@augmentations.register
def upside_down(images, seed):
    return tf.reverse(images, [1])


losses.LOSSES.register(
    losses.AdversarialLoss(
        lambda real, fake: tf.reduce_mean(tf.square(real - 1)) + tf.reduce_mean(tf.square(fake)),
        lambda fake: tf.reduce_mean(tf.square(fake - 1)),
    ),
    name="my_loss",
)
