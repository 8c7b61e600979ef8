"""Everything a run needs, built once: data, networks, trainer, sampler, evaluator, and the seeds of
each stage.
"""

import contextlib
import dataclasses
import fnmatch
import warnings
from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth import models
from tf_gan_lth.experiment import paths, seeds
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import (
    MaskError,
    RunFolderError,
    ToolkitWarning,
    TrainingError,
    UsageError,
    check_known,
)
from tf_gan_lth.experiment.run_folder import Place, RunFolder
from tf_gan_lth.methods.branches import BRANCHES, Ticket
from tf_gan_lth.methods.criteria import CRITERIA
from tf_gan_lth.tasks.image_to_image import ImageToImage
from tf_gan_lth.tasks.noise_to_image import NoiseToImage
from tf_gan_lth.methods.parent import Parent
from tf_gan_lth.findings.results import by_generator
from tf_gan_lth.gans.snapshots import path_of
from tf_gan_lth.pruning import masks as pruning
from tf_gan_lth.pruning.wrapping import LotterySchedule, masks_of, prunable
from tf_gan_lth.training import Masks, Trainer, Weights
from tf_gan_lth.training.callbacks import RoundProgress, summaries
from tf_gan_lth.training.checkpoints import Checkpoints
from tf_gan_lth.training.options import resolve

SUMMARIES_A_ROUND = 100

TASKS = {"noise_to_image": NoiseToImage, "image_to_image": ImageToImage}


def check_combinations(config: Config) -> None:
    """Raises `UsageError` for options that are unknown, or cannot be together, before anything is
    loaded.
    """
    lottery = config.lottery
    for name in lottery.branches:
        check_known("branch", name, BRANCHES)
    check_known("criterion", lottery.criterion, CRITERIA)
    gan = models.kind(config.networks.gan)
    resolve(config.training, gan)
    if "generator" not in lottery.prune:
        raise UsageError(
            f"--prune={','.join(lottery.prune)} must name the generator: a ticket is a generator"
        )
    if config.training.kd_weight and "discriminator" not in lottery.prune:
        raise UsageError(
            f"--kd_weight={config.training.kd_weight} teaches the pruned discriminator: it needs"
            " --prune=generator,discriminator"
        )
    if config.training.kd_weight and not lottery.rounds:
        raise UsageError(
            f"--kd_weight={config.training.kd_weight} has no dense teacher in round 0: it needs"
            " --rounds=1 or more"
        )
    if config.training.kd_weight and gan.family == "image_to_image":
        raise UsageError(
            f"--kd_weight={config.training.kd_weight} is not for {gan.name}: its scores are no"
            " logits"
        )
    if lottery.ranking_weights == "ema" and gan.family == "image_to_image":
        raise UsageError(f"--ranking_weights=ema: {gan.name} keeps no averages")
    if lottery.criterion == "snip" and lottery.rounds > 1:
        raise UsageError(
            "--criterion=snip ranks once, before training: it needs --rounds=1, not"
            f" {lottery.rounds}, and its --rate"
        )
    if lottery.criterion == "snip" and "discriminator" in lottery.prune:
        raise UsageError(
            "--criterion=snip ranks by the generator's loss: it needs --prune=generator"
        )
    if (
        "snip" in (lottery.criterion, *lottery.branches)
        and config.training.precision == "mixed_float16"
    ):
        raise UsageError(
            "--precision=mixed_float16: snip's gradients would vanish in it; use float32 or"
            " mixed_bfloat16"
        )
    if lottery.criterion == "snip" and lottery.ranking_weights != "live":
        raise UsageError(
            "--criterion=snip ranks before training: there are no"
            f" --ranking_weights={lottery.ranking_weights}"
        )
    if not lottery.rewind and (lottery.rewind_step or lottery.discriminator_start != "rewound"):
        raise UsageError(
            "--norewind goes on from the round before: it excludes --rewind_step and"
            " --discriminator_start"
        )
    if lottery.rewind_step and lottery.discriminator_start == "second_seed":
        raise UsageError(
            f"--discriminator_start=second_seed has no weights of step {lottery.rewind_step}: it"
            " needs --rewind_step=0"
        )
    if (
        lottery.branches
        and lottery.rounds
        and min(lottery.branch_rounds, default=1) > lottery.rounds
    ):
        asked = ",".join(map(str, lottery.branch_rounds))
        warnings.warn(
            f"no branch is trained: --branch_rounds={asked} is beyond --rounds={lottery.rounds}",
            ToolkitWarning,
            stacklevel=2,
        )


def prunable_kernels(
    networks: dict[str, keras.Model], exclude: tuple[str, ...]
) -> dict[str, list[str]]:
    """{network: paths of the kernels that are pruned}: all prunable layers but the excluded ones.

    Args:
      networks: plain networks, by name.
      exclude: patterns of `<network>/<layer>`, as in `fnmatch`.

    Raises:
      UsageError: a pattern fits no layer, or nothing is left of a network.
    """
    layers = {
        f"{name}/{layer.name}": (name, layer)
        for name, net in networks.items()
        for layer in net.layers
        if prunable(layer)
    }
    for pattern in exclude:
        if not fnmatch.filter(layers, pattern):
            raise UsageError(
                f"--exclude={pattern} fits none of the layers that are pruned: {', '.join(layers)}"
            )
    found = {name: [] for name in networks}
    for full_name, (name, layer) in layers.items():
        if not any(fnmatch.fnmatchcase(full_name, pattern) for pattern in exclude):
            found[name].append(path_of(layer, layer.kernel))
    for name, kernels in found.items():
        if not kernels:
            raise UsageError(f"--exclude={','.join(exclude)} leaves nothing of the {name} to prune")
    return found


def sparsity_of(network: keras.Model, mask: Arrays | None) -> dict[str, object]:
    """The sparsity report of a wrapped network; None is a mask that keeps everything.

    `dense_kernels` names what is never pruned: {kernel path: number of weights}.
    """
    kernels = {path: np.ones(kernel.shape, bool) for path, (kernel, _) in masks_of(network).items()}
    mask = kernels if mask is None else mask
    report = pruning.sparsity_report(mask)
    sizes = {
        path: int(np.prod(variable.shape)) for path, variable in models.variables(network).items()
    }
    parameters = sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)
    return {
        **report,
        "dense_kernels": {
            path: size
            for path, size in sizes.items()
            if path.endswith("/kernel") and path not in mask
        },
        "parameters": parameters,
        "parameters_left": parameters - report["total"] + report["remaining"],
    }


class Laboratory:
    """The stages of a lottery as methods; each is a function of its arguments, the config and the
    seed.

    Args:
      config: what to do.
      run: where to keep it. It is claimed for this config.
      strategy: the `tf.distribute` strategy to train under; None is the current one.
      parent: the ticket that is transferred, if one is.

    Raises:
      UsageError: the config names something unknown, or asks for what cannot be together.
      MaskError: the parent is of other networks.
      RunFolderError: the folder belongs to another run or cannot be written.
    """

    def __init__(
        self,
        config: Config,
        run: RunFolder,
        strategy: tf.distribute.Strategy | None = None,
        parent: Parent | None = None,
    ):
        check_combinations(config)
        self.config, self.run = config, run
        with (strategy or tf.distribute.get_strategy()).scope():
            self.task = TASKS[self.gan.family](config)
            gan = self._build("networks")
            self.schedule = LotterySchedule(config.lottery.rate)
            pruned = {
                name: network
                for name, network in gan.networks.items()
                if models.role(name) in config.lottery.prune
            }
            self.pruned = prunable_kernels(pruned, config.lottery.exclude)
            self._check(gan, parent)
            self.task.equip(gan)
            # Scores are float32, whatever trains.
            trained = (
                gan
                if config.training.precision == "float32"
                else self._build("networks", precision=config.training.precision)
            )
            self.trainer = Trainer(
                trained, config.training, self.schedule, self.task.images, strategy
            )
        run.claim(config, self.task.record, parent and parent.record)

    def _check(self, gan: models.GAN, parent: Parent | None) -> None:
        """Raises `UsageError` or `MaskError` for what these networks cannot do, before anything
        slow.
        """
        variables = {
            n: {p: tuple(v.shape) for p, v in models.variables(network).items()}
            for n, network in gan.networks.items()
        }
        steps, rewind_step = (
            resolve(self.config.training, gan.kind).steps,
            self.config.lottery.rewind_step,
        )
        if rewind_step >= steps:
            raise UsageError(f"--rewind_step={rewind_step} is beyond the {steps} steps of a round")
        if parent is not None:
            parent.check_fits(variables, self.pruned)
            return
        rounds, rate = self.config.lottery.rounds, self.config.lottery.rate
        for name, kernels in self.pruned.items():
            total = sum(int(np.prod(variables[name][path])) for path in kernels)
            if self.schedule.remaining(rounds, total) < 1:
                raise UsageError(
                    f"--rounds={rounds} at --rate={rate} leaves none of the {name}'s {total}"
                    " prunable weights"
                )

    @property
    def gan(self) -> models.Kind:
        """The GAN that the config names."""
        return models.kind(self.config.networks.gan)

    def branches(self, number: int) -> tuple[str, ...]:
        """The branches that round `number` gets."""
        return self.config.lottery.branches if number in self.config.lottery.branch_rounds else ()

    def fresh_weights(self, replicate: int, *labels: int | str) -> Weights:
        """Initial weights of every network; other labels give other weights."""
        gan = self._build("replicate", replicate, *labels, "initial")
        return {name: models.take_snapshot(network) for name, network in gan.networks.items()}

    def full_masks(self, weights: Weights) -> Masks:
        """Masks of the networks that are pruned, keeping every prunable weight."""
        return {
            name: pruning.full_mask(weights[name], paths) for name, paths in self.pruned.items()
        }

    def warm_up(self, initial: Weights, replicate: int) -> Weights:
        """The weights that late rewinding goes back to: those of the dense GAN after the first
        `rewind_step` steps.

        Round 0 goes on from them as every other round does, with a fresh optimizer.
        """
        title = f"replicate {replicate}, the weights to rewind to"
        steps, masks, stream = (
            range(self.config.lottery.rewind_step),
            self.full_masks(initial),
            self._stream(replicate, 0),
        )
        # Round 0 leaves alone what is saved here: it begins at another step.
        checkpoints = self._checkpoints(self.run.replicate(replicate).round(0))
        return self._guarded(
            title,
            self.trainer.train,
            initial,
            masks,
            stream,
            [RoundProgress(title)],
            steps,
            None,
            checkpoints,
        )

    def prune(self, before: Place, number: int) -> Masks:
        """The masks of round `number`: the round before's without the remaining weights that the
        criterion scores lowest.
        """
        scores, masks = CRITERIA[self.config.lottery.criterion](self, before), before.masks.get()
        targets = {
            name: self.schedule.remaining(number, pruning.count(mask)[1])
            for name, mask in masks.items()
        }
        return {
            name: self._prune_to(targets[name], scores[name], mask) for name, mask in masks.items()
        }

    def prune_at_once(self, ticket: Ticket, scores: Masks) -> Ticket:
        """The ticket with masks as sparse as its own, made from full ones in one step; without
        scores they stay as they are.
        """
        full = self.full_masks(ticket.weights)
        targets = {name: pruning.count(mask)[0] for name, mask in ticket.masks.items()}
        masks = {
            name: self._prune_to(targets[name], scores[name], full[name])
            for name in scores
            if name in full
        }
        return dataclasses.replace(ticket, masks={**ticket.masks, **masks})

    def _prune_to(self, target: int, scores: Arrays, mask: Arrays) -> Arrays:
        remaining, total = pruning.count(mask)
        pruned = pruning.RANKINGS[self.config.lottery.ranking](
            scores, mask, 1.0 - target / remaining
        )
        if not pruning.count(pruned)[0]:
            raise MaskError(
                f"none of {total} prunable weights would remain: ask for fewer --rounds or a"
                " smaller --rate"
            )
        return pruned

    def generator_gradients(self, weights: Weights, replicate: int) -> dict[str, Arrays]:
        """{generator: {kernel path: gradient of the generators' loss}} of the kernels that are
        pruned, at some weights.
        """
        seed = seeds.pair(self.config.seed, "replicate", replicate, "gradients")
        gradients = self._guarded("gradients", self.trainer.generator_gradients, weights, seed)
        return {
            name: {path: found[path] for path in self.pruned[name]}
            for name, found in gradients.items()
        }

    def dense(self, place: Place) -> Place:
        """Round 0 of the same replicate."""
        return self.run.replicate(place.replicate).round(0)

    def with_discriminator(self, start: str, place: Place, weights: Weights) -> Weights:
        """The weights that a pruned round starts from, with the discriminators' as `start` says:
        see `--discriminator_start`.
        """
        if start == "rewound" or place.round_number == 0:
            return weights
        other = (
            self.dense(place).weights.get()
            if start == "dense"
            else self.fresh_weights(place.replicate, "second_seed")
        )
        return {
            **weights,
            **{name: other[name] for name in weights if models.role(name) == "discriminator"},
        }

    def sparsity(self, masks: Masks) -> dict[str, object]:
        """Sparsity of every network, pruned or not: over prunable weights, and beside it over all
        parameters.
        """
        return {
            name: sparsity_of(network, masks.get(name))
            for name, network in self.trainer.networks.items()
        }

    def train(self, start: Weights, masks: Masks, here: Place, first_step: int = 0) -> Weights:
        """Trains from rewound weights under the round's random stream, or goes on; records how long
        it took.
        """
        checkpoints = self._checkpoints(here)
        counts = [pruning.count(masks[name]) for name in self.gan.generators]
        remaining, total = (sum(numbers) for numbers in zip(*counts, strict=True))
        log_dir = (
            self.run.tensorboard
            / f"replicate_{here.replicate}"
            / f"round_{here.round_number:02d}"
            / here.branch_name
        )
        if not here.checkpoint.exists():
            with contextlib.suppress(
                OSError
            ):  # curves of a training that was interrupted and begins anew are no reason to stop
                paths.remove(log_dir)
        whose = "the generator's" if len(counts) == 1 else "the generators'"
        callbacks = [
            RoundProgress(
                f"{here.title}: {remaining / total:.1%} of {whose} prunable weights remain"
            ),
            summaries(str(log_dir), max(1, self.trainer.config.steps // SUMMARIES_A_ROUND)),
        ]
        teachers = None
        if self.config.training.kd_weight and here.round_number:
            dense = self.dense(here).weights.get()
            teachers = {name: dense[name] for name in dense if models.role(name) == "discriminator"}
        # Branches share their round's stream, so that they differ from the ticket in nothing else.
        stream = self._stream(here.replicate, here.round_number)
        steps = range(first_step, self.trainer.config.steps)
        trained = self._guarded(
            here.title,
            self.trainer.train,
            start,
            masks,
            stream,
            callbacks,
            steps,
            teachers,
            checkpoints,
        )
        here.training.put(self.training_record(first_step, checkpoints.seconds))
        return trained

    def _checkpoints(self, here: Place) -> Checkpoints:
        return Checkpoints(here.checkpoint, self.config.training.checkpoint_minutes)

    def _stream(self, replicate: int, number: int) -> np.ndarray:
        return seeds.pair(self.config.seed, "replicate", replicate, "round", number, "training")

    def _guarded(self, title: str, work: Callable, *args: object):
        """`work(*args)`, with TensorFlow's errors as one line: no memory for the step, no room for
        TensorBoard's files.
        """
        try:
            return work(*args)
        except tf.errors.UnavailableError:
            raise  # another worker is gone: all of this process ends
        except tf.errors.OpError as error:
            reason = str(error.message).splitlines()[0]
            raise TrainingError(
                f"{title} stopped: {reason}; what is finished is kept: run the same command again"
            ) from error

    def training_record(self, first_step: int, seconds: float | None = None) -> dict[str, object]:
        """What `training.json` says; the seconds are null if the record was lost and made again."""
        steps = self.trainer.config.steps - first_step
        return {
            "steps": steps,
            "seed": self.config.seed,
            "train_seconds": seconds and round(seconds, 3),
        }

    def score(self, weights: Weights, replicate: int) -> dict[str, object]:
        """Scores the generators, under the protocol of the config."""
        return self.task.score(weights, replicate)

    def draw_samples(self, weights: Weights, replicate: int) -> bytes:
        """A picture of what the generators make, as PNG."""
        return self.task.draw_samples(weights, replicate)

    def check_protocol(self, scores: dict[str, object]) -> None:
        """Raises `RunFolderError` if scores of this run were computed under another protocol than
        today's.
        """
        for name, record in by_generator(scores).items():
            today = self.task.evaluators[name].identity
            if record["protocol"] != today:
                raise RunFolderError(
                    f"{self.run.path} was scored under {record['protocol']}, which is now {today}: "
                    "the feature network or the reference images changed; give another --run_dir"
                )

    def _build(self, *labels: int | str, precision: str = "float32") -> models.GAN:
        seed, resolution = seeds.derive(self.config.seed, *labels), self.config.data.resolution
        return models.build(
            self.config.networks, resolution, self.task.channels, seed=seed, precision=precision
        )
