"""Compressors: methods that make the generators of one dense GAN smaller, to budgets of their MACs.

Round 0 is the dense GAN, round k is budget k: a mask of channels over the whole network, so that
files, `--train_slim` and exports are those of any ticket of channels. Every budget of every method
is trained for as many generator steps in all, whatever its phases.

To add one, write a class with `compressed` and register it.
"""

import abc
from collections.abc import Iterator, Mapping

import numpy as np

from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.replicate_folder import ReplicateFolder, TrainingFolder
from tf_gan_lth.gans import GANSpec
from tf_gan_lth.gans.spec import GENERATOR
from tf_gan_lth.methods.bench import Bench
from tf_gan_lth.methods.candidate import Candidate, Masks
from tf_gan_lth.methods.criteria import CRITERIA, Scores
from tf_gan_lth.methods.dense import Dense
from tf_gan_lth.methods.method import Method
from tf_gan_lth.methods.starts import theta_0
from tf_gan_lth.methods.units import tell_last_channels
from tf_gan_lth.pruning.budgets import keep_macs
from tf_gan_lth.pruning.cost import cost
from tf_gan_lth.training.terms import KD, asked_as

# Usual weight of the distance from the teacher's images, as in Li et al. 2020.
TAUGHT = {"distill_images": 10.0}


class Compressor(Method):
    """What all compressors have in common.

    Args:
      dense: the dense GAN, of another run; None trains one as round 0.

    Attributes:
      name: what `--method` calls it.
      terms: {loss term that makes it what it is: its usual weight}.
      training: {option of training: its usual value}, of those that it alone needs.
      discriminator_start: what its discriminators start from; None leaves that to the config.
      ranking: what `compress` takes for `--ranking` if that is not given; None: what is usual.
    """

    name: str
    terms: Mapping[str, float] = {}
    training: Mapping[str, object] = {}
    discriminator_start: str | None = None
    ranking: str | None = None

    def __init__(self, dense: Dense | None = None):
        self.dense = dense

    @abc.abstractmethod
    def compressed(self, bench: Bench, here: TrainingFolder, budget: float) -> Candidate:
        """What is trained for a budget.

        Args:
          bench: what trains.
          here: the folder of the budget's round; the dense GAN is round 0 of its replicate.
          budget: share of a generator's MACs.
        """

    def candidates(self, bench: Bench, replicate: ReplicateFolder) -> Iterator[Candidate]:
        """Yields the dense GAN, then what is trained for each budget."""
        if self.dense:
            yield self.dense.adopt(bench, replicate)
        else:
            dense = replicate.round(0)
            initial = theta_0(bench, replicate)
            masks = bench.masks_or(dense, dict, bench.full_masks)
            # The method's own terms count from the dense GAN on, which is that of all methods.
            yield Candidate(dense, initial, masks, without=tuple(self.terms))
        for number, budget in enumerate(bench.config.lottery.budgets, 1):
            yield self.compressed(bench, replicate.round(number), budget)

    @property
    def takes_bits(self) -> bool:
        return self.dense is not None

    def complaints(self, config: Config, gan: GANSpec) -> Iterator[str]:
        del gan
        lottery, budgets = config.lottery, config.lottery.budgets
        me = f"--method={self.name}"
        if not budgets or len(set(budgets)) < len(budgets):
            yield f"{me} takes shares of the generators' MACs, each once: --budgets=0.5,0.25,0.1"
        if (lottery.unit, lottery.budget) != ("channel", "macs"):
            yield f"{me} prunes channels to a budget of MACs: it needs --unit=channel --budget=macs"
        if lottery.rounds != len(budgets):
            yield f"{me} has a round for each of --budgets: it needs --rounds={len(budgets)}"
        if lottery.prune != (GENERATOR,):
            yield f"{me} makes generators small: it needs --prune={GENERATOR}"
        if lottery.rewind_step or not lottery.rewind:
            yield f"{me} is no lottery of rounds: leave out --rewind_step and --norewind"
        if lottery.generator_start != "rewound":
            yield f"{me} says what generators start from: leave out --generator_start"
        if self.discriminator_start not in (None, lottery.discriminator_start):
            yield (
                f"{me} says what discriminators start from: it needs"
                f" --discriminator_start={self.discriminator_start}"
            )
        if taught := asked_as(config.training, KD):
            yield f"{taught} teaches a pruned discriminator, and {me} prunes generators"
        for term in self.terms:
            if not asked_as(config.training, term):
                yield f"{me} needs --terms={term}:WEIGHT, such as {term}:{self.terms[term]:g}"
        for name, value in self.training.items():
            if getattr(config.training, name) is None:
                yield f"{me} needs --{name}=VALUE, such as {value}"
        if "not_rewound" in lottery.branches:
            yield f"--branches=not_rewound is for rounds that go on from each other: not for {me}"

    def check_networks(self, bench: Bench) -> None:
        """Raises `UsageError` or `MaskError` for budgets and networks that cannot be."""
        if self.dense:
            self.dense.check_fits(bench)
        for name, mask in bench.full_masks.items():
            any_scores = {group: np.zeros(kept.size) for group, kept in mask.kept.items()}
            fewest = mask.keep(any_scores, mask.least)
            found = cost(bench.gan.networks[name], fewest.expand())
            for budget in bench.config.lottery.budgets:
                if found.macs_left > budget * found.macs:
                    raise UsageError(
                        f"--budgets={budget} cannot be reached: with a single channel wherever some"
                        f" can go the {name} keeps {found.macs_left / found.macs:.2%} of its MACs;"
                        " give larger ones, or --prune_trunk"
                    )

    @property
    def origin(self) -> dict[str, object] | None:
        return self.dense.record if self.dense else None


def masks_by_criterion(
    bench: Bench, here: TrainingFolder, budget: float, layerwise: bool | None = None
) -> Masks:
    """The masks of a budget: the channels of the dense GAN that the config's criterion ranks first.

    Args:
      bench: what trains.
      here: folder of the budget's round.
      budget: share of a generator's MACs.
      layerwise: rank within each layer; None: as the config says.
    """

    def make() -> Masks:
        dense = here.of_replicate.round(0)
        scores = CRITERIA[bench.config.lottery.criterion](bench, dense)
        return within_budget(bench, scores, budget, layerwise)

    return bench.masks_or(here, make)


def within_budget(
    bench: Bench, scores: Scores, budget: float, layerwise: bool | None = None
) -> Masks:
    """The masks of the channels that score highest, as many as a budget of MACs allows."""
    if layerwise is None:
        layerwise = bench.config.lottery.ranking == "layerwise"
    masks = {}
    for name, mask in bench.full_masks.items():
        ranked = mask.pool(scores[name])
        masks[name] = keep_macs(bench.gan.networks[name], mask, ranked, budget, layerwise)
        if not layerwise:
            tell_last_channels(name, mask, ranked, masks[name])
    return masks


def steps_of_first_phase(bench: Bench, options: object, name: str) -> int:
    """The steps that a method takes before it prunes.

    Args:
      bench: what trains.
      options: of the method.
      name: of that which says their share.

    Raises:
      UsageError: they are none, or leave none.
    """
    share, steps = getattr(options, name), bench.trainer.config.steps
    if not 0 < round(share * steps) < steps:
        raise UsageError(
            f"--{name}={share} leaves one of the phases of {bench.config.lottery.method} none of"
            f" the {steps} steps"
        )
    return round(share * steps)
