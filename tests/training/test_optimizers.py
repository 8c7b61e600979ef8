import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.training.optimizers import FusedAdam


def test_one_operation_does_what_keras_does():
    start, gradients = (
        np.linspace(-1, 1, 6, dtype=np.float32),
        np.random.default_rng(0).normal(size=[20, 6]).astype(np.float32),
    )
    trained = []
    for kind in (FusedAdam, keras.optimizers.Adam):
        variable, optimizer = tf.Variable(start), kind(1e-2, 0.5, 0.999, epsilon=1e-8)
        for gradient in gradients:
            optimizer.apply_gradients([(tf.constant(gradient), variable)])
        trained.append([variable.numpy(), *(slot.numpy() for slot in optimizer.variables)])
    for ours, theirs in zip(*trained, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)
    assert np.abs(trained[0][0] - start).max() > 1e-2
