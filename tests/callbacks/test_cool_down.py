import numpy as np
import pytest

from keras_t2i.callbacks import CoolDown, LearningRateDecay

FULL = [1e-3, 2e-3]  # rates of the smallest model


def rates_of_training(smallest, seen, cool_down, *, steps):
    model = smallest.model(run_eagerly=True)
    model.fit(smallest.batches(steps), verbose=0, callbacks=[cool_down, seen])
    return np.array(seen.within), np.array(seen.after)


def test_both_rates_fall_linearly_over_the_last_steps(smallest, seen):
    within, _ = rates_of_training(smallest, seen, CoolDown(last_step=5, length=3), steps=5)
    shares = np.array([1, 1, 1, 2 / 3, 1 / 3])[:, None]
    np.testing.assert_allclose(within, shares * FULL, rtol=1e-5)


def test_between_steps_the_rates_are_full(smallest, seen):
    _, after = rates_of_training(smallest, seen, CoolDown(last_step=5, length=3), steps=5)
    np.testing.assert_allclose(after, [FULL] * 5, rtol=1e-5)


def test_a_training_resumed_within_the_fall_goes_on_as_it_was(smallest, seen):
    model = smallest.model(run_eagerly=True)
    for first, count in ((0, 3), (3, 2)):
        watchers = [CoolDown(last_step=5, length=4), seen]
        model.fit(smallest.batches(count, first=first), verbose=0, callbacks=watchers)
    shares = np.array([1, 1, 3 / 4, 2 / 4, 1 / 4])[:, None]
    np.testing.assert_allclose(seen.within, shares * FULL, rtol=1e-5)


def test_behind_the_last_step_nothing_moves(smallest, seen):
    within, after = rates_of_training(smallest, seen, CoolDown(last_step=2, length=1), steps=4)
    np.testing.assert_allclose(within[2:], 0.0)
    np.testing.assert_allclose(after[3], FULL, rtol=1e-5)


def test_two_that_lower_multiply_and_put_back(smallest, seen):
    watchers = [CoolDown(last_step=4, length=4), LearningRateDecay(every=1), seen]
    model = smallest.model(run_eagerly=True)
    model.fit(smallest.batches(2), epochs=2, verbose=0, callbacks=watchers)
    shares = np.array([1, 3 / 4, 2 / 4 / 2, 1 / 4 / 2])[:, None]
    np.testing.assert_allclose(seen.within, shares * FULL, rtol=1e-5)
    np.testing.assert_allclose(seen.after, [FULL] * 4, rtol=1e-5)


@pytest.mark.parametrize("length", [0, 6])
def test_a_length_out_of_range_is_refused(length):
    with pytest.raises(ValueError, match=f"length={length}, last_step=5"):
        CoolDown(last_step=5, length=length)
