"""From a config to a bench: checked, built, and the run folder claimed for it."""

import dataclasses

import tensorflow as tf

from tf_gan_lth import gans
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment import digests, plugins
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.gans.snapshots import graph_text
from tf_gan_lth.methods import bench as benches
from tf_gan_lth.methods import criteria
from tf_gan_lth.methods.bench import Bench
from tf_gan_lth.methods.checks import check
from tf_gan_lth.methods.method import METHODS, Method
from tf_gan_lth.methods.observer import Observer


def set_up(
    config: Config,
    run: RunFolder,
    strategy: tf.distribute.Strategy | None = None,
    observer: Observer | None = None,
    method: Method | None = None,
) -> tuple[Method, Bench]:
    """Builds what a config names, and claims the run folder for it.

    Args:
      run: where to keep it.
      config, strategy, observer, method: as in `build`.

    Raises:
      UsageError: the config names something unknown, or asks for what cannot be together.
      ToolkitError: images, networks or protocol cannot be had, or do not fit each other.
      RunFolderError: the folder belongs to another run or cannot be written.
    """
    method, bench = build(config, strategy, observer, method)
    run.claim(config, used(bench, method), bench.task.images.record, method.origin)
    return method, bench


def build(
    config: Config,
    strategy: tf.distribute.Strategy | None = None,
    observer: Observer | None = None,
    method: Method | None = None,
) -> tuple[Method, Bench]:
    """Builds what a config names, and checks it; no run folder is needed.

    Args:
      config: what to do.
      strategy: the `tf.distribute` strategy to train under; None is the current one.
      observer: who watches; None is nobody.
      method: what yields candidates; None is the one that the config names.

    Raises:
      UsageError: the config names something unknown, or asks for what cannot be together.
      ToolkitError: images, networks or protocol cannot be had, or do not fit each other.
    """
    plugins.load(config.networks.plugins)
    spec = gans.find(config.networks.gan)
    method = method or METHODS[config.lottery.method]()
    check(config, spec, method)
    bench = benches.build(config, spec, strategy, observer, method.draws_configurations)
    criteria.check_networks(bench)
    method.check_networks(bench)
    return method, bench


def used(bench: Bench, method: Method) -> dict[str, object]:
    """Every option that two runs must share to be one, as it was resolved.

    Beside them, under names with a dot, what is no option: what the images are like, and digests of
    the networks' graphs. Options that only extend a run are left out.
    """
    config = bench.config
    fixed = configs.deciding(config)
    training = dataclasses.asdict(bench.trainer.config)
    own = (bench.gan.options, bench.options(method.Options))
    options = {name: value for part in own for name, value in dataclasses.asdict(part).items()}
    graphs = {name: digests.short(graph_text(n)) for name, n in bench.gan.networks.items()}
    images = bench.task.images.shape
    return {
        **{name: training.get(name, value) for name, value in fixed.items()},
        **options,
        # A user's file is the same from wherever the command is run; its networks are compared.
        "gan": config.networks.gan.rpartition("/")[2],
        "gan.adam_betas": bench.gan.spec.usual.adam_betas,
        "images.channels": images.channels,
        "images.classes": images.classes,
        **{f"network.{name}": digest for name, digest in graphs.items()},
    }
