import re

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.util.tensor_util import make_ndarray

from keras_t2i.callbacks import PictureGrid, picture_grid

CAPTIONS = ["a red circle", "two blue squares"]


def events(folder):
    """All values of a TensorBoard log: (tag, step, array)."""
    found = []
    for path in sorted(folder.glob("events.*")):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = Event.FromString(record)
            for value in event.summary.value:
                found.append((value.tag, event.step, make_ndarray(value.tensor)))
    return found


def steps(folder):
    return [int(path.stem.removeprefix("grid-")) for path in sorted(folder.glob("grid-*.png"))]


@pytest.fixture(scope="module")
def trained(smallest, tmp_path_factory):
    """A run of 4 steps with a grid every second one: (folder, model)."""
    folder = tmp_path_factory.mktemp("runs") / "new" / "run"
    model = smallest.model(run_eagerly=True)
    grid = PictureGrid(folder, captions=CAPTIONS, seeds=(3, 4, 5), every=2)
    model.fit(smallest.batches(4), verbose=0, callbacks=[grid])
    return folder, model


def test_files_of_every_so_many_steps(trained):
    folder, _ = trained
    assert steps(folder) == [0, 2, 4]
    with Image.open(folder / "grid-0000004.png") as picture:
        assert picture.size == (2 * 8 + 2, 3 * 8 + 2 * 2)
        assert picture.mode == "RGB"


def test_last_grid_shows_captions_in_columns_and_seeds_in_rows(trained):
    folder, model = trained
    with Image.open(folder / "grid-0000004.png") as picture:
        grid = np.asarray(picture)
    for column, caption in enumerate(CAPTIONS):
        for row, seed in enumerate((3, 4, 5)):
            part = grid[10 * row : 10 * row + 8, 10 * column : 10 * column + 8]
            expected = model.generate(caption, seed=seed)
            assert np.abs(part.astype(int) - expected).max() <= 1


def test_tensorboard_shows_pictures_and_captions(trained):
    folder, _ = trained
    logged = events(folder)
    pictures = {step: value for tag, step, value in logged if tag == "pictures"}
    assert sorted(pictures) == [0, 2, 4]
    width, height, png = pictures[4]
    assert (int(width), int(height)) == (18, 28)
    with Image.open(folder / "grid-0000004.png") as picture:
        np.testing.assert_array_equal(tf.io.decode_png(png), np.asarray(picture))
    (text,) = [value.item().decode() for tag, _, value in logged if tag == "captions"]
    assert text.split("\n") == [f"1. {caption}" for caption in CAPTIONS]


def test_tensorboard_shows_every_term_speed_and_size(trained):
    folder, model = trained
    scalars = {}
    for tag, step, value in events(folder):
        if value.ndim == 0 and tag != "captions":
            scalars.setdefault(tag, {})[step] = float(value)
    terms = {"d_loss", "g_loss", *model.loss_names}
    assert {tag for tag in scalars if tag.startswith("loss/")} == {f"loss/{t}" for t in terms}
    assert all(sorted(scalars[f"loss/{term}"]) == [2, 4] for term in terms)
    assert all(np.isfinite(list(values.values())).all() for values in scalars.values())
    assert all(value > 0 for value in scalars["steps_per_second"].values())
    assert scalars["parameters"] == {0: model.count_params()}


def test_the_end_of_each_epoch_without_a_step_count(smallest, tmp_path):
    model = smallest.model(run_eagerly=True)
    grid = PictureGrid(tmp_path, captions=CAPTIONS[:1], seeds=(0,))
    model.fit(smallest.batches(2), epochs=2, verbose=0, callbacks=[grid])
    assert steps(tmp_path) == [0, 2, 4]
    model.fit(smallest.batches(1), verbose=0, callbacks=[grid])  # goes on where it was
    assert steps(tmp_path) == [0, 2, 4, 5]


def test_the_end_of_training_is_always_shown(smallest, tmp_path):
    model = smallest.model(run_eagerly=True)
    grid = PictureGrid(tmp_path, captions=CAPTIONS[:1], seeds=(0,), every=100, truncation=0.5)
    model.fit(smallest.batches(1), verbose=0, callbacks=[grid])
    assert steps(tmp_path) == [0, 1]


def test_grid_is_laid_out_on_white():
    pictures = np.zeros((2, 3, 4, 5, 3), np.uint8)
    pictures[1, 2] = 7
    grid = picture_grid(pictures)
    assert grid.shape == (2 * 4 + 2, 3 * 5 + 2 * 2, 3)
    assert (grid[6:, 14:] == 7).all()
    assert (grid[4:6] == 255).all()
    assert (grid[:, 5:7] == 255).all()
    assert (grid[:4, :5] == 0).all()


@pytest.mark.parametrize(
    "arguments",
    [
        {"captions": []},
        {"captions": "a red circle"},
        {"captions": CAPTIONS, "seeds": ()},
        {"captions": CAPTIONS, "every": 0},
        {"captions": CAPTIONS, "every": -1},
    ],
)
def test_arguments_out_of_range_are_refused(arguments, tmp_path):
    with pytest.raises(ValueError, match=re.escape("`captions` must be a list")):
        PictureGrid(tmp_path, **arguments)


def test_tensorboard_is_among_the_requirements():
    import importlib.metadata
    import pathlib

    setup = pathlib.Path(__file__).resolve().parents[2] / "setup.py"
    assert '"tensorboard' in setup.read_text(encoding="utf-8")
    assert importlib.metadata.version("tensorboard")
