"""The search of co-evolution: which channels of trained generators suffice for a budget.

An individual is a bit string, a bit for each channel that can go. It is as fit as what the frozen
discriminator says of its images is like what it says of the dense generator's, and, of a
translation, as the other direction's fittest takes its images back.
"""

import dataclasses
import math
import time

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth import gans
from tf_gan_lth.experiment import seeds
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.run_folder import TrainingFolder
from tf_gan_lth.gans.spec import DISCRIMINATOR
from tf_gan_lth.methods.bench import Bench, one_line_errors
from tf_gan_lth.methods.candidate import Masks
from tf_gan_lth.methods.evolution import next_population
from tf_gan_lth.methods.records import step_macs
from tf_gan_lth.pruning.budgets import keep_macs
from tf_gan_lth.pruning.channel_masks import Channels
from tf_gan_lth.pruning.cost import cost
from tf_gan_lth.pruning.masks import apply
from tf_gan_lth.training.image_to_image import DIRECTIONS
from tf_gan_lth.training.terms import as_call, judged

FEWEST_IMAGES = 8
CYCLE, REWARD, PRUNED = 10.0, 500.0, 0.001  # weights in the fitness, of Shu et al. 2019
TINY = 1e-8


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a search takes.

    Attributes:
      population: individuals of each generator.
      generations: that are judged.
      images: that each individual is judged by.
      macs: of all passes, of individuals without their pruned channels.
      steps: as many steps of the dense GAN as have these MACs.
    """

    population: int
    generations: int
    images: int
    macs: int
    steps: int


def planned(bench: Bench, options: object, budget: float) -> Plan:
    """As large a search as its share of the steps allows.

    Args:
      bench: what trains.
      options: with `search_share`, `population` and `generations`, the most of both.
      budget: share of a generator's MACs.

    Raises:
      UsageError: even the smallest search leaves no step.
    """
    training = bench.trainer.config
    images = max(FEWEST_IMAGES, training.generator_batch_size)
    networks = bench.gan.networks
    dense = judging = 0
    for name in bench.full_masks:
        returned = cost(networks[_other(name)]).macs if name in DIRECTIONS else 0
        dense += images * (cost(networks[name]).macs + cost(networks[_judge(bench, name)]).macs)
        judging += images * (
            round(budget * (cost(networks[name]).macs + returned))
            + cost(networks[_judge(bench, name)]).macs
        )
    # A step that does not tell what it takes counts as the judging of one individual.
    each = step_macs(bench, bench.full_masks, bench.trainer.taught) or judging
    affordable = int(options.search_share * training.steps * each - dense) // judging
    population = min(options.population, max(2, math.isqrt(max(affordable, 0))))
    generations = min(options.generations, max(1, affordable // population))
    macs = dense + population * generations * judging
    steps = math.ceil(macs / each)
    if steps >= training.steps:
        raise UsageError(
            f"--steps={training.steps} are too few for --method=coevolution: the smallest search,"
            f" of {population} individuals on {images} images, takes as long as {steps}"
        )
    return Plan(population, generations, images, macs, steps)


def _judge(bench: Bench, name: str) -> str:
    spec = bench.gan.spec
    return spec.networks[name].judge or spec.of_role(DISCRIMINATOR)[0]


def _other(name: str) -> str:
    return next(direction for direction in DIRECTIONS if direction != name)


class Search:
    """A search for one budget; its state is kept after every generation.

    Args:
      bench: what trains.
      here: folder of the budget's round.
      budget: share of a generator's MACs.
      plan: what it takes.

    Attributes:
      folder: where its state, and later its record, are kept.
    """

    def __init__(self, bench: Bench, here: TrainingFolder, budget: float, plan: Plan):
        self.folder = here.phase("search")
        self._bench, self._here, self._budget, self._plan = bench, here, budget, plan

    def found(self) -> Masks:
        """The masks of the fittest, searched for, from where a search was stopped."""
        began, state = time.monotonic(), self._begun()
        earlier = float(state["seconds"])
        if state["generation"] < self._plan.generations:
            with one_line_errors(self.folder.title):
                judges = Judges(self._bench, self._here, self._plan.images)
                while state["generation"] < self._plan.generations:
                    state = self._next(judges, state)
                    seconds = np.float64(earlier + time.monotonic() - began)
                    self.folder.checkpoint.put({**state, "seconds": seconds})
        history = {n: state[f"{n}/history"].tolist() for n in self._bench.full_masks}
        self.folder.training.get_or(self._record, earlier + time.monotonic() - began, history)
        return {n: _mask(mask, state[f"{n}/best"]) for n, mask in self._bench.full_masks.items()}

    def finish(self) -> None:
        """Once the masks are kept, the state is needed no more, and the record is."""
        self.folder.training.get_or(self._record)
        self.folder.checkpoint.remove()

    def _record(self, seconds: float | None = None, history: object = None) -> dict[str, object]:
        record = dataclasses.asdict(self._plan)
        taken = seconds and round(seconds, 3)
        return {**record, "seed": self._bench.config.seed, "train_seconds": taken} | (
            {"fitness": history} if history else {}
        )

    def _begun(self) -> Arrays:
        """The state that was kept, or the first population: half of all channels, fitted."""
        self.folder.clear()
        if self.folder.checkpoint.exists():
            return self.folder.checkpoint.get()
        state = {"generation": np.int64(0), "seconds": np.float64(0.0)}
        for name, mask in self._bench.full_masks.items():
            draws = self._draws(0, name)
            drawn = draws.random([self._plan.population, mask.total]) < 0.5
            state[f"{name}/population"] = self._fitted(name, drawn, draws)
            state[f"{name}/history"] = np.zeros(0)
        return state

    def _next(self, judges: "Judges", state: Arrays) -> Arrays:
        """Judges the population of each generator in turn, and makes the next one."""
        state, number = dict(state), int(state["generation"])
        for name, mask in self._bench.full_masks.items():
            population = state[f"{name}/population"]
            best = state.get(f"{_other(name)}/best") if name in DIRECTIONS and number else None
            if best is not None:
                judges.load(_other(name), _mask(self._bench.full_masks[_other(name)], best))
            each = [
                judges.fitness(name, _mask(mask, bits), best is not None) for bits in population
            ]
            fitness = np.array(each)
            draws = self._draws(number + 1, name)
            first, *children = next_population(population, fitness, draws)
            fitted = self._fitted(name, np.stack(children), draws)
            state[f"{name}/best"] = first
            state[f"{name}/population"] = np.concatenate([first[None], fitted])
            state[f"{name}/history"] = np.append(state[f"{name}/history"], fitness.max())
        return {**state, "generation": np.int64(number + 1)}

    def _draws(self, generation: int, name: str) -> np.random.Generator:
        labels = ("replicate", self._here.replicate, "round", self._here.round_number)
        seed = self._bench.config.seed
        return seeds.generator(seed, *labels, "search", generation, name)

    def _fitted(self, name: str, population: np.ndarray, draws: np.random.Generator) -> np.ndarray:
        """Individuals with as many channels as the budget allows: random ones go or are added."""
        network, full = self._bench.gan.networks[name], self._bench.full_masks[name]
        found = []
        for bits in population:
            scores = _parts(full, bits + draws.random(bits.size))
            mask = keep_macs(network, full, scores, self._budget)
            found.append(np.concatenate(list(mask.kept.values())))
        return np.stack(found)


class Judges:
    """The trained networks, and what individuals are judged by.

    Args:
      bench: what trains.
      here: folder of the budget's round.
      count: number of images: drawn from latents, or translated from training images.
    """

    def __init__(self, bench: Bench, here: TrainingFolder, count: int):
        self._bench = bench
        self._trained = here.of_replicate.round(0).weights.get()
        cloned = keras.models.clone_model
        self._networks = {name: cloned(network) for name, network in bench.gan.networks.items()}
        for name, network in self._networks.items():
            gans.load_snapshot(network, self._trained[name])
        seed = seeds.pair(bench.config.seed, "replicate", here.replicate, "search")
        self._inputs = _inputs(bench, seed, count)
        self._dense = {n: self._judged(n, self._made(n)) for n in bench.full_masks}
        self._loss = tf.function(self._distance)

    def load(self, name: str, mask: Channels) -> None:
        """Makes a generator an individual."""
        gans.load_snapshot(self._networks[name], apply(self._trained[name], mask.expand()))

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
        made = self._made(name)
        loss = tf.reduce_mean(tf.square(self._judged(name, made) - self._dense[name]))
        if cycle:
            returned = self._networks[_other(name)](made, training=True)
            loss += CYCLE * tf.reduce_mean(tf.abs(returned - self._inputs[name][0]))
        return loss

    def _made(self, name: str) -> tf.Tensor:
        # Statistics of the batch: those that were trained are of the whole network.
        return self._networks[name](as_call(self._inputs[name]), training=True)

    def _judged(self, name: str, images: tf.Tensor) -> tf.Tensor:
        labels = self._inputs[name][1] if len(self._inputs[name]) > 1 else None
        judge = self._networks[_judge(self._bench, name)]
        return judged(judge, images, labels, training=False)[0]


def _inputs(bench: Bench, seed: np.ndarray, count: int) -> dict[str, tuple[tf.Tensor, ...]]:
    """{generator: what it makes images of}."""
    if bench.gan.prior:
        return {name: bench.gan.prior.draw(count, seed) for name in bench.full_masks}
    model, images = bench.trainer.model, bench.trainer.images
    parts = model.batches(images, seed).take(-(-count // model.config.generator_batch_size))
    batches = list(parts)
    return {
        name: (tf.concat([batch[source] for batch in batches], axis=0)[:count],)
        for name, (source, _) in DIRECTIONS.items()
    }


def _parts(mask: Channels, values: np.ndarray) -> Arrays:
    """{group: its part of a string}, in the order of the mask's groups."""
    ends = np.cumsum([kept.size for kept in mask.kept.values()])[:-1]
    return dict(zip(mask.kept, np.split(values, ends), strict=True))


def _mask(full: Channels, bits: np.ndarray) -> Channels:
    return Channels(full.groups, _parts(full, bits))
