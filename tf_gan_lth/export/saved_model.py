"""A ticket's generator, averaged if it has averages, as a SavedModel that needs TensorFlow alone.

generator = tf.saved_model.load("runs/demo/replicate_0/round_05/saved_model")
images = generator(tf.random.normal([16, 128]))         # (16, H, W, C) float32 in [-1, 1]
images = generator.sample(16, tf.constant([1, 2]))      # the same, from a seed of two int32
"""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.experiment import paths
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.errors import ArtifactError, RunFolderError, ToolkitError
from tf_gan_lth.experiment.paths import Path, RemotePath
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.tasks.image_sources import load_generator
from tf_gan_lth.findings.verdict import Verdict
from tf_gan_lth.pruning import masks as pruning
from tf_gan_lth.training import EMA

LAST_FILE = "fingerprint.pb"


class _Generator(tf.Module):
    """What is saved: the network and how to call it."""

    def __init__(self, network: keras.Model):
        super().__init__()
        # The network itself is not tracked: Keras would add its own functions to the file.
        self.weights = list(network.variables)
        inputs = tf.TensorSpec(network.input_shape, tf.float32, name=network.input_names[0])
        self.__call__ = tf.function(
            lambda inputs: network(inputs, training=False), input_signature=[inputs]
        )


class _Sampler(_Generator):
    """A generator that draws from latents."""

    def __init__(self, network: keras.Model):
        super().__init__(network)
        self.latent_dim = network.input_shape[-1]

    @tf.function(
        input_signature=[
            tf.TensorSpec([], tf.int32, name="count"),
            tf.TensorSpec([2], tf.int32, name="seed"),
        ]
    )
    def sample(self, count: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return self.__call__(tf.random.stateless_normal([count, self.latent_dim], seed))


def export_tickets(run: RunFolder, verdicts: dict[str, Verdict]) -> list[Path]:
    """Exports the best ticket of each generator that has one, of replicate 0, unless that is done,
    and checks it.

    Raises:
      MaskError: a pruned weight is not zero, in the run's weights or in what is on the disk.
      ArtifactError: what is on the disk is not this ticket.
    """
    return [
        _export(run, verdict.best, name)
        for name, verdict in verdicts.items()
        if verdict.best is not None
    ]


def _export(run: RunFolder, number: int, name: str) -> Path:
    place = run.replicate(0).round(number)
    weights, mask, path = place.weights.get(), place.masks.get()[name], place.saved_model(name)
    snapshot = weights.get(name + EMA, weights[name])
    # In a store nothing can be renamed: there the model is whole when it has the file that
    # TensorFlow writes last.
    in_store = isinstance(path, RemotePath)
    if (path / LAST_FILE if in_store else path).exists():
        verify(path, snapshot, mask)
    else:
        partial = path if in_store else path.with_suffix(".partial")
        try:
            paths.remove(partial)
            _write(load_generator(run.read_config(), name, snapshot), partial)
            try:
                verify(partial, snapshot, mask)
            except ToolkitError:
                paths.remove(partial)
                raise
            if not in_store:
                partial.replace(path)
        except (OSError, tf.errors.OpError) as error:
            raise RunFolderError(f"cannot write {path}: {error}") from None
    return path


def _write(network: keras.Model, path: Path) -> None:
    module = _Sampler(network) if len(network.input_shape) == 2 else _Generator(network)
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=True)
    tf.saved_model.save(module, str(path), signatures=module.__call__, options=options)


def verify(path: Path, snapshot: Arrays, mask: Arrays) -> dict[str, float]:
    """Checks that a SavedModel on disk holds a snapshot's values, bit for bit, and zeros wherever
    the mask is.

    Returns:
      {kernel path: sparsity as found}.

    Raises:
      ArtifactError: it cannot be loaded, or a variable is missing or another.
      MaskError: a pruned weight is not zero.
    """
    try:
        loaded = tf.saved_model.load(str(path))
        found = {variable.name.removesuffix(":0"): variable.numpy() for variable in loaded.weights}
    except (OSError, IndexError, ValueError, AttributeError, tf.errors.OpError) as error:
        raise ArtifactError(
            f"{path} is broken ({error}); delete it and run the same command again"
        ) from None
    for name, array in snapshot.items():
        if name not in found or found[name].tobytes() != array.tobytes():
            raise ArtifactError(
                f"{path} does not hold this ticket's {name}; delete it and run the same command"
                " again"
            )
    pruning.check_pruned(found, mask, str(path))
    return {name: float(np.mean(found[name] == 0)) for name in mask}
