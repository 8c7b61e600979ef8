"""Searches for masks, generation by generation: what all of them have in common.

A search counts as training: as many steps as steps of the dense GAN take its MACs. Its state is
kept after every generation, so that one that was stopped continues bit for bit.
"""

import abc
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
from tf_gan_lth.experiment.replicate_folder import TrainingFolder
from tf_gan_lth.methods.bench import Bench, one_line_errors
from tf_gan_lth.methods.candidate import Masks
from tf_gan_lth.methods.records import step_macs
from tf_gan_lth.pruning.channel_masks import Channels
from tf_gan_lth.pruning.masks import apply
from tf_gan_lth.training import Weights
from tf_gan_lth.training.image_to_image import DIRECTIONS
from tf_gan_lth.training.terms import as_call

FEWEST_IMAGES = 8
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


def images_of(bench: Bench) -> int:
    """By how many images an individual is judged."""
    return max(FEWEST_IMAGES, bench.trainer.config.generator_batch_size)


def planned(bench: Bench, options: object, dense: int, judging: int, before: int = 0) -> Plan:
    """As large a search as its share of the steps allows.

    Args:
      bench: what trains.
      options: with `search_share`, `population` and `generations`, the most of both.
      dense: MACs of what is judged once, as the dense GAN.
      judging: MACs of judging an individual of every generator.
      before: steps of phases before it.

    Raises:
      UsageError: even the smallest search leaves no step.
    """
    training, images = bench.trainer.config, images_of(bench)
    # A step that does not tell what it takes counts as the judging of one individual.
    each = step_macs(bench, bench.full_masks, bench.trainer.taught) or judging
    affordable = int(options.search_share * training.steps * each - dense) // judging
    population = min(options.population, max(2, math.isqrt(max(affordable, 0))))
    generations = min(options.generations, max(1, affordable // population))
    plan = Plan(population, generations, images, 0, 0)
    return counted(bench, plan, dense, judging, before)


def counted(bench: Bench, plan: Plan, dense: int, judging: int, before: int = 0) -> Plan:
    """A plan with its MACs and steps; arguments and errors as of `planned`."""
    training = bench.trainer.config
    each = step_macs(bench, bench.full_masks, bench.trainer.taught) or judging
    macs = dense + plan.population * plan.generations * judging
    steps = math.ceil(macs / each)
    if before + steps >= training.steps:
        after = f" after the {before} of the phase before it" if before else ""
        raise UsageError(
            f"--steps={training.steps} are too few for --method={bench.config.lottery.method}: the"
            f" smallest search, of {plan.population} individuals on {plan.images} images, takes as"
            f" long as {steps}{after}"
        )
    return dataclasses.replace(plan, macs=macs, steps=steps)


class Search(abc.ABC):
    """A search for one budget; its state is kept after every generation.

    A subclass says what an individual is, an array of a population, and how fit it is.

    Args:
      bench: what trains.
      here: folder of the budget's round.
      plan: what it takes.

    Attributes:
      folder: where its state, and later its record, are kept.
    """

    def __init__(self, bench: Bench, here: TrainingFolder, plan: Plan):
        self.folder = here.phase("search")
        self._bench, self._here, self._plan = bench, here, plan

    @abc.abstractmethod
    def mask(self, name: str, individual: np.ndarray) -> Channels:
        """What of a generator an individual is."""

    @abc.abstractmethod
    def _first(self, name: str, draws: np.random.Generator) -> np.ndarray:
        """The first population of a generator."""

    @abc.abstractmethod
    def _judges(self) -> "Judges":
        """What individuals are judged by; made only if some are."""

    @abc.abstractmethod
    def _judged(self, judges: "Judges", name: str, state: Arrays) -> np.ndarray:
        """The fitness of a generator's population, above 0."""

    @abc.abstractmethod
    def _following(
        self, name: str, state: Arrays, fitness: np.ndarray, draws: np.random.Generator
    ) -> np.ndarray:
        """The next population of a generator, the fittest so far in front."""

    def found(self) -> Masks:
        """The masks of the fittest, searched for, from where a search was stopped."""
        began, state = time.monotonic(), self._begun()
        earlier = float(state["seconds"])
        if state["generation"] < self._plan.generations:
            with one_line_errors(self.folder.title):
                judges = self._judges()
                while state["generation"] < self._plan.generations:
                    state = self._next(judges, state)
                    seconds = np.float64(earlier + time.monotonic() - began)
                    self.folder.checkpoint.put({**state, "seconds": seconds})
        history = {n: state[f"{n}/history"].tolist() for n in self._bench.full_masks}
        self.folder.training.get_or(self._record, earlier + time.monotonic() - began, history)
        return {name: self.mask(name, state[f"{name}/best"]) for name in self._bench.full_masks}

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
        """The state that was kept, or the first populations."""
        self.folder.clear()
        if self.folder.checkpoint.exists():
            return self.folder.checkpoint.get()
        state = {"generation": np.int64(0), "seconds": np.float64(0.0)}
        for name in self._bench.full_masks:
            state[f"{name}/population"] = self._first(name, self._draws(0, name))
            state[f"{name}/history"] = np.zeros(0)
        return state

    def _next(self, judges: "Judges", state: Arrays) -> Arrays:
        """Judges the population of each generator in turn, and makes the next one."""
        state, number = dict(state), int(state["generation"])
        for name in self._bench.full_masks:
            fitness = self._judged(judges, name, state)
            following = self._following(name, state, fitness, self._draws(number + 1, name))
            state[f"{name}/best"] = following[0]
            state[f"{name}/population"] = following
            state[f"{name}/history"] = np.append(state[f"{name}/history"], fitness.max())
        return {**state, "generation": np.int64(number + 1)}

    def _draws(self, generation: int, name: str) -> np.random.Generator:
        labels = ("replicate", self._here.replicate, "round", self._here.round_number)
        seed = self._bench.config.seed
        return seeds.generator(seed, *labels, "search", generation, name)


class Judges:
    """Networks of their own that become individuals, and what these make images of.

    Args:
      bench: what trains.
      here: folder of the budget's round.
      weights: of the networks.
      count: number of images: drawn from latents, or translated from training images.

    Attributes:
      networks: {name: network}, with the weights.
      inputs: {generator: what it makes images of}.
    """

    def __init__(self, bench: Bench, here: TrainingFolder, weights: Weights, count: int):
        self._weights = weights
        cloned = keras.models.clone_model
        self.networks = {name: cloned(network) for name, network in bench.gan.networks.items()}
        for name, network in self.networks.items():
            gans.load_snapshot(network, weights[name])
        seed = seeds.pair(bench.config.seed, "replicate", here.replicate, "search")
        self.inputs = _inputs(bench, seed, count)

    def load(self, name: str, mask: Channels) -> None:
        """Makes a generator an individual."""
        gans.load_snapshot(self.networks[name], apply(self._weights[name], mask.expand()))

    def made(self, name: str) -> tf.Tensor:
        """A generator's images."""
        # Statistics of the batch: those that were trained are of the whole network.
        return self.networks[name](as_call(self.inputs[name]), training=True)


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
