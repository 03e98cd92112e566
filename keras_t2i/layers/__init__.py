"""Layers and step helpers that the systems are composed of."""

from keras_t2i.layers.adaptive_pooling import AdaptiveAveragePooling2D, AdaptiveMaxPooling2D
from keras_t2i.layers.averaging import MovingAverage
from keras_t2i.layers.batch_normalization import BatchNormalization
from keras_t2i.layers.blocks import DownBlock, PixelShuffle, PixelUnshuffle, StyledUpBlock
from keras_t2i.layers.conditioning import ConditioningAugmentation
from keras_t2i.layers.differentiable_augmentation import augment_pictures
from keras_t2i.layers.distribute import gather_over_replicas
from keras_t2i.layers.gated_linear_unit import GatedLinearUnit
from keras_t2i.layers.gated_memory import GatedMemory
from keras_t2i.layers.spectral_normalization import SpectralConv2D, SpectralDense
from keras_t2i.layers.word_attention import WordAttention

__all__ = [
    "AdaptiveAveragePooling2D",
    "AdaptiveMaxPooling2D",
    "BatchNormalization",
    "ConditioningAugmentation",
    "DownBlock",
    "GatedLinearUnit",
    "GatedMemory",
    "MovingAverage",
    "PixelShuffle",
    "PixelUnshuffle",
    "SpectralConv2D",
    "SpectralDense",
    "StyledUpBlock",
    "WordAttention",
    "augment_pictures",
    "gather_over_replicas",
]
