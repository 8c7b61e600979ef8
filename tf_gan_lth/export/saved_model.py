"""A ticket's averaged generator as a SavedModel that needs TensorFlow alone.

generator = tf.saved_model.load("runs/demo/replicate_0/round_05/saved_model")
images = generator(tf.random.normal([16, 128]))         # (16, H, W, C) float32 in [-1, 1]
images = generator.sample(16, tf.constant([1, 2]))      # the same, from a seed of two int32
"""

import pathlib
import shutil

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth import models
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.errors import RunFolderError
from tf_gan_lth.experiment.run_folder import Place, RunFolder
from tf_gan_lth.lottery.verdict import Verdict
from tf_gan_lth.pruning import masks as pruning
from tf_gan_lth.training import EMA


class _Generator(tf.Module):
    """What is saved: the network and the two ways to call it."""

    def __init__(self, network: keras.Model):
        super().__init__()
        # The network itself is not tracked: Keras would add its own functions to the file.
        self.weights = list(network.variables)
        self.latent_dim = network.input_shape[-1]
        latents = tf.TensorSpec([None, self.latent_dim], tf.float32, name="latents")
        self.__call__ = tf.function(lambda latents: network(latents, training=False), input_signature=[latents])

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32, name="count"), tf.TensorSpec([2], tf.int32, name="seed")])
    def sample(self, count: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return self.__call__(tf.random.stateless_normal([count, self.latent_dim], seed))


def export_ticket(run: RunFolder, verdict: Verdict) -> pathlib.Path | None:
    """Exports the sparsest matching ticket of replicate 0, unless that is done; None if no ticket matches.

    Raises:
      MaskError: a pruned weight is not zero, in the run's weights or in what was written.
    """
    if verdict.matching is None:
        return None
    place = run.replicate(0).round(verdict.matching)
    if not place.saved_model.exists():
        _write(run, place)
    return place.saved_model


def _write(run: RunFolder, place: Place) -> None:
    config, mask = run.read_config(), place.masks.get()["generator"]
    snapshot = place.weights.get()["generator" + EMA]
    pruning.check_pruned(snapshot, mask, f"export of {place.title}")
    channels = snapshot["to_image/kernel"].shape[-1]
    networks = config.networks
    gan = models.build(networks.gan, config.data.resolution, channels, networks.width, networks.discriminator_width, seed=0)
    network = gan.networks["generator"]
    models.load_snapshot(network, snapshot)
    module = _Generator(network)
    partial = place.saved_model.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
        tf.saved_model.save(module, str(partial), signatures=module.__call__, options=options)
        verify(partial, mask)
        partial.replace(place.saved_model)
    except OSError as error:
        raise RunFolderError(f"cannot write {place.saved_model}: {error}") from None


def verify(path: pathlib.Path, mask: Arrays) -> dict[str, float]:
    """Checks that the kernels of a SavedModel on disk are exactly zero wherever the mask is.

    Returns:
      {kernel path: sparsity as found}.

    Raises:
      MaskError: a kernel is missing, has another shape, or has a pruned weight that is not zero.
    """
    loaded = tf.saved_model.load(str(path))
    kernels = {variable.name.removesuffix(":0"): variable.numpy() for variable in loaded.weights}
    pruning.check_pruned(kernels, mask, str(path))
    return {name: float(np.mean(kernels[name] == 0)) for name in mask}
