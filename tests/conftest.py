"""What the tests share: a GAN that trains in seconds, and one finished lottery of it."""

import os
import tempfile
from collections.abc import Callable

import pytest
import tensorflow as tf

# Before TensorFlow starts: a second CPU device, so that MirroredStrategy has two replicas.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

from helpers import Finished, run_lottery  # noqa: E402

from tf_gan_lth import findings  # noqa: E402
from tf_gan_lth.experiment import cache  # noqa: E402
from tf_gan_lth.experiment import config as configs  # noqa: E402
from tf_gan_lth.methods.candidate import expand, rewind  # noqa: E402
from tf_gan_lth.pruning.masks import Elements, magnitudes  # noqa: E402
from tf_gan_lth.pruning.wrapping import masks_of  # noqa: E402
from tf_gan_lth.training import Kept, Trainer, Weights  # noqa: E402

# No test reads or writes the user's own cache.
_cache = tempfile.TemporaryDirectory()
os.environ[cache.VARIABLE] = _cache.name


def pytest_collection_modifyitems(items):
    """Files with slow tests first, so that no process is left alone with one of them at the end."""
    long = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in long)


TINY = {
    "dataset": "digits",
    "resolution": 8,
    "width": 4,
    "steps": 2,
    "discriminator_steps": 2,
    "generator_batch_size": 8,
    "discriminator_batch_size": 4,
    "learning_rate": 1e-3,
    "ema_decay": 0.5,
    "num_eval_images": 100,
    "rounds": 3,
    "branch_rounds": (2,),
}


@pytest.fixture(scope="session")
def tiny_options(tmp_path_factory) -> dict[str, object]:
    """Options of an 8x8 SNGAN, two steps a round, three rounds, controls at round 2."""
    return {**TINY, "data_dir": str(tmp_path_factory.mktemp("tfds"))}


@pytest.fixture(scope="session")
def tiny_config(tiny_options) -> configs.Config:
    return configs.from_options(tiny_options)


@pytest.fixture(scope="session")
def two_replicas() -> tf.distribute.Strategy:
    """A strategy of two replicas.

    Its all-reduce is not the collective one, whose keys get out of step when a process has models
    of several strategies."""
    return tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
    )


@pytest.fixture(scope="session")
def half_pruned() -> Callable[[Trainer, Weights], tuple[Weights, Kept]]:
    """A function of a trainer and weights: masked weights and the expanded masks, half of each
    network pruned, that it can train.
    """

    def prune(trainer: Trainer, weights: Weights) -> tuple[Weights, Kept]:
        masks = {}
        for name, network in trainer.networks.items():
            full = Elements.everything(weights[name], masks_of(network))
            masks[name] = full.keep(magnitudes(weights[name]), full.total - round(0.5 * full.total))
        kept = expand(masks)
        return rewind(weights, kept), kept

    return prune


@pytest.fixture(scope="session")
def finished(tiny_options, tmp_path_factory) -> Finished:
    """A lottery that was run whole, with its results."""
    done = run_lottery(tiny_options, tmp_path_factory.mktemp("runs") / "finished")
    findings.write_results(done.run)
    return done
