"""Networks of one's own in other forms: they find a ticket, or say before training what stays."""

import warnings

import numpy as np
import pytest
import tf_keras as keras

import tf_gan_lth as lth
from tf_gan_lth import gans
from tf_gan_lth.experiment.errors import ToolkitWarning, UsageError
from tf_gan_lth.gans import nested

layers = keras.layers
SHORT = {"steps": 2, "rounds": 1, "num_eval_images": 100, "branches": (), "progress": False}
IMAGES = np.random.default_rng(0).integers(0, 256, [64, 16, 16, 1], dtype=np.uint8)


def body(name="body"):
    maps = keras.Input([4, 4, 8])
    x = layers.Conv2DTranspose(8, 3, 2, "same", name="up_1")(maps)
    x = layers.ReLU()(layers.BatchNormalization(name="norm")(x))
    return keras.Model(maps, layers.Conv2DTranspose(8, 3, 2, "same", name="up_2")(x), name=name)


def generator(middle, last):
    latents = keras.Input([4])
    x = layers.Reshape([4, 4, 8])(layers.Dense(128, name="dense")(latents))
    return keras.Model(latents, layers.Activation("tanh")(last(middle(x))))


def wide(x):
    return layers.UpSampling2D(4)(layers.Conv2D(8, 3, padding="same", name="wide")(x))


def discriminator(first=None):
    images = keras.Input([16, 16, 1])
    first = first or layers.Conv2D(4, 3, 2, name="down")
    return keras.Model(images, layers.Dense(1, name="score")(layers.Flatten()(first(images))))


def to_image(name="picture", kind=layers.Conv2D):
    return kind(1, 3, padding="same", name=name)


def found(gan, path, **options):
    run = lth.find_ticket(gan, IMAGES, path, **{**SHORT, **options})
    masks = run.ticket(1).masks["generator"]
    assert run.verdict.sentence and run.ticket(1).generator()(np.zeros([2, 4])).shape[1:] == (
        *(16, 16, 1),
    )
    return masks


@keras.utils.register_keras_serializable()
class Scaled(layers.Wrapper):
    """A wrapper with a variable of its own, which is rewound with the others."""

    def build(self, input_shape):
        super().build(input_shape)
        self.scale = self.add_weight("scale", [], initializer="ones")

    def call(self, inputs):
        return self.scale * self.layer(inputs)


@keras.utils.register_keras_serializable()
class Attention(layers.Layer):
    """A layer made of others, whose kernels are told apart by their names."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.query, self.value = (layers.Dense(8, name=name) for name in ("query", "value"))

    def call(self, inputs):
        return keras.activations.sigmoid(self.query(inputs)) * self.value(inputs)


LASTS = {
    "another name": to_image,
    "a transposed convolution": lambda: to_image(kind=layers.Conv2DTranspose),
    "a nested model": lambda: keras.Sequential([keras.Input([16, 16, 8]), to_image()], name="end"),
}


@pytest.mark.parametrize("unit", ["element", "channel"])
@pytest.mark.parametrize("last", LASTS)
def test_the_last_layer_may_be_any(last, unit, tmp_path):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "no weight of these layers", ToolkitWarning)
        gan = lth.GAN(generator(wide, LASTS[last]()), discriminator(), name="unusual")
        masks = found(gan, tmp_path / "run", unit=unit)
    name = "end/picture" if last == "a nested model" else "picture"
    shape = (3, 3, 1, 8) if last == "a transposed convolution" else (3, 3, 8, 1)
    assert unit == "channel" or masks[f"{name}/kernel"].shape == shape
    assert masks["wide/kernel"].mean() < 1


def test_a_nested_model_is_pruned_and_found_again(tmp_path):
    outer = keras.Sequential([keras.Input([4, 4, 8]), body(), layers.ReLU()])
    gan = lth.GAN(
        generator(outer, to_image()),
        discriminator(keras.Sequential([layers.Conv2D(4, 3, name="down")], name="head")),
        name="nested",
    )
    both = {"prune": ("generator", "discriminator")}
    masks = found(gan, tmp_path / "run", **both)
    assert masks.keys() == {"body/up_1/kernel", "body/up_2/kernel", "picture/kernel"}
    again = lth.find_ticket(gan, IMAGES, tmp_path / "run", **SHORT, **both)
    assert again.ticket(1).masks["discriminator"].keys() == {"head/down/kernel"}


def test_a_model_that_is_called_twice_has_its_weights_once_and_computes_the_same():
    twice = keras.Sequential([keras.Input([16, 16, 8]), to_image("same")], name="both")
    plain = generator(wide, lambda x: layers.Add()([twice(x), twice(layers.ReLU()(x))]))
    taken_apart = nested.inline(plain)
    assert "both/same/kernel" in gans.variables(taken_apart)
    assert taken_apart.count_params() == plain.count_params()
    taken_apart.set_weights(plain.get_weights())
    latents = np.random.default_rng(0).normal(size=[3, 4]).astype(np.float32)
    np.testing.assert_array_equal(taken_apart(latents), plain(latents))


def test_a_layer_that_models_share_has_its_weights_once_and_computes_the_same():
    own = to_image("same")
    deep = keras.Sequential([keras.Input([16, 16, 1]), keras.layers.ReLU(), own], name="deep")
    one = keras.Sequential([keras.Input([16, 16, 1]), own, deep], name="one")
    other = keras.Sequential([keras.Input([16, 16, 1]), own], name="other")
    plain = generator(wide, lambda x: other(one(own(layers.Conv2D(1, 1, name="grey")(x)))))
    taken_apart = nested.inline(plain)
    assert gans.variables(taken_apart).keys() == {
        f"{layer}/{name}"
        for layer in ("dense", "wide", "grey", "same")
        for name in ("kernel", "bias")
    }
    assert taken_apart.count_params() == plain.count_params()
    taken_apart.set_weights(plain.get_weights())
    latents = np.random.default_rng(0).normal(size=[3, 4]).astype(np.float32)
    np.testing.assert_array_equal(taken_apart(latents), plain(latents))


def test_what_has_no_inner_model_stays_itself():
    plain = generator(wide, to_image())
    assert nested.inline(plain) is plain


def test_layers_that_are_not_pruned_are_named_before_training(tmp_path):
    def odd(x):
        x = Attention(name="attention")(x)
        x = layers.DepthwiseConv2D(3, padding="same", name="depths")(x)
        return Scaled(to_image("inside"), name="scaled")(x)

    gan = lth.GAN(generator(wide, odd), discriminator(), name="odd")
    with pytest.warns(ToolkitWarning) as seen:
        found(gan, tmp_path / "run")
    [text] = [str(w.message) for w in seen if "is pruned" in str(w.message)]
    named = "attention (Attention), depths (DepthwiseConv2D), scaled (Scaled)"
    assert f"of the generator is pruned: {named}" in text
    weights = lth.open_run(tmp_path / "run", gan).ticket(1).weights["generator"]
    assert {"inside/kernel", "scaled/scale", "attention/query/kernel"} <= weights.keys()


def same_names(x):
    for _ in range(2):
        x = keras.Sequential([layers.Conv2D(8, 3, padding="same", name="conv")])(x)
    return wide(x)


@pytest.mark.parametrize(
    ("middle", "message"),
    [
        (lambda x: body()(x, training=True), "calls its inner model body with training=True"),
        (same_names, "two layers of its inner models have one name.*name these models"),
        (
            lambda x: keras.Sequential([layers.Conv2D(8, 3)])(wide(x)),
            "the generator's layer sequential.* has no name of its own",
        ),
    ],
)
def test_what_cannot_be_taken_apart_is_one_line(middle, message):
    with pytest.raises(UsageError, match=message) as error:
        lth.GAN(generator(middle, to_image()), discriminator())
    assert "\n" not in str(error.value)
