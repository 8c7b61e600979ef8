"""What the tests share: a GAN that trains in seconds, and one finished lottery of it."""

import dataclasses
import os
import pathlib
import tempfile
from collections.abc import Callable

import pytest
import tensorflow as tf

# Before TensorFlow starts: a second CPU device, so that MirroredStrategy has two replicas.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

from tf_gan_lth import lottery  # noqa: E402
from tf_gan_lth.experiment import cache  # noqa: E402
from tf_gan_lth.experiment import config as configs  # noqa: E402
from tf_gan_lth.experiment.run_folder import RunFolder  # noqa: E402
from tf_gan_lth.pruning import masks as pruning  # noqa: E402
from tf_gan_lth.pruning.wrapping import masks_of  # noqa: E402
from tf_gan_lth.training import Masks, Trainer, Weights  # noqa: E402

# No test reads or writes the user's own cache.
_cache = tempfile.TemporaryDirectory()
os.environ[cache.VARIABLE] = _cache.name

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
def half_pruned() -> Callable[[Trainer, Weights], tuple[Weights, Masks]]:
    """A function of a trainer and weights: masked weights and the masks, half of each network
    pruned, that it can train.
    """

    def prune(trainer: Trainer, weights: Weights) -> tuple[Weights, Masks]:
        masks = {}
        for name, network in trainer.networks.items():
            full = pruning.full_mask(weights[name], list(masks_of(network)))
            masks[name] = pruning.global_mask(pruning.magnitudes(weights[name]), full, 0.5)
        return lottery.ticket.rewind(weights, masks), masks

    return prune


@dataclasses.dataclass
class Finished:
    """A lottery that was run whole, and the state in which each of its trainings started."""

    lab: lottery.Laboratory
    run: RunFolder
    starts: dict[pathlib.Path, dict]


@pytest.fixture(scope="session")
def finished(tiny_config, tmp_path_factory) -> Finished:
    run = RunFolder(tmp_path_factory.mktemp("runs") / "finished")
    lab = lottery.Laboratory(tiny_config, run)
    starts, order = [], []
    start = lab.trainer.start

    def recording_start(*args):
        start(*args)
        starts.append(lab.trainer.snapshot())

    lab.trainer.start = recording_start
    lottery.find_ticket(lab, 0, lambda place: order.append(place.path))
    lottery.write_results(run)
    return Finished(lab, run, dict(zip(order, starts, strict=True)))
