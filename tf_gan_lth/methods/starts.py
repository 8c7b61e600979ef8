"""What candidates start from, and who teaches them, where that is not the rewound GAN itself."""

from tf_gan_lth.experiment.run_folder import TrainingFolder
from tf_gan_lth.gans.spec import DISCRIMINATOR
from tf_gan_lth.methods.bench import Bench
from tf_gan_lth.training import Weights


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
    names = bench.gan.spec.of_role(DISCRIMINATOR)
    return {**weights, **{name: other[name] for name in names}}


def dense_teachers(bench: Bench, folder: TrainingFolder) -> Weights:
    """The trained dense networks that teach in the config's loss terms; none for round 0."""
    if not bench.trainer.taught or folder.round_number == 0:
        return {}
    trained = folder.of_replicate.round(0).weights.get()
    return {name: trained[name] for name in bench.trainer.taught}
