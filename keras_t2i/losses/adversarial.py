"""Adversarial losses as pure functions of scores (logits): each returns a scalar mean.

`cross_entropy` is Goodfellow et al. 2014 (https://arxiv.org/abs/1406.2661), with the generator's
non-saturating form; `r1_penalty` is Mescheder et al. 2018 (https://arxiv.org/abs/1801.04406).
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf
from keras import KerasTensor, ops


def real_cross_entropy(scores: KerasTensor) -> KerasTensor:
    """Mean of -log sigmoid(scores): the cost of not taking these pictures for real."""
    return ops.mean(ops.softplus(-ops.cast(scores, "float32")))


def fake_cross_entropy(scores: KerasTensor) -> KerasTensor:
    """Mean of -log(1 - sigmoid(scores)): the cost of not taking these pictures for fakes."""
    return ops.mean(ops.softplus(ops.cast(scores, "float32")))


def r1_penalty(score: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor) -> tf.Tensor:
    """Mean over pictures of the squared gradient norm of the score, ||d score / d image||^2.

    Args:
        score: function from images to scores of shape (B,) or (B, 1).
        images: real pictures (B, H, W, 3).

    Returns:
        float32 scalar; the caller multiplies by gamma / 2.
    """
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(score(images))
    gradient = tf.cast(tape.gradient(total, images), tf.float32)
    return tf.reduce_mean(tf.reduce_sum(tf.square(gradient), axis=(1, 2, 3)))
