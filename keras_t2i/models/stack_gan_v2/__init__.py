"""StackGAN++: a tree of generators that learn together."""

from keras_t2i.models.stack_gan_v2.model import StackGANv2

__all__ = ["StackGANv2"]
