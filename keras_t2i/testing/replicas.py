"""Check of a system's training on several replicas."""

from __future__ import annotations

import keras
import tensorflow as tf

from keras_t2i.callbacks import PictureGrid
from keras_t2i.testing.learning import check_terms
from keras_t2i.testing.trial import Trial, demand, demand_equal_weights


def check_replicas(trial: Trial, strategy: tf.distribute.Strategy) -> None:
    """N replicas that share a batch learn what one replica learns from it, to float rounding.

    The optimizers have a large epsilon, so that weights follow gradients smoothly: with a small
    one the first steps are of the size of the rate whatever the gradient, and where it is zero
    but for rounding their direction is chance.

    Args:
        trial: the system.
        strategy: of several replicas; use one for the whole process (TensorFlow numbers the
            collectives of each strategy from the same start, and mixes them up).
    """
    size = 4 * strategy.num_replicas_in_sync
    batches = trial.batches(3, size=size)
    alone = trial.model(**smooth_optimizers(), run_eagerly=True)
    expected = alone.fit(batches, verbose=0).history
    with strategy.scope():
        together = trial.model(**smooth_optimizers())
    folder = trial.folder / "replicas"
    grid = PictureGrid(folder, captions=trial.captions(1), seeds=(0,))
    logs = together.fit(batches, verbose=0, callbacks=[grid]).history
    check_terms(together, {name: values[0] for name, values in logs.items()})
    for name, values in expected.items():
        difference = abs(values[0] - logs[name][0])
        demand(
            difference < 1e-3 * (1.0 + abs(values[0])),
            f"`{name}` should not depend on the number of replicas. "
            f"Received: {values[0]} alone, {logs[name][0]} together",
        )
    # Not the moments: rounding that carries one activation over its kink shows there at once.
    demand_equal_weights(alone, together, tolerance=1e-4, optimizers=False)
    demand(any(folder.glob("grid-*.png")), "Callbacks should paint on several replicas.")


def smooth_optimizers() -> dict[str, keras.Optimizer]:
    """Adam for both players whose large epsilon lets weights follow gradients smoothly."""
    names = ("optimizer", "discriminator_optimizer")
    return {name: keras.optimizers.Adam(2e-2, beta_1=0.5, epsilon=1.0) for name in names}
