"""Trainings whose system first trains another stage."""

import os
import signal

import pytest

from keras_t2i.callbacks import StopOnSignal, read_history
from keras_t2i.data import Shapes
from keras_t2i.presets import load_bundle
from keras_t2i.registry import find_system
from keras_t2i.tasks.run_directory import RunDirectory
from keras_t2i.tasks.training import train
from keras_t2i.testing.trial import demand_equal_weights

STAGE_STEPS = 2  # epochs of one batch


@pytest.fixture
def call():
    options = {**find_system("stack_gan").tiny, "stages": "both", "first_epochs": STAGE_STEPS}
    return {
        "resolution": options.pop("resolution"),
        "options": options,
        "batch_size": 4,
        "steps": 1,
        "progress": False,
    }


def test_minutes_end_stage_one_too_and_its_settings_are_its_own(call, tmp_path):
    run, source = RunDirectory(tmp_path / "run"), Shapes(objects=(1,), count=8)
    call["options"]["first_epochs"] = 10**6
    model = train("stack_gan", source, run.path, minutes=1e-6, learning_rate=1e-5, **call)
    assert int(model.optimizer.iterations) == 0
    assert not run.has_model
    assert run.read_calls()[-1]["why"] == "limit"
    first = load_bundle(run.first_stage / "model")
    assert int(first.optimizer.iterations) in (1, 2)
    assert float(first.optimizer.learning_rate.numpy()) == pytest.approx(2e-4)


def test_a_training_stopped_amid_stage_one_goes_on_there(call, monkeypatch, tmp_path):
    run, source = RunDirectory(tmp_path / "run"), Shapes(objects=(1,), count=8)
    with monkeypatch.context() as patch:
        original = StopOnSignal.on_train_batch_end

        def interrupt(self, *arguments, **options):
            os.kill(os.getpid(), signal.SIGINT)
            original(self, *arguments, **options)
            patch.undo()

        patch.setattr(StopOnSignal, "on_train_batch_end", interrupt)
        train("stack_gan", source, run.path, **call)
    assert not run.has_model
    assert int(load_bundle(run.first_stage / "model").optimizer.iterations) == 1
    model = train("stack_gan", source, run.path, resume=True, **call)
    first = load_bundle(run.first_stage / "model")
    assert read_history(run.stage_history)[-1]["step"] == STAGE_STEPS
    demand_equal_weights(model.first_generator, first.generator, optimizers=False)
    assert first.stage == 1
    assert int(model.optimizer.iterations) == 1
