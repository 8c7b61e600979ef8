"""Keras layers that the GANs share and Keras 2 does not have."""

from tf_gan_lth.gans.layers.attention import LearnedScale, SpatialAttention, self_attention
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
from tf_gan_lth.gans.layers.conditional import (
    ConditionalBatchNormalization,
    Projection,
    hierarchical_latents,
)
from tf_gan_lth.gans.layers.convolutions import (
    FewChannelsConv2D,
    PooledConv2D,
    PooledSpectralConv2D,
    UpsampledConv2D,
    UpsampledSpectralConv2D,
)
from tf_gan_lth.gans.layers.quantised import QuantisedMaps, quantised_maps, quantised_weights

__all__ = [
    "BatchNormalization",
    "ChannelSelection",
    "ConditionalBatchNormalization",
    "DoublingConv2DTranspose",
    "FewChannelsConv2D",
    "InstanceNormalization",
    "LearnedScale",
    "NearestUpsampling",
    "PaddedConv2D",
    "PooledConv2D",
    "PooledSpectralConv2D",
    "Projection",
    "QuantisedMaps",
    "ReflectionPadding",
    "ResidualSum",
    "SpatialAttention",
    "SpatialSum",
    "SpectralConv2D",
    "SpectralDense",
    "UpsampledConv2D",
    "UpsampledSpectralConv2D",
    "fan_in_uniform",
    "hierarchical_latents",
    "quantised_maps",
    "quantised_weights",
    "self_attention",
]
