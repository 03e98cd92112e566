import json
import os
import shutil
import signal

import keras
import numpy as np
import pytest
from PIL import Image

from keras_t2i.callbacks import TrainingDiverged, read_history
from keras_t2i.data import Emoji, Shapes
from keras_t2i.presets import bundle_progress, load_bundle
from keras_t2i.tasks import RunDirectory, training
from keras_t2i.testing.trial import demand_equal_weights


class At(keras.callbacks.Callback):
    """Does something behind a step."""

    def __init__(self, step, action):
        super().__init__()
        self.step, self.action = step, action

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.optimizer.iterations) == self.step:
            self.action(self.model)


def spoil(model):
    for variable in model.generator.trainable_variables:
        variable.assign(np.full(variable.shape, np.nan))


def test_a_run_leaves_config_history_grids_logs_and_model(whole_run):
    folder, model = whole_run
    config = json.loads((folder / "config.json").read_text())
    assert config["arguments"]["options"] == {"resolution": 8, "seed": 0}
    assert config["arguments"]["batch_size"] == 8
    assert set(config["versions"]) >= {"python", "keras", "tensorflow", "keras_t2i"}
    grids = sorted(path.name for path in (folder / "logs").glob("grid-*.png"))
    assert grids == ["grid-0000000.png", "grid-0000004.png", "grid-0000008.png"]
    assert list((folder / "logs").glob("events.out.tfevents.*"))
    steps = [line["step"] for line in read_history(folder / "history.jsonl")]
    assert steps == [4, 5, 8]  # every four, and where an epoch of five ends
    demand_equal_weights(load_bundle(folder / "model"), model)


def test_the_card_says_what_was_done_and_claims_nothing(whole_run):
    card = (whole_run[0] / "model" / "card.md").read_text()
    assert "after 8 steps of batch 8 on `Shapes`" in card
    assert "have not been judged" in card
    assert "| 8 |" in card


def test_a_stopped_and_resumed_training_equals_an_uninterrupted_one(train, whole_run, tmp_path):
    stop = At(3, lambda model: os.kill(os.getpid(), signal.SIGTERM))
    stopped = train(tmp_path / "run", steps=8, callbacks=[stop])
    assert int(stopped.optimizer.iterations) == 3  # amid the first epoch of five
    assert int(load_bundle(tmp_path / "run" / "model").optimizer.iterations) == 3
    resumed = train(tmp_path / "run", steps=8, resume=True)
    demand_equal_weights(resumed, whole_run[1])
    steps = [line["step"] for line in read_history(tmp_path / "run" / "history.jsonl")]
    assert steps == [3, 4, 5, 8]


def test_signals_have_their_former_handlers_behind_a_training(whole_run):
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_finished_training_is_not_trained_on(train, whole_run):
    folder, model = whole_run
    again = train(folder, steps=8, resume=True)
    demand_equal_weights(again, model)


@pytest.fixture(scope="module")
def other_run(train, tmp_path_factory):
    """(run directory, model) of a training with other arguments than the usual ones."""
    folder = tmp_path_factory.mktemp("runs") / "other"
    model = train(
        folder,
        data="shapes",
        source_options={"count": 24, "objects": (1,)},
        captions=["a red cat", "a blue dog"],
        compact=True,
        epochs=1,
        resume=True,
    )
    return folder, model


def test_resuming_begins_where_there_is_nothing_and_epochs_end_it(other_run):
    assert int(other_run[1].optimizer.iterations) == 24 // 8


def test_compact_takes_the_registrys_smaller_options(other_run):
    assert other_run[1].width == 4


def test_captions_of_the_grids_may_be_given(other_run):
    grid = np.asarray(Image.open(other_run[0] / "logs" / "grid-0000000.png"))
    assert grid.shape[1] == 2 * 8 + 2


def test_a_source_may_be_named(other_run):
    arguments = json.loads((other_run[0] / "config.json").read_text())["arguments"]
    assert arguments["source"] == "shapes"
    assert arguments["source_options"] == {"count": 24, "objects": [1]}


def test_a_run_goes_on_from_its_folder_with_the_same_arguments(
    resume_training, other_run, tmp_path
):
    folder = tmp_path / "run"
    shutil.copytree(other_run[0], folder)
    before = RunDirectory(folder)
    arguments, settings = before.read_arguments(), before.read_settings()
    demand_equal_weights(resume_training(folder), other_run[1])  # its epoch is done
    assert (before.read_arguments(), before.read_settings()) == (arguments, settings)
    model = resume_training(folder, steps=5, save_every=1, progress=False)
    assert int(model.optimizer.iterations) == 5
    assert before.read_arguments() == arguments
    assert before.read_settings() == {**settings, "steps": 5, "epochs": None, "save_every": 1}
    assert [call["why"] for call in before.read_calls()] == ["limit"] * 3
    assert [line["step"] for line in read_history(before.history)][-1] == 5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 4}, r"batch_size=4 \(it began with 8\)$"),
        ({"seed": 3}, r"Received: seed=3 \(it began with 0\)$"),
        ({"options": {"noise_dim": 7}}, r"Received: options\.noise_dim=7 \(it began with None\)$"),
        ({"resolution": 16}, r"options\.resolution=16 \(it began with 8\)$"),
        ({"source_options": {"count": 16}}, r"source_options\.count=16 \(it began with 24\)$"),
        ({"precision": "mixed_float16"}, "precision='mixed_float16'"),
        ({"steps": 0}, "positive"),
    ],
)
def test_what_cannot_change_is_named(resume_training, other_run, changes, message):
    before = RunDirectory(other_run[0]).config.read_text()
    with pytest.raises(ValueError, match=message):
        resume_training(other_run[0], **changes)
    assert RunDirectory(other_run[0]).config.read_text() == before


def test_pictures_opened_in_python_have_to_be_given_again(resume_training, whole_run, source):
    folder, model = whole_run
    with pytest.raises(ValueError, match=r"give them to .* as `source`.*began with a 'Shapes'"):
        resume_training(folder)
    demand_equal_weights(resume_training(folder, source=source), model)


def test_pictures_that_have_gone_are_named(resume_training, other_run, tmp_path):
    shutil.copytree(other_run[0], tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    config["arguments"] |= {"source": "pictures", "source_path": "/no/pictures"}
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    with pytest.raises(FileNotFoundError, match="/no/pictures"):
        resume_training(tmp_path / "run")


def test_only_a_training_goes_on(resume_training, tmp_path):
    with pytest.raises(FileNotFoundError, match="No training was begun"):
        resume_training(tmp_path)


def test_a_cool_down_slows_the_last_steps_and_leaves_the_full_rates(train, whole_run, tmp_path):
    steps = int(whole_run[1].optimizer.iterations)
    model = train(tmp_path / "run", steps=steps, cool_down=steps - 2)
    rates = [o.learning_rate.numpy() for o in (model.optimizer, model.discriminator_optimizer)]
    np.testing.assert_allclose(rates, [1e-3, 2e-3], rtol=1e-5)
    pairs = zip(model.get_weights(), whole_run[1].get_weights(), strict=True)
    assert any(not np.array_equal(cooled, full) for cooled, full in pairs)
    loaded = load_bundle(tmp_path / "run" / "model")
    assert float(loaded.optimizer.learning_rate.numpy()) == pytest.approx(1e-3)


def test_a_learning_rate_of_ones_own_takes_the_place_of_both(train, tmp_path):
    model = train(tmp_path / "run", steps=1, learning_rate=5e-4)
    rates = [o.learning_rate.numpy() for o in (model.optimizer, model.discriminator_optimizer)]
    np.testing.assert_allclose(rates, [5e-4, 5e-4], rtol=1e-5)
    model = train(tmp_path / "run", steps=2, learning_rate=2e-4, resume=True)
    assert float(model.optimizer.learning_rate.numpy()) == pytest.approx(2e-4)


def test_minutes_end_a_training(train, tmp_path):
    model = train(tmp_path / "run", minutes=1e-6)
    assert int(model.optimizer.iterations) in (1, 2)


def test_a_broken_loss_leaves_the_last_good_weights(train, tmp_path):
    with pytest.raises(TrainingDiverged, match="`g_fake`"):
        train(tmp_path / "run", steps=8, callbacks=[At(2, spoil)])
    saved = load_bundle(tmp_path / "run" / "model")
    assert all(np.isfinite(weight).all() for weight in saved.get_weights())


def test_a_run_is_not_mixed_with_another(train, whole_run):
    with pytest.raises(FileExistsError, match="resume=True"):
        train(whole_run[0], steps=8)


def test_a_run_is_not_mixed_with_other_files(train, tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"")
    for resume in (False, True):
        with pytest.raises(FileExistsError, match="other files"):
            train(tmp_path, steps=8, resume=resume)


def test_a_run_goes_on_with_the_arguments_it_began_with(train, whole_run):
    with pytest.raises(ValueError, match=r"batch_size=4 \(it began with 8\)"):
        train(whole_run[0], steps=9, batch_size=4, resume=True)


def test_a_training_needs_an_end(train, tmp_path):
    with pytest.raises(ValueError, match="`steps`, `epochs` or `minutes`"):
        train(tmp_path / "run")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 0}, "positive"),
        ({"epochs": 0}, "positive"),
        ({"minutes": -1}, "positive"),
        ({"minutes": 1, "cool_down": 3}, r"`cool_down`.*steps=None"),
        ({"steps": 2, "cool_down": 3}, r"`cool_down`.*cool_down=3, steps=2"),
        ({"steps": 1, "options": {"widht": 3}}, "Did you mean width"),
        ({"steps": 1, "precision": "float31"}, "mixed_bfloat16"),
        ({"steps": 1, "batch_size": 1000}, "not above the number of pictures"),
        ({"steps": 1, "batch_size": 0}, "`batch_size` must be positive"),
        ({"steps": 1, "grid_every": 0}, "`every` must be positive"),
        ({"steps": 1, "save_minutes": 0}, "`minutes` must be positive"),
        ({"steps": 1, "captions": ["a cat", " "]}, "space"),
        ({"steps": 1, "data": "shaped"}, "shapes"),
        ({"steps": 1, "source_options": {"count": 3}}, "open already"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_written(train, tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        train(tmp_path / "run", **arguments)
    assert not (tmp_path / "run").exists()


def test_unknown_systems_are_named_with_the_close_ones(tmp_path):
    with pytest.raises(ValueError, match="contrastive_gan"):
        training.train("contrastive_gun", "shapes", tmp_path / "run", steps=1)


def test_held_out_captions_differ_and_come_from_another_split():
    chosen = training.held_out(Shapes(objects=(1,)), 4)
    assert len(set(chosen)) == 4
    seen = Shapes(objects=(1,), count=500)
    assert not set(chosen) & {seen.captions(index)[0] for index in range(500)}


def test_held_out_captions_may_be_fewer_than_asked():
    assert len(training.held_out(Emoji(), 10**4)) == len(Emoji("val"))


def test_pictures_are_judged_while_the_model_learns_and_the_best_is_kept(train, tmp_path):
    run = tmp_path / "run"
    train(run, steps=4, protocols=["shapes_bench[count=3]"], evaluate_every=2)
    best = load_bundle(run / "best")
    assert best.resolutions == (8,)
    card = (run / "best" / "card.md").read_text()
    assert "as the best so far by `shapes_bench[count=3]`" in card
    assert "have not been judged" not in card
    assert bundle_progress(run / "best")["record"]["protocol"] == "shapes_bench[count=3]"
    # Going on beats the kept record or keeps it.
    train(run, steps=6, protocols=["shapes_bench[count=3]"], evaluate_every=2, resume=True)
    assert bundle_progress(run / "best")["record"]["protocol"] == "shapes_bench[count=3]"


def test_an_unknown_protocol_is_refused_before_anything_is_written(train, tmp_path):
    with pytest.raises(ValueError, match="No protocol of this name"):
        train(tmp_path / "run", steps=1, protocols=["beauty"])
    assert not (tmp_path / "run").exists()
