"""Short lotteries of several kinds, run as their command does, but many of them in one process."""

import contextlib
import dataclasses
import io
import os
import pathlib
import sys
import warnings

from tf_gan_lth import report
from tf_gan_lth.cli.progress import Progress
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.errors import ToolkitWarning
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.methods import jobs, setup

ROOT = pathlib.Path(__file__).parents[2]
FRAME = ROOT / "tests" / "frame"
FIND_TICKET = ROOT / "scripts" / "find_ticket.py"

Options = dict[str, object]
SNGAN: Options = {
    "dataset": "digits",
    "resolution": 8,
    "width": 4,
    "steps": 3,
    "discriminator_steps": 2,
    "generator_batch_size": 8,
    "discriminator_batch_size": 4,
    "learning_rate": 1e-3,
    "ema_decay": 0.5,
    "num_eval_images": 100,
    "rounds": 2,
    "branches": (),
    "checkpoint_minutes": 0.0,
    "margin": 1000.0,  # so that there is a ticket to export
}
# Each goes through other files: theta_k and branches, masks after training, scores within it, ...
KINDS: dict[str, Options] = {
    "imp": SNGAN | {"rewind_step": 1, "branches": ("random_mask",), "branch_rounds": (2,)},
    "scored_within": SNGAN
    | {"score_every": 2, "keep": "best", "rounds": 1, "prune": ("generator", "discriminator")},
    "random_ticket": SNGAN | {"branches": ("random_ticket",), "branch_rounds": (2,)},
    "mask_update": SNGAN
    | {"plugins": (f"{FRAME}/toy_update.py",), "mask_update": "toy_set", "rounds": 1},
    "channels": SNGAN | {"unit": "channel", "budget": "macs", "width": 8, "train_slim": True},
    "compressor": SNGAN
    | {"plugins": (f"{FRAME}/toy_compressor.py",), "method": "toy_compressor", "rounds": 1},
    "replicates": SNGAN | {"rounds": 1, "replicates": 2},
    "cyclegan": {
        "gan": "cyclegan",
        "dataset": "shapes2stripes",
        "resolution": 64,
        "augmentation": "flip",
        "width": 2,
        "blocks": 1,
        "steps": 2,
        "rounds": 1,
        "branches": (),
        "checkpoint_minutes": 0.0,
        "margin": 1000.0,
        "protocol": "cyclegan",
        "feature_network": "shapes2stripes",
    },
}


def options_of(kind: str, data: pathlib.Path) -> Options:
    """The options of a kind of lottery.

    Args:
      kind: a name of `KINDS`.
      data: folder of the prepared images.
    """
    return {**KINDS[kind], "data_dir": str(data)}


def command(options: Options, folder: pathlib.Path) -> list[str]:
    """The command that runs a lottery in a folder."""
    flags = [
        f"--{name}={','.join(map(str, value)) if isinstance(value, tuple) else value}"
        for name, value in options.items()
    ]
    return [sys.executable, str(FIND_TICKET), f"--run_dir={folder}", *flags]


def environment() -> dict[str, str]:
    """Of processes that run a command."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}


class Lottery:
    """Runs one kind of lottery in many folders; networks and images are made once.

    Args:
      options: of every run.
    """

    def __init__(self, options: Options):
        self._config = configs.from_options(options)
        self._method, self._bench = setup.build(self._config)
        self._used = setup.used(self._bench, self._method)

    def run(self, folder: pathlib.Path) -> None:
        """Runs it, or what is missing of it.

        Raises:
          ToolkitError: it cannot go on.
          ToolkitWarning: it has something to say.
        """
        run = RunFolder(folder)
        bench = dataclasses.replace(self._bench, observer=Progress(run))
        images = bench.task.images.record
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("error", ToolkitWarning)
            run.claim(self._config, self._used, images, self._method.origin)
            jobs.run(self._method, bench, run)
            report.conclude(run)
