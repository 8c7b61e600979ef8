"""Training's options: what is usual where one is unset, and what so many replicas cannot do."""

import dataclasses

from tf_gan_lth.experiment.config import TrainingConfig
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.gans.spec import GANSpec
from tf_gan_lth.training.losses import LOSSES
from tf_gan_lth.training.terms import KD, L1, asked_as, switched_on
from tf_gan_lth.training.updates import UPDATES

BATCH_SIZES = ("generator_batch_size", "discriminator_batch_size")


def resolve(config: TrainingConfig, gan: GANSpec) -> TrainingConfig:
    """The config with what is usual for the GAN where an option is unset.

    Raises:
      UsageError: an option is set that the GAN has not, or a name that there is not.
    """
    resolved = config
    for field in dataclasses.fields(config):
        if not hasattr(gan.usual, field.name):
            continue
        asked = getattr(config, field.name)
        usual = getattr(gan.usual, field.name)
        if asked is None:
            resolved = dataclasses.replace(resolved, **{field.name: usual})
        elif usual is None:
            raise UsageError(f"--{field.name}={asked} is no option of {gan.name}: leave it out")
    if resolved.discriminator_learning_rate is None:
        rate = resolved.learning_rate
        resolved = dataclasses.replace(resolved, discriminator_learning_rate=rate)
    own = [text for text in gan.usual.terms if not asked_as(config, text.partition(":")[0])]
    resolved = dataclasses.replace(resolved, terms=(*own, *config.terms))
    LOSSES[resolved.loss]
    UPDATES[resolved.mask_update]
    names = [term.name for term, _ in switched_on(resolved)]
    if config.gamma_learning_rate is not None and L1 not in names:
        raise UsageError(
            f"--gamma_learning_rate={config.gamma_learning_rate} is that of --terms={L1}:WEIGHT:"
            " leave it out, or give that too"
        )
    check_once(resolved)
    return resolved


def check_once(config: TrainingConfig) -> None:
    """Raises `UsageError` for a loss term that a config asks for more than once."""
    names = [term.name for term, _ in switched_on(config)]
    for name in names:
        if names.count(name) > 1:
            also = ", once as --kd_weight" if name == KD and config.kd_weight else ""
            raise UsageError(f"--terms: {name} is there {names.count(name)} times{also}")


def batch_sizes(config: TrainingConfig) -> dict[str, int]:
    """{option: images} of the batches that the GAN has."""
    sizes = {name: getattr(config, name) for name in BATCH_SIZES}
    return {name: size for name, size in sizes.items() if size is not None}


def check_replicas(config: TrainingConfig, replicas: int) -> None:
    """Raises `UsageError` for a resolved config that so many replicas cannot train."""
    for name, size in batch_sizes(config).items():
        if size % replicas:
            raise UsageError(f"--{name}={size} cannot be split evenly over {replicas} replicas")
    if config.jit_compile and replicas > 1:
        raise UsageError(f"--jit_compile works on one device only, not on {replicas} replicas")
