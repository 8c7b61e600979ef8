"""Criteria: what ranks the weights that a round prunes.

A criterion is a function of the laboratory and the round before that returns a score for each
weight, {network: {kernel path: array}}; the lowest are pruned, over a whole network or within each
layer. To add one, write the function and register it; `--criterion` and the error for unknown names
follow."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.run_folder import Place
from tf_gan_lth.pruning import masks as pruning
from tf_gan_lth.training import EMA

if TYPE_CHECKING:
    from tf_gan_lth.methods.bench import Laboratory

Criterion = Callable[["Laboratory", Place], dict[str, Arrays]]
CRITERIA: dict[str, Criterion] = {}


def register(criterion: Criterion) -> Criterion:
    """Makes a criterion available under its function's name."""
    CRITERIA[criterion.__name__] = criterion
    return criterion


@register
def magnitude(lab: "Laboratory", place: Place) -> dict[str, Arrays]:
    """|w| of the trained weights: the live ones, or the generator's averages if the config
    says so.
    """
    weights = place.weights.get()
    suffix = EMA if lab.config.lottery.ranking_weights == "ema" else ""
    return {
        name: pruning.magnitudes(weights.get(name + suffix, weights[name])) for name in lab.pruned
    }


@register
def snip(lab: "Laboratory", place: Place) -> dict[str, Arrays]:
    """|w dL/dw| at theta_0, L the generator's loss: the weights that matter before any training
    (Lee et al. 2019).
    """
    initial = lab.run.replicate(place.replicate).initial.get()
    gradients = lab.generator_gradients(initial, place.replicate)
    return {name: pruning.saliencies(initial[name], found) for name, found in gradients.items()}
