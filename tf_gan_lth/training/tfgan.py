"""Imports TF-GAN 2.1.0 with a TensorFlow that is too new for it.

TF-GAN subclasses names of `tf.estimator`, which TensorFlow dropped in 2.16. It also needs
TensorFlow Probability, which looks for Keras 2 inside TensorFlow if `TF_USE_LEGACY_KERAS` is set,
and TFMOT sets it. The names supplied here only let the modules load: no estimator can be made from
them, and the part of TF-GAN that is used needs none.
"""

import sys
import types
import warnings

import tensorflow as tf
import tf_keras


class _Absent:
    """Stands in for a class of `tf.estimator` in TF-GAN's class statements."""


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
    # The warning is tensorflow-hub's, which TF-GAN imports. The pinned versions still have
    # pkg_resources.
    warnings.filterwarnings("ignore", "pkg_resources is deprecated")
    import tensorflow_gan

metrics = tensorflow_gan.eval
losses = tensorflow_gan.losses.wargs
