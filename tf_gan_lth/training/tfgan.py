"""Imports TF-GAN 2.1.0 on a TensorFlow that has outgrown it.

TF-GAN subclasses names of `tf.estimator`, which TensorFlow dropped in 2.16, and needs TensorFlow
Probability, which looks for Keras 2 inside TensorFlow when `TF_USE_LEGACY_KERAS` is set, as TFMOT
sets it. The names supplied here only let the modules load; no estimator can be made of them, and
what is used of TF-GAN touches none of this."""

import sys
import types
import warnings

import tensorflow as tf
import tf_keras


class _Absent:
    """Stands for a class of `tf.estimator` in TF-GAN's class statements."""


def _estimator_names() -> types.SimpleNamespace:
    tpu = types.SimpleNamespace(TPUEstimator=_Absent, TPUEstimatorSpec=_Absent)
    return types.SimpleNamespace(
        Estimator=_Absent, EstimatorSpec=_Absent, SessionRunHook=_Absent, tpu=tpu
    )


for _module in (tf, tf.compat.v1):
    if not hasattr(_module, "estimator"):
        _module.estimator = _estimator_names()
sys.modules.setdefault("tensorflow.compat.v2.keras", tf_keras)

with warnings.catch_warnings():
    # Of tensorflow-hub, which TF-GAN imports; the versions that still have pkg_resources are
    # pinned.
    warnings.filterwarnings("ignore", "pkg_resources is deprecated")
    import tensorflow_gan

metrics = tensorflow_gan.eval
losses = tensorflow_gan.losses.wargs
