"""`fit` goes on where a former one with the same folder was last saved."""

import os
import signal

import keras
import numpy as np
import pytest

from keras_t2i.callbacks import (
    HistoryFile,
    LearningRateDecay,
    NaNGuard,
    Resume,
    StopOnSignal,
    TrainingDiverged,
    read_history,
)
from keras_t2i.data import Shapes
from keras_t2i.presets import FolderInUse, Saves
from keras_t2i.testing import SmallestGAN
from keras_t2i.testing.precision import dtype_policy
from keras_t2i.testing.trial import demand_equal_weights
from keras_t2i.workers import steps_done

BATCH, PER_EPOCH, EPOCHS = 4, 5, 3


class Stop(Exception):
    """What ends a training in place of a kill."""


class At(keras.callbacks.Callback):
    """Does something behind a step, once."""

    def __init__(self, step, action):
        super().__init__()
        self.step, self.action = step, action

    def on_train_batch_end(self, batch, logs=None):
        if steps_done(self.model) == self.step:
            self.step = None
            self.action(self.model)


def stop(model):
    raise Stop


def spoil(model):
    for variable in model.generator.trainable_variables:
        variable.assign(np.full(variable.shape, np.nan))


@pytest.fixture(scope="module")
def source():
    return Shapes(objects=(1,), count=BATCH * PER_EPOCH)


@pytest.fixture(scope="module")
def new(source):
    """Makes models that begin alike."""
    start = SmallestGAN.for_source(source).get_weights()

    def make(system=SmallestGAN, start=start, options=None, **compiled):
        model = system.for_source(source, **(options or {}))
        if start is not None and not options:
            model.set_weights(start)
        model.compile(**compiled)
        return model

    return make


@pytest.fixture(scope="module")
def fit(source):
    def run(model, *callbacks, epochs=EPOCHS, seed=0, batch=BATCH, data=source):
        batches = data.batches(model.tokenizer, [8], batch, seed=seed)
        return model.fit(batches, epochs=epochs, verbose=0, callbacks=[*callbacks])

    return run


@pytest.fixture(scope="module")
def whole(new, fit):
    """(model, history) of a training without an interruption."""
    model = new()
    return model, fit(model).history


@pytest.mark.parametrize("step", [1, PER_EPOCH, PER_EPOCH + 3])
def test_weights_moments_averages_and_history_are_those_of_an_uninterrupted_training(
    new, fit, whole, tmp_path, step
):
    with pytest.raises(Stop):
        fit(new(), Resume(tmp_path, every=2), At(step, stop))
    model = new()
    history = fit(model, Resume(tmp_path, every=2))
    demand_equal_weights(model, whole[0], tolerance=1e-6)
    assert history.epoch == [0, 1, 2]
    for name, values in whole[1].items():
        np.testing.assert_allclose(history.history[name], values, rtol=1e-5)


def test_a_finished_training_is_only_loaded(new, fit, whole, tmp_path):
    fit(new(), Resume(tmp_path, every=100))
    model = new()
    history = fit(model, Resume(tmp_path, every=100)).history
    demand_equal_weights(model, whole[0], tolerance=1e-6)
    assert len(history["d_loss"]) == EPOCHS
    fit(model, Resume(tmp_path), epochs=EPOCHS + 1)
    assert steps_done(model) == (EPOCHS + 1) * PER_EPOCH


def test_sigterm_saves_behind_the_present_step(new, fit, tmp_path):
    kill = At(7, lambda model: os.kill(os.getpid(), signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    model = new()
    fit(model, kill, Resume(tmp_path, every=100))
    assert steps_done(model) == 7
    assert Saves(tmp_path).newest().step == 7
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_training_of_a_trained_model_counts_from_there(new, fit, tmp_path):
    model, other = new(), new()
    for each in (model, other):
        fit(each, epochs=1)
    fit(model, epochs=2)
    with pytest.raises(Stop):
        fit(other, Resume(tmp_path, every=1), At(PER_EPOCH + 3, stop), epochs=2)
    fit(other, Resume(tmp_path, every=1), epochs=2)
    demand_equal_weights(model, other, tolerance=1e-6)


class DroppingGAN(SmallestGAN):
    """Has a layer that draws from a seed generator with a state."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.dropout = keras.layers.Dropout(0.5, seed=3)

    def forward(self, batch, noise, training):
        fakes = super().forward(batch, noise, training)
        return {"images": self.dropout(fakes["images"], training=training)}


def test_seed_generators_go_on_with_their_draws(new, fit, tmp_path):
    uninterrupted, resumed = (new(DroppingGAN) for _ in range(2))
    fit(uninterrupted)
    with pytest.raises(Stop):
        fit(new(DroppingGAN), Resume(tmp_path, every=1), At(7, stop))
    fit(resumed, Resume(tmp_path, every=1))
    demand_equal_weights(uninterrupted, resumed, tolerance=1e-6)


def test_loss_scales_go_on(new, fit, tmp_path):
    def model():
        names = ("optimizer", "discriminator_optimizer")
        scaled = keras.optimizers.LossScaleOptimizer
        return new(**{n: scaled(keras.optimizers.Adam(), dynamic_growth_steps=4) for n in names})

    with dtype_policy("mixed_float16"):
        uninterrupted, resumed = model(), model()
        fit(uninterrupted)
        with pytest.raises(Stop):
            fit(model(), Resume(tmp_path, every=1), At(7, stop))
        fit(resumed, Resume(tmp_path, every=1))
    demand_equal_weights(uninterrupted, resumed, tolerance=1e-6)
    assert float(resumed.optimizer.dynamic_scale) > 2.0**15


def test_skipped_steps_of_a_loss_scale_spend_their_batches(new, fit, tmp_path):
    def model():
        names = ("optimizer", "discriminator_optimizer")
        scaled = keras.optimizers.LossScaleOptimizer
        return new(**{n: scaled(keras.optimizers.Adam(), initial_scale=2.0**24) for n in names})

    with dtype_policy("mixed_float16"):
        uninterrupted, resumed = model(), model()
        history = fit(uninterrupted).history
        assert float(uninterrupted.optimizer.dynamic_scale) < 2.0**24  # it overflowed
        assert steps_done(uninterrupted) == EPOCHS * PER_EPOCH
        with pytest.raises(Stop):
            fit(model(), Resume(tmp_path, every=1), At(PER_EPOCH + 2, stop))
        again = fit(resumed, Resume(tmp_path, every=1)).history
    demand_equal_weights(uninterrupted, resumed, tolerance=1e-6)
    np.testing.assert_allclose(again["d_loss"], history["d_loss"], rtol=1e-5)


def test_the_save_before_a_damaged_one_is_taken(new, fit, whole, tmp_path):
    with pytest.raises(Stop):
        fit(new(), Resume(tmp_path, every=3), At(10, stop))
    weights = tmp_path / "model" / "model.weights.h5"
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    model = new()
    with pytest.warns(UserWarning, match=r"that of step 6 taken.*model\.weights\.h5"):
        fit(model, Resume(tmp_path, every=3))
    demand_equal_weights(model, whole[0], tolerance=1e-6)


@pytest.fixture(scope="module")
def begun(new, fit, tmp_path_factory):
    """The folder of a training that was begun."""
    folder = tmp_path_factory.mktemp("begun")
    fit(new(), Resume(folder, every=3), epochs=1)
    return folder


def test_other_batches_are_refused_by_name(new, fit, begun):
    with pytest.raises(ValueError, match=r"batch_size=2 \(it began with 4\)"):
        fit(new(), Resume(begun), batch=2)
    with pytest.raises(ValueError, match=r"seed=1 \(it began with 0\)"):
        fit(new(), Resume(begun), seed=1)
    fewer = Shapes(objects=(1,), count=BATCH * PER_EPOCH + 1)
    with pytest.raises(ValueError, match=r"pictures=21 \(it began with 20\)"):
        fit(new(), Resume(begun), data=fewer)


def test_another_model_or_optimizer_is_refused_by_name(new, fit, begun):
    with pytest.raises(ValueError, match=r"width=9 \(it began with 8\)"):
        fit(new(options={"width": 9}), Resume(begun))
    with pytest.raises(ValueError, match=r"optimizer that it began.*class='SGD'.*'Adam'"):
        fit(new(optimizer="sgd"), Resume(begun))
    with pytest.raises(ValueError, match=r"discriminator_optimizer that.*beta_1=0\.5"):
        fit(new(discriminator_optimizer=keras.optimizers.Adam(beta_1=0.5)), Resume(begun))


def test_a_rate_compiled_anew_is_taken_and_others_stay(new, fit, begun, tmp_path):
    model = new(optimizer=keras.optimizers.Adam(5e-4))
    fit(model, Resume(begun), epochs=1)
    rates = [float(o.learning_rate) for o in (model.optimizer, model.discriminator_optimizer)]
    np.testing.assert_allclose(rates, [5e-4, 2e-3], rtol=1e-6)


def test_another_number_of_replicas_goes_on(new, fit, whole, tmp_path, two_replicas):
    with pytest.raises(Stop):
        fit(new(), Resume(tmp_path, every=1), At(7, stop))
    with two_replicas.scope():
        model = new()
    history = fit(model, Resume(tmp_path, every=1)).history
    np.testing.assert_allclose(history["d_loss"], whole[1]["d_loss"], rtol=1e-3)
    assert Saves(tmp_path).newest().progress["training"]["replicas"] == 2


def test_a_dataset_without_a_known_length_is_refused(new, source, tmp_path):
    model = new()
    batches = source.batches(model.tokenizer, [8], BATCH)
    for data, options in ((batches.repeat(), {}), (batches, {"steps_per_epoch": 2})):
        with pytest.raises(ValueError, match=r"length is known.*Received: x="):
            model.fit(data, verbose=0, callbacks=[Resume(tmp_path / "run")], **options)
    assert not (tmp_path / "run").exists()


def test_a_dataset_that_comes_in_the_same_order_is_passed_over(new, smallest, tmp_path):
    uninterrupted, resumed = smallest.model(), smallest.model()
    uninterrupted.fit(smallest.batches(5), epochs=2, verbose=0)
    callbacks = [Resume(tmp_path, every=1), At(7, stop)]
    with pytest.raises(Stop):
        smallest.model().fit(smallest.batches(5), epochs=2, verbose=0, callbacks=callbacks)
    resumed.fit(smallest.batches(5), epochs=2, verbose=0, callbacks=[Resume(tmp_path, every=1)])
    demand_equal_weights(uninterrupted, resumed, tolerance=1e-6)


def test_a_plain_keras_model_is_refused(tmp_path):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    with pytest.raises(ValueError, match=r"systems of this package.*model=Sequential"):
        model.fit(np.ones((1, 1)), np.ones((1, 1)), verbose=0, callbacks=[Resume(tmp_path)])


def test_numbers_must_be_positive(tmp_path):
    for wrong in ({"every": 0}, {"minutes": 0}, {"keep": 0}):
        with pytest.raises(ValueError, match="positive"):
            Resume(tmp_path, **wrong)


def test_minutes_save_too(new, fit, tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("keras_t2i.callbacks.resume.time.monotonic", lambda: now[0])

    def pass_by(model):
        now[0] += 61.0

    with pytest.raises(Stop):
        fit(new(), At(3, pass_by), Resume(tmp_path, minutes=1), At(4, stop))
    assert Saves(tmp_path).newest().step == 3


def test_a_folder_that_another_process_trains_in_is_refused(new, fit, tmp_path, monkeypatch):
    monkeypatch.setattr("keras_t2i.presets.saves._locked", lambda file: False)
    with pytest.raises(FolderInUse, match="Another process"):
        fit(new(), Resume(tmp_path))


def test_a_divergence_falls_back_and_goes_on_with_smaller_rates(new, fit, tmp_path):
    model, resume = new(), Resume(tmp_path, every=100)
    with pytest.warns(UserWarning, match=r"from step 6 with rates of 0\.0005, 0\.001; 1 retries"):
        history = fit(model, NaNGuard(every=3, retries=2), At(7, spoil), resume)
    assert steps_done(model) == EPOCHS * PER_EPOCH
    assert history.epoch == [0, 1, 2]
    assert all(np.isfinite(values).all() for values in history.history.values())
    rates = [float(o.learning_rate) for o in (model.optimizer, model.discriminator_optimizer)]
    np.testing.assert_allclose(rates, [5e-4, 1e-3], rtol=1e-6)
    # The same as if the rates had been lowered there and nothing had happened.
    other = new()
    lower = At(6, lambda model: _halve(model))
    expected = fit(other, lower).history
    demand_equal_weights(model, other, tolerance=1e-6)
    for name, values in expected.items():
        np.testing.assert_allclose(history.history[name], values, rtol=1e-5)


def test_a_fall_back_into_a_former_epoch_is_saved_at_once(new, fit, tmp_path):
    resume = Resume(tmp_path, every=100)
    guard, kill = NaNGuard(every=3, retries=2), At(PER_EPOCH, spoil)
    with pytest.warns(UserWarning, match="from step 3"), pytest.raises(Stop):
        # Behind the fall-back, step 4 comes for the second time.
        fit(new(), guard, kill, resume, Second(4, stop))
    save = Saves(tmp_path).newest()
    assert save.step == 3
    epochs = save.progress["training"]["history"]
    assert epochs["d_loss"] == []  # the first epoch, once ended, is under way again
    model, guard = new(), NaNGuard(every=3, retries=2)
    history = fit(model, guard, Resume(tmp_path, every=100)).history
    assert guard.left == 1
    assert len(history["d_loss"]) == EPOCHS
    assert float(model.optimizer.learning_rate) == pytest.approx(5e-4)


def test_a_save_is_never_newer_than_what_the_guard_falls_back_to(new, fit, tmp_path):
    with pytest.raises(TrainingDiverged, match="weights of step 6"):
        fit(new(), NaNGuard(every=100), At(7, spoil), Resume(tmp_path, every=2))
    assert Saves(tmp_path).newest().step == 6


def test_weights_that_are_no_numbers_are_not_saved(new, fit, tmp_path):
    resume = Resume(tmp_path, every=1)
    with pytest.warns(UserWarning, match="step 4 hold NaN"), pytest.raises(Stop):
        fit(new(), At(4, spoil), resume, At(4, stop))
    assert Saves(tmp_path).newest().step == 3
    fit(new(), Resume(tmp_path, every=1))


class Second(At):
    """Acts when the step comes for the second time."""

    def on_train_batch_end(self, batch, logs=None):
        if steps_done(self.model) == self.step and self.action is not None:
            self.seen = getattr(self, "seen", 0) + 1
            if self.seen == 2:
                self.action(self.model)


def test_rows_that_replicas_do_not_divide_are_refused(new, fit, two_replicas):
    with two_replicas.scope():
        model = new()
    with pytest.raises(ValueError, match=r"multiple.*rows=5, replicas=2"):
        fit(model, batch=5)


def _halve(model):
    for optimizer in (model.optimizer, model.discriminator_optimizer):
        optimizer.learning_rate = 0.5 * float(optimizer.learning_rate)


def test_retries_end(new, fit):
    spoilers = [At(step, spoil) for step in (4, 5, 6)]
    guard = NaNGuard(every=1, retries=1)
    with (
        pytest.warns(UserWarning, match="0 retries left"),
        pytest.raises(TrainingDiverged, match="at step"),
    ):
        fit(new(), guard, *spoilers)


def test_rates_that_follow_a_keras_schedule_cannot_be_lowered(new, fit):
    schedule = keras.optimizers.schedules.ExponentialDecay(1e-3, 10, 0.9)
    model = new(optimizer=keras.optimizers.Adam(schedule))
    with pytest.raises(ValueError, match="follows a Keras schedule"):
        fit(model, NaNGuard(retries=1), At(3, spoil))


def test_other_callbacks_see_one_training(new, fit, tmp_path):
    seen = []
    watcher = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: seen.append("begin"),
        on_train_end=lambda logs: seen.append("end"),
    )
    with pytest.raises(Stop):
        fit(new(), Resume(tmp_path, every=1), At(7, stop))
    fit(new(), Resume(tmp_path, every=1), LearningRateDecay(every=2, factor=0.5), watcher)
    assert seen == ["begin", "end"]


def test_a_training_killed_right_behind_a_save_keeps_the_line_of_its_step(
    new, fit, tmp_path, monkeypatch
):
    def killed(self, model, **options):
        write(self, model, **options)
        raise Stop

    write, path = Saves.write, tmp_path / "history.jsonl"
    monkeypatch.setattr(Saves, "write", killed)
    with pytest.raises(Stop):
        fit(new(), Resume(tmp_path, every=2), HistoryFile(path, every=1))
    monkeypatch.setattr(Saves, "write", write)
    fit(new(), Resume(tmp_path, every=2), HistoryFile(path, every=1))
    steps = [line["step"] for line in read_history(path)]
    assert steps == list(range(1, EPOCHS * PER_EPOCH + 1))


def test_one_listener_to_signals_is_enough(new, fit, tmp_path):
    heard = StopOnSignal()
    with heard:
        kill = At(3, lambda model: os.kill(os.getpid(), signal.SIGINT))
        fit(new(), kill, Resume(tmp_path, every=100, stop=heard), heard)
    assert Saves(tmp_path).newest().step == 3
    assert heard.received == "SIGINT"


def test_a_save_that_fails_ends_the_training_and_leaves_the_former(new, fit, tmp_path, monkeypatch):
    fit(new(), Resume(tmp_path, every=100), epochs=1)

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("keras_t2i.presets.saves.save_bundle", full)
    with pytest.raises(OSError, match=r"step 7 could not be written.*that of step 5 is intact"):
        fit(new(), Resume(tmp_path, every=2))
    assert Saves(tmp_path).newest().step == 5
