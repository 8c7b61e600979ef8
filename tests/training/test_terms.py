"""Loss terms: their values and gradients by hand, and in a training step of a tiny GAN."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from tiny_sngan import SEED, Losses, build, fresh_start, make_trainer

from tf_gan_lth import gans
from tf_gan_lth.data import draws
from tf_gan_lth.experiment.config import TrainingConfig
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.training.options import resolve
from tf_gan_lth.training.terms import TERMS, StepContext

COUNT, SHAPE = 6, (5, 4, 2)
AXES = (1, 2, 3)


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


REAL = drawn(COUNT, *SHAPE, seed=1)
FAKE = drawn(COUNT, *SHAPE, seed=2)
LABELS = np.array([0, 1, 2, 0, 1, 2], np.int32)


def context(judge=None, **changes):
    known = {
        "network": None,
        "teacher": None,
        "judge": judge,
        "inputs": (tf.zeros([COUNT, 3]),),
        "fake": tf.constant(FAKE),
        "fake_scores": tf.zeros([COUNT, 1]),
        "real": tf.constant(REAL),
        "real_scores": tf.zeros([COUNT, 1]),
        "seed": tf.constant(SEED),
    }
    return StepContext(**{**known, **changes})


def value_and_gradient(name, variables, make_context, jit_compile):
    """A term's value and its gradient by variables; None of those that it does not depend on."""

    @tf.function(jit_compile=jit_compile)
    def compute():
        with tf.GradientTape() as tape:
            loss = TERMS[name].function(make_context())
        return loss, [g for g in tape.gradient(loss, variables) if g is not None]

    loss, gradients = compute()
    return float(loss), [gradient.numpy() for gradient in gradients]


class Linear:
    """A discriminator whose score is <w, image>, times its label plus one: its slope is known."""

    def __init__(self, w):
        self.w = tf.Variable(w)

    def __call__(self, images, labels):
        scores = tf.reduce_sum(self.w * images, axis=AXES)
        if labels is not None:
            scores *= tf.cast(labels + 1, tf.float32)
        return scores[:, None]


both_ways = pytest.mark.parametrize("jit_compile", [False, True])


@both_ways
def test_r1_is_half_the_squared_slope(jit_compile):
    w = drawn(*SHAPE, seed=3)
    judge = Linear(w)
    loss, [gradient] = value_and_gradient("r1", [judge.w], lambda: context(judge), jit_compile)
    assert loss == pytest.approx(0.5 * np.sum(w**2), rel=1e-5)
    np.testing.assert_allclose(gradient, w, rtol=1e-5)


@both_ways
def test_r1_is_taken_at_real_images_and_by_their_labels(jit_compile):
    w = drawn(*SHAPE, seed=3)
    judge = Linear(w)
    labelled = context(judge, real_labels=tf.constant(LABELS))
    loss, _ = value_and_gradient("r1", [judge.w], lambda: labelled, jit_compile)
    assert loss == pytest.approx(0.5 * np.mean((LABELS + 1.0) ** 2) * np.sum(w**2), rel=1e-5)

    curved = tf.Variable(w)
    loss, _ = value_and_gradient(
        "r1",
        [curved],
        lambda: context(lambda x, labels: tf.reduce_sum(curved * x**2, axis=AXES)[:, None]),
        jit_compile,
    )
    expected = 0.5 * np.mean(np.sum((2.0 * w * REAL) ** 2, axis=AXES))
    assert loss == pytest.approx(expected, rel=1e-5)


@both_ways
def test_the_gradient_penalty_wants_slopes_of_one(jit_compile):
    w = drawn(*SHAPE, seed=3)
    judge = Linear(w)
    loss, [gradient] = value_and_gradient(
        "gradient_penalty", [judge.w], lambda: context(judge), jit_compile
    )
    norm = np.sqrt(np.sum(w**2))
    assert loss == pytest.approx((norm - 1.0) ** 2, rel=1e-5)
    np.testing.assert_allclose(gradient, 2.0 * (norm - 1.0) * w / norm, rtol=1e-4)
    flat = Linear(np.zeros_like(w))
    loss, [gradient] = value_and_gradient(
        "gradient_penalty", [flat.w], lambda: context(flat), jit_compile
    )
    assert loss == pytest.approx(1.0, rel=1e-5) and np.all(np.isfinite(gradient))


def test_the_gradient_penalty_is_taken_between_real_and_fake_images():
    w = drawn(*SHAPE, seed=3)

    def penalty(seed):
        curved = context(lambda x, labels: tf.reduce_sum(w * x**2, axis=AXES)[:, None], seed=seed)
        return float(TERMS["gradient_penalty"].function(curved))

    share = draws.uniform([COUNT, 1, 1, 1], SEED).numpy()
    assert share.min() > 0 and share.max() < 1 and len(np.unique(share)) == COUNT
    slopes = 2.0 * w * (share * REAL + (1.0 - share) * FAKE)
    norms = np.sqrt(np.sum(slopes**2, axis=AXES))
    assert penalty(tf.constant(SEED)) == pytest.approx(np.mean((norms - 1.0) ** 2), rel=1e-5)
    assert penalty(tf.constant(SEED + 1)) != penalty(tf.constant(SEED))


def make_discriminator(labelled=False):
    images = keras.Input(SHAPE)
    x = keras.layers.Flatten()(images)
    inputs = images
    if labelled:
        labels = keras.Input([], dtype="int32")
        x = keras.layers.Concatenate()([x, tf.cast(labels, tf.float32)[:, None]])
        inputs = [images, labels]
    return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Dropout(0.5)(x)))


@both_ways
@pytest.mark.parametrize("labelled", [False, True])
def test_distilled_scores_follow_the_teachers(labelled, jit_compile):
    teacher = make_discriminator(labelled)
    real_scores = tf.Variable(drawn(COUNT, 1, seed=4))
    fake_scores = tf.Variable(drawn(COUNT, 1, seed=5))
    labels = {"real_labels": tf.constant(LABELS), "fake_labels": tf.constant(LABELS[::-1].copy())}

    def make_context():
        return context(
            teacher=teacher,
            real_scores=real_scores * 1.0,
            fake_scores=fake_scores * 1.0,
            **(labels if labelled else {}),
        )

    trained = [real_scores, fake_scores, *teacher.trainable_variables]
    loss, gradients = value_and_gradient("distill_scores", trained, make_context, jit_compile)
    expected = 0.0
    kernel, bias = (variable.numpy() for variable in teacher.trainable_variables)
    sides = [(REAL, LABELS, real_scores), (FAKE, LABELS[::-1], fake_scores)]
    for number, (shown, classes, student) in enumerate(sides):
        flat = shown.reshape(COUNT, -1)
        if labelled:
            flat = np.concatenate([flat, classes[:, None]], axis=1)
        p = 1.0 / (1.0 + np.exp(-(flat @ kernel + bias).astype(np.float64)))
        q = 1.0 / (1.0 + np.exp(-student.numpy().astype(np.float64)))
        expected += np.mean(p * np.log(p / q) + (1.0 - p) * np.log((1.0 - p) / (1.0 - q)))
        np.testing.assert_allclose(gradients[number], (q - p) / COUNT, rtol=1e-4, atol=1e-6)
    assert loss == pytest.approx(expected, rel=1e-4)
    assert len(gradients) == 2  # nothing flows to the teacher


@both_ways
@pytest.mark.parametrize("labelled", [False, True])
def test_distilled_images_follow_the_teachers(labelled, jit_compile):
    latents = keras.Input([3])
    x = keras.layers.Dense(int(np.prod(SHAPE)))(latents)
    teacher = keras.Model(latents, keras.layers.Reshape(SHAPE)(x))
    inputs = (tf.constant(drawn(COUNT, 3)),)
    if labelled:
        labels = keras.Input([], dtype="int32")
        scaled = teacher(latents) * tf.cast(labels, tf.float32)[:, None, None, None]
        teacher = keras.Model([latents, labels], scaled)
        inputs = (*inputs, tf.constant(LABELS))
    fake = tf.Variable(FAKE)
    loss, gradients = value_and_gradient(
        "distill_images",
        [fake, *teacher.trainable_variables],
        lambda: context(teacher=teacher, inputs=inputs, fake=fake * 1.0),
        jit_compile,
    )
    kernel, bias = (variable.numpy() for variable in teacher.trainable_variables)
    taught = (inputs[0].numpy() @ kernel + bias).reshape(FAKE.shape)
    if labelled:
        taught = taught * LABELS[:, None, None, None]
    assert loss == pytest.approx(np.mean(np.abs(FAKE - taught)), rel=1e-5)
    [gradient] = gradients  # nothing flows to the teacher
    np.testing.assert_allclose(gradient, np.sign(FAKE - taught) / FAKE.size, rtol=1e-5)


def test_gammas_move_towards_zero_and_no_further_and_nothing_else_moves():
    trainer = make_trainer()
    network = trainer.networks["generator"]
    held = gans.variables(network)
    gammas = {path: v for path, v in held.items() if path.endswith("/gamma")}
    assert gammas.keys() == {"norm/gamma", "block_1/norm_1/gamma", "block_1/norm_2/gamma"}
    for number, variable in enumerate(gammas.values()):
        variable.assign(drawn(*variable.shape, seed=number))
    before = gans.take_snapshot(network)
    TERMS["gamma_l1"].function(network, tf.constant(0.5))
    after = gans.take_snapshot(network)
    for path, was in before.items():
        expected = np.sign(was) * np.maximum(np.abs(was) - 0.5, 0.0) if path in gammas else was
        np.testing.assert_array_equal(after[path], expected)
    assert any(np.any(after[path] == 0) and np.any(after[path] != 0) for path in gammas)
    with pytest.raises(UsageError, match="--terms=gamma_l1: the discriminator has no gammas"):
        TERMS["gamma_l1"].function(trainer.networks["discriminator"], tf.constant(0.5))


def test_a_training_step_shrinks_gammas_by_weight_times_learning_rate():
    """Against the same step without the term, followed by the proximal step."""
    start = fresh_start()
    plain = make_trainer(steps=1, discriminator_steps=1).train(start).weights["generator"]
    trainer = make_trainer(steps=1, discriminator_steps=1, terms=("gamma_l1:50",))
    shrunk = trainer.train(start).weights["generator"]
    amount = 50 * trainer.config.learning_rate
    assert 0 < amount < 0.9  # else nothing would be left
    for path, was in plain.items():
        if path.endswith("/gamma"):
            was = np.sign(was) * np.maximum(np.abs(was) - amount, 0.0)
        np.testing.assert_allclose(shrunk[path], was, atol=1e-6)


def first_losses(start, **options):
    losses = Losses()
    make_trainer(steps=1, discriminator_steps=1, **options).train(start, [losses])
    return {name: value for name, [value] in losses.logged.items()}


def test_a_step_adds_terms_with_their_weights():
    """What is logged is the loss without them, and what they come to with plain networks."""
    start = fresh_start()
    other = {name: {p: a * 0.5 for p, a in s.items()} for name, s in start.weights.items()}
    taught = dataclasses.replace(start, teachers={"generator": other["generator"]})
    plain = first_losses(start)
    assert plain.keys() == {"generator_loss", "discriminator_loss"}
    with_terms = first_losses(taught, terms=("r1:3", "distill_images:0.5"))

    gan = build()
    generator, discriminator = gan.networks.values()
    gans.load_snapshot(generator, start.weights["generator"])
    gans.load_snapshot(discriminator, start.weights["discriminator"])
    inputs, last_inputs = tf.split(gan.prior.draw(12, draws.fold_in(SEED, 0))[0], [4, 8])
    [real] = next(iter(make_trainer(discriminator_steps=1).batches(SEED)))["image"][:, 0][None]
    fake = generator(inputs, training=True)
    discriminator(tf.concat([real, fake], axis=0), training=True)  # moves its singular vectors
    with tf.GradientTape() as tape:
        tape.watch(real)
        scores = discriminator(real, training=True)
    slopes = tape.gradient(scores, real)
    penalty = 0.5 * float(tf.reduce_sum(slopes**2)) / len(real)
    found = with_terms["discriminator_loss"] - plain["discriminator_loss"]
    assert found == pytest.approx(3.0 * penalty, rel=1e-3) and penalty > 1e-4

    last_fake = generator(last_inputs, training=True)
    gans.load_snapshot(generator, other["generator"])
    difference = np.mean(np.abs(last_fake - generator(last_inputs, training=False)))
    # The penalty trained the discriminator, which judges the generator.
    only_taught = first_losses(taught, terms=("distill_images:0.5",))
    found = only_taught["generator_loss"] - plain["generator_loss"]
    assert found == pytest.approx(0.5 * difference, rel=1e-3) and difference > 1e-2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"terms": ("r2:1",)},
            "^unknown loss term 'r2': did you mean 'r1'.*gradient_penalty, r1, recognizable$",
        ),
        ({"terms": ("r1",)}, "^--terms=r1: expected NAME:WEIGHT, such as r1:1$"),
        ({"terms": ("r1:",)}, "^--terms=r1:: expected NAME:WEIGHT, such as r1:1$"),
        ({"terms": ("r1:much",)}, "^--terms=r1:much: expected NAME:WEIGHT, such as r1:1$"),
        (
            {"terms": ("r1:nan",)},
            "^--terms=r1:nan: the weight must be a finite number, at least 0$",
        ),
        (
            {"terms": ("r1:inf",)},
            "^--terms=r1:inf: the weight must be a finite number, at least 0$",
        ),
        ({"terms": ("r1:-1",)}, "^--terms=r1:-1: the weight must be a finite number, at least 0$"),
        ({"terms": ("r1:1", "gamma_l1:1", "r1:2")}, "^--terms: r1 is there 2 times$"),
        (
            {"terms": ("distill_scores:1",), "kd_weight": 1.0},
            "^--terms: distill_scores is there 2 times, once as --kd_weight$",
        ),
    ],
)
def test_terms_that_are_unknown_malformed_or_there_twice_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        resolve(TrainingConfig(**options), gans.find("sngan"))
