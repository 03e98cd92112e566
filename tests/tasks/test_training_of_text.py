"""Trainings whose system first trains a text encoder."""

import os
import signal

import pytest

from keras_t2i.callbacks import StopOnSignal, read_history
from keras_t2i.data import Shapes
from keras_t2i.registry import find_system
from keras_t2i.tasks import load_model
from keras_t2i.tasks.run_directory import RunDirectory
from keras_t2i.tasks.training import train
from keras_t2i.testing.trial import demand_equal_weights

SOURCE = Shapes(objects=(1,), count=80)
TEXT_STEPS = 2 * 2  # two epochs of two batches


@pytest.fixture(scope="module")
def gan_cls():
    row = find_system("gan_cls")
    options = {**row.tiny, "text_epochs": 2}
    resolution = options.pop("resolution")

    def call(run_dir, **given):
        return train(
            "gan_cls",
            SOURCE,
            run_dir,
            resolution=resolution,
            batch_size=4,
            steps=2,
            options=options,
            progress=False,
            **given,
        )

    return call


@pytest.fixture(scope="module")
def whole(gan_cls, tmp_path_factory):
    """(run, model) of an uninterrupted training."""
    run = RunDirectory(tmp_path_factory.mktemp("runs") / "whole")
    return run, gan_cls(run.path)


@pytest.fixture
def signal_at(monkeypatch):
    """Ctrl-C behind so many steps of whatever trains."""

    def plan(step):
        steps, original = [], StopOnSignal.on_train_batch_end

        def count(self, *arguments, **options):
            steps.append(None)
            if len(steps) == step:
                os.kill(os.getpid(), signal.SIGINT)
            original(self, *arguments, **options)

        monkeypatch.setattr(StopOnSignal, "on_train_batch_end", count)

    return plan


@pytest.mark.parametrize("step", [1, 3, TEXT_STEPS, TEXT_STEPS + 1])
def test_a_stopped_training_goes_on_with_its_text_encoder(
    gan_cls, whole, signal_at, tmp_path, step
):
    run = RunDirectory(tmp_path / "stopped")
    signal_at(step)
    stopped = gan_cls(run.path)
    assert run.has_model == (step > TEXT_STEPS)
    assert int(stopped.optimizer.iterations) == max(0, step - TEXT_STEPS)
    demand_equal_weights(gan_cls(run.path, resume=True), whole[1])
    steps = [line["step"] for line in read_history(run.text_history)]
    assert steps == sorted({*steps, TEXT_STEPS})


def test_a_stopped_text_encoder_is_no_model_yet(gan_cls, signal_at, tmp_path):
    run = RunDirectory(tmp_path / "stopped")
    signal_at(1)
    gan_cls(run.path)
    with pytest.raises(FileNotFoundError, match="--resume"):
        load_model(run.path)
    with pytest.raises(FileExistsError, match="--resume"):
        gan_cls(run.path)


def test_minutes_end_a_text_encoders_training_too(gan_cls, whole, tmp_path):
    run = RunDirectory(tmp_path / "short")
    stopped = gan_cls(run.path, minutes=1e-6)
    assert int(stopped.optimizer.iterations) == 0
    assert run.text_encoder.exists()
    assert read_history(run.text_history)[-1]["step"] in (1, 2)
    assert run.read_calls()[-1]["why"] == "limit"
    demand_equal_weights(gan_cls(run.path, resume=True), whole[1])


def test_bad_options_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="`text_epochs`"):
        train("gan_cls", SOURCE, tmp_path / "run", steps=1, options={"text_epochs": -1})
    assert not (tmp_path / "run").exists()
