"""Two roles, and one file a system."""

from keras_t2i.models.adversarial import AdversarialModel
from keras_t2i.models.attends_to_words import AttendsToWords, CaptionAttention
from keras_t2i.models.attn_gan import AttnGAN
from keras_t2i.models.contrastive_gan import ContrastiveGAN
from keras_t2i.models.damsm import DAMSM
from keras_t2i.models.dm_gan import DMGAN
from keras_t2i.models.gan_cls import GANCLS
from keras_t2i.models.stack_gan import StackGAN
from keras_t2i.models.stack_gan_v2 import StackGANv2
from keras_t2i.models.text_to_image import TextToImage

__all__ = [
    "DAMSM",
    "DMGAN",
    "GANCLS",
    "AdversarialModel",
    "AttendsToWords",
    "AttnGAN",
    "CaptionAttention",
    "ContrastiveGAN",
    "StackGAN",
    "StackGANv2",
    "TextToImage",
]
