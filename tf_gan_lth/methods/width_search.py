"""The search of GAN Compression: which configuration of a trained supernet suits a budget best.

An individual is a configuration, a width for each group of channels, that the budget allows. It is
as fit as its images are close to the dense generator's: 1 over their mean absolute difference.
Where there are no more configurations than a search may judge, all are; otherwise they evolve.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from tf_gan_lth import gans
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.replicate_folder import TrainingFolder
from tf_gan_lth.methods import evolving
from tf_gan_lth.methods.bench import Bench
from tf_gan_lth.methods.evolution import next_population
from tf_gan_lth.methods.evolving import TINY, Plan
from tf_gan_lth.pruning.channel_masks import Channels
from tf_gan_lth.pruning.supernets import Supernet, Within
from tf_gan_lth.training import Weights
from tf_gan_lth.training.terms import as_call

Supernets = dict[str, Supernet]


def planned(
    bench: Bench, options: object, supernets: Supernets, budget: float, before: int
) -> Plan:
    """As large a search as its share of the steps allows, or as small a one as judges all.

    Args:
      bench: what trains.
      options: with `search_share`, `population` and `generations`, the most of both.
      supernets: what is searched; the order of channels does not matter here.
      budget: share of a generator's MACs.
      before: steps of the supernet's training.

    Raises:
      UsageError: no configuration is within the budget, or even the smallest search leaves no step.
    """
    within = _within(bench, supernets, budget)
    for name, each in within.items():
        if each.fewest > budget * each.whole:
            raise UsageError(
                f"--budgets={budget} cannot be reached: with the smallest of --widths in every"
                f" layer the {name} keeps {each.fewest / each.whole:.2%} of its MACs; give larger"
                " budgets, a smaller width, or --prune_trunk"
            )
    images = evolving.images_of(bench)
    dense = images * sum(each.whole for each in within.values())
    judging = images * sum(round(budget * each.whole) for each in within.values())
    plan = evolving.planned(bench, options, dense, judging, before)
    every = [each.all(plan.population * plan.generations) for each in within.values()]
    if any(found is None for found in every):
        return plan
    count = max(map(len, every))
    population = min(plan.population, count)
    # The best so far is judged again with each further generation.
    generations = 1 + -(-(count - population) // max(population - 1, 1))
    whole = dataclasses.replace(plan, population=population, generations=generations)
    if whole.population * whole.generations > plan.population * plan.generations:
        return plan
    return evolving.counted(bench, whole, dense, judging, before)


def _within(bench: Bench, supernets: Supernets, budget: float) -> dict[str, Within]:
    networks = bench.gan.networks
    return {name: Within(networks[name], each, budget) for name, each in supernets.items()}


class Search(evolving.Search):
    """A search for the widths of one budget.

    Args:
      bench, here, plan: as of `evolving.Search`.
      budget: share of a generator's MACs.
      supernets: {generator: its configurations}.
      weights: of the trained supernets.
    """

    def __init__(
        self,
        bench: Bench,
        here: TrainingFolder,
        budget: float,
        plan: Plan,
        supernets: Supernets,
        weights: Weights,
    ):
        super().__init__(bench, here, plan)
        self._supernets, self._weights = supernets, weights
        self._within = _within(bench, supernets, budget)
        most = plan.population * plan.generations
        every = {name: each.all(most) for name, each in self._within.items()}
        evolves = any(found is None or len(found) > self._room for found in every.values())
        self._every = {} if evolves else every

    @property
    def _room(self) -> int:
        """How many individuals can be judged if the best so far is in every generation."""
        return 1 + self._plan.generations * max(self._plan.population - 1, 1)

    def mask(self, name: str, individual: np.ndarray) -> Channels:
        return self._supernets[name].mask(individual)

    def _first(self, name: str, draws: np.random.Generator) -> np.ndarray:
        """The first of all configurations; if they evolve, drawn ones, fitted."""
        population = self._plan.population
        if self._every:
            return self._every[name][:population]
        choices = self._supernets[name].choices
        drawn = draws.integers(0, choices, [population, choices.size])
        return self._fitted(name, drawn, draws)

    def _judges(self) -> "Judges":
        return Judges(self._bench, self._here, self._weights, self._plan.images)

    def _judged(self, judges: "Judges", name: str, state: Arrays) -> np.ndarray:
        population = state[f"{name}/population"]
        return np.array([judges.fitness(name, self.mask(name, each)) for each in population])

    def _following(
        self, name: str, state: Arrays, fitness: np.ndarray, draws: np.random.Generator
    ) -> np.ndarray:
        population = state[f"{name}/population"]
        if self._every:
            size, number = self._plan.population, int(state["generation"])
            judged = size + number * max(size - 1, 1)
            best = population[np.argmax(fitness)]
            return np.concatenate([best[None], self._every[name][judged : judged + size - 1]])
        choices = self._supernets[name].choices

        def redrawn(parent: np.ndarray, segment: slice) -> np.ndarray:
            child = parent.copy()
            child[segment] = draws.integers(0, choices[segment])
            return child

        first, *children = next_population(population, fitness, draws, redrawn)
        return np.concatenate([first[None], self._fitted(name, np.stack(children), draws)])

    def _fitted(self, name: str, population: np.ndarray, draws: np.random.Generator) -> np.ndarray:
        """Individuals within the budget, as wide as it allows."""
        return np.stack([self._within[name].fitted(each, draws) for each in population])


class Judges(evolving.Judges):
    """The trained supernets, and the dense generators' images that individuals are judged by.

    Args:
      bench: what trains.
      here: folder of the budget's round.
      weights: of the supernets.
      count: number of images.
    """

    def __init__(self, bench: Bench, here: TrainingFolder, weights: Weights, count: int):
        super().__init__(bench, here, weights, count)
        dense = here.of_replicate.round(0).weights.get()
        self._taught = {}
        for name in bench.full_masks:
            gans.load_snapshot(self.networks[name], dense[name])
            made = self.networks[name](as_call(self.inputs[name]), training=False)
            self._taught[name] = tf.identity(made)
        self._loss = tf.function(self._distance)

    def fitness(self, name: str, mask: Channels) -> float:
        """The fitness of an individual."""
        self.load(name, mask)
        return 1.0 / (float(self._loss(name)) + TINY)

    def _distance(self, name: str) -> tf.Tensor:
        return tf.reduce_mean(tf.abs(self.made(name) - self._taught[name]))
