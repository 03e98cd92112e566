"""Check of a system under mixed precision."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from keras_t2i.testing.learning import check_terms
from keras_t2i.testing.trial import Trial, demand

TOLERANCE = 0.05  # of 1 + |term|
ISLANDS = (keras.layers.Softmax, keras.layers.UnitNormalization)


def check_mixed_precision(trial: Trial, policy: str) -> None:
    """50 steps stay finite and near those in float32; float16 scales both players' losses.

    Near: the mean of each term over the steps differs from that in float32 by at most a twentieth
    of 1 + |term|. Single steps cannot be compared: rounding grows in the game of two players until
    the two trainings paint other pictures.

    The precision is the process's and no part of a config.

    Args:
        trial: the system.
        policy: "mixed_bfloat16" or "mixed_float16"; the process's policy is put back.
    """
    expected = trial.long_run
    with dtype_policy(policy):
        model = trial.model()
        logs = trial.learn_long(model)
        pictures = model.paint(trial.batch()["tokens"], np.arange(4, dtype="int64"))
        _check_islands(model, trial)
    check_terms(model, logs)
    for name, value in expected.items():
        demand(
            abs(logs[name] - value) <= TOLERANCE * (1.0 + abs(value)),
            f"`{name}` should be near that of float32. Received: {logs[name]}, not {value}",
        )
    demand(bool(np.isfinite(pictures).all()), "Pictures should be finite.")
    low = {layer.compute_dtype for part in model.generator_parts for layer in part.layers}
    demand(policy.removeprefix("mixed_") in low, f"The generator should compute in {policy}.")
    for weight in model.weights:
        demand(weight.dtype in ("float32", "int32", "bool"), f"`{weight.path}` is {weight.dtype}.")
        values = keras.ops.convert_to_numpy(weight)
        demand(bool(np.isfinite(values).all()), f"`{weight.path}` should stay finite.")
    config = json.dumps(keras.saving.serialize_keras_object(model.get_config()))
    demand(policy not in config, "A config should not hold the process's precision.")
    for name in ("optimizer", "discriminator_optimizer"):
        scaled = isinstance(getattr(model, name), keras.optimizers.LossScaleOptimizer)
        demand(scaled == (policy == "mixed_float16"), f"`{name}`: loss scaling is {scaled}.")


def _check_islands(model: keras.Model, trial: Trial) -> None:
    """Pictures, scores, terms, softmaxes and unit lengths are float32 in any precision."""
    batch = trial.batch()
    fakes = model.forward(batch, model.draw_noise(batch), training=False)
    tokens, seeds = batch["tokens"], tf.range(4, dtype=tf.int64)
    found = {
        **{f"fakes of {name}": fakes[name] for name in fakes if fakes[name].shape.rank == 4},
        **model.discriminator_losses(batch, fakes),
        **model.generator_losses(batch, fakes),
        "paint": model.paint(tokens, seeds),
    }
    for network in model.picture_networks:
        heads = [x for x in network.outputs if len(x.shape) <= 2]
        found.update({f"{network.name}, output {x.name}": x for x in heads})
        islands = [x for x in network._flatten_layers() if isinstance(x, ISLANDS)]
        found.update({f"{network.name}, layer {x.name}": x.compute_dtype for x in islands})
    for name, value in found.items():
        dtype = keras.backend.standardize_dtype(getattr(value, "dtype", value))
        demand(dtype == "float32", f"`{name}` should be float32. Received: dtype={dtype}")


@contextlib.contextmanager
def dtype_policy(policy: str) -> Iterator[None]:
    """Set the process's precision for a while."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
