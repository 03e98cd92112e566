import numpy as np
import pytest

from keras_t2i.tasks.labelled_grid import labelled_grid


def coloured(*colours):
    """Pictures whose colour no antialiased letter has."""
    return np.stack([np.full((4, 4, 3), (colour, 99, 0), np.uint8) for colour in colours])


def places_of(value, pixels):
    return np.argwhere((pixels == (value, 99, 0)).all(axis=-1))


def test_pictures_are_enlarged_by_whole_numbers_and_stand_in_their_places():
    grid = labelled_grid({"a": coloured(10, 20), "b": coloured(30, 40)}, ["x", "y"], side=18)
    pixels = np.asarray(grid)
    for value in (10, 20, 30, 40):  # 4 pixels become 16
        assert len(places_of(value, pixels)) == 16 * 16
    rows, columns = {}, {}
    for value in (10, 20, 30, 40):
        y, x = places_of(value, pixels).mean(axis=0)
        rows[value], columns[value] = round(y), round(x)
    assert rows[10] == rows[20] < rows[30] == rows[40]
    assert columns[10] == columns[30] < columns[20] == columns[40]


def test_no_picture_covers_a_name():
    grids = {
        name: labelled_grid({name: coloured(200), "a": coloured(200)}, ["x"], side=32)
        for name in ("a name", "seed 2147483647")
    }
    for name, grid in grids.items():
        written = np.argwhere(np.asarray(grid.convert("L"))[:-20] < 80)  # above the caption
        pictures = places_of(200, np.asarray(grid))
        assert written[:, 1].max() < pictures[:, 1].min() - 2, name
    assert grids["seed 2147483647"].width > grids["a name"].width


def test_words_stand_below():
    short = labelled_grid({"": coloured(0)}, ["x"], side=32)
    long = labelled_grid({"": coloured(0)}, ["a very long caption that needs lines"], side=32)
    assert long.height > short.height
    assert long.width == short.width


def test_rows_of_another_length_are_refused():
    with pytest.raises(ValueError, match="one picture for each caption"):
        labelled_grid({"a": coloured(1)}, ["x", "y"])
