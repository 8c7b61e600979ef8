"""From a dense GAN and some options to a compression: its method, and its config.

GAN, data, training and protocol are those of the dense run, so that what is compared is the method.
"""

import dataclasses
import pathlib

from tf_gan_lth import gans
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment import plugins
from tf_gan_lth.experiment.config import Config, LotteryConfig, TrainingConfig
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.gans import GANSpec
from tf_gan_lth.gans.spec import GENERATOR
from tf_gan_lth.methods.compressor import Compressor
from tf_gan_lth.methods.dense import Dense, open_dense
from tf_gan_lth.methods.method import METHODS
from tf_gan_lth.training.options import check_once, resolve
from tf_gan_lth.training.terms import asked_as, switched_on

# What a compression has of its own. Of the dense run the others are; of a lottery, as they usually
# are.
OWN = {
    "steps",
    "bits",
    "terms",
    "gamma_learning_rate",
    "score_every",
    "method",
    "budgets",
    "criterion",
    "ranking",
    "ranking_weights",
    "prune_trunk",
    "exclude",
    "train_slim",
    "discriminator_start",
    "branches",
    "branch_rounds",
    "replicates",
    "looks",
    "paired",
    "margin",
}
# What a dense run may have for its pruned rounds alone.
OF_ITS_ROUNDS = {"bits", "terms", "gamma_learning_rate", "score_every", "kd_weight", "mask_update"}
LOTTERY = {field.name for field in dataclasses.fields(LotteryConfig)}
Options = dict[str, object]


def prepare(path: str, given: Options) -> tuple[Config, Compressor]:
    """The config of a compression, and the method that it names.

    Args:
      path: of the dense GAN: `RUN/replicate_0`, or `RUN`.
      given: {option: value} of those that are given, `method` and `budgets` among them.

    Raises:
      UsageError: the path is no finished dense GAN, the method no compressor, or an option
        contradicts the dense run.
    """
    given = {name: value for name, value in given.items() if value is not None}
    asked = configs.from_options(given)
    dense = open_dense(path)
    plugins.load(asked.networks.plugins or dense.config.networks.plugins)
    kind = METHODS[asked.lottery.method]
    if not issubclass(kind, Compressor):
        known = [name for name, each in METHODS.items() if issubclass(each, Compressor)]
        raise UsageError(
            f"--method={asked.lottery.method} is no compressor; known: {', '.join(sorted(known))}"
        )
    method = kind(dense)
    spec = gans.find(asked.networks.gan if "gan" in given else dense.config.networks.gan)
    fixed = {
        "rounds": len(asked.lottery.budgets),
        "rate": LotteryConfig().rate,
        "prune": (GENERATOR,),
        "unit": "channel",
        "budget": "macs",
    }
    _check(method, asked, given.keys(), fixed)
    usual = {
        **method.training,
        "branches": (),
        "branch_rounds": tuple(range(1, fixed["rounds"] + 1)),
        "discriminator_start": method.discriminator_start,
        "ranking": method.ranking,
    }
    given = {n: v for n, v in configs.to_options(asked).items() if n in given}
    config = configs.from_options({**_of_dense(dense, spec), **usual, **given, **fixed})
    lottery = dataclasses.replace(config.lottery, parent=dense.digest)
    config = dataclasses.replace(config, lottery=lottery)
    return _with_terms(config, method, spec, asked.training), method


def _of_dense(dense: Dense, spec: GANSpec) -> Options:
    """The options of the dense run that a compression takes on."""
    own = {field.name for field in dataclasses.fields(spec.options)}
    known = {*configs.walk(dense.config), *own} - LOTTERY - OF_ITS_ROUNDS
    known |= dense.best_of
    return {n: v for n, v in configs.to_options(dense.config).items() if n in known}


def _check(method: Compressor, asked: Config, given: set[str], fixed: Options) -> None:
    """Raises `UsageError` for a given option that is the dense run's, or a lottery's."""
    dense = method.dense
    own = {*OWN, *(field.name for field in dataclasses.fields(method.Options))} - dense.best_of
    has = {**configs.to_options(dense.config), **dense.used}
    usual = configs.to_options(Config())
    fields = configs.walk(asked)
    for name, value in configs.to_options(asked).items():
        if name not in given or name in own:
            continue
        if name in LOTTERY:
            if value != fixed.get(name, usual[name]):
                raise UsageError(
                    f"--{name}={_shown(value)} is for finding tickets: a compression has"
                    f" {_shown(fixed.get(name, usual[name]))}; leave it out"
                )
        elif name in fields and fields[name][0].metadata["extends"] and name not in dense.best_of:
            continue
        elif name in has and not _same(name, value, has[name]):  # others are no options at all
            raise UsageError(
                f"--{name}={_shown(value)}, but the dense GAN of {dense.run.path} was trained with"
                f" {_shown(has[name])}: leave it out"
            )


def _same(name: str, value: object, has: object) -> bool:
    """Whether two values of an option are one, or places, whose content is compared later."""
    if name in ("gan", "feature_network") and value and has:
        return pathlib.PurePath(value).name == pathlib.PurePath(has).name
    if name == "dataset" and value.partition(":")[0] in ("folder", "npz"):
        return value.partition(":")[0] == has.partition(":")[0]
    return value == (tuple(has) if isinstance(has, list) else has)


def _shown(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)


def _with_terms(config: Config, method: Compressor, spec: GANSpec, asked: TrainingConfig) -> Config:
    """The config with the penalties of the dense GAN, what is asked for, and the method's terms.

    Raises:
      UsageError: a penalty is asked for that the dense GAN was not trained with, or a term twice.
    """
    check_once(asked)
    dense = method.dense.config.training
    has = _penalties(resolve(dense, spec))  # those too that are usual for the GAN
    weights = _penalties(dense)
    for term, weight in switched_on(dataclasses.replace(asked, kd_weight=0.0)):
        if term.taught or term.proximal:
            weights[term.name] = weight
        elif has.get(term.name) != weight:
            raise UsageError(
                f"{asked_as(asked, term.name)}, but the dense GAN of {method.dense.run.path} was"
                f" trained with {has.get(term.name, 'none')}: leave it out"
            )
    weights = {**method.terms, **weights}
    terms = tuple(f"{name}:{weight}" for name, weight in weights.items())
    return dataclasses.replace(config, training=dataclasses.replace(config.training, terms=terms))


def _penalties(config: TrainingConfig) -> dict[str, float]:
    """{loss term: weight} of those that dense and compressed GANs are trained with alike."""
    return {t.name: w for t, w in switched_on(config) if not (t.taught or t.proximal)}
