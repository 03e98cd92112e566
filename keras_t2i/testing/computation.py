"""Check of the ways in which a machine may compute a system's steps."""

from __future__ import annotations

from typing import Any

from keras_t2i.testing.replicas import smooth_optimizers
from keras_t2i.testing.trial import Trial, demand, demand_equal_weights


def check_computation(trial: Trial, **options: Any) -> None:
    """A step computed in another way moves weights and statistics as the plain step does.

    The optimizers are those of `check_replicas`, for the same reason.

    Args:
        trial: the system.
        **options: of `compile`, `jit_pictures=True` or `recompute_from=1`.
    """
    batches = trial.batches(2, size=8)
    plain = trial.model(**smooth_optimizers(), run_eagerly=True)
    expected = plain.fit(batches, verbose=0).history
    other = trial.model(**smooth_optimizers(), **options)
    logs = other.fit(batches, verbose=0).history
    for name, values in expected.items():
        difference = abs(values[0] - logs[name][0])
        demand(
            difference < 1e-3 * (1.0 + abs(values[0])),
            f"`{name}` should not depend on how the step is computed. "
            f"Received: {values[0]} plain, {logs[name][0]} with {options}",
        )
    demand_equal_weights(plain, other, tolerance=1e-4, optimizers=False)
