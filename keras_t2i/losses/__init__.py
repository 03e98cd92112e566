"""Pure functions of scores and features; each returns a scalar mean."""

from keras_t2i.losses.adversarial import fake_cross_entropy, r1_penalty, real_cross_entropy
from keras_t2i.losses.contrastive import contrastive_loss
from keras_t2i.losses.joint_embedding import joint_embedding_loss

__all__ = [
    "contrastive_loss",
    "fake_cross_entropy",
    "joint_embedding_loss",
    "r1_penalty",
    "real_cross_entropy",
]
