"""A ticket's generator, averaged if it has averages, as a SavedModel that needs TensorFlow alone.

A ticket of channels is the network without those that were pruned.

generator = tf.saved_model.load("runs/demo/replicate_0/round_05/saved_model")
images = generator(tf.random.normal([16, 128]))         # (16, H, W, C) float32 in [-1, 1]
images = generator.sample(16, tf.constant([1, 2]))      # the same, from a seed of two int32

A conditional one takes labels too, `(N,)` int32: `generator(latents, labels)`, and
`generator.sample(16, tf.constant([1, 2]), labels)`.

The signatures `serving_default` and, of one that draws latents, `sample` take the same inputs by
name and return `images`. `assets.extra/ticket.json` says which ticket it is. docs/exports.md
says what else can be done with it.
"""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth import gans
from tf_gan_lth.evaluation import saved_models
from tf_gan_lth.experiment import paths
from tf_gan_lth.experiment.artifacts import Arrays, Artifact
from tf_gan_lth.experiment.errors import (
    ArtifactError,
    EvaluationError,
    RunFolderError,
    ToolkitError,
)
from tf_gan_lth.experiment.paths import Path, RemotePath
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.export.tickets import Ticket, ticket_of, weights_of
from tf_gan_lth.findings.verdict import Verdict
from tf_gan_lth.gans.layers import basic as layers
from tf_gan_lth.pruning.masks import check_pruned
from tf_gan_lth.training.terms import as_call

LAST_FILE = "fingerprint.pb"
OUTPUT = "images"  # of every signature


class SavedModel(Artifact):
    """A generator as a SavedModel; what is written is checked before it is there."""

    def exists(self) -> bool:
        # In a store nothing can be renamed: there the model is whole when it has the file that
        # TensorFlow writes last.
        in_store = isinstance(self.path, RemotePath)
        return (self.path / LAST_FILE if in_store else self.path).exists()

    def _read(self, path: Path) -> Arrays:
        """{variable path: array}."""
        try:
            loaded = saved_models.load(path)
            # Earlier exports have no paths; their variables' names are the same.
            names = {v.name.removesuffix(":0"): v for v in loaded.weights}
            held = getattr(loaded, "weights_by_path", names)
            return {path: variable.numpy() for path, variable in held.items()}
        except (EvaluationError, AttributeError) as error:
            raise ArtifactError(
                f"{path} is broken ({error}); delete it and run the same command again"
            ) from None

    def _write(self, path: Path, ticket: Ticket) -> None:
        options = tf.saved_model.SaveOptions(experimental_custom_gradients=True)
        module = _Generator(ticket.network, ticket.prior)
        path.mkdir(parents=True, exist_ok=True)
        try:
            with saved_models.plain(path) as name, layers.for_export():
                tf.saved_model.save(module, name, signatures=module.signatures(), options=options)
            saved_models.flush(path)
            saved_models.describe(path, ticket.facts)
            verify(path, ticket.snapshot, ticket.kept)
        except tf.errors.OpError as error:
            raise RunFolderError(f"cannot write {self.path}: {error}") from None
        except ToolkitError:
            paths.remove(path)
            raise


class _Generator(tf.Module):
    """What is saved: the network and how to call it."""

    def __init__(self, network: keras.Model, prior: gans.Prior | None):
        super().__init__()
        # The network itself is not tracked: Keras would add its own functions to the file.
        self.weights = list(network.variables)
        self.weights_by_path = gans.variables(network)
        inputs = [
            tf.TensorSpec(tensor.shape, tensor.dtype, name=name)
            for tensor, name in zip(network.inputs, network.input_names, strict=True)
        ]

        def generate(*inputs: tf.Tensor) -> tf.Tensor:
            return network(as_call(inputs), training=False)

        self.__call__ = tf.function(generate, input_signature=inputs)
        if prior is not None:
            self.sample = _sampler(generate, prior)
        if prior is not None and prior.classes:
            self.classes = tf.Variable(prior.classes, trainable=False, name="classes")

    def signatures(self) -> dict[str, tf.function]:
        """{name: function that returns its images by that name}, as servers call them."""
        functions = {"serving_default": self.__call__}
        if hasattr(self, "sample"):
            functions["sample"] = self.sample
        return {name: _named(function) for name, function in functions.items()}


def _named(function: tf.function) -> tf.function:
    """A function of the same inputs that returns `{"images": images}`."""

    def named(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {OUTPUT: function(*inputs)}

    return tf.function(named, input_signature=function.input_signature)


def _sampler(generate, prior: gans.Prior) -> tf.function:
    """A function of a count, a seed and, of a conditional generator, labels."""
    count = tf.TensorSpec([], tf.int32, name="count")
    seed = tf.TensorSpec([2], tf.int32, name="seed")
    labels = [tf.TensorSpec([None], tf.int32, name="labels")] if prior.classes else []

    def sample(count: tf.Tensor, seed: tf.Tensor, *labels: tf.Tensor) -> tf.Tensor:
        return generate(*prior.draw(count, seed, *labels))

    return tf.function(sample, input_signature=[count, seed, *labels])


def export_tickets(run: RunFolder, verdicts: dict[str, Verdict]) -> list[Path]:
    """Exports the best ticket of each generator that has one, of replicate 0, and checks it.

    What killed processes left half-written is removed, also of a round that is not the best now;
    for whoever holds the run's lock.

    Raises:
      MaskError: a pruned weight is not zero, in the run's weights or in what is on the disk.
      ArtifactError: what is on the disk is not this ticket.
    """
    for folder in run.replicate(0).rounds():
        for name in verdicts:
            SavedModel(folder.saved_model(name)).clear()
    return [
        _export(run, verdict.best, name)
        for name, verdict in verdicts.items()
        if verdict.best is not None
    ]


def _export(run: RunFolder, number: int, name: str) -> Path:
    folder = run.replicate(0).round(number)
    snapshot, kept, _ = weights_of(folder, name)
    artifact = SavedModel(folder.saved_model(name))
    if artifact.exists() and run.read_config().lottery.unit == "element":
        verify(artifact.path, snapshot, kept)  # without building any network
        return artifact.path
    ticket = ticket_of(run, folder, name, snapshot, kept)
    if artifact.exists():
        verify(artifact.path, ticket.snapshot, ticket.kept)
    else:
        artifact.put(ticket)
    return artifact.path


def verify(path: Path, snapshot: Arrays, kept: Arrays) -> dict[str, float]:
    """Checks that a SavedModel holds a snapshot bit for bit, and zeros wherever the mask is.

    Returns:
      {variable path: sparsity as found} of those that the mask covers.

    Raises:
      ArtifactError: it cannot be loaded, or a variable is missing or another.
      MaskError: a pruned weight is not zero.
    """
    found = SavedModel(path).get()
    for name, array in snapshot.items():
        if name not in found or found[name].tobytes() != array.tobytes():
            raise ArtifactError(
                f"{path} does not hold this ticket's {name}; delete it and run the same command"
                " again"
            )
    check_pruned(found, kept, str(path))
    return {name: float(np.mean(found[name] == 0)) for name in kept}
