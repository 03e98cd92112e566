import keras
import numpy as np
import pytest

from keras_t2i.callbacks import LearningRateDecay
from keras_t2i.testing.precision import dtype_policy


def rates(model):
    optimizers = (model.optimizer, model.discriminator_optimizer)
    return [float(keras.ops.convert_to_numpy(o.learning_rate)) for o in optimizers]


def started(model, **arguments):
    callback = LearningRateDecay(**arguments)
    callback.set_model(model)
    return callback


def follow(callback, model, epochs):
    found = []
    for epoch in epochs:
        callback.on_epoch_begin(epoch)
        callback.on_train_batch_begin(0)
        found.append(rates(model))
        callback.on_train_batch_end(0)
    return np.array(found)


def test_both_rates_fall_every_so_many_epochs(smallest):
    model = smallest.model()  # rates 1e-3 and 2e-3
    found = follow(started(model, every=2, factor=0.5), model, range(5))
    shares = np.array([1, 1, 0.5, 0.5, 0.25])[:, None]
    np.testing.assert_allclose(found, shares * [1e-3, 2e-3], rtol=1e-5)


@pytest.mark.parametrize("epoch", [1, 2, 3, 4])
def test_a_training_resumed_in_any_epoch_goes_on_as_it_was(smallest, epoch):
    model = smallest.model()
    expected = follow(started(model, every=2), model, range(6))
    follow(started(model, every=2), model, range(epoch + 1))  # stopped amid `epoch`
    again = follow(started(model, every=2), model, range(epoch, 6))
    np.testing.assert_allclose(again, expected[epoch:], rtol=1e-5)


def test_a_plain_model_has_one_optimizer():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), loss="mse")
    callback = started(model, every=1, factor=0.1)
    callback.on_epoch_begin(1)
    callback.on_train_batch_begin(0)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)


def test_scaled_losses_and_replicas_have_rates_too(smallest, two_replicas):
    with dtype_policy("mixed_float16"), two_replicas.scope():
        model = smallest.model()
    callback = started(model, every=1, factor=0.5)
    with two_replicas.scope():
        np.testing.assert_allclose(
            follow(callback, model, range(2)), [[1e-3, 2e-3], [5e-4, 1e-3]], rtol=1e-5
        )


def test_it_works_within_fit(smallest, seen):
    model = smallest.model(run_eagerly=True)
    watchers = [LearningRateDecay(every=1), seen]
    model.fit(smallest.batches(1), epochs=2, verbose=0, callbacks=watchers)
    np.testing.assert_allclose(seen.within, [[1e-3, 2e-3], [5e-4, 1e-3]], rtol=1e-5)
    np.testing.assert_allclose(seen.after, [[1e-3, 2e-3]] * 2, rtol=1e-5)


@pytest.mark.parametrize("arguments", [{"every": 0}, {"every": 1, "factor": 0.0}])
def test_arguments_out_of_range_are_refused(arguments):
    with pytest.raises(ValueError, match=r"`every` must be positive, `factor`.*Received"):
        LearningRateDecay(**arguments)


def test_factor_above_one_is_refused():
    with pytest.raises(ValueError, match=r"factor=1\.5"):
        LearningRateDecay(every=1, factor=1.5)
