import math

import keras
import numpy as np
import pytest

from keras_t2i.callbacks import NaNGuard, TrainingDiverged
from keras_t2i.testing.trial import demand_equal_weights


def started(model, **arguments):
    guard = NaNGuard(**arguments)
    guard.set_model(model)
    guard.on_train_begin()
    return guard


def spoil(model, value=np.nan):
    """Make every weight and every moment a broken number."""
    for owner in (model, model.optimizer, model.discriminator_optimizer):
        for variable in owner.variables:
            if variable.dtype == "float32":
                variable.assign(np.full(variable.shape, value))


def test_the_message_names_the_step_and_the_terms(smallest):
    guard = started(smallest.model(), every=2)
    for batch in range(3):
        guard.on_train_batch_end(batch, {"d_real": 1.0, "d_loss": 1.0})
    logs = {"d_real": math.nan, "d_fake": 0.5, "g_fake": -math.inf, "d_loss": math.nan}
    with pytest.raises(TrainingDiverged) as caught:
        guard.on_train_batch_end(3, logs)
    message = str(caught.value)
    assert "at step 4 of this fit, in `d_real`, `g_fake`." in message
    assert "weights of step 2" in message


def test_sums_are_named_where_no_term_is_broken(smallest):
    guard = started(smallest.model())
    with pytest.raises(TrainingDiverged, match="in `g_loss`"):
        guard.on_train_batch_end(0, {"g_fake": 3e38, "g_loss": math.inf})


def test_weights_and_optimizers_come_back(smallest):
    model = smallest.model(run_eagerly=True)
    model.fit(smallest.batches(1), verbose=0)
    twin = smallest.model(run_eagerly=True)
    twin.fit(smallest.batches(1), verbose=0)
    guard = started(model)
    spoil(model)
    with pytest.raises(TrainingDiverged):
        guard.on_train_batch_end(0, {"g_fake": math.nan})
    demand_equal_weights(model, twin)


def test_broken_weights_are_never_the_good_ones(smallest):
    model, twin = smallest.model(), smallest.model()
    guard = started(model, every=1)
    spoil(model)
    guard.on_train_batch_end(0, {"g_fake": 1.0})  # the loss was finite, the update was not
    with pytest.raises(TrainingDiverged, match="weights of step 0"):
        guard.on_train_batch_end(1, {"g_fake": math.nan})
    demand_equal_weights(model, twin)


def test_snapshots_follow_the_training(smallest):
    model = smallest.model()
    guard = started(model, every=2)
    kernel = model.generator_variables[1]
    for batch in range(4):
        kernel.assign(np.full(kernel.shape, batch + 1.0))
        guard.on_train_batch_end(batch, {"g_fake": 1.0})
    kernel.assign(np.full(kernel.shape, 5.0))
    with pytest.raises(TrainingDiverged, match="weights of step 4"):
        guard.on_train_batch_end(4, {"g_fake": math.nan})
    np.testing.assert_array_equal(kernel, np.full(kernel.shape, 4.0))


def test_a_real_divergence_stops_and_training_goes_on_with_smaller_rates(smallest):
    model = smallest.model(
        optimizer=keras.optimizers.Adam(1e30),
        discriminator_optimizer=keras.optimizers.Adam(1e30),
        run_eagerly=True,
    )
    with pytest.raises(TrainingDiverged, match=r"at step [123] of this fit"):
        model.fit(smallest.batches(6), verbose=0)
    for optimizer in (model.optimizer, model.discriminator_optimizer):
        optimizer.learning_rate = 1e-4
    logs = model.fit(smallest.batches(2), verbose=0).history
    assert all(np.isfinite(values).all() for values in logs.values())
    assert model.generate("a red circle", seed=0).shape == (8, 8, 3)


def test_replicas_come_back(smallest, two_replicas):
    with two_replicas.scope():
        model = smallest.model()
        guard = started(model)
        spoil(model)
        with pytest.raises(TrainingDiverged):
            guard.on_train_batch_end(0, {"g_fake": math.nan})
    for variable in model.weights:
        for copy in two_replicas.experimental_local_results(variable.value):
            assert np.isfinite(copy.numpy()).all()


def test_a_plain_model_is_guarded_too():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    with pytest.raises(TrainingDiverged, match="`loss`"):
        model.fit(np.full((1, 1), np.nan), np.ones((1, 1)), verbose=0, callbacks=[NaNGuard()])
    assert np.isfinite(model.layers[0].kernel.numpy()).all()


def test_weights_that_are_no_numbers_do_not_begin(smallest):
    model = smallest.model()
    spoil(model)
    with pytest.raises(TrainingDiverged, match="before the first step"):
        started(model)


def test_every_must_be_positive():
    with pytest.raises(ValueError, match=r"`every` must be positive.*every=0"):
        NaNGuard(every=0)
