"""AttnGAN: words are painted where they belong."""

from keras_t2i.models.attn_gan.generator import build_generator
from keras_t2i.models.attn_gan.model import AttnGAN

__all__ = ["AttnGAN", "build_generator"]
