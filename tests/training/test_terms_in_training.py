"""Loss terms in trainings of a tiny GAN: together, compiled, in 16 bits, on two replicas."""

import dataclasses

import numpy as np
import pytest
from helpers import equal
from tiny_sngan import Losses, fresh_start, fresh_weights, make_trainer

ALL = ("r1:1", "gradient_penalty:0.5", "distill_scores:2", "distill_images:1", "gamma_l1:0.01")
TAUGHT = tuple(term for term in ALL if term.startswith("distill"))
PENALTY = ("gradient_penalty:0.5",)  # what it draws is another for each replica


def make_small(strategy=None, terms=ALL, **options):
    return make_trainer(strategy, terms=terms, steps=2, discriminator_steps=1, **options)


@pytest.fixture(scope="module")
def trainer():
    return make_small()


@pytest.fixture(scope="module")
def ticket(trainer, half_pruned):
    """Half of each network pruned; teachers are the dense networks."""
    dense = fresh_weights()
    weights, kept = half_pruned(trainer, dense)
    return dataclasses.replace(fresh_start(), weights=weights, kept=kept, teachers=dense)


def check_trained(trainer, trained, kept):
    for name, snapshot in trained.weights.items():
        assert all(np.all(np.isfinite(array)) for array in snapshot.values())
        for path, stays in kept[name.removesuffix("_ema")].items():
            assert not np.any(snapshot[path][~stays]) and np.any(snapshot[path][stays])
    assert trainer.model.traces == trainer.strategy.num_replicas_in_sync


def share_that_differs(first, second, kept):
    """The share of all kernels' weights that differ by more than rounding.

    The first step of Adam moves a weight by the sign of its gradient, which rounding decides where
    that is next to zero.
    """
    differs = [
        np.abs(first.weights[name][path] - second.weights[name][path]) > 1e-4
        for name, paths in kept.items()
        for path in paths
    ]
    return np.mean(np.concatenate([one.ravel() for one in differs]))


def all_equal(first, second):
    """Whether all weights are the same but for the signs of zeros."""
    return all(
        np.array_equal(array, second.weights[name][path])
        for name, snapshot in first.weights.items()
        for path, array in snapshot.items()
    )


def test_all_terms_train_together_and_repeat_bit_for_bit(trainer, ticket):
    assert trainer.taught == ("discriminator", "generator")
    first = trainer.train(ticket)
    untaught = trainer.train(dataclasses.replace(ticket, teachers={}))
    check_trained(trainer, first, ticket.kept)
    assert equal(first.weights, trainer.train(ticket).weights)
    assert share_that_differs(first, untaught, ticket.kept) > 0.1


def test_without_teachers_what_needs_them_counts_nothing(trainer, ticket):
    alone = dataclasses.replace(ticket, teachers={})
    others = make_small(terms=tuple(term for term in ALL if term not in TAUGHT))
    assert others.taught == ()
    assert all_equal(trainer.train(alone), others.train(alone))


@pytest.mark.slow
def test_terms_are_the_same_compiled(trainer, ticket):
    compiled = make_small(jit_compile=True)
    trained = compiled.train(ticket, stop=1)
    check_trained(compiled, trained, ticket.kept)
    plain = trainer.train(ticket, stop=1)
    assert share_that_differs(trained, plain, ticket.kept) < 0.01


@pytest.mark.slow
def test_terms_are_the_same_on_two_replicas(ticket, two_replicas):
    terms = tuple(term for term in ALL if term not in PENALTY)
    mirrored = make_small(two_replicas, terms)
    trained = mirrored.train(ticket, stop=1)
    check_trained(mirrored, trained, ticket.kept)
    alone = make_small(terms=terms).train(ticket, stop=1)
    assert share_that_differs(trained, alone, ticket.kept) < 0.01


@pytest.mark.slow
def test_a_penalty_between_images_works_on_two_replicas(ticket, two_replicas):
    alone = dataclasses.replace(ticket, teachers={})
    mirrored = make_small(two_replicas, PENALTY)
    check_trained(mirrored, mirrored.train(alone), ticket.kept)


@pytest.mark.slow
def test_terms_in_bfloat16_are_near_those_in_float32(trainer, ticket):
    found = []
    for each in (trainer, make_small(precision="mixed_bfloat16")):
        losses = Losses()
        trained = each.train(ticket, [losses])
        check_trained(each, trained, ticket.kept)
        dtypes = {
            array.dtype for snapshot in trained.weights.values() for array in snapshot.values()
        }
        assert dtypes == {np.dtype(np.float32)}
        found.append(losses.logged)
    for name, values in found[0].items():
        assert found[1][name][0] == pytest.approx(values[0], rel=0.1)


def test_the_distillation_of_scores_is_kd_weight_under_another_name(ticket):
    taught = {"discriminator": ticket.teachers["discriminator"]}
    start = dataclasses.replace(ticket, teachers=taught)
    by_option = make_small(terms=(), kd_weight=1.5).train(start)
    by_term = make_small(terms=("distill_scores:1.5",)).train(start)
    assert equal(by_option.weights, by_term.weights)
