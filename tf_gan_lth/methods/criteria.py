"""Criteria: what ranks the units that a round prunes.

A criterion is a function of the bench and the round before that returns a score for each element,
{network: {variable path: array}}; the lowest are pruned, over a whole network or within each layer.
To add one, write the function and register it; `--criterion` and the error for unknown names
follow.
"""

from collections.abc import Callable, Iterator

from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.registry import Registry
from tf_gan_lth.experiment.run_folder import TrainingFolder
from tf_gan_lth.gans import GANSpec
from tf_gan_lth.methods.bench import Bench
from tf_gan_lth.pruning import masks as pruning
from tf_gan_lth.training import EMA

Scores = dict[str, Arrays]
Criterion = Callable[[Bench, TrainingFolder], Scores]
CRITERIA: Registry[Criterion] = Registry("criterion")
register = CRITERIA.register


@register
def magnitude(bench: Bench, before: TrainingFolder) -> Scores:
    """|w| of trained weights: the live ones, or the generator's averages if the config says so."""
    weights = before.weights.get()
    suffix = EMA if bench.config.lottery.ranking_weights == "ema" else ""
    ranked = {name: weights.get(name + suffix, weights[name]) for name in bench.prunable}
    return {name: pruning.magnitudes(snapshot) for name, snapshot in ranked.items()}


def vanishing_gradients(config: Config, gan: GANSpec) -> Iterator[str]:
    """Of SNIP, as criterion and as branch."""
    del gan
    if config.training.precision == "mixed_float16":
        yield (
            "--precision=mixed_float16: snip's gradients would vanish in it; use float32 or"
            " mixed_bfloat16"
        )


def _of_snip(config: Config, gan: GANSpec) -> Iterator[str]:
    lottery = config.lottery
    if lottery.rounds > 1:
        yield (
            "--criterion=snip ranks once, before training: it needs --rounds=1, not"
            f" {lottery.rounds}, and its --rate"
        )
    if lottery.prune != ("generator",):
        yield "--criterion=snip ranks by the generator's loss: it needs --prune=generator"
    yield from vanishing_gradients(config, gan)
    if lottery.ranking_weights != "live":
        yield (
            "--criterion=snip ranks before training: there are no"
            f" --ranking_weights={lottery.ranking_weights}"
        )


@register(complaints=_of_snip)
def snip(bench: Bench, before: TrainingFolder) -> Scores:
    """|w dL/dw| at theta_0, L the generator's loss: what matters untrained (Lee et al. 2019)."""
    initial = before.of_replicate.initial.get()
    gradients = bench.generator_gradients(initial, before.replicate)
    return {name: pruning.saliencies(initial[name], found) for name, found in gradients.items()}
