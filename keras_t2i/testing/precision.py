"""Check of a system under mixed precision."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import keras
import numpy as np

from keras_t2i.testing.learning import check_terms
from keras_t2i.testing.trial import Trial, demand


def check_mixed_precision(trial: Trial, policy: str) -> None:
    """Training and painting stay finite; float16 scales the losses of both players.

    The precision is the process's and no part of a config.

    Args:
        trial: the system.
        policy: "mixed_bfloat16" or "mixed_float16"; the process's policy is put back.
    """
    with dtype_policy(policy):
        model = trial.model(run_eagerly=True)
        logs = model.fit(trial.batches(2), verbose=0).history
        pictures = model.paint(trial.batch()["tokens"], np.arange(4, dtype="int64"))
    check_terms(model, {name: values[0] for name, values in logs.items()})
    demand(pictures.dtype == "float32", f"Pictures should be float32, not {pictures.dtype}.")
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


@contextlib.contextmanager
def dtype_policy(policy: str) -> Iterator[None]:
    """Set the process's precision for a while."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
