"""What a config asks for that cannot be: each part of it complains for itself."""

import dataclasses
import fnmatch
import warnings
from collections.abc import Iterator

import tf_keras as keras

from tf_gan_lth import gans
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import ToolkitWarning, UsageError
from tf_gan_lth.gans import GANSpec
from tf_gan_lth.gans.spec import GENERATOR
from tf_gan_lth.methods.bench import Bench
from tf_gan_lth.methods.branches import BRANCHES
from tf_gan_lth.methods.criteria import CRITERIA
from tf_gan_lth.methods.method import Method
from tf_gan_lth.tasks import TASKS
from tf_gan_lth.training.model import STATIC, STEPS
from tf_gan_lth.training.options import resolve

# Dense kernels are pruned if asked for; the others' weights of two axes are no kernels.
NO_KERNELS = (
    keras.layers.Dense,
    keras.layers.Embedding,
    keras.layers.LayerNormalization,
    keras.layers.PReLU,
)


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


def name_whole_layers(bench: Bench) -> None:
    """Warns of layers with kernels that no mask covers, before hours of training show it.

    Dense layers are left out, as `--prune_dense` is there for them, and what `--exclude` names.
    """
    for name, mask in bench.full_masks.items():
        covered = set(mask.expand())
        whole = [
            f"{layer.name} ({type(layer).__name__})"
            for layer in bench.gan.networks[name].layers
            if _has_kernels(layer)
            and not any(path in covered for path, _ in gans.named_variables(layer))
            and not _excluded(f"{name}/{layer.name}", bench.config)
        ]
        if whole:
            warnings.warn(
                f"no weight of these layers of the {name} is pruned: {', '.join(whole)}",
                ToolkitWarning,
                stacklevel=2,
            )


def _has_kernels(layer: keras.layers.Layer) -> bool:
    if isinstance(layer, NO_KERNELS):
        return False
    return any(variable.shape.rank >= 2 for variable in layer.trainable_weights)


def _excluded(layer: str, config: Config) -> bool:
    return any(fnmatch.fnmatchcase(layer, pattern) for pattern in config.lottery.exclude)


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
    yield from _of_units(config)
    if config.lottery.ranking_weights == "ema" and not spec.averaged:
        yield f"--ranking_weights=ema: {spec.name} keeps no averages"


def _of_units(config: Config) -> Iterator[str]:
    lottery = config.lottery
    if lottery.unit == "2:4" and (lottery.rate != 0.5 or lottery.rounds > 1):
        yield (
            "--unit=2:4 prunes half of the weights at once: it needs --rounds=1 and --rate=0.5, not"
            f" --rounds={lottery.rounds} and --rate={lottery.rate}"
        )
    if lottery.unit == "2:4" and lottery.budget != "units":
        yield f"--budget={lottery.budget}: --unit=2:4 keeps half of the weights, whatever they take"
    if lottery.unit != "channel":
        for name in ("prune_trunk", "train_slim"):
            if getattr(lottery, name):
                yield f"--{name} is of channels: it needs --unit=channel"
        return
    if lottery.train_slim and config.evaluation.eval_every:
        yield "--eval_every scores whole networks: leave it out with --train_slim"
    if lottery.prune_dense:
        yield "--prune_dense is of single weights: leave it out with --unit=channel"
    if config.training.mask_update != STATIC:
        yield f"--mask_update={config.training.mask_update} is of single weights: not of channels"
