"""Evolution of strings, mostly of bits: a function of the fitness and of the generator that draws.

Source: Shu et al. 2019 (Co-Evolutionary Compression), after Holland 1975.
"""

from collections.abc import Callable

import numpy as np

# Shares of the children that are copies and crossings; the others are mutations.
COPIED, CROSSED = 0.2, 0.7


def roulette(fitness: np.ndarray, draw: float) -> int:
    """The individual on whose share of [0, 1) a draw falls: shares are in proportion to fitness.

    Args:
      fitness: `(N,)`, above 0.
      draw: in [0, 1).
    """
    ends = np.cumsum(fitness) / np.sum(fitness)
    return min(int(np.searchsorted(ends, draw, side="right")), len(fitness) - 1)


def crossover(first: np.ndarray, second: np.ndarray, segment: slice) -> list[np.ndarray]:
    """Two children: the parents with a segment swapped."""
    children = [first.copy(), second.copy()]
    children[0][segment], children[1][segment] = second[segment], first[segment]
    return children


def mutation(parent: np.ndarray, segment: slice) -> np.ndarray:
    """The parent with every bit of a segment flipped."""
    child = parent.copy()
    child[segment] = ~child[segment]
    return child


def next_population(
    population: np.ndarray,
    fitness: np.ndarray,
    generator: np.random.Generator,
    mutate: Callable[[np.ndarray, slice], np.ndarray] = mutation,
) -> np.ndarray:
    """The next generation, of the same size: first the fittest, then children.

    Args:
      population: `(N, bits)` bool; of numbers where `mutate` takes these.
      fitness: `(N,)`, above 0; parents are drawn by `roulette`.
      generator: of all draws.
      mutate: makes a child of a parent and a segment.
    """

    def parent() -> np.ndarray:
        return population[roulette(fitness, generator.random())]

    def segment() -> slice:
        first, last = sorted(generator.integers(0, population.shape[1], 2))
        return slice(first, last + 1)

    children = [population[np.argmax(fitness)]]
    while len(children) < len(population):
        draw = generator.random()
        if draw < COPIED:
            children.append(parent())
        elif draw < COPIED + CROSSED:
            children += crossover(parent(), parent(), segment())
        else:
            children.append(mutate(parent(), segment()))
    return np.stack(children[: len(population)])
