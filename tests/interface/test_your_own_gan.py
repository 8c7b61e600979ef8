"""docs/your_own_gan.md runs as written, but for the steps; what does not fit is refused."""

import pathlib
import re

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

import tf_gan_lth as lth
from tf_gan_lth.experiment.errors import ToolkitError, UsageError

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "your_own_gan.md"
layers = keras.layers
SHORT = {"steps": 2, "rounds": 1, "num_eval_images": 100, "branches": (), "progress": False}


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """What the page's example defines, its run made short."""
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 40
    path = tmp_path_factory.mktemp("runs") / "mine"
    short = code.replace('"runs/own", steps=2000, rounds=5', f"{str(path)!r}, **short")
    short = short.replace("run.ticket(5)", "run.ticket(1)")
    assert short.count("short") == 1
    names = {"short": SHORT}
    exec(compile(short, str(PAGE), "exec"), names)
    return names


def test_a_dcgan_on_an_array_finds_a_ticket(example):
    run, generator = example["run"], example["sparse_generator"]
    assert "sparsity" in run.verdict.sentence or "no ticket" in run.verdict.sentence
    assert run.verdict.best in (None, 1) and [row["round"] for row in run.results()] == [0, 1]
    images = generator(np.zeros([3, 64], np.float32)).numpy()
    assert images.shape == (3, 32, 32, 1) and np.abs(images).max() <= 1
    masks = run.ticket(1).masks["generator"]
    kernels = {
        layer.name: layer.kernel.numpy()
        for layer in generator.layers
        if layer.weights[0:1] and hasattr(layer, "kernel")
    }
    assert masks.keys() == {"up_0/kernel", "up_1/kernel", "to_image/kernel"}
    kept = sum(int(kept.sum()) for kept in masks.values())
    assert kept == round(0.8 * sum(kept.size for kept in masks.values()))
    for path, kept in masks.items():
        np.testing.assert_array_equal(kernels[path.partition("/")[0]] != 0, kept)


def test_the_same_call_continues_and_another_gan_is_refused(example):
    run, gan = example["run"], example["gan"]
    again = lth.find_ticket(gan, example["images"], run.folder.path, **SHORT)
    assert again.results() == run.results()
    wider = lth.GAN(example["generator"](width=40), example["discriminator"]())
    with pytest.raises(ToolkitError, match="holds another experiment"):
        lth.find_ticket(wider, example["images"], run.folder.path, **SHORT)


def test_a_run_is_opened_again(example):
    run = lth.open_run(example["run"].folder.path)
    assert run.results() == example["run"].results() and run.used["steps"] == 2
    assert run.verdict.sentence == example["run"].verdict.sentence
    with pytest.raises(UsageError, match="has no trained replicate 0, round 4"):
        run.ticket(4)
    with pytest.raises(UsageError, match="is not a run"):
        lth.open_run(example["run"].folder.path / "replicate_0")


def test_a_gan_in_a_file_and_an_npz_are_what_the_command_line_names(example, tmp_path):
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    (tmp_path / "my_gan.py").write_text(code[: code.index("digits = ")])
    np.savez(tmp_path / "images.npz", images=example["images"][:200])
    run = lth.find_ticket(
        f"{tmp_path}/my_gan.py:gan",
        f"npz:{tmp_path}/images.npz",
        tmp_path / "run",
        resolution=32,
        **SHORT,
    )
    assert [row["round"] for row in run.results()] == [0, 1]
    # Another process finds the GAN by its name alone.
    assert lth.open_run(tmp_path / "run").ticket(1).generator().output_shape == (None, 32, 32, 1)


def small_generator(**changes):
    """An 8x8 generator; `output` and `names` change what the cases below need."""
    latents = changes.get("latents", keras.Input([4]))
    x = layers.Reshape([4, 4, 2])(layers.Dense(32, name="dense")(latents))
    x = layers.Conv2DTranspose(
        changes.get("channels", 1),
        3,
        2,
        "same",
        activation=changes.get("activation", "tanh"),
        **({} if changes.get("unnamed") else {"name": "to_image"}),
    )(x)
    return keras.Model(latents, changes.get("last", lambda image: image)(x))


def small_discriminator(size=8, scores=1, channels=1):
    images = keras.Input([size, size, channels])
    x = layers.Conv2D(4, 3, name="down")(images)
    return keras.Model(images, layers.Dense(scores, name="score")(layers.Flatten()(x)))


def squashed(maps):
    return tf.tanh(maps)


class Forgetful(layers.Layer):
    """Its config lacks what it was made with."""

    def __init__(self, scale):
        super().__init__(name="forgetful")
        self.scale = scale

    def call(self, inputs):
        return self.scale * inputs

    def get_config(self):
        return super().get_config()


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


def keras_3_model():
    import keras as keras_3

    latents = keras_3.Input([4])
    return keras_3.Model(latents, keras_3.layers.Dense(3)(latents))


def shared():
    conv = layers.Conv2D(1, 3, padding="same", name="both")
    latents, images = keras.Input([64]), keras.Input([8, 8, 1])
    made = layers.Activation("tanh")(conv(layers.Reshape([8, 8, 1])(latents)))
    scores = layers.Dense(1, name="score")(layers.Flatten()(conv(images)))
    return keras.Model(latents, made), keras.Model(images, scores)


@pytest.mark.parametrize(
    ("generator", "discriminator", "message"),
    [
        (lambda: small_generator(activation="sigmoid"), small_discriminator, "end it in .*tanh"),
        (lambda: small_generator(activation=None), small_discriminator, r"data in \[-1, 1\]"),
        (lambda: small_generator(channels=2), small_discriminator, r"grey \(C 1\) or RGB"),
        (small_generator, lambda: small_discriminator(16), "takes images 16x16x1 .* 8x8x1"),
        (
            small_generator,
            lambda: small_discriminator(scores=3),
            r"one score an image, \(None, 1\)",
        ),
        (lambda: small_generator(unnamed=True), small_discriminator, "has no name of its own"),
        (
            lambda: small_generator(last=layers.Lambda(lambda image: image)),
            small_discriminator,
            "is a Lambda, whose code a run cannot keep",
        ),
        (
            lambda: small_generator(activation=lambda image: tf.tanh(image)),
            small_discriminator,
            "layer to_image cannot be made again .* does not know its activation <lambda> by name",
        ),
        (
            lambda: small_generator(activation=squashed),
            small_discriminator,
            "layer to_image cannot be made again .* does not know its activation squashed by name",
        ),
        (
            lambda: small_generator(last=Forgetful(1.0)),
            small_discriminator,
            "layer forgetful cannot be made again .* 'name'; give Forgetful a get_config",
        ),
        (Subclassed, small_discriminator, "is a subclassed model"),
        (keras_3_model, small_discriminator, "Keras 3 model: build it with tf_keras"),
        (lambda: "generator", small_discriminator, "is a str: expected a tf_keras.Model"),
        (
            lambda: small_generator(last=Subclassed()),
            small_discriminator,
            "the generator's layer subclassed.* is a subclassed model",
        ),
    ],
)
def test_networks_that_do_not_fit_are_refused(generator, discriminator, message):
    with pytest.raises(UsageError, match=message) as error:
        lth.GAN(generator(), discriminator())
    assert "\n" not in str(error.value)


def test_an_activation_that_keras_is_told_of_is_no_hindrance():
    keras.utils.register_keras_serializable("own", "squashed_well")(squashed)
    try:
        lth.GAN(small_generator(activation=squashed), small_discriminator())
    finally:
        del keras.utils.get_custom_objects()["own>squashed_well"]


def test_networks_that_share_weights_are_refused():
    with pytest.raises(UsageError, match="generator and discriminator share both/kernel"):
        lth.GAN(*shared())


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (np.zeros([9, 16, 16, 1], np.uint8), {}, "images are 16x16x1 .* generator returns 8x8x1"),
        (np.zeros([9, 8, 8, 1], np.uint8), {"width": 4}, "--width=4 is no option of small"),
        (np.zeros([9, 8, 8, 1], np.uint8), {"loss": "hing"}, "unknown loss 'hing'"),
        (np.zeros([9, 8, 8, 1]) + 7, {}, "7"),
        (
            np.array([np.zeros([8, 8, 1]), np.zeros([9, 9, 1])], object),
            {},
            "differ in size, 8x8x1 and 9x9x1",
        ),
    ],
)
def test_what_does_not_fit_the_data_is_refused_before_any_training(
    images, options, message, tmp_path
):
    gan = lth.GAN(small_generator(), small_discriminator(), name="small")
    with pytest.raises(ToolkitError, match=message):
        lth.find_ticket(gan, images, tmp_path / "run", **{**SHORT, **options})
    assert not (tmp_path / "run").exists()


def classifying_discriminator(classes=3):
    images = keras.Input([8, 8, 1])
    x = layers.Flatten()(layers.Conv2D(4, 3, name="down")(images))
    outputs = [layers.Dense(1, name="score")(x), layers.Dense(classes, name="classes")(x)]
    return keras.Model(images, outputs)


@pytest.mark.parametrize(
    ("usual", "message"),
    [
        ({"stepz": 3}, "unknown hyperparameter 'stepz': did you mean 'steps'"),
        ({"steps": 0}, "--steps=0 is out of range: it must be at least 1"),
        ({"discriminator_steps": 0}, "--discriminator_steps=0 is out of range"),
        ({"generator_batch_size": 0}, "--generator_batch_size=0 is out of range"),
        ({"learning_rate": "a"}, "--learning_rate=a is not understood: expected float"),
        ({"decay_from": 2}, "--decay_from=2.0 is out of range: it must be from 0.0 to 1.0"),
        ({"ema_decay": 2}, "--ema_decay=2.0 is out of range"),
        ({"ema_decay": None}, "ema_decay=None: leave it out"),
        ({"loss": None}, "loss=None: leave it out"),
        ({"adam_betas": 0.5}, "adam_betas=0.5 are not understood: expected two numbers"),
        ({"adam_betas": (0.5,)}, "expected two numbers from 0 to below 1"),
        ({"adam_betas": (0.5, 1.0)}, "expected two numbers from 0 to below 1"),
    ],
)
def test_what_is_usual_is_checked_when_the_gan_is_made(usual, message):
    with pytest.raises(UsageError, match=message):
        lth.GAN(small_generator(), small_discriminator(), **usual)


def test_what_is_usual_is_read_as_options_are():
    given = {"steps": "70", "terms": "r1:10", "adam_betas": [0.5, 0.999]}
    usual = lth.GAN(small_generator(), small_discriminator(), **given).usual
    assert (usual.steps, usual.terms, usual.adam_betas) == (70, ("r1:10",), (0.5, 0.999))


@pytest.mark.parametrize("term", ["classify_real", "classify_fake", "recognizable"])
def test_terms_of_classes_need_a_generator_that_takes_labels(term, tmp_path):
    gan = lth.GAN(small_generator(), classifying_discriminator(), name="small")
    images = np.random.default_rng(0).integers(0, 256, [64, 8, 8, 1], dtype=np.uint8)
    with pytest.raises(UsageError, match=f"--terms={term} needs labels, and the generator of smal"):
        lth.find_ticket(gan, images, tmp_path / "run", **SHORT, terms=(f"{term}:1",))


def test_labels_are_followed_to_the_layer_that_knows_too_few_classes(tmp_path):
    latents, labels = keras.Input([4]), keras.Input([], dtype="int32")
    column = layers.Reshape([1])(labels)
    embedded = layers.Flatten()(layers.Embedding(3, 64, name="classes")(column))
    x = layers.Add()([layers.Dense(64, name="dense")(latents), embedded])
    x = layers.Conv2D(1, 3, padding="same", activation="tanh", name="to_image")(
        layers.Reshape([8, 8, 1])(x)
    )
    gan = lth.GAN(
        keras.Model([latents, labels], x), classifying_discriminator(classes=5), name="small"
    )
    images = np.random.default_rng(0).integers(0, 256, [64, 8, 8, 1], dtype=np.uint8)
    with pytest.raises(UsageError, match="layer classes knows 3 classes, and the images have 5"):
        lth.find_ticket(gan, images, tmp_path / "run", **SHORT, labels=np.arange(64) % 5)


def test_a_gan_without_a_prunable_layer_is_refused(tmp_path):
    latents = keras.Input([4])
    dense = layers.Dense(64, activation="tanh", name="dense")(latents)
    gan = lth.GAN(
        keras.Model(latents, layers.Reshape([8, 8, 1])(dense)), small_discriminator(), name="flat"
    )
    images = np.random.default_rng(0).integers(0, 256, [64, 8, 8, 1], dtype=np.uint8)
    with pytest.raises(UsageError, match="the generator has no layer that can be pruned"):
        lth.find_ticket(gan, images, tmp_path / "run", **SHORT)
    run = lth.find_ticket(gan, images, tmp_path / "run", prune_dense=True, **SHORT)
    assert run.ticket(1).masks["generator"].keys() == {"dense/kernel"}
