"""Keras layers that the GANs share and Keras 2 does not have."""

from tf_gan_lth.gans.layers.basic import (
    BatchNormalization,
    ChannelSelection,
    DoublingConv2DTranspose,
    InstanceNormalization,
    NearestUpsampling,
    PaddedConv2D,
    ReflectionPadding,
    ResidualSum,
    SpatialSum,
    SpectralConv2D,
    SpectralDense,
    fan_in_uniform,
)
from tf_gan_lth.gans.layers.convolutions import (
    FewChannelsConv2D,
    PooledSpectralConv2D,
    UpsampledConv2D,
)

__all__ = [
    "BatchNormalization",
    "ChannelSelection",
    "DoublingConv2DTranspose",
    "FewChannelsConv2D",
    "InstanceNormalization",
    "NearestUpsampling",
    "PaddedConv2D",
    "PooledSpectralConv2D",
    "ReflectionPadding",
    "ResidualSum",
    "SpatialSum",
    "SpectralConv2D",
    "SpectralDense",
    "UpsampledConv2D",
    "fan_in_uniform",
]
