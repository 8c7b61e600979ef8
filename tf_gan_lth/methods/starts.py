"""What candidates start from, and who teaches them, where that is not the rewound GAN itself."""

import warnings
from collections.abc import Sequence

import numpy as np

from tf_gan_lth.experiment.errors import RunFolderError, ToolkitWarning
from tf_gan_lth.experiment.replicate_folder import ReplicateFolder, TrainingFolder
from tf_gan_lth.gans.spec import DISCRIMINATOR, GENERATOR
from tf_gan_lth.methods.bench import Bench, tell_missing
from tf_gan_lth.training import EMA, Weights

OTHERS = 10  # numbers of replicates, at least, among which is looked for whose theta_0 one is


def theta_0(bench: Bench, replicate: ReplicateFolder) -> Weights:
    """The weights that a replicate begins with: those that the folder has, or of its number's seed.

    Raises:
      RunFolderError: they are those of another replicate.

    Warns:
      ToolkitWarning: they are of no replicate of this seed.
    """
    kept = replicate.initial
    if not kept.exists():
        if replicate.round(0).masks.exists():
            tell_missing(kept)
        return kept.put(bench.fresh_weights(replicate.number))
    weights = kept.get()
    if not kept.knows_its_place():  # of an earlier version
        _check_number(bench, replicate, weights)
    return weights


def _check_number(bench: Bench, replicate: ReplicateFolder, weights: Weights) -> None:
    count = max(OTHERS, bench.config.lottery.replicates)
    for number in sorted(range(count), key=lambda number: number != replicate.number):
        if _close(weights, bench.fresh_weights(number)):
            if number == replicate.number:
                return
            raise RunFolderError(
                f"{replicate.path} begins with the weights of replicate {number}: it was renamed or"
                " copied; give it back its name, or move it out of the run"
            )
    warnings.warn(
        f"{replicate.initial.path} is not what --seed={bench.config.seed} gives replicate"
        f" {replicate.number}: another version or machine drew it, or it is of another run",
        ToolkitWarning,
        stacklevel=3,
    )


def _close(first: Weights, second: Weights) -> bool:
    """Whether networks have the same weights, but for the rounding of another machine."""
    return first.keys() == second.keys() and all(
        arrays.keys() == second[name].keys()
        and all(
            array.shape == second[name][path].shape
            and np.allclose(array, second[name][path], atol=1e-5)
            for path, array in arrays.items()
        )
        for name, arrays in first.items()
    )


def started(bench: Bench, folder: TrainingFolder, weights: Weights) -> Weights:
    """What a round starts from where `--generator_start` and `--discriminator_start` ask.

    Args:
      bench: what trains.
      folder: of the round; the dense one always starts as it is.
      weights: to rewind to.
    """
    lottery = bench.config.lottery
    weights = with_generators(bench, lottery.generator_start, folder, weights)
    return with_discriminators(bench, lottery.discriminator_start, folder, weights)


def with_generators(bench: Bench, start: str, folder: TrainingFolder, weights: Weights) -> Weights:
    """The weights that a pruned round starts from, with other generators and what belongs to them.

    Args:
      bench: what trains.
      start: `rewound` or `dense`: see `--generator_start`.
      folder, weights: as in `started`.
    """
    if start == "rewound" or folder.round_number == 0:
        return weights
    trained = folder.of_replicate.round(0).weights.get()
    return replaced(weights, trained, bench.gan.spec.of_player(GENERATOR))


def replaced(weights: Weights, others: Weights, names: Sequence[str]) -> Weights:
    """Weights with those of some networks from elsewhere; their averages start there anew."""
    gone = {name + EMA for name in names}
    kept = {name: snapshot for name, snapshot in weights.items() if name not in gone}
    return kept | {name: others[name] for name in names}


def with_discriminators(
    bench: Bench, start: str, folder: TrainingFolder, weights: Weights
) -> Weights:
    """The weights that a pruned round starts from, with other discriminators.

    Args:
      bench: what trains.
      start: `rewound`, `dense` or `second_seed`: see `--discriminator_start`.
      folder: of the round; the dense one always starts as it is.
      weights: to rewind to.
    """
    if start == "rewound" or folder.round_number == 0:
        return weights
    if start == "dense":
        other = folder.of_replicate.round(0).weights.get()
    else:
        other = bench.fresh_weights(folder.replicate, "second_seed")
    return replaced(weights, other, bench.gan.spec.of_role(DISCRIMINATOR))


def dense_teachers(bench: Bench, folder: TrainingFolder) -> Weights:
    """The trained dense networks that teach in the config's loss terms; none for round 0."""
    if not bench.trainer.taught or folder.round_number == 0:
        return {}
    trained = folder.of_replicate.round(0).weights.get()
    return {name: trained[name] for name in bench.trainer.taught}
