import numpy as np
import pytest
import tensorflow as tf

from tf_gan_lth.training import replicas


@pytest.mark.parametrize("cores", [0, 1])  # of an operation; 0 is all
def test_the_shares_of_a_batch_of_any_size_are_put_together_again(cores, two_replicas, monkeypatch):
    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: cores)

    def function(batch, labels):
        return {"double": 2 * batch, "sum": tf.reduce_sum(batch, axis=1) + labels}

    shared = [replicas.share(function)]
    with two_replicas.scope():
        shared.append(replicas.share(function))
    for count in (1, 2, 5, 8):
        batch = np.arange(3 * count, dtype=np.float32).reshape(count, 3)
        labels = np.arange(count, dtype=np.float32) ** 2
        for each in shared:
            results = each(tf.constant(batch), tf.constant(labels))
            assert np.array_equal(results["double"], 2 * batch)
            assert np.array_equal(results["sum"], batch.sum(axis=1) + labels)
