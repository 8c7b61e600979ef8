"""A mask update in one function: sparse training that drops the smallest and grows others (SET)."""

import tensorflow as tf

from tf_gan_lth.training.updates import register, replace_mask

EVERY = 2  # steps between two updates
SHARE = 0.2  # of a variable's kept weights that are dropped and grown


@register
def toy_set(step, gradients, optimizer):
    """Every few steps: drops the smallest kept weights, grows as many at the last places."""
    if not gradients:
        return

    def update():
        for masked, _ in gradients:
            kept = tf.reshape(masked.mask, [-1])
            weights = tf.reshape(tf.abs(masked.variable), [-1])
            remaining = tf.cast(tf.reduce_sum(kept), tf.int32)
            stay = remaining - tf.cast(SHARE * tf.cast(remaining, tf.float32), tf.int32)
            # Kept weights rank by magnitude above all pruned ones, and those by position.
            rank = tf.argsort(tf.argsort(-tf.where(kept > 0, weights, -1.0)))
            survives = rank < stay
            pruned = tf.cast(kept == 0, tf.int32)
            place = tf.cumsum(pruned, reverse=True) * pruned
            grown = (place > 0) & (place <= remaining - stay)
            new = tf.reshape(tf.cast(survives | grown, tf.float32), masked.mask.shape)
            replace_mask(masked, new, optimizer)

    tf.cond((step > 0) & (step % EVERY == 0), update, lambda: None)
