"""Everything a run needs, built once: data, networks, trainer, sampler, evaluator, and the seeds of each stage."""

import shutil
import time
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tf_gan_lth import data, models
from tf_gan_lth.evaluation import Evaluator, Extractor, Protocol, protocols, reference
from tf_gan_lth.experiment import seeds
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.config import Config, EvaluationConfig
from tf_gan_lth.experiment.errors import RunFolderError, TrainingError, UsageError, check_known
from tf_gan_lth.experiment.run_folder import Place, RunFolder
from tf_gan_lth.lottery.branches import BRANCHES
from tf_gan_lth.pruning import masks as pruning
from tf_gan_lth.pruning.wrapping import LotterySchedule, masks_of, prunable
from tf_gan_lth.training import EMA, Masks, Sampler, Trainer, Weights
from tf_gan_lth.training.callbacks import RoundProgress, summaries

PRUNED = ("generator",)
GRID_IMAGES = 64
SUMMARIES_A_ROUND = 100


def protocol_of(config: EvaluationConfig) -> Protocol:
    """The protocol that a config names, changed where the config says so.

    Raises:
      UsageError: it is unknown, or it does not say how many images to generate and the config neither.
    """
    protocol = protocols.get(config.protocol).but(feature_network=config.feature_network, num_images=config.num_eval_images)
    if protocol.num_images is None:
        raise UsageError(f"--protocol={config.protocol} scores as many images as there are: say how many with --num_eval_images")
    return protocol


def scored_generator(weights: Weights, protocol: Protocol) -> Arrays:
    """The snapshot of the generator that a protocol scores. Before training, the averages are the weights themselves."""
    return weights.get("generator" + EMA, weights["generator"]) if protocol.ema else weights["generator"]


def sampling_seed(config: Config, replicate: int, *labels: int) -> np.ndarray:
    """The stream of the latents that a replicate's generators are scored on; labels give further ones."""
    return seeds.pair(config.seed, "replicate", replicate, "evaluation", *labels)


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
        self.config, self.run = config, run
        protocol = protocol_of(config.evaluation)
        with (strategy or tf.distribute.get_strategy()).scope():
            extractor = Extractor.of(protocol)
            self.images = self._load("train")
            real_images = self.images if protocol.reference_split == "train" else self._load(protocol.reference_split)
            self.evaluator = Evaluator(protocol, extractor, reference.of_images(real_images, extractor))
            gan = self._build("networks")
            self.schedule = LotterySchedule(config.lottery.rate)
            self._check_rounds(gan)
            run.claim(config)
            self.trainer = Trainer(gan, config.training, self.schedule, self.images, strategy)
            self.sampler = Sampler(gan.networks["generator"])

    def _check_rounds(self, gan: models.GAN) -> None:
        rounds, rate = self.config.lottery.rounds, self.config.lottery.rate
        for name in PRUNED:
            total = sum(int(np.prod(layer.kernel.shape)) for layer in gan.networks[name].layers if prunable(layer))
            if self.schedule.remaining(rounds, total) < 1:
                raise UsageError(f"--rounds={rounds} at --rate={rate} leaves none of the {name}'s {total} prunable weights")

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

    def sparsity(self, masks: Masks) -> dict[str, object]:
        """Sparsity of every network, pruned or not: over prunable weights, and beside it over all parameters."""
        reports = {}
        for name, network in self.trainer.networks.items():
            kernels = {path: np.ones(kernel.shape, bool) for path, (kernel, _) in masks_of(network).items()}
            report = pruning.sparsity_report(masks.get(name, kernels))
            parameters = sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)
            left = parameters - report["total"] + report["remaining"]
            reports[name] = {**report, "parameters": parameters, "parameters_left": left}
        return reports

    def train(self, start: Weights, masks: Masks, here: Place) -> Weights:
        """Trains from rewound weights under the round's random stream, and records how long it took."""
        began = time.monotonic()
        remaining, total = pruning.count(masks["generator"])
        log_dir = self.run.tensorboard / f"replicate_{here.replicate}" / f"round_{here.round_number:02d}" / here.branch_name
        shutil.rmtree(log_dir, ignore_errors=True)  # of a training that was interrupted
        callbacks = [
            RoundProgress(f"{here.title}: {remaining / total:.1%} of the generator's prunable weights remain"),
            summaries(str(log_dir), max(1, self.trainer.config.steps // SUMMARIES_A_ROUND)),
        ]
        # Branches share their round's stream, so that they differ from the ticket in nothing else.
        seed = seeds.pair(self.config.seed, "replicate", here.replicate, "round", here.round_number, "training")
        try:
            trained = self.trainer.train(start, masks, seed, callbacks)
        except tf.errors.OpError as error:  # no memory for the step, no room for TensorBoard's files
            reason = str(error.message).splitlines()[0]
            raise TrainingError(f"{here.title} stopped: {reason}; what is finished is kept: run the same command again") from error
        here.training.put(self.training_record(time.monotonic() - began))
        return trained

    def training_record(self, seconds: float | None = None) -> dict[str, object]:
        """What `training.json` says; the seconds are null if the record was lost and made again."""
        return {"steps": self.trainer.config.steps, "seed": self.config.seed, "train_seconds": seconds and round(seconds, 3)}

    def score(self, weights: Weights, replicate: int) -> dict[str, object]:
        """Scores the generator that the protocol names: the averaged one or the live one."""
        protocol = self.evaluator.protocol
        images = self._images(weights, protocol.num_images, replicate)
        return self.evaluator.score("generated images", images, protocol.num_images, protocol.ema)

    def draw_samples(self, weights: Weights, replicate: int) -> bytes:
        """A grid of the same generator's first samples, as PNG."""
        return data.grid(next(self._images(weights, GRID_IMAGES, replicate)))

    def check_protocol(self, scores: dict[str, object]) -> None:
        """Raises `RunFolderError` if scores of this run were computed under another protocol than today's."""
        if scores["protocol"] != self.evaluator.identity:
            raise RunFolderError(
                f"{self.run.path} was scored under {scores['protocol']}, which is now {self.evaluator.identity}: "
                "the feature network or the reference images changed; give another --run_dir"
            )

    def _images(self, weights: Weights, count: int, replicate: int) -> Iterator[tf.Tensor]:
        """The same latents for every round, so that pictures and scores of rounds are comparable."""
        generator = scored_generator(weights, self.evaluator.protocol)
        return self.sampler.batches(generator, count, sampling_seed(self.config, replicate))

    def _load(self, split: str) -> data.ImageSet:
        options = self.config.data
        return data.load(options.dataset, split, options.resolution, options.data_dir)

    def _build(self, *labels: int | str) -> models.GAN:
        networks, images = self.config.networks, self.images
        seed = seeds.derive(self.config.seed, *labels)
        resolution = self.config.data.resolution
        return models.build(networks.gan, resolution, images.channels, networks.width, networks.discriminator_width, seed=seed)
