"""Roulette, crossover, mutation and elitism, against what one computes by hand."""

import numpy as np
import pytest

from tf_gan_lth.experiment import seeds
from tf_gan_lth.methods.evolution import crossover, mutation, next_population, roulette


@pytest.mark.parametrize(
    ("draw", "expected"),
    [(0.0, 0), (0.0999, 0), (0.1, 1), (0.3999, 1), (0.4, 2), (0.9999, 2), (np.nextafter(1, 0), 2)],
)
def test_a_roulette_gives_each_its_share(draw, expected):
    assert roulette(np.array([1.0, 3.0, 6.0]), draw) == expected


def test_draws_of_a_roulette_are_as_frequent_as_fitness_says():
    draws = np.random.default_rng(0).random(20_000)
    fitness = np.array([2.0, 0.5, 5.0, 2.5])
    counts = np.bincount([roulette(fitness, draw) for draw in draws], minlength=4)
    np.testing.assert_allclose(counts / 20_000, fitness / 10.0, atol=0.01)


def test_crossover_swaps_a_segment_and_leaves_the_parents():
    first, second = np.array([0, 0, 0, 0, 0], bool), np.array([1, 1, 1, 1, 1], bool)
    one, other = crossover(first, second, slice(1, 3))
    assert one.tolist() == [False, True, True, False, False]
    assert other.tolist() == [True, False, False, True, True]
    assert not first.any() and second.all()


def test_mutation_flips_every_bit_of_a_segment():
    parent = np.array([1, 0, 1, 0], bool)
    assert mutation(parent, slice(1, 4)).tolist() == [True, True, False, True]
    assert parent.tolist() == [True, False, True, False]


def test_the_fittest_stays_and_the_rest_descends_from_the_fit():
    random = np.random.default_rng(1)
    population = random.random([8, 12]) < 0.5
    fitness = np.array([1.0, 1.0, 1.0, 9.0, 1.0, 1.0, 1.0, 1.0])
    following = next_population(population, fitness, seeds.generator(0, "generation", 1))
    assert following.shape == population.shape and following.dtype == bool
    assert np.array_equal(following[0], population[3])
    again = next_population(population, fitness, seeds.generator(0, "generation", 1))
    assert np.array_equal(following, again)
    other = next_population(population, fitness, seeds.generator(0, "generation", 2))
    assert not np.array_equal(following, other)


def test_children_are_copies_crossings_or_mutations_in_their_shares():
    """Of one parent, a copy and a crossing with itself are the parent, and a mutation is not."""
    population = np.zeros([2, 50], bool)
    changed = 0
    for number in range(300):
        draws = np.random.default_rng(number)
        following = next_population(np.repeat(population, 10, 0), np.ones(20), draws)
        changed += following[1:].any(axis=1).sum()
    # Of 19 children; a crossing makes two, so that a draw in ten is fewer of the children.
    assert pytest.approx(changed / (300 * 19), abs=0.01) == 0.1 / 1.7
