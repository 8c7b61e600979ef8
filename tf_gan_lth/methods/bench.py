"""What every candidate is trained and scored with, built once: images, networks, trainer, task."""

import contextlib
import dataclasses
import math
import warnings
from collections.abc import Callable, Iterator

import tensorflow as tf
import tf_keras as keras

from tf_gan_lth import gans
from tf_gan_lth.experiment import amounts, memory, seeds
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.artifacts import Arrays, Artifact
from tf_gan_lth.experiment.config import Config, TrainingConfig
from tf_gan_lth.experiment.errors import ToolkitWarning, TrainingError
from tf_gan_lth.experiment.replicate_folder import ReplicateFolder, TrainingFolder
from tf_gan_lth.gans import sizes
from tf_gan_lth.methods.candidate import Candidate, Masks, expand, rewind
from tf_gan_lth.methods.evaluations import Evaluations
from tf_gan_lth.methods.observer import Observer
from tf_gan_lth.methods.units import UNITS, full_masks
from tf_gan_lth.pruning.quantisation import in_bits
from tf_gan_lth.tasks import TASKS, Task
from tf_gan_lth.training import Kept, Start, Trained, Trainer, Weights
from tf_gan_lth.training.callbacks import StopWhenDiverged, Summaries
from tf_gan_lth.training.checkpoints import Checkpoints
from tf_gan_lth.training.options import batch_sizes, resolve
from tf_gan_lth.training.slim import saves_time, train_slim

SMALLER = (
    "make --generator_batch_size, --discriminator_batch_size, the networks or --resolution smaller,"
    " with another --run_dir"
)
# How the lines of TensorFlow's messages begin that say where in the graph it happened.
WHERE = ("Graph execution error", "Detected at node", "File ", "Node:", "Hint:", "<stack", "[", "(")


@dataclasses.dataclass(frozen=True)
class Bench:
    """Each stage of training is a function of its arguments, the config and the seed.

    Attributes:
      config: what to do.
      gan: plain networks and what the GAN is; their weights are used up.
      full_masks: of the networks that are pruned, keeping every unit.
      task: what the GAN is for: scores and samples.
      trainer: one model for all trainings.
      observer: who watches.
    """

    config: Config
    gan: gans.GAN
    full_masks: Masks
    task: Task
    trainer: Trainer
    observer: Observer

    @property
    def shapes(self) -> dict[str, dict[str, tuple[int, ...]]]:
        """{network: {variable path: shape}}."""
        return {
            name: {path: tuple(v.shape) for path, v in gans.variables(network).items()}
            for name, network in self.gan.networks.items()
        }

    def options(self, kind: type) -> object:
        """The config's options of a method: an instance of its class `Options`."""
        return configs.read_extras(kind, self.config.extras)

    def fresh_weights(self, replicate: int, *labels: int | str) -> Weights:
        """Initial weights of every network; other labels give other weights."""
        seed = seeds.derive(self.config.seed, "replicate", replicate, *labels, "initial")
        gan = gans.build(self.gan.spec, self.config, self.task.images.shape, seed=seed)
        return {name: gans.take_snapshot(network) for name, network in gan.networks.items()}

    def read_masks(self, kept: Kept) -> Masks:
        """The masks that expand to what a file or a training has."""
        return {name: self.full_masks[name].read(arrays) for name, arrays in kept.items()}

    def masks_or(self, folder: TrainingFolder, make: Callable[..., Masks], *args: object) -> Masks:
        """The masks of a training if it has some; otherwise what `make(*args)` returns, written."""
        if folder.masks in folder.missing():
            tell_missing(folder.masks)
        return self.read_masks(folder.masks.get_or(lambda: expand(make(*args))))

    def warm_up(self, initial: Weights, replicate: ReplicateFolder, steps: int) -> Weights:
        """The weights after the first steps of the dense run: what late rewinding goes back to."""
        title = f"replicate {replicate.number}, warm-up to step {steps}"
        kept = expand(self.full_masks)
        folder = replicate.round(0)
        # Round 0 leaves alone what is saved here: it begins at another step.
        checkpoints = Checkpoints(folder.checkpoint, self.config.training.checkpoint_minutes)
        start = Start(initial, kept, folder.stream(self.config.seed), title=title)
        with one_line_errors(title):
            return self.trainer.train(start, self._watching(), steps, checkpoints).weights

    def train(
        self, candidate: Candidate, kept: Kept, folder: TrainingFolder
    ) -> tuple[Trained, float]:
        """Trains a candidate, or goes on where its training was stopped.

        Args:
          candidate: what to train; branches share their round's random stream, so that they differ
            from the ticket in nothing else.
          kept: its expanded masks.
          folder: where its checkpoints are kept.

        Returns:
          What it became, and how many seconds that took.
        """
        title = self._title(folder, kept)
        weights = rewind(candidate.weights, kept)
        callbacks = self._watching()
        checkpoints = Checkpoints(folder.checkpoint, self.config.training.checkpoint_minutes)
        begins = not folder.checkpoint.exists()
        curves = Summaries(folder.curves, self.trainer.config.steps, begins)
        callbacks.append(curves)
        masks = self.read_masks(kept)
        slim = self._trains_slim(masks, checkpoints, begins)
        every = self.config.evaluation.score_every
        if every and slim:
            warnings.warn(
                f"{folder.title} began without its pruned channels, before --score_every was given:"
                " it ends so, and has no scores within",
                ToolkitWarning,
                stacklevel=2,
            )
        elif every:
            first = candidate.first_step
            callbacks.append(Evaluations(self.task, self.trainer, folder, every, curves, first))
        stream = folder.stream(self.config.seed)
        start = Start(
            weights,
            kept,
            stream,
            candidate.first_step,
            candidate.teachers,
            title,
            candidate.without,
            candidate.stop,
            candidate.supernets,
        )
        if slim:
            trained = train_slim(self.trainer, masks, start, callbacks, candidate.stop, checkpoints)
        else:
            trained = self.trainer.train(start, callbacks, candidate.stop, checkpoints)
        return trained, checkpoints.seconds

    def _trains_slim(self, masks: Masks, checkpoints: Checkpoints, begins: bool) -> bool:
        asked = self.config.lottery.train_slim
        if asked is False or not any(mask.remaining < mask.total for mask in masks.values()):
            return False
        if asked is None and not begins:
            # It ends as it began, though --score_every may have come or gone since then.
            return not checkpoints.fits(self.trainer.model)
        if asked is None and self.config.evaluation.score_every:
            return False  # what scores within a training takes whole networks
        return bool(asked) or saves_time(self.trainer, masks)

    def _watching(self) -> list[keras.callbacks.Callback]:
        return [StopWhenDiverged(), *self.observer.callbacks()]

    def generator_gradients(self, weights: Weights, replicate: int) -> dict[str, Arrays]:
        """{generator: {path: gradient of its loss}} of the variables that its mask covers."""
        seed = seeds.pair(self.config.seed, "replicate", replicate, "gradients")
        with one_line_errors("gradients"):
            gradients = self.trainer.generator_gradients(weights, seed)
        return {
            name: {path: gradients[name][path] for path in mask.expand()}
            for name, mask in self.full_masks.items()
            if name in gradients
        }

    def _title(self, folder: TrainingFolder, kept: Kept) -> str:
        generators = self.gan.spec.generators
        masks = [mask for name, mask in self.read_masks(kept).items() if name in generators]
        if not masks:
            return folder.title
        share = sum(mask.remaining for mask in masks) / sum(mask.total for mask in masks)
        whose = "the generator's" if len(masks) == 1 else "the generators'"
        units = UNITS[self.config.lottery.unit]
        return f"{folder.title}: {share:.1%} of {whose} prunable {units} remain"


def tell_missing(artifact: Artifact, again: str = "made") -> None:
    """Warns that a file or folder of a run was removed, and that it is made or trained again."""
    warnings.warn(
        f"{artifact.path} is missing: it is {again} again, from the config, the seed and what else"
        " is there; results stay the same",
        ToolkitWarning,
        stacklevel=3,
    )


@contextlib.contextmanager
def one_line_errors(title: str) -> Iterator[None]:
    """TensorFlow's errors as one line, and memory that does not suffice, whoever asked for it."""
    try:
        yield
    except (tf.errors.OpError, MemoryError, RuntimeError, ValueError) as error:
        missing = memory.shortage(error)
        if missing is not None:
            raise TrainingError(f"{title}: memory does not suffice{missing}; {SMALLER}") from error
        if not isinstance(error, tf.errors.OpError):
            raise
        raise TrainingError(
            f"{title} stopped: {_reason(error)}; what is finished is kept: run the same command"
            " again"
        ) from error


def _reason(error: tf.errors.OpError) -> str:
    """What happened, out of a message that also says where in the graph."""
    lines = [line.strip() for line in str(error.message).splitlines()]
    told = [line for line in lines if line and not line.startswith(WHERE)]
    return told[0] if told else type(error).__name__


def check_memory(config: TrainingConfig, gan: gans.GAN, shape: gans.ImageShape) -> None:
    """Raises `TrainingError` for batches of which not even one layer's maps fit in memory.

    Args:
      config: resolved.
      gan: what is trained.
      shape: of its images.
    """
    free = memory.available()
    most = shape.resolution**2 * shape.channels
    for network in gan.networks.values():
        for layer in network.layers:
            for tensor in tf.nest.flatten(getattr(layer, "output", [])):
                most = max(most, math.prod(size or 1 for size in tensor.shape))
    for option, size in batch_sizes(config).items():
        needed = 4 * size * most
        if free is not None and needed > free:
            raise TrainingError(
                f"--{option}={size:,}: memory does not suffice: the maps of a single layer take"
                f" {amounts.size(needed)}, and {amounts.size(free)} are free; {SMALLER}"
            )


def build(
    config: Config,
    spec: gans.GANSpec,
    strategy: tf.distribute.Strategy | None = None,
    observer: Observer | None = None,
    supernets: bool = False,
) -> Bench:
    """Builds everything that a config names; nothing is trained and nothing written.

    Args:
      config: what to do.
      spec: the GAN that the config names.
      strategy: the `tf.distribute` strategy to train under; None is the current one.
      observer: who watches; None is nobody.
      supernets: whether what is pruned can be trained as a supernet, too.

    Raises:
      ToolkitError: images, networks or protocol cannot be had, or do not fit each other.
    """
    with one_line_errors("set-up"), (strategy or tf.distribute.get_strategy()).scope():
        task_type = TASKS[spec.task]
        images = task_type.open_images(config, spec)
        seed = seeds.derive(config.seed, "networks")
        # Plain networks are for scores, which are float32 whatever trains.
        sizes.check(spec, config, images.shape)
        gan = gans.build(spec, config, images.shape, seed=seed)
        check_memory(resolve(config.training, spec), gan, images.shape)
        masks = full_masks(config.lottery, gan)
        bits = config.networks.bits
        scored = dataclasses.replace(gan, networks=in_bits(gan, bits)) if bits != 32 else gan
        task = task_type(config, scored, images)
        trained = gan
        precision = config.training.precision
        if precision != "float32":
            trained = gans.build(spec, config, images.shape, seed=seed, precision=precision)
        trainer = Trainer(
            trained,
            config.training,
            images.training,
            strategy,
            prune_dense=config.lottery.prune_dense,
            covered={name: list(mask.expand()) for name, mask in masks.items()},
            bits=bits,
            supernets=masks if supernets else None,
        )
    return Bench(config, gan, masks, task, trainer, observer or Observer())
