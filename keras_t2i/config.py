"""Process-wide switches."""

from __future__ import annotations


def deterministic() -> None:
    """Make every operation of TensorFlow give the same bits at each run, at some cost of speed.

    With it, two trainings with equal seeds, batches and devices end in equal weights. Call it
    before the first model is made.
    """
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    tf.config.experimental.enable_op_determinism()
