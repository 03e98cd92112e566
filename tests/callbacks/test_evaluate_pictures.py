import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.util.tensor_util import make_ndarray

from keras_t2i.callbacks import EvaluatePictures
from keras_t2i.metrics import Extractor, Score
from keras_t2i.metrics.protocols import Judge, Protocol, Record, judge
from keras_t2i.presets import bundle_progress, load_bundle

QUICK = "shapes_bench[count=6]"
COLOURS = Protocol(
    name="colours",
    metric="frechet_distance",
    data="own",
    split="train",
    reference="train",
    count=4,
    side=8,
    extractor="efficientnet_lite0",
)


class Means(Extractor):
    """Mean colours, instead of a network."""

    name, side, resize, width, weights_hash = "means", 4, "half_pixel_bilinear", 3, "w"

    def run(self, levels):
        return {"features": tf.reduce_mean(levels, axis=(1, 2))}


def scalars(folder):
    """{tag: {step: value}} of a TensorBoard log."""
    found = {}
    for path in sorted(folder.glob("events.*")):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = Event.FromString(record)
            for value in event.summary.value:
                found.setdefault(value.tag, {})[event.step] = float(make_ndarray(value.tensor))
    return found


@pytest.fixture
def scripted(monkeypatch):
    """Lets the judge give the numbers of a list, one an evaluation."""

    def use(values):
        left = iter(values)
        plain = Judge.judge

        def scored(self, subject, **options):
            records = plain(self, subject, **options)
            scores = {"caption": Score(next(left), 0.1, 6)}
            return [dataclasses.replace(records[0], scores=scores), *records[1:]]

        monkeypatch.setattr(Judge, "judge", scored)

    return use


def test_curves_of_every_protocol_go_to_tensorboard(smallest, tmp_path):
    model = smallest.model(run_eagerly=True)
    judged = EvaluatePictures([QUICK], every=2, folder=tmp_path)
    model.fit(smallest.batches(4), verbose=0, callbacks=[judged])
    logged = scalars(tmp_path)
    assert [step for step, _ in judged.history] == [2, 4]
    expected = {step: records[0].value for step, records in judged.history}
    assert logged[f"quality/{QUICK}"] == pytest.approx(expected)
    binding = {step: records[0].scores["binding"].value for step, records in judged.history}
    assert logged[f"quality/{QUICK}/binding"] == pytest.approx(binding)


def test_without_a_step_count_each_epoch_is_judged_and_the_end_always(smallest):
    model = smallest.model(run_eagerly=True)
    epochs, late = EvaluatePictures([QUICK]), EvaluatePictures(QUICK, every=100)
    model.fit(smallest.batches(2), epochs=2, verbose=0, callbacks=[epochs, late])
    assert [step for step, _ in epochs.history] == [2, 4]
    assert [step for step, _ in late.history] == [4]


def test_judging_does_not_change_the_training(smallest):
    weights = []
    for callbacks in ([], [EvaluatePictures([QUICK], every=1)]):
        model = smallest.model(run_eagerly=True)
        model.fit(smallest.batches(2), verbose=0, callbacks=callbacks)
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_averaged_generator_is_judged(smallest, tmp_path, monkeypatch):
    monkeypatch.setattr(judge, "get_extractor", lambda name, weights=None: Means())
    model = smallest.model()
    judged = EvaluatePictures([COLOURS], data=smallest.source, cache=tmp_path)
    judged.set_model(model)
    (before,) = judged.evaluate()
    model.generator.set_weights([w + 1.0 for w in model.generator.get_weights()])
    assert judged.evaluate()[0].value == before.value
    model.averaged_generator.set_weights(model.generator.get_weights())
    assert judged.evaluate()[0].value != before.value


def test_the_best_model_is_kept_whole(smallest, tmp_path, scripted):
    scripted([0.2, 0.6, 0.4])
    model = smallest.model(run_eagerly=True)
    pictures = {}
    judged = EvaluatePictures([QUICK], every=1, keep=tmp_path / "best", card=lambda: "# Mine")

    class Remember(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            step = int(self.model.optimizer.iterations)
            pictures[step] = self.model.generate("a red circle", seed=1)

    model.fit(smallest.batches(3), verbose=0, callbacks=[Remember(), judged])
    assert judged.best.value == 0.6
    kept = load_bundle(tmp_path / "best").generate("a red circle", seed=1)
    assert np.abs(kept.astype(int) - pictures[2]).max() <= 1
    card = (tmp_path / "best" / "card.md").read_text()
    assert card.startswith("# Mine")
    assert "At step 2" in card
    assert "caption 60 %" in card
    assert [path.name for path in tmp_path.iterdir()] == ["best"]
    assert Record.from_dict(bundle_progress(tmp_path / "best")["record"]) == judged.best


def test_a_training_that_goes_on_knows_what_to_beat(smallest, tmp_path, scripted):
    scripted([0.5, 0.4, 0.7])
    model = smallest.model(run_eagerly=True)
    first = EvaluatePictures([QUICK], keep=tmp_path / "best")
    model.fit(smallest.batches(1), verbose=0, callbacks=[first])
    second = EvaluatePictures([QUICK], keep=tmp_path / "best")
    assert second.best == first.best
    model.fit(smallest.batches(1), verbose=0, callbacks=[second])
    assert second.best == first.best
    model.fit(smallest.batches(1), verbose=0, callbacks=[second])
    assert second.best.value == 0.7


def test_what_another_protocol_kept_is_not_overwritten(smallest, tmp_path):
    model = smallest.model(run_eagerly=True)
    judged = EvaluatePictures([QUICK], keep=tmp_path / "best")
    model.fit(smallest.batches(1), verbose=0, callbacks=[judged])
    with pytest.raises(FileExistsError, match="not kept by `shapes_bench`"):
        EvaluatePictures(["shapes_bench"], keep=tmp_path / "best")
    model.save_to_preset(tmp_path / "mine")
    with pytest.raises(FileExistsError, match="not kept by"):
        EvaluatePictures([QUICK], keep=tmp_path / "mine")


def test_a_kept_model_that_does_not_compare_counts_no_more(smallest, scripted):
    judged = EvaluatePictures([QUICK])
    judged.set_model(smallest.model())
    judged.evaluate()
    judged.best = dataclasses.replace(judged.best, weights_hash="other")
    with pytest.warns(UserWarning, match="counts no more.*weights of the evaluator"):
        judged.evaluate()
    assert judged.best.weights_hash != "other"


@pytest.mark.filterwarnings("default::keras_t2i.metrics.FewSamplesWarning")
def test_too_few_pictures_are_warned_of_once(smallest, tmp_path, monkeypatch, recwarn):
    monkeypatch.setattr(judge, "get_extractor", lambda name, weights=None: Means())
    few = "fid_lite0_5k_own[count=4,side=8]"
    judged = EvaluatePictures([few], data=smallest.source, cache=tmp_path)
    judged.set_model(smallest.model())
    for _ in range(2):
        judged.evaluate()
    told = [w for w in recwarn.list if "5,000 are needed" in str(w.message)]
    assert len(told) == 1


def test_what_does_not_fit_is_said_before_the_first_step(smallest):
    model = smallest.model(run_eagerly=True)
    judged = EvaluatePictures(["fid_lite0_5k_emoji"], every=1000)
    with pytest.raises(ValueError, match="Received: a model of 8 px"):
        model.fit(smallest.batches(1), verbose=0, callbacks=[judged])
    assert int(model.optimizer.iterations) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"protocols": [QUICK], "every": 0}, "every=0"),
        ({"protocols": []}, "at least one protocol"),
        ({"protocols": ["beauty"]}, "No protocol of this name"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        EvaluatePictures(**arguments)


def test_a_kept_model_that_a_kill_moved_away_is_put_back(smallest, tmp_path):
    keep = tmp_path / "best"
    judged = EvaluatePictures([QUICK], keep=keep)
    smallest.model().fit(smallest.batches(1), verbose=0, callbacks=[judged])
    keep.rename(tmp_path / ".best-abc-former")
    (tmp_path / ".best-def").mkdir()
    assert EvaluatePictures([QUICK], keep=keep).best == judged.best
    assert [path.name for path in tmp_path.iterdir()] == ["best"]
    with (keep / "model.weights.h5").open("ab") as file:
        file.write(b"more")
    with pytest.warns(UserWarning, match=r"counts no more.*model\.weights\.h5"):
        assert EvaluatePictures([QUICK], keep=keep).best is None
