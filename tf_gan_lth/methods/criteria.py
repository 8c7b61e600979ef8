"""Criteria: what ranks the units that a round prunes.

A criterion is a function of the bench and the round before that returns a score for each weight,
{network: {variable path: array}}. A unit of several weights has the mean of those that remain; the
lowest are pruned, over a whole network or within each layer.
To add one, write the function and register it; `--criterion` and the error for unknown names
follow.
"""

from collections.abc import Callable, Iterator

import numpy as np

from tf_gan_lth.experiment import seeds
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.registry import Registry
from tf_gan_lth.experiment.replicate_folder import TrainingFolder
from tf_gan_lth.gans import GANSpec, take_snapshot
from tf_gan_lth.methods.bench import Bench
from tf_gan_lth.pruning import masks as pruning
from tf_gan_lth.training import EMA
from tf_gan_lth.training.terms import asked_as

Scores = dict[str, Arrays]
Criterion = Callable[[Bench, TrainingFolder], Scores]
CRITERIA: Registry[Criterion] = Registry("criterion")
register = CRITERIA.register


@register
def magnitude(bench: Bench, before: TrainingFolder) -> Scores:
    """|w| of trained weights: the live ones, or averages where `--ranking_weights` says so.

    Of a channel that is the L1 norm of its kernels, over their number (Li et al. 2017).
    """
    ranked = _kernels(bench, before)
    return {name: pruning.magnitudes(snapshot) for name, snapshot in ranked.items()}


def _kernels(bench: Bench, before: TrainingFolder) -> Scores:
    """Of channels, the kernels alone of what a round's ranking looks at.

    A gamma begins at 1, where weights of kernels are about 0.02: the fewer of these a layer has
    beside it, the higher all its channels would rank, whatever was trained.
    """
    ranked = _trained(bench, before)
    if bench.config.lottery.unit != "channel":
        return ranked
    return {
        name: {path: array for path, array in snapshot.items() if path.endswith("kernel")}
        for name, snapshot in ranked.items()
    }


def _trained(bench: Bench, before: TrainingFolder) -> Scores:
    """The weights that a round's ranking looks at, of the networks that are pruned."""
    weights = before.weights.get()
    asked = bench.config.lottery.ranking_weights
    # Scoring a pruned generator leaves its averages where the paper's code then ranks.
    averaged = asked == "ema" or (asked == "paper" and before.round_number > 0)
    suffix = EMA if averaged else ""
    return {name: weights.get(name + suffix, weights[name]) for name in bench.full_masks}


@register
def l2_norm(bench: Bench, before: TrainingFolder) -> Scores:
    """w^2 of trained weights: of a channel, the squared L2 norm of its kernels, over their number.

    Single weights rank as by magnitude.
    """
    ranked = _kernels(bench, before)
    return {
        name: {path: np.square(array) for path, array in snapshot.items()}
        for name, snapshot in ranked.items()
    }


def _of_gammas(config: Config, gan: GANSpec) -> Iterator[str]:
    del gan
    if config.lottery.unit != "channel":
        yield "--criterion=gamma_l1 ranks channels by their norms: it needs --unit=channel"
    if not asked_as(config.training, "gamma_l1"):
        yield (
            "--criterion=gamma_l1 needs what moves gammas towards 0 while a round trains:"
            " --terms=gamma_l1:WEIGHT"
        )
    if config.lottery.rate is None and config.lottery.budget != "units":
        yield (
            f"--budget={config.lottery.budget}: without --rate, --criterion=gamma_l1 prunes what"
            " training has made 0, however much that is"
        )
    ranked, rounds = config.lottery.ranking_weights, config.lottery.rounds
    if config.lottery.rate is None and (ranked == "ema" or (ranked == "paper" and rounds > 1)):
        yield (
            f"--ranking_weights={ranked}: averages of gammas never become 0, which is what"
            " --criterion=gamma_l1 prunes without --rate: give one, or leave it out"
        )


def check_gammas(bench: Bench, asked: str) -> None:
    """Raises `UsageError` if a group of channels has no gammas, which `asked` ranks by."""
    for name, mask in bench.full_masks.items():
        snapshot = take_snapshot(bench.gan.networks[name])
        for group in mask.groups.prunable:
            if not group.values(snapshot, "gamma").size:
                raise UsageError(
                    f"{asked} ranks channels by the gammas of their norms, and those of"
                    f" {group.name} of the {name} have none; --exclude={name}/{group.writers[0]}"
                    " leaves them whole"
                )


def check_networks(bench: Bench) -> None:
    """Raises `UsageError` for networks whose units the config's criterion cannot rank."""
    if bench.config.lottery.criterion == "gamma_l1":
        check_gammas(bench, "--criterion=gamma_l1")


@register(complaints=_of_gammas)
def gamma_l1(bench: Bench, before: TrainingFolder) -> Scores:
    """|gamma| of a channel's norms, which `--terms=gamma_l1:WEIGHT` makes small.

    Without a rate, a channel goes where all of them are exactly 0 (Wang et al. 2020).
    """
    ranked = _trained(bench, before)
    return {
        name: {
            path: np.abs(array)
            for path, array in snapshot.items()
            if path.rpartition("/")[2] == "gamma"
        }
        for name, snapshot in ranked.items()
    }


def _of_live_weights(config: Config, why: str) -> Iterator[str]:
    """Of what takes no averages."""
    asked = config.lottery.ranking_weights
    if asked != "live":
        yield (
            f"--criterion={config.lottery.criterion} {why}: it needs --ranking_weights=live, not"
            f" {asked}"
        )


def _of_random(config: Config, gan: GANSpec) -> Iterator[str]:
    del gan
    yield from _of_live_weights(config, "looks at no weights")


@register(complaints=_of_random)
def random(bench: Bench, before: TrainingFolder) -> Scores:
    """Nothing is better than anything: what a round prunes is drawn."""
    labels = ("replicate", before.replicate, "round", before.round_number, "random")
    found = {}
    for name, mask in bench.full_masks.items():
        generator = seeds.generator(bench.config.seed, *labels, name)
        # A draw for each unit: the mean of many would be nearer to the middle.
        found[name] = {key: generator.random(kept.shape) for key, kept in mask.kept.items()}
    return found


def vanishing_gradients(config: Config, gan: GANSpec) -> Iterator[str]:
    """Of what ranks by gradients, as SNIP, criterion and branch."""
    del gan
    if config.training.precision == "mixed_float16":
        yield (
            "--precision=mixed_float16: the gradients that rank weights would vanish in it; use"
            " float32 or mixed_bfloat16"
        )


def _of_snip(config: Config, gan: GANSpec) -> Iterator[str]:
    lottery = config.lottery
    if len(lottery.budgets) > 1:
        yield "--criterion=snip ranks once, before training: it needs a single one of --budgets"
    elif lottery.rounds > 1:
        yield (
            "--criterion=snip ranks once, before training: it needs --rounds=1, not"
            f" {lottery.rounds}, and its --rate"
        )
    if lottery.prune != ("generator",):
        yield "--criterion=snip ranks by the generator's loss: it needs --prune=generator"
    yield from vanishing_gradients(config, gan)
    yield from _of_live_weights(config, "ranks before training")


def _of_gradients(config: Config, gan: GANSpec) -> Iterator[str]:
    if config.lottery.prune != ("generator",):
        yield "--criterion=taylor ranks by the generator's loss: it needs --prune=generator"
    yield from vanishing_gradients(config, gan)
    yield from _of_live_weights(config, "takes gradients where training ended")


@register(complaints=_of_gradients)
def taylor(bench: Bench, before: TrainingFolder) -> Scores:
    """(w dL/dw)^2 of trained weights, L the generator's loss (Molchanov et al. 2019)."""
    trained = before.weights.get()
    gradients = bench.generator_gradients(trained, before.replicate)
    return {
        name: {path: np.square(trained[name][path] * array) for path, array in found.items()}
        for name, found in gradients.items()
    }


@register(complaints=_of_snip)
def snip(bench: Bench, before: TrainingFolder) -> Scores:
    """|w dL/dw| at theta_0, L the generator's loss: what matters untrained (Lee et al. 2019)."""
    initial = before.of_replicate.initial.get()
    gradients = bench.generator_gradients(initial, before.replicate)
    return {name: pruning.saliencies(initial[name], found) for name, found in gradients.items()}
