"""A network at work on a batch, shared over the replicas of the strategy in use."""

from collections.abc import Callable

import tensorflow as tf


def share(function: Callable[[tf.Tensor], object]) -> Callable[[tf.Tensor], object]:
    """Makes a function of a batch run on all replicas of the strategy in use, each on an equal share of the rows.

    Args:
      function: a batch `(N, ...)` to tensors whose first axis is N too, each row a function of the same row of the batch.

    Returns:
      A function with the same results for any N. With one replica it is `function`, traced.
    """
    strategy = tf.distribute.get_strategy()
    replicas = strategy.num_replicas_in_sync
    # Of any number of rows, so that the last batch is not traced again.
    traced = tf.function(function, reduce_retracing=True)
    if replicas == 1:
        return traced

    @tf.function(reduce_retracing=True)
    def on_replicas(shares: tf.Tensor) -> object:
        return strategy.run(function, (shares,))

    def shared(batch: tf.Tensor) -> object:
        count = len(batch)
        size = -(-count // replicas)
        # Rows that only fill up the last shares are a repetition of the first, and cut off again.
        filled = tf.gather(batch, tf.range(size * replicas) % count)
        parts = tf.split(filled, replicas)
        shares = strategy.experimental_distribute_values_from_function(lambda context: parts[context.replica_id_in_sync_group])
        results = on_replicas(shares)
        return tf.nest.map_structure(lambda value: strategy.gather(value, axis=0)[:count], results)

    return shared
