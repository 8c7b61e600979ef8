"""Functions of a batch, split over the replicas in use, or over the cores of a single replica."""

from collections.abc import Callable

import tensorflow as tf

Function = Callable[..., object]


def share(function: Function) -> Function:
    """Makes a function of a batch run on all replicas of the strategy in use, each on its share.

    Args:
      function: maps tensors `(N, ...)` to tensors whose first axis is also N; each row of a result
        depends only on the same row of the arguments.

    Returns:
      A function with the same results, for any N.
    """
    strategy = tf.distribute.get_strategy()
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        # Traced for any number of rows, so that the last batch is not traced again.
        return tf.function(_in_halves(function), reduce_retracing=True)

    @tf.function(reduce_retracing=True)
    def on_replicas(*shares: tf.Tensor) -> object:
        return strategy.run(function, shares)

    def shared(*batch: tf.Tensor) -> object:
        shares = [_distributed(strategy, _equal_parts(tensor, replicas)) for tensor in batch]
        results = on_replicas(*shares)
        rows = len(batch[0])
        return tf.nest.map_structure(lambda v: strategy.gather(v, axis=0)[:rows], results)

    return shared


def _distributed(strategy: tf.distribute.Strategy, parts: list[tf.Tensor]) -> object:
    return strategy.experimental_distribute_values_from_function(
        lambda context: parts[context.replica_id_in_sync_group]
    )


def _in_halves(function: Function) -> Function:
    """Computes both halves of a batch in parallel, if every operation has only one of two cores."""
    if tf.config.threading.get_intra_op_parallelism_threads() != 1:
        return function

    def in_halves(*batch: tf.Tensor) -> object:
        parts = zip(*(_equal_parts(tensor, 2) for tensor in batch), strict=True)
        halves = [function(*part) for part in parts]
        rows = tf.shape(batch[0])[0]
        return tf.nest.map_structure(lambda *v: tf.concat(v, axis=0)[:rows], *halves)

    return in_halves


def _equal_parts(batch: tf.Tensor, count: int) -> list[tf.Tensor]:
    """Splits a batch into equal parts.

    If the rows do not suffice, the first rows are repeated at the end; callers cut them off again.
    """
    rows = tf.shape(batch)[0]
    size = -(-rows // count)
    return tf.split(tf.gather(batch, tf.range(size * count) % rows), count)
