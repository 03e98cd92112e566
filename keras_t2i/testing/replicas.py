"""Check of a system's training on several replicas."""

from __future__ import annotations

import keras
import tensorflow as tf

from keras_t2i.callbacks import PictureGrid
from keras_t2i.testing.learning import check_terms
from keras_t2i.testing.trial import Trial, demand, demand_equal_weights

STEPS = 8
TOLERANCE = 3e-4  # of the largest weight of a kernel, and at least of 1


def check_replicas(trial: Trial, strategy: tf.distribute.Strategy) -> None:
    """N replicas that share a batch learn in 8 steps what one replica learns from it.

    Both players' optimizers have a large epsilon, so that weights follow gradients smoothly: with
    a small one the first steps are of the size of the rate whatever the gradient, and where it is
    zero but for rounding their direction is chance. Equal is what differs by less than 3e-4 of
    the weights' size: the sums over replicas are rounded in another order, and two players who
    answer each other let the difference grow. Logs are means over the steps, equal to 1e-3.

    Args:
        trial: the system.
        strategy: of several replicas; use one for the whole process (TensorFlow numbers the
            collectives of each strategy from the same start, and mixes them up).
    """
    batches = trial.batches(3, size=4 * strategy.num_replicas_in_sync).repeat()
    alone = trial.model(**smooth_optimizers())
    expected = alone.fit(batches, steps_per_epoch=STEPS, verbose=0).history
    with strategy.scope():
        together = trial.model(**smooth_optimizers())
    folder = trial.folder / "replicas"
    grid = PictureGrid(folder, captions=trial.captions(1), seeds=(0,))
    options = {"steps_per_epoch": STEPS, "verbose": 0, "callbacks": [grid]}
    logs = together.fit(batches, **options).history
    check_terms(together, {name: values[0] for name, values in logs.items()})
    for name, values in expected.items():
        difference = abs(values[0] - logs[name][0])
        demand(
            difference < 1e-3 * (1.0 + abs(values[0])),
            f"`{name}` should not depend on the number of replicas. "
            f"Received: {values[0]} alone, {logs[name][0]} together",
        )
    # Not the moments: rounding that carries one activation over its kink shows there at once.
    demand_equal_weights(alone, together, tolerance=TOLERANCE, optimizers=False)
    demand(any(folder.glob("grid-*.png")), "Callbacks should paint on several replicas.")


def smooth_optimizers() -> dict[str, keras.Optimizer]:
    """Adam for both players whose large epsilon lets weights follow gradients smoothly.

    A rate of 2e-2 let rounding grow to 1e-3 within 20 steps now and then; with this one it is 7e-6.
    """
    names = ("optimizer", "discriminator_optimizer")
    return {name: keras.optimizers.Adam(5e-3, beta_1=0.5, epsilon=1.0) for name in names}
