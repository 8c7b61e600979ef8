"""What a config asks for that cannot be: each part of it complains for itself."""

import dataclasses
import warnings
from collections.abc import Iterator

from tf_gan_lth import gans
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import ToolkitWarning, UsageError
from tf_gan_lth.gans import GANSpec
from tf_gan_lth.gans.spec import GENERATOR
from tf_gan_lth.methods import units
from tf_gan_lth.methods.branches import BRANCHES
from tf_gan_lth.methods.criteria import CRITERIA
from tf_gan_lth.methods.method import Method
from tf_gan_lth.tasks import TASKS
from tf_gan_lth.training.model import STEPS
from tf_gan_lth.training.options import resolve


def check(config: Config, spec: GANSpec, method: Method) -> None:
    """Raises `UsageError` for what is unknown or cannot be together, before anything is loaded."""
    _check_names(config, spec, method)
    for complaint in _complaints(config, spec, method):
        raise UsageError(complaint)
    lottery = config.lottery
    first = min(lottery.branch_rounds, default=1)
    if lottery.branches and lottery.rounds and first > lottery.rounds:
        asked = ",".join(map(str, lottery.branch_rounds))
        warnings.warn(
            f"no branch is trained: --branch_rounds={asked} is beyond --rounds={lottery.rounds}",
            ToolkitWarning,
            stacklevel=2,
        )


def _check_names(config: Config, spec: GANSpec, method: Method) -> None:
    owned = {f.name for kind in (spec.options, method.Options) for f in _fields(kind)}
    for name, value in config.extras.items():
        if name not in owned:
            raise UsageError(f"--{name}={value} is no option of {spec.name}: leave it out")
    gans.options_of(spec, config)
    configs.read_extras(method.Options, config.extras)
    resolve(config.training, spec)
    _ = STEPS[spec.step], TASKS[spec.task]


def _fields(kind: type) -> tuple:
    return dataclasses.fields(kind)


def _complaints(config: Config, spec: GANSpec, method: Method) -> Iterator[str]:
    """Of every part that the config names; the first one is what a user sees."""
    yield from _of_roles(config, spec)
    if config.networks.bits != 32 and not method.takes_bits:
        yield (
            f"--bits={config.networks.bits} is for compress: it makes a GAN small that was trained"
            " in 32 bits"
        )
    yield from units.complaints(config)
    yield from spec.complaints(config)
    yield from TASKS[spec.task].complaints(config, spec)
    yield from method.complaints(config, spec)
    for name in config.lottery.branches:
        yield from BRANCHES.complaints(name, config, spec)
    yield from CRITERIA.complaints(config.lottery.criterion, config, spec)


def _of_roles(config: Config, spec: GANSpec) -> Iterator[str]:
    asked = config.lottery.prune
    roles = {network.role for network in spec.networks.values()}
    for role in asked:
        if role not in roles:
            yield f"--prune={role}: {spec.name} has networks of roles {', '.join(sorted(roles))}"
    if GENERATOR not in asked:
        yield f"--prune={','.join(asked)} must name the generator: a ticket is a generator"
    ranked = config.lottery.ranking_weights
    if ranked != "live" and not spec.averaged:
        yield f"--ranking_weights={ranked}: {spec.name} keeps no averages"
