"""The search of co-evolution: which channels of trained generators suffice for a budget.

An individual is a bit string, a bit for each channel that can go. It is as fit as what the frozen
discriminator says of its images is like what it says of the dense generator's, and, of a
translation, as the other direction's fittest takes its images back.
"""

import numpy as np
import tensorflow as tf

from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.replicate_folder import TrainingFolder
from tf_gan_lth.gans.spec import DISCRIMINATOR
from tf_gan_lth.methods import evolving
from tf_gan_lth.methods.bench import Bench
from tf_gan_lth.methods.evolution import next_population
from tf_gan_lth.methods.evolving import TINY, Plan
from tf_gan_lth.pruning.budgets import keep_macs
from tf_gan_lth.pruning.channel_masks import Channels
from tf_gan_lth.pruning.cost import cost
from tf_gan_lth.training.image_to_image import DIRECTIONS
from tf_gan_lth.training.terms import judged

CYCLE, REWARD, PRUNED = 10.0, 500.0, 0.001  # weights in the fitness, of Shu et al. 2019


def planned(bench: Bench, options: object, budget: float) -> Plan:
    """As large a search for a budget as its share of the steps allows: see `evolving.planned`."""
    images, networks = evolving.images_of(bench), bench.gan.networks
    dense = judging = 0
    for name in bench.full_masks:
        returned = cost(networks[_other(name)]).macs if name in DIRECTIONS else 0
        dense += images * (cost(networks[name]).macs + cost(networks[_judge(bench, name)]).macs)
        judging += images * (
            round(budget * (cost(networks[name]).macs + returned))
            + cost(networks[_judge(bench, name)]).macs
        )
    return evolving.planned(bench, options, dense, judging)


def _judge(bench: Bench, name: str) -> str:
    spec = bench.gan.spec
    return spec.networks[name].judge or spec.of_role(DISCRIMINATOR)[0]


def _other(name: str) -> str:
    return next(direction for direction in DIRECTIONS if direction != name)


class Search(evolving.Search):
    """A search for the channels of one budget.

    Args:
      bench, here, plan: as of `evolving.Search`.
      budget: share of a generator's MACs.
    """

    def __init__(self, bench: Bench, here: TrainingFolder, budget: float, plan: Plan):
        super().__init__(bench, here, plan)
        self._budget = budget

    def mask(self, name: str, individual: np.ndarray) -> Channels:
        full = self._bench.full_masks[name]
        return Channels(full.groups, _parts(full, individual))

    def _first(self, name: str, draws: np.random.Generator) -> np.ndarray:
        """Half of all channels, fitted."""
        total = self._bench.full_masks[name].total
        return self._fitted(name, draws.random([self._plan.population, total]) < 0.5, draws)

    def _judges(self) -> "Judges":
        return Judges(self._bench, self._here, self._plan.images)

    def _judged(self, judges: "Judges", name: str, state: Arrays) -> np.ndarray:
        best = state.get(f"{_other(name)}/best") if name in DIRECTIONS else None
        cycle = best is not None and state["generation"] > 0
        if cycle:
            judges.load(_other(name), self.mask(_other(name), best))
        population = state[f"{name}/population"]
        return np.array([judges.fitness(name, self.mask(name, bits), cycle) for bits in population])

    def _following(
        self, name: str, state: Arrays, fitness: np.ndarray, draws: np.random.Generator
    ) -> np.ndarray:
        first, *children = next_population(state[f"{name}/population"], fitness, draws)
        return np.concatenate([first[None], self._fitted(name, np.stack(children), draws)])

    def _fitted(self, name: str, population: np.ndarray, draws: np.random.Generator) -> np.ndarray:
        """Individuals with as many channels as the budget allows: random ones go or are added."""
        network, full = self._bench.gan.networks[name], self._bench.full_masks[name]
        found = []
        for bits in population:
            scores = _parts(full, bits + draws.random(bits.size))
            mask = keep_macs(network, full, scores, self._budget)
            found.append(np.concatenate(list(mask.kept.values())))
        return np.stack(found)


class Judges(evolving.Judges):
    """The trained networks, and what individuals are judged by.

    Args:
      bench: what trains.
      here: folder of the budget's round.
      count: number of images: drawn from latents, or translated from training images.
    """

    def __init__(self, bench: Bench, here: TrainingFolder, count: int):
        super().__init__(bench, here, here.of_replicate.round(0).weights.get(), count)
        self._bench = bench
        self._dense = {n: self._scores(n, self.made(n)) for n in bench.full_masks}
        self._loss = tf.function(self._distance)

    def fitness(self, name: str, mask: Channels, cycle: bool) -> float:
        """The fitness of an individual; channels count once for each layer that they go from.

        Args:
          name: of the generator.
          mask: its channels.
          cycle: whether the other direction takes its images back, as it was loaded last.
        """
        self.load(name, mask)
        pruned = sum(
            int(np.count_nonzero(~mask.kept[group.name])) * len(group.writers)
            for group in mask.groups.prunable
        )
        return REWARD / (float(self._loss(name, cycle)) + TINY) + PRUNED * pruned

    def _distance(self, name: str, cycle: bool) -> tf.Tensor:
        made = self.made(name)
        loss = tf.reduce_mean(tf.square(self._scores(name, made) - self._dense[name]))
        if cycle:
            returned = self.networks[_other(name)](made, training=True)
            loss += CYCLE * tf.reduce_mean(tf.abs(returned - self.inputs[name][0]))
        return loss

    def _scores(self, name: str, images: tf.Tensor) -> tf.Tensor:
        """What the discriminator says of images, as it was trained."""
        labels = self.inputs[name][1] if len(self.inputs[name]) > 1 else None
        judge = self.networks[_judge(self._bench, name)]
        return judged(judge, images, labels, training=False)[0]


def _parts(mask: Channels, values: np.ndarray) -> Arrays:
    """{group: its part of a string}, in the order of the mask's groups."""
    ends = np.cumsum([kept.size for kept in mask.kept.values()])[:-1]
    return dict(zip(mask.kept, np.split(values, ends), strict=True))
