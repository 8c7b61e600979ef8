"""The algorithm of the paper: find a lottery ticket in a GAN."""

import warnings
from collections.abc import Iterator

from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import ToolkitWarning, UsageError
from tf_gan_lth.experiment.replicate_folder import ReplicateFolder, TrainingFolder
from tf_gan_lth.gans import GANSpec
from tf_gan_lth.methods.bench import Bench, tell_missing
from tf_gan_lth.methods.candidate import Candidate, Masks
from tf_gan_lth.methods.criteria import CRITERIA
from tf_gan_lth.methods.method import METHODS, Method
from tf_gan_lth.methods.starts import dense_teachers, started, theta_0
from tf_gan_lth.methods.units import UNITS, tell_last_channels
from tf_gan_lth.pruning.budgets import keep_macs, keep_positive
from tf_gan_lth.training.terms import KD, asked_as


@METHODS.register(name="imp")
class IterativeMagnitudePruning(Method):
    """Train, prune, rewind, repeat (Chen et al. 2021, algorithm 1)."""

    def candidates(self, bench: Bench, replicate: ReplicateFolder) -> Iterator[Candidate]:
        """Yields the dense GAN, then the ticket of each round: its mask over rewind weights."""
        lottery = bench.config.lottery
        initial = theta_0(bench, replicate)
        theta = initial
        if lottery.rewind_step:
            if not replicate.rewind.exists() and replicate.round(0).masks.exists():
                tell_missing(replicate.rewind, "trained")
            theta = replicate.rewind.get_or(bench.warm_up, initial, replicate, lottery.rewind_step)
        dense = replicate.round(0)
        masks = bench.masks_or(dense, dict, bench.full_masks)
        yield Candidate(dense, theta, masks, lottery.rewind_step)
        for number in range(1, lottery.rounds + 1):
            before = replicate.round(number - 1)  # trained by now
            here = replicate.round(number)
            masks = bench.masks_or(here, prune, bench, before, number)
            weights = started(bench, here, theta)
            if not lottery.rewind:
                weights = before.weights.get()
            teachers = dense_teachers(bench, here)
            yield Candidate(here, weights, masks, lottery.rewind_step, teachers=teachers)

    def complaints(self, config: Config, gan: GANSpec) -> Iterator[str]:
        lottery = config.lottery
        if lottery.budgets:
            shown = ",".join(map(str, lottery.budgets))
            yield f"--budgets={shown} is for compressors: leave it out"
        taught = asked_as(config.training, KD)
        if taught and "discriminator" not in lottery.prune:
            yield (
                f"{taught} teaches the pruned discriminator: it needs"
                " --prune=generator,discriminator"
            )
        if taught and not lottery.rounds:
            yield f"{taught} has no dense teacher in round 0: it needs --rounds=1 or more"
        starts = {lottery.generator_start, lottery.discriminator_start}
        if not lottery.rewind and (lottery.rewind_step or starts != {"rewound"}):
            yield (
                "--norewind goes on from the round before: it excludes --rewind_step,"
                " --generator_start and --discriminator_start"
            )
        if lottery.rewind_step and lottery.generator_start == "dense":
            yield (
                "--generator_start=dense rewinds no generator: it needs --rewind_step=0, not"
                f" {lottery.rewind_step}"
            )
        if lottery.rewind_step and lottery.discriminator_start == "second_seed":
            yield (
                f"--discriminator_start=second_seed has no weights of step {lottery.rewind_step}:"
                " it needs --rewind_step=0"
            )

    def check_networks(self, bench: Bench) -> None:
        """Raises `UsageError` if rounds are too short to rewind into, or the last keeps nothing.

        Warns:
          ToolkitWarning: the first prunes nothing.
        """
        lottery, steps = bench.config.lottery, bench.trainer.config.steps
        if lottery.rewind_step >= steps:
            raise UsageError(
                f"--rewind_step={lottery.rewind_step} is beyond the {steps} steps of a round"
            )
        if lottery.rate is None or lottery.budget == "macs":
            return  # training decides, or a budget, which leaves the fewest that must stay
        for name, mask in bench.full_masks.items():
            count = remaining(lottery.rate, lottery.rounds, mask.total)
            if count < mask.least:
                left = f"only {count}" if count else "none"
                raise UsageError(
                    f"--rounds={lottery.rounds} at --rate={lottery.rate} leaves {left} of the"
                    f" {name}'s {mask.total} prunable {UNITS[lottery.unit]}: at least {mask.least}"
                    " must stay"
                )
            if lottery.rate and remaining(lottery.rate, 1, mask.total) == mask.total:
                warnings.warn(
                    f"--rate={lottery.rate} of the {name}'s {mask.total} prunable"
                    f" {UNITS[lottery.unit]} is less than half of one: round 1 prunes none",
                    ToolkitWarning,
                    stacklevel=2,
                )


def remaining(rate: float, number: int, total: int) -> int:
    """The number of units that stay in round `number`, out of `total`: `(1 - rate)**number`."""
    return round((1.0 - rate) ** number * total)


def prune(bench: Bench, before: TrainingFolder, number: int) -> Masks:
    """The masks of a round: the round before's, without the units that the criterion ranks last."""
    lottery = bench.config.lottery
    scores = CRITERIA[lottery.criterion](bench, before)
    layerwise = lottery.ranking == "layerwise"
    masks = {}
    for name, mask in bench.read_masks(before.final_masks.get()).items():
        ranked = mask.pool(scores[name])
        if lottery.rate is None:
            masks[name] = keep_positive(mask, ranked)
        elif lottery.budget == "macs":
            network, share = bench.gan.networks[name], (1.0 - lottery.rate) ** number
            masks[name] = keep_macs(network, mask, ranked, share, layerwise)
        else:
            masks[name] = mask.keep(ranked, remaining(lottery.rate, number, mask.total), layerwise)
        if not layerwise:
            tell_last_channels(name, mask, ranked, masks[name])
    return masks
