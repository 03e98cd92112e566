"""Layers and step helpers that the systems are composed of."""

from keras_t2i.layers.adaptive_pooling import AdaptiveAveragePooling2D, AdaptiveMaxPooling2D
from keras_t2i.layers.averaging import MovingAverage
from keras_t2i.layers.blocks import DownBlock, PixelShuffle, PixelUnshuffle, StyledUpBlock
from keras_t2i.layers.differentiable_augmentation import augment_pictures
from keras_t2i.layers.distribute import gather_over_replicas
from keras_t2i.layers.spectral_normalization import SpectralConv2D, SpectralDense

__all__ = [
    "AdaptiveAveragePooling2D",
    "AdaptiveMaxPooling2D",
    "DownBlock",
    "MovingAverage",
    "PixelShuffle",
    "PixelUnshuffle",
    "SpectralConv2D",
    "SpectralDense",
    "StyledUpBlock",
    "augment_pictures",
    "gather_over_replicas",
]
