"""A network at work on a batch, shared over the replicas of the strategy in use, or the cores of a
replica.
"""

from collections.abc import Callable

import tensorflow as tf


def share(function: Callable[[tf.Tensor], object]) -> Callable[[tf.Tensor], object]:
    """Makes a function of a batch run on all replicas of the strategy in use, each on an equal
    share of the rows.

    Args:
      function: a batch `(N, ...)` to tensors whose first axis is N too, each row a function of the
        same row of the batch.

    Returns:
      A function with the same results for any N.
    """
    strategy = tf.distribute.get_strategy()
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        # Of any number of rows, so that the last batch is not traced again.
        return tf.function(_in_halves(function), reduce_retracing=True)

    @tf.function(reduce_retracing=True)
    def on_replicas(shares: tf.Tensor) -> object:
        return strategy.run(function, (shares,))

    def shared(batch: tf.Tensor) -> object:
        parts = _equal_parts(batch, replicas)
        shares = strategy.experimental_distribute_values_from_function(
            lambda context: parts[context.replica_id_in_sync_group]
        )
        results = on_replicas(shares)
        return tf.nest.map_structure(
            lambda value: strategy.gather(value, axis=0)[: len(batch)], results
        )

    return shared


def _in_halves(function: Callable[[tf.Tensor], object]) -> Callable[[tf.Tensor], object]:
    """A function that computes both halves of a batch side by side, where an operation has one core
    of two.
    """
    if tf.config.threading.get_intra_op_parallelism_threads() != 1:
        return function

    def in_halves(batch: tf.Tensor) -> object:
        halves = map(function, _equal_parts(batch, 2))
        return tf.nest.map_structure(
            lambda *values: tf.concat(values, axis=0)[: tf.shape(batch)[0]], *halves
        )

    return in_halves


def _equal_parts(batch: tf.Tensor, count: int) -> list[tf.Tensor]:
    """Parts of a batch. Rows that only fill up the last ones are a repetition of the first, to be
    cut off again.
    """
    rows = tf.shape(batch)[0]
    size = -(-rows // count)
    return tf.split(tf.gather(batch, tf.range(size * count) % rows), count)
