"""Augmentation inside the game, differentiable, of real and fake pictures alike.

Zhao et al. 2020, https://arxiv.org/abs/2006.10738: colour (brightness, saturation, contrast),
translation by up to an eighth of the side, cutout of half the side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from keras_t2i.layers.random import batch_uniform


def augment_pictures(images: tf.Tensor, kinds: Sequence[str], *, seed: tf.Tensor) -> tf.Tensor:
    """Distort each picture by its own draw.

    Args:
        images: float (B, S, S, 3) in [-1, 1].
        kinds: of "color", "translation", "cutout", applied in this order given.
        seed: from `keras_t2i.layers.random.step_seed`; equal seeds give equal distortions.

    Returns:
        The same shape and dtype.

    Raises:
        ValueError: an unknown kind.
    """
    check_kinds(kinds)
    for number, kind in enumerate(kinds):
        draws = batch_uniform(tf.shape(images)[0], (4,), seed=seed + tf.constant([number, 0]))
        images = _KINDS[kind](images, tf.cast(draws, images.dtype))
    return images


def check_kinds(kinds: Sequence[str]) -> None:
    """Raise ValueError for names `augment_pictures` does not know."""
    listed = isinstance(kinds, Sequence) and not isinstance(kinds, str)
    if not listed or not set(kinds) <= set(_KINDS):
        raise ValueError(
            f"`augmentation` must be a list of names among {list(_KINDS)}. Received: {kinds!r}"
        )


def _color(images: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    draws = draws[:, None, None, :]
    images = images + draws[..., 0:1] - 0.5
    grey = tf.reduce_mean(images, axis=-1, keepdims=True)
    images = (images - grey) * (2.0 * draws[..., 1:2]) + grey
    mean = tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True)
    return (images - mean) * (draws[..., 2:3] + 0.5) + mean


def _translation(images: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    side = images.shape[1]
    limit = max(round(side / 8), 1)
    shifts = tf.cast(tf.floor(draws[:, :2] * (2 * limit + 1)), tf.int32)
    padded = tf.pad(images, [[0, 0], [limit, limit], [limit, limit], [0, 0]])
    rows = shifts[:, 0:1] + tf.range(side)[None]
    columns = shifts[:, 1:2] + tf.range(side)[None]
    padded = tf.gather(padded, rows, axis=1, batch_dims=1)
    return tf.gather(padded, columns, axis=2, batch_dims=1)


def _cutout(images: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    side = images.shape[1]
    hole = side // 2
    centres = tf.floor(tf.cast(draws[:, :2], tf.float32) * (side + 1 - hole % 2))
    first = centres - hole // 2
    places = tf.range(side, dtype=tf.float32)[None]
    inside_rows = (places >= first[:, 0:1]) & (places < first[:, 0:1] + hole)
    inside_columns = (places >= first[:, 1:2]) & (places < first[:, 1:2] + hole)
    inside = inside_rows[:, :, None, None] & inside_columns[:, None, :, None]
    return tf.where(inside, tf.zeros_like(images), images)


_KINDS: dict[str, Callable[[tf.Tensor, tf.Tensor], tf.Tensor]] = {
    "color": _color,
    "translation": _translation,
    "cutout": _cutout,
}
