"""Layers that a conditional GAN of one's own is made of: what they refuse."""

import pytest
import tf_keras as keras

from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.gans.layers import (
    ConditionalBatchNormalization,
    Projection,
    hierarchical_latents,
)

MAPS = keras.Input([4, 4, 3])
FEATURES = keras.Input([5])
LABELS = keras.Input([], dtype="int32")
COLUMN = keras.Input([1], dtype="int32")  # as Keras's own data sets have labels


@pytest.mark.parametrize(
    ("layer", "inputs", "message"),
    [
        (
            ConditionalBatchNormalization(9, name="norm"),
            [MAPS, COLUMN],
            r"norm: its condition .*N,",
        ),
        (ConditionalBatchNormalization(9), [MAPS, FEATURES], r"\(None, 5\): expected labels"),
        (ConditionalBatchNormalization(), [MAPS, LABELS], r"\(None,\): expected features"),
        (Projection(9, name="fit"), [FEATURES, COLUMN], r"fit: its second input is \(None, 1\)"),
        (Projection(9), [MAPS, LABELS], r"first input is \(None, 4, 4, 3\): expected features"),
    ],
)
def test_what_would_broadcast_is_refused(layer, inputs, message):
    with pytest.raises(UsageError, match=message):
        layer(inputs)


def test_what_fits_has_its_shape():
    assert tuple(ConditionalBatchNormalization(9)([MAPS, LABELS]).shape) == (None, 4, 4, 3)
    assert tuple(ConditionalBatchNormalization()([MAPS, FEATURES]).shape) == (None, 4, 4, 3)
    assert tuple(Projection(9)([FEATURES, LABELS]).shape) == (None, 1)


@pytest.mark.parametrize(("size", "advice"), [(130, 132), (2, 4)])
def test_latents_that_cannot_be_divided_are_refused(size, advice):
    with pytest.raises(UsageError, match=f"{size} latents .* into 4 equal parts: take {advice}"):
        hierarchical_latents(keras.Input([size]), 4)
    assert [part.shape[-1] for part in hierarchical_latents(keras.Input([8]), 4)] == [2] * 4
