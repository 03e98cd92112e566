"""Random numbers that are a pure function of a seed, a step and a row.

No layer or model of this package holds a random state: a draw is named by its seed, so a resumed
training, a second replica and an exported model draw what the original would have drawn.
"""

from __future__ import annotations

import zlib

import tensorflow as tf

from keras_t2i.layers.distribute import current_part, drawn_rows, replica_count

ALGORITHM = "philox"  # the same numbers on every device


def step_seed(seed: int, step: tf.Tensor, stream: str) -> tf.Tensor:
    """The seed of one named stream of draws at one training step.

    Args:
        seed: the model's seed, any Python integer.
        step: scalar integer tensor, e.g. `optimizer.iterations`.
        stream: what is drawn, e.g. `"noise"`; streams are independent of each other.

    Returns:
        int32 tensor of shape (2,), for the functions below.
    """
    first = zlib.crc32(f"{seed}/{stream}".encode()) & 0x7FFFFFFF
    return tf.stack([tf.constant(first, tf.int32), tf.cast(step, tf.int32)])


def batch_normal(batch_size: tf.Tensor, size: int, *, seed: tf.Tensor) -> tf.Tensor:
    """This replica's rows of one standard normal draw over the whole global batch.

    Under `tf.distribute` the draw is made for all replicas together and each takes its slice, so
    N replicas with batch B see the numbers that one replica with batch N x B sees; so do the parts
    of a replica's batch (`keras_t2i.layers.distribute.part_of_batch`).

    Args:
        batch_size: scalar int tensor, rows on this replica or of this part of it (equal on all).
        size: columns.
        seed: from `step_seed`.

    Returns:
        float32 (batch_size, size).
    """
    draw = _global_draw(tf.random.stateless_normal, batch_size, (size,), seed)
    return drawn_rows(draw, batch_size)


def batch_uniform(batch_size: tf.Tensor, shape: tuple[int, ...], *, seed: tf.Tensor) -> tf.Tensor:
    """Like `batch_normal`, uniform in [0, 1), of shape (batch_size, *shape)."""
    draw = _global_draw(tf.random.stateless_uniform, batch_size, shape, seed)
    return drawn_rows(draw, batch_size)


def row_normal(seeds: tf.Tensor, size: int, *, truncation: tf.Tensor | None = None) -> tf.Tensor:
    """Standard normal rows, each named by its own seed: row i depends on `seeds[i]` alone.

    Args:
        seeds: int64 (B,).
        size: columns.
        truncation: None, or a positive float (scalar or (B,)) t: the same numbers mapped
            monotonically into [-t, t], where they follow the normal truncated there. Small
            values trade variety for typical pictures (the truncation trick of BigGAN, Brock et
            al. 2019, https://arxiv.org/abs/1809.11096; by the inverse distribution function
            instead of redrawing, so that a seed keeps its picture as t changes).

    Returns:
        float32 (B, size).
    """

    def draw(seed: tf.Tensor) -> tf.Tensor:
        return tf.random.stateless_normal((size,), seed=tf.stack([seed, 0]), alg=ALGORITHM)

    noise = tf.map_fn(draw, tf.cast(seeds, tf.int64), fn_output_signature=tf.float32)
    noise = tf.reshape(noise, (-1, size))
    return noise if truncation is None else truncate_normal(noise, truncation)


def truncate_normal(noise: tf.Tensor, truncation: tf.Tensor | float) -> tf.Tensor:
    """Map standard normal numbers (B, Z) monotonically into the normal truncated to [-t, t]."""
    limit = tf.reshape(tf.cast(truncation, tf.float32), (-1, 1))
    lowest, tail = _normal_tail(limit), _normal_tail(tf.abs(noise))
    sizes = -tf.math.ndtri(lowest + tail * (1.0 - 2.0 * lowest))
    return tf.sign(noise) * tf.clip_by_value(sizes, 0.0, limit)


def _normal_tail(x: tf.Tensor) -> tf.Tensor:
    # The share above x >= 0: far out, float32 cannot tell the share below x from 1.
    return 0.5 * tf.math.erfc(x / tf.sqrt(2.0))


def _global_draw(function, batch_size, shape, seed) -> tf.Tensor:
    _, parts = current_part()
    rows = tf.cast(batch_size, tf.int32) * replica_count() * parts
    return function(tf.concat([[rows], shape], axis=0), seed=seed, alg=ALGORITHM)
