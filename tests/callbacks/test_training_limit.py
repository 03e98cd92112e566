import types

import pytest

from keras_t2i.callbacks import TrainingLimit, training_limit


def at_step(limit, step):
    """Is the training stopped behind this step?"""
    model = types.SimpleNamespace(
        optimizer=types.SimpleNamespace(iterations=step), stop_training=False
    )
    limit.set_model(model)
    limit.on_train_batch_end(0)
    return model.stop_training


def test_steps_count_from_the_models_first():
    limit = TrainingLimit(steps=10)
    assert [at_step(limit, step) for step in (8, 9, 10, 11)] == [False, False, True, True]


def test_the_clock_starts_behind_the_first_step(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(training_limit.time, "monotonic", lambda: now[0])
    limit = TrainingLimit(minutes=0.5)
    now[0] += 1000  # compiles
    assert not at_step(limit, 1)
    now[0] += 29
    assert not at_step(limit, 2)
    now[0] += 1
    assert at_step(limit, 3)
    assert limit.seconds == 30
    assert limit.agreed


def test_a_clock_runs_on_in_the_next_training(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(training_limit.time, "monotonic", lambda: now[0])
    limit = TrainingLimit(minutes=1)
    assert not at_step(limit, 1)
    now[0] += 50  # of another model's training
    assert not at_step(limit, 1)
    now[0] += 10
    assert at_step(limit, 2)


def test_without_limits_it_never_stops():
    assert not at_step(TrainingLimit(), 10**9)


@pytest.mark.parametrize("limit", [{"steps": 0}, {"minutes": 0}, {"minutes": float("nan")}])
def test_limits_must_be_positive(limit):
    with pytest.raises(ValueError, match="positive"):
        TrainingLimit(**limit)
