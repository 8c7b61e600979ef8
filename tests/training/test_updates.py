"""Masks that change within a training, and masks of other variables than kernels."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from helpers import equal
from tiny_sngan import SEED, build, fresh_start, fresh_weights, make_trainer

from tf_gan_lth import gans
from tf_gan_lth.experiment.artifacts import ArrayFile
from tf_gan_lth.experiment.config import TrainingConfig
from tf_gan_lth.experiment.errors import MaskError, UsageError
from tf_gan_lth.gans.spec import GENERATOR
from tf_gan_lth.pruning.masks import apply
from tf_gan_lth.training import Start
from tf_gan_lth.training.checkpoints import Checkpoints
from tf_gan_lth.training.optimizers import FusedAdam
from tf_gan_lth.training.options import resolve
from tf_gan_lth.training.updates import UPDATES, Masked, replace_mask

CHANGED_AT, MOVED, STEPS = 1, 2, 4
LARGE = 100  # weights of a layer that changes


def toy_regrow(step, gradients, optimizer):
    """At one step drops the smallest kept weights of each large layer, and grows as many others:
    those with the largest gradients.
    """
    for masked, gradient in gradients:
        if masked.mask.shape.num_elements() < LARGE:
            continue
        kept = masked.mask > 0
        magnitudes = tf.where(kept, tf.abs(masked.variable), np.inf)
        growth = tf.where(kept, -1.0, tf.abs(gradient))
        dropped = tf.math.top_k(-tf.reshape(magnitudes, [-1]), MOVED).indices
        grown = tf.math.top_k(tf.reshape(growth, [-1]), MOVED).indices
        places = tf.concat([dropped, grown], axis=0)[:, None]
        flat = tf.reshape(masked.mask, [-1])
        changed = tf.tensor_scatter_nd_update(flat, places, [0.0] * MOVED + [1.0] * MOVED)
        new = tf.reshape(tf.where(tf.equal(step, CHANGED_AT), changed, flat), masked.mask.shape)
        replace_mask(masked, new, optimizer)


def toy_stay(step, gradients, optimizer):
    """Replaces each mask by itself."""
    del step
    for masked, _ in gradients:
        replace_mask(masked, tf.identity(masked.mask), optimizer)


UPDATES.register(toy_regrow)
UPDATES.register(toy_stay)


@pytest.fixture(scope="module")
def trainer():
    return make_trainer(mask_update="toy_regrow", steps=STEPS)


@pytest.fixture(scope="module")
def ticket(trainer, half_pruned):
    weights, kept = half_pruned(trainer, fresh_weights())
    return Start(weights, kept, SEED)


class States(keras.callbacks.Callback):
    """Notes masks, weights and moments of the generator after each step.

    Attributes:
      states: [{path: (mask, weight, first moment, second moment)}] by step.
    """

    def __init__(self):
        super().__init__()
        self.states = []

    def on_train_batch_end(self, batch, logs=None):
        optimizer = self.model.optimizer_of(GENERATOR)
        found = {}
        for path, masked in self.model.masks["generator"].items():
            slot = optimizer._index_dict[optimizer._var_key(masked.variable)]
            moments = (optimizer._momentums[slot], optimizer._velocities[slot])
            held = (masked.mask, masked.variable, *moments)
            found[path] = tuple(variable.numpy() for variable in held)
        self.states.append(found)


def test_masks_change_at_their_step_and_keep_their_number(trainer, ticket):
    seen = States()
    trained = trainer.train(ticket, [seen])
    assert len(seen.states) == STEPS
    for path, before in ticket.kept["generator"].items():
        masks = [state[path][0].astype(bool) for state in seen.states]
        np.testing.assert_array_equal(masks[0], before)
        after = masks[CHANGED_AT]
        moved = MOVED if before.size >= LARGE else 0
        changes = (np.sum(before & ~after), np.sum(after & ~before))
        assert changes == (moved, moved) and after.sum() == before.sum()
        for later in masks[CHANGED_AT:]:
            np.testing.assert_array_equal(later, after)
        np.testing.assert_array_equal(trained.kept["generator"][path], after)
        assert trained.kept["generator"][path].dtype == bool
    assert not equal(trained.kept, ticket.kept) and trainer.model.traces == 1
    remaining = [
        {name: sum(kept.sum() for kept in masks.values()) for name, masks in held.items()}
        for held in (ticket.kept, trained.kept)
    ]
    assert remaining[0] == remaining[1]


def test_what_is_dropped_is_zero_with_its_moments_and_what_grows_starts_from_nothing(
    trainer, ticket
):
    seen = States()
    trained = trainer.train(ticket, [seen])
    large = {path: kept for path, kept in ticket.kept["generator"].items() if kept.size >= LARGE}
    assert len(large) == 2
    for path, before in large.items():
        _, earlier, *_ = seen.states[CHANGED_AT - 1][path]
        mask, weight, first, second = seen.states[CHANGED_AT][path]
        dropped = before & (mask == 0)
        grown = ~before & (mask == 1)
        assert np.all(earlier[dropped] != 0)
        # The smallest of those that were kept.
        assert np.abs(earlier[dropped]).max() <= np.abs(earlier[before & ~dropped]).min()
        for array in (weight, first, second):
            assert not np.any(array[mask == 0]) and not np.any(np.signbit(array[mask == 0]))
        # One step of Adam from zero, with beta_1 = 0: v = (1 - b) g^2, corrected by 1 - b^2.
        np.testing.assert_allclose(np.abs(weight[grown]), 1e-3 * np.sqrt(1.9), rtol=1e-3)
        np.testing.assert_allclose(second[grown], 0.1 * first[grown] ** 2, rtol=1e-5)
        # Pruned weights stay zero to the end, in the averages too.
        for name in ("generator", "generator_ema"):
            assert not np.any(trained.weights[name][path][mask == 0])


class Interruption(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == CHANGED_AT + 1:
            raise KeyboardInterrupt


def test_an_interrupted_training_continues_with_its_new_masks_bit_for_bit(
    trainer, ticket, tmp_path
):
    whole = trainer.train(ticket)
    file = ArrayFile(tmp_path / "checkpoint")
    with pytest.raises(KeyboardInterrupt):
        trainer.train(ticket, [Interruption()], checkpoints=Checkpoints(file, 0.0))
    saved = file.get()
    assert saved["step"] > CHANGED_AT
    again = make_trainer(mask_update="toy_regrow", steps=STEPS)  # as in a new process
    continued = again.train(ticket, checkpoints=Checkpoints(file, 0.0))
    assert equal(continued.weights, whole.weights) and equal(continued.kept, whole.kept)


def test_a_training_that_changed_masks_leaves_nothing_to_the_next(trainer, ticket):
    first = trainer.train(ticket)
    trainer.train(Start(fresh_weights(), {}, SEED))
    again = trainer.train(ticket)
    assert equal(first.weights, again.weights) and equal(first.kept, again.kept)


def test_static_is_the_default_and_changes_nothing(ticket):
    default = make_trainer()
    assert default.config.mask_update == "static"
    trained = default.train(ticket)
    assert trained.kept is ticket.kept
    assert not any(name.endswith("/mask") for name in default.model.state())
    asked = make_trainer(mask_update="static").train(ticket)
    assert equal(asked.weights, trained.weights)
    # An update that keeps every mask is no update.
    replaced = make_trainer(mask_update="toy_stay").train(ticket)
    assert equal(replaced.kept, trained.kept)
    for name, snapshot in trained.weights.items():
        for path, array in snapshot.items():
            np.testing.assert_array_equal(replaced.weights[name][path], array)


@pytest.mark.slow
def test_an_update_works_on_two_replicas(trainer, ticket, two_replicas):
    mirrored = make_trainer(two_replicas, mask_update="toy_regrow", steps=STEPS)
    short = mirrored.train(ticket, stop=CHANGED_AT + 1)
    alone = trainer.train(ticket, stop=CHANGED_AT + 1)
    assert equal(short.kept, alone.kept)


@pytest.mark.slow
def test_an_update_works_compiled(trainer, ticket):
    compiled = make_trainer(mask_update="toy_regrow", steps=STEPS, jit_compile=True)
    trained = compiled.train(ticket, stop=CHANGED_AT + 1)
    assert equal(trained.kept, trainer.train(ticket, stop=CHANGED_AT + 1).kept)


def test_an_unknown_update_is_refused():
    with pytest.raises(UsageError, match="unknown mask update 'statik': did you mean 'static'"):
        resolve(TrainingConfig(mask_update="statik"), gans.find("sngan"))


@pytest.mark.parametrize("scaled", [False, True])
def test_a_replaced_mask_takes_weights_and_moments_along(scaled):
    variable = tf.Variable([1.0, 2.0, 0.0, 0.0, 5.0])
    other = tf.Variable([1.0, 1.0])
    optimizer = FusedAdam(1e-3)
    optimizer.build([other, variable])
    for moments in (optimizer._momentums, optimizer._velocities):
        for moment in moments:
            moment.assign(tf.range(1.0, 1.0 + moment.shape[0]))
    masked = Masked("a/kernel", variable, tf.Variable([1.0, 1.0, 0.0, 0.0, 1.0]))
    used = keras.mixed_precision.LossScaleOptimizer(optimizer) if scaled else optimizer
    replace_mask(masked, tf.constant([1.0, 0.0, 1.0, 0.0, 1.0]), used)
    np.testing.assert_array_equal(masked.mask, [1, 0, 1, 0, 1])
    np.testing.assert_array_equal(variable, [1, 0, 0, 0, 5])
    for moments in (optimizer._momentums, optimizer._velocities):
        np.testing.assert_array_equal(moments[1], [1, 0, 0, 0, 5])
        np.testing.assert_array_equal(moments[0], [1, 2])


COVERED = {
    "generator": ["to_image/bias", "block_1/norm_1/gamma", "norm/beta"],
    "discriminator": ["block_1/conv_1/bias", "score/kernel"],
}


def test_masks_of_other_variables_hold_too(half_pruned):
    trainer = make_trainer(covered=COVERED)
    weights, kept = half_pruned(trainer, fresh_weights())
    for name, paths in COVERED.items():
        held = trainer.model.masks[name]
        assert set(paths) < held.keys() and len(held) == len(paths) + len(kept[name])
        for number, path in enumerate(paths):
            stays = np.zeros(weights[name][path].shape, bool)
            stays.ravel()[number::2] = True
            kept[name][path] = stays
        weights[name] = {p: a + 0.25 if p in paths else a for p, a in weights[name].items()}
        weights[name] = apply(weights[name], kept[name])
    trained = trainer.train(Start(weights, kept, SEED)).weights
    for name, paths in COVERED.items():
        for path in paths:
            stays = kept[name][path]
            if not stays.all():
                assert not np.any(trained[name][path][~stays]), path
            assert np.all(trained[name][path][stays] != weights[name][path][stays]), path
            if name == "generator":
                assert not np.any(trained["generator_ema"][path][~stays]), path
    free = trainer.train(fresh_start()).weights
    assert all(np.all(free["generator"][path] != 0) for path in COVERED["generator"])


def test_what_cannot_be_covered_is_refused():
    with pytest.raises(MaskError, match="the generator has no variable none/bias to mask"):
        make_trainer(covered={"generator": ["none/bias"]})
    # A kernel that a wrapper holds already is no second mask.
    trainer = make_trainer(covered={"generator": ["to_image/kernel"]})
    assert trainer.model.masks.keys() == {"generator", "discriminator"}
    assert len(trainer.model.masks["generator"]) == len(make_trainer().model.masks["generator"])


def test_a_mask_of_another_variable_must_be_covered(trainer, ticket):
    bias = build().networks["generator"].get_layer("to_image").bias
    kept = {"generator": {"to_image/bias": np.zeros(bias.shape, bool)}}
    weights = {n: apply(w, kept.get(n, {})) for n, w in ticket.weights.items()}
    with pytest.raises(MaskError, match="to_image/bias"):
        trainer.train(dataclasses.replace(ticket, weights=weights, kept=kept))
