import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.util.tensor_util import make_ndarray

import keras_t2i
from keras_t2i.callbacks import AttentionMaps

CAPTIONS = ["a small red circle", "a blue square"]


def pretend_to_train(model, maps, *, steps, epochs=1):
    """Call a callback as `fit` does, without the time that learning takes."""
    maps.set_model(model)
    maps.on_train_begin()
    for epoch in range(epochs):
        for step in range(steps):
            model.optimizer.iterations.assign_add(1)
            maps.on_train_batch_end(step, {})
        maps.on_epoch_end(epoch, {})
    maps.on_train_end({})


def steps(folder):
    return [int(path.stem.rpartition("-")[2]) for path in sorted(folder.glob("attention-8-*.png"))]


@pytest.fixture(scope="module")
def trained(attending, tmp_path_factory):
    """A run of one step with drawings around it: (folder, model)."""
    folder = tmp_path_factory.mktemp("runs") / "new" / "run"
    model = attending.model(run_eagerly=True)
    maps = AttentionMaps(folder, captions=CAPTIONS, seeds=[3, 4], every=1, most=2, truncation=0.5)
    model.fit(attending.batches(1), verbose=0, callbacks=[maps])
    return folder, model


def test_files_of_every_so_many_steps(trained):
    assert steps(trained[0]) == [0, 1]


def test_the_last_drawing_is_that_of_the_model(trained):
    folder, model = trained
    painted = model.generate(CAPTIONS, seed=[3, 4], truncation=0.5, return_attention=True)
    expected = np.asarray(keras_t2i.plot_attention(*painted, most=2, stage=8)).astype(int)
    with Image.open(folder / "attention-8-0000001.png") as found:
        np.testing.assert_allclose(np.asarray(found).astype(int), expected, atol=1)


def test_tensorboard_shows_a_drawing_for_each_stage(trained):
    folder, _ = trained
    found = {}
    for path in folder.glob("events.*"):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = Event.FromString(record)
            for value in event.summary.value:
                found[value.tag, event.step] = make_ndarray(value.tensor)
    assert sorted(found) == [("attention_8", 0), ("attention_8", 1)]
    *_, png = found["attention_8", 1]
    with Image.open(folder / "attention-8-0000001.png") as picture:
        np.testing.assert_array_equal(tf.io.decode_png(png), np.asarray(picture))


def test_the_end_of_each_epoch_and_of_the_training(attending, tmp_path):
    model = attending.model()
    by_epoch = AttentionMaps(tmp_path / "epochs", captions=CAPTIONS)
    pretend_to_train(model, by_epoch, steps=2, epochs=2)
    assert steps(tmp_path / "epochs") == [0, 2, 4]
    rare = AttentionMaps(tmp_path / "rare", captions=CAPTIONS, every=100)
    pretend_to_train(model, rare, steps=3)
    assert steps(tmp_path / "rare") == [4, 7]


def test_training_goes_on_where_no_file_can_be_written(attending, tmp_path):
    (tmp_path / "run").write_text("a file, where a folder should be")
    maps, model = AttentionMaps(tmp_path / "run", captions=CAPTIONS), attending.model()
    with pytest.warns(UserWarning, match="cannot be written, and the training goes on") as told:
        pretend_to_train(model, maps, steps=1)
    told = [str(one.message) for one in told if one.category is UserWarning]
    assert [message.split(" cannot")[0] for message in told] == [
        "Drawings of the attention",
        "TensorBoard's log",
    ]


def test_a_system_that_looks_at_no_words_is_refused(smallest, tmp_path):
    maps = AttentionMaps(tmp_path, captions=CAPTIONS)
    with pytest.raises(ValueError, match="systems that look at words.*SmallestGAN"):
        pretend_to_train(smallest.model(), maps, steps=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"captions": []}, "`captions` must be a list"),
        ({"captions": "red"}, "`captions` must be a list"),
        ({"captions": CAPTIONS, "seeds": [1]}, "`seeds` None or one for each"),
        (
            {"captions": CAPTIONS, "every": 0},
            "`every` must be positive, or None. Received: every=0",
        ),
        ({"captions": CAPTIONS, "most": 0}, "`most` must be positive, or None. Received: most=0"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        AttentionMaps(tmp_path, **arguments)
