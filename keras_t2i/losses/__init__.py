"""Pure functions of scores and features; each returns a scalar mean."""

from keras_t2i.losses.adversarial import fake_cross_entropy, r1_penalty, real_cross_entropy
from keras_t2i.losses.colour_consistency import colour_consistency
from keras_t2i.losses.contrastive import contrastive_loss
from keras_t2i.losses.diversity import diversity_loss
from keras_t2i.losses.joint_embedding import joint_embedding_loss
from keras_t2i.losses.kl_divergence import kl_divergence
from keras_t2i.losses.word_matching import word_matching_loss

__all__ = [
    "colour_consistency",
    "contrastive_loss",
    "diversity_loss",
    "fake_cross_entropy",
    "joint_embedding_loss",
    "kl_divergence",
    "r1_penalty",
    "real_cross_entropy",
    "word_matching_loss",
]
