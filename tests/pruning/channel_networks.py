"""Networks that are hard to make slim: five made to be nasty, and any number made at random."""

import random

import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.gans import layers as ours

layers = keras.layers


def conv(x, filters, name, size=3, kind=layers.Conv2D, **options):
    return kind(filters, size, padding="same", name=name, **options)(x)


def nested_sums() -> keras.Model:
    """Sums of sums and of products, a gate, maps of one channel, a sum of a map with itself."""
    images = keras.Input([6, 6, 3], name="images")
    stem = conv(images, 6, "stem")
    left = conv(layers.ReLU()(stem), 6, "left")
    right = conv(stem, 6, "right", activation="softplus")
    inner = layers.Average()([left, layers.Subtract()([right, stem])])
    gate = layers.GlobalAveragePooling2D(keepdims=True)(inner)
    gate = layers.Dense(6, "sigmoid", name="gate")(layers.Dense(4, "elu", name="squeeze")(gate))
    trunk = layers.Multiply()([inner, gate])
    hidden = conv(trunk, 8, "hidden", activation="sigmoid")
    doubled = layers.Maximum()([layers.ReLU()(hidden), layers.Activation("tanh")(hidden)])
    attention = conv(doubled, 1, "attention", activation="sigmoid")
    trunk = ours.ResidualSum()([trunk, conv(doubled, 6, "back")])
    weighted = layers.Multiply()([trunk, attention])
    return keras.Model(images, conv(weighted, 2, "to_image"), name="nested_sums")


def concatenations() -> keras.Model:
    """Dense blocks, a sum that joins two parts to one layer, and parts above one another."""
    images = keras.Input([4, 4, 2], name="images")
    first = conv(images, 4, "first")
    second = conv(layers.LeakyReLU()(first), 3, "second")
    both = layers.Concatenate()([first, second])
    both = ours.BatchNormalization(name="norm")(both)
    third = conv(both, 5, "third")
    three = layers.Concatenate()([both, third, images])
    summed = layers.Add()([conv(three, 4, "part_1"), conv(three, 4, "part_2")])
    parts = layers.Concatenate()([summed, conv(three, 4, "part_3")])
    joined = layers.Add()([parts, conv(three, 8, "whole")])
    free = conv(layers.Concatenate()([joined, conv(joined, 3, "free")]), 4, "wide")
    tall = layers.Concatenate(axis=1)([free, conv(joined, 4, "tall")])
    return keras.Model(images, conv(tall, 2, "to_image"), name="concatenations")


def shared_trunk() -> keras.Model:
    """A trunk that norms select of, one norm for two readers, and layers that are called twice."""
    images = keras.Input([6, 6, 2], name="images")
    trunk = conv(images, 6, "stem")
    shared = layers.Conv2D(5, 3, padding="same", name="shared")
    slope = layers.PReLU(alpha_initializer="uniform", name="slope")
    for number in (1, 2):
        norm = ours.BatchNormalization(name=f"norm_{number}")
        x = shared(layers.ReLU()(norm(trunk)))
        x = ours.InstanceNormalization(name=f"inner_{number}")(slope(x))
        back = conv(x, 6, f"back_{number}")
        trunk = layers.Add()([trunk, layers.BatchNormalization(name=f"after_{number}")(back)])
    x = layers.ReLU()(ours.InstanceNormalization(name="selects")(trunk))
    left = conv(x, 4, "left", kind=ours.SpectralConv2D)
    right = conv(ours.ReflectionPadding(1)(x), 3, "right")
    scores = layers.GlobalMaxPooling2D()(left)
    return keras.Model(images, [conv(right, 2, "to_image"), scores], name="shared_trunk")


def depthwise() -> keras.Model:
    """Depthwise and separable layers of two maps a channel, transposed ones, norms in part."""
    images = keras.Input([8, 8, 2], name="images")
    x = conv(images, 4, "first", activation="sigmoid")
    x = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, name="depthwise")(x)
    x = layers.BatchNormalization(scale=False, name="no_gamma")(x)
    x = layers.SeparableConv2D(6, 3, 2, "same", depth_multiplier=2, name="separable")(x)
    x = ours.InstanceNormalization(affine=False, name="no_affine")(layers.ELU()(x))
    x = layers.Conv2DTranspose(5, 4, 2, "same", name="transposed")(x)
    x = layers.BatchNormalization(center=False, name="no_beta")(layers.AveragePooling2D()(x))
    x = ours.DoublingConv2DTranspose(4, 3, 2, name="doubling")(layers.ZeroPadding2D()(x))
    x = ours.UpsampledConv2D(6, 3, padding="same", name="upsampled")(layers.ReLU()(x))
    x = ours.PooledSpectralConv2D(5, 3, padding="same", name="pooled")(x)
    x = ours.PaddedConv2D(4, 4, 2, name="padded")(ours.NearestUpsampling()(x))
    x = ours.FewChannelsConv2D(3, 3, padding="same", name="to_image")(layers.UpSampling2D()(x))
    return keras.Model(images, x, name="depthwise")


def reshapes() -> keras.Model:
    """Dense after Reshape and Flatten, labels, two inputs, a dict of outputs."""
    latents = keras.Input([5], name="latents")
    labels = keras.Input([], dtype="int32", name="labels")
    embedded = layers.Embedding(4, 6, name="embedding")(labels)
    x = layers.Concatenate()([latents, layers.Dense(4, "tanh", name="mixed")(embedded)])
    x = layers.Reshape([3, 2, 4])(layers.Dense(24, name="dense")(x))
    x = conv(ours.BatchNormalization(name="norm")(x), 6, "hidden")
    rows = layers.Dense(4, name="rows")(layers.Reshape([3, -1])(x))
    flat = layers.Flatten()(layers.MaxPooling2D((3, 1))(x))
    flat = ours.SpectralDense(7, name="wide")(layers.Concatenate()([flat, layers.Flatten()(rows)]))
    # Reshaped, units lie above one another: two of them are one channel.
    pairs = layers.Reshape([2, 6])(layers.Dense(12, name="twelve")(flat))
    pairs = layers.Reshape([4, 3])(layers.Dense(6, name="six")(pairs))
    scores = layers.Dense(1, name="score")(layers.GlobalAveragePooling1D()(pairs))
    outputs = {"score": scores, "image": conv(layers.ReLU()(x), 2, "to_image")}
    return keras.Model([latents, labels], outputs, name="reshapes")


NASTY = {
    made.__name__: made for made in (nested_sums, concatenations, shared_trunk, depthwise, reshapes)
}


class Random:
    """Draws a network of up to sixteen layers: maps of a few channels that are split and joined."""

    def __init__(self, seed: int):
        self.draw = random.Random(seed)
        self.made = 0

    def network(self) -> keras.Model:
        images = keras.Input([4, 4, self.draw.randint(1, 3)], name="images")
        maps = [conv(images, self.draw.randint(1, 6), self.name("stem"))]
        for _ in range(self.draw.randint(3, 10)):
            maps.append(self.draw.choice(self.STEPS)(self, maps))
        image = conv(self.draw.choice(maps), 2, "to_image")
        features = layers.Flatten()(maps[-1])
        if self.draw.random() < 0.5:
            features = layers.Dense(5, "relu", name="features")(features)
        scores = layers.Dense(1, name="score")(features)
        return keras.Model(images, [image, scores], name="drawn")

    def name(self, kind: str) -> str:
        self.made += 1
        return f"{kind}_{self.made}"

    def pick(self, maps: list[tf.Tensor]) -> tf.Tensor:
        """Mostly the newest map."""
        return maps[-1] if self.draw.random() < 0.6 else self.draw.choice(maps)

    def convolution(self, maps):
        kind = self.draw.choice(
            [layers.Conv2D, layers.Conv2DTranspose, ours.SpectralConv2D, ours.FewChannelsConv2D]
        )
        activation = self.draw.choice([None, "relu", "sigmoid", "softplus"])
        activation = None if kind is ours.SpectralConv2D else activation
        filters, size = self.draw.randint(1, 6), self.draw.choice([1, 3])
        return conv(self.pick(maps), filters, self.name("conv"), size, kind, activation=activation)

    def norm(self, maps):
        name = self.name("norm")
        norm = self.draw.choice(
            [
                ours.BatchNormalization(name=name),
                layers.BatchNormalization(scale=False, name=name),
                ours.InstanceNormalization(name=name),
                ours.InstanceNormalization(affine=False, name=name),
                layers.PReLU(shared_axes=[1, 2], alpha_initializer="uniform", name=name),
            ]
        )
        return layers.LeakyReLU()(norm(self.pick(maps)))

    def block(self, maps):
        x = self.pick(maps)
        y = layers.ReLU()(ours.BatchNormalization(name=self.name("norm"))(x))
        y = conv(y, self.draw.randint(1, 6), self.name("inner"))
        y = conv(layers.ReLU()(y), x.shape[-1], self.name("outer"))
        if self.draw.random() < 0.5:
            x = conv(x, x.shape[-1], self.name("shortcut"), 1)
        return self.draw.choice([layers.Add, ours.ResidualSum, layers.Maximum])()([x, y])

    def join(self, maps):
        x, y = self.pick(maps), self.draw.choice(maps)
        if x.shape[-1] == y.shape[-1] and self.draw.random() < 0.7:
            return self.draw.choice([layers.Add, layers.Multiply, layers.Subtract])()([x, y])
        return layers.Concatenate()([x, y])

    def depthwise(self, maps):
        x, count = self.pick(maps), self.draw.choice([1, 2])
        if self.draw.random() < 0.5:
            return layers.DepthwiseConv2D(
                3, padding="same", depth_multiplier=count, name=self.name("depthwise")
            )(x)
        return layers.SeparableConv2D(
            4, 3, padding="same", depth_multiplier=count, name=self.name("separable")
        )(x)

    def dense(self, maps):
        channels = self.draw.randint(1, 4)
        x = layers.Flatten()(layers.AveragePooling2D()(self.pick(maps)))
        x = layers.Dense(16 * channels, name=self.name("dense"))(x)
        return layers.Reshape([4, 4, channels])(x)

    STEPS = (convolution, norm, block, join, depthwise, dense)
