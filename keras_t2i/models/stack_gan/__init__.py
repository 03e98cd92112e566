"""StackGAN: a sketch from the caption, then a second look at both."""

from keras_t2i.models.stack_gan.model import StackGAN

__all__ = ["StackGAN"]
