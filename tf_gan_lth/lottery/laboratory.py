"""Everything a run needs, built once: data, networks, trainer, sampler, evaluator, and the seeds of each stage."""

import shutil
import time

import numpy as np
import tensorflow as tf

from tf_gan_lth import data, models
from tf_gan_lth.evaluation import Evaluator, feature_networks
from tf_gan_lth.experiment import seeds
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import check_known
from tf_gan_lth.experiment.run_folder import Place, RunFolder
from tf_gan_lth.lottery.branches import BRANCHES
from tf_gan_lth.pruning import masks as pruning
from tf_gan_lth.pruning.wrapping import LotterySchedule, masks_of
from tf_gan_lth.training import EMA, Masks, Sampler, Trainer, Weights
from tf_gan_lth.training.callbacks import RoundProgress, summaries

PRUNED = ("generator",)
GRID_IMAGES = 64
SUMMARIES_A_ROUND = 100


class Laboratory:
    """The stages of a lottery as methods; each is a function of its arguments, the config and the seed.

    Args:
      config: what to do.
      run: where to keep it. It is claimed for this config.
      strategy: the `tf.distribute` strategy to train under; None is the current one.

    Raises:
      UsageError: the config names something unknown.
      RunFolderError: the folder belongs to another run or cannot be written.
    """

    def __init__(self, config: Config, run: RunFolder, strategy: tf.distribute.Strategy | None = None):
        for name in config.lottery.branches:
            check_known("branch", name, BRANCHES)
        network = feature_networks.load(config.evaluation.feature_network)
        images = data.load(config.data.dataset, "train", config.data.resolution, config.data.data_dir)
        self.config, self.run, self.images = config, run, images
        gan = self._build("networks")
        run.claim(config)
        self.schedule = LotterySchedule(config.lottery.rate)
        self.trainer = Trainer(gan, config.training, self.schedule, images, strategy)
        self.sampler = Sampler(gan.networks["generator"])
        self.evaluator = Evaluator(network, images, config.evaluation.num_eval_images)

    def branches(self, number: int) -> tuple[str, ...]:
        """The branches that round `number` gets."""
        return self.config.lottery.branches if number in self.config.lottery.branch_rounds else ()

    def fresh_weights(self, replicate: int, *labels: int | str) -> Weights:
        """Initial weights of every network; other labels give other weights."""
        gan = self._build("replicate", replicate, *labels, "initial")
        return {name: models.take_snapshot(network) for name, network in gan.networks.items()}

    def full_masks(self, weights: Weights) -> Masks:
        """Masks of the networks that are pruned, keeping every prunable weight."""
        networks = self.trainer.networks
        return {name: pruning.full_mask(weights[name], list(masks_of(networks[name]))) for name in PRUNED}

    def prune(self, before: Place, number: int) -> Masks:
        """The masks of round `number`: the smallest live trained weights of the round before are pruned."""
        weights = before.weights.get()
        pruned = {}
        for name, mask in before.masks.get().items():
            remaining, total = pruning.count(mask)
            fraction = 1.0 - self.schedule.remaining(number, total) / remaining
            pruned[name] = pruning.global_magnitude_mask(weights[name], mask, fraction)
        return pruned

    def train(self, start: Weights, masks: Masks, here: Place) -> Weights:
        """Trains from rewound weights; records the time and the sparsity beside the weights."""
        began = time.monotonic()
        report = self._sparsity(masks)
        here.sparsity.put(report)
        log_dir = self.run.tensorboard / here.path.relative_to(self.run.path)
        shutil.rmtree(log_dir, ignore_errors=True)  # of a training that was interrupted
        callbacks = [
            RoundProgress(f"{here.title}: {1 - report['generator']['sparsity']:.1%} of the generator's prunable weights remain"),
            summaries(str(log_dir), max(1, self.trainer.config.steps // SUMMARIES_A_ROUND)),
        ]
        trained = self.trainer.train(start, masks, self._stream(here, "training"), callbacks)
        seconds = round(time.monotonic() - began, 3)
        here.training.put({"steps": self.trainer.config.steps, "seed": self.config.seed, "train_seconds": seconds})
        return trained

    def score(self, weights: Weights, here: Place) -> dict[str, object]:
        """Scores the averaged generator; leaves a grid of its first samples."""
        generator = weights["generator" + EMA]
        stream = self._evaluation_stream(here.replicate)
        here.samples.put(data.grid(next(self.sampler.batches(generator, GRID_IMAGES, stream))))
        return self.evaluator.score(self.sampler.batches(generator, self.evaluator.protocol.generated_images, stream))

    def score_untrained(self, initial: Weights, replicate: int) -> dict[str, object]:
        """Scores the generator as it is initialised: what training starts from."""
        stream = self._evaluation_stream(replicate)
        return self.evaluator.score(self.sampler.batches(initial["generator"], self.evaluator.protocol.generated_images, stream))

    def _build(self, *labels: int | str) -> models.GAN:
        networks, images = self.config.networks, self.images
        seed = seeds.derive(self.config.seed, *labels)
        resolution = self.config.data.resolution
        return models.build(networks.gan, resolution, images.channels, networks.width, networks.discriminator_width, seed=seed)

    def _sparsity(self, masks: Masks) -> dict[str, object]:
        """Sparsity of every network, pruned or not: over prunable weights, and beside it over all parameters."""
        reports = {}
        for name, network in self.trainer.networks.items():
            kernels = {path: np.ones(kernel.shape, bool) for path, (kernel, _) in masks_of(network).items()}
            report = pruning.sparsity_report(masks.get(name, kernels))
            parameters = sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)
            left = parameters - report["total"] + report["remaining"]
            reports[name] = {**report, "parameters": parameters, "parameters_left": left}
        return reports

    def _stream(self, here: Place, purpose: str) -> np.ndarray:
        """Branches share their round's stream, so that they differ from the ticket in nothing else."""
        return seeds.pair(self.config.seed, "replicate", here.replicate, "round", here.round_number, purpose)

    def _evaluation_stream(self, replicate: int) -> np.ndarray:
        """The same latents for every round, so that pictures and scores of rounds are comparable."""
        return seeds.pair(self.config.seed, "replicate", replicate, "evaluation")
