"""The deep attentional multimodal similarity model of AttnGAN."""

from keras_t2i.models.damsm.model import DAMSM

__all__ = ["DAMSM"]
