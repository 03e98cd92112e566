import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.data.augment import (
    cut_windows,
    draw_windows,
    image_pyramid,
    to_float,
    to_uint8,
)


def draws(seed=0):
    return np.random.default_rng(seed)


def numbered(rows, side):
    """Pictures in which each pixel of channel 0 tells its column and of channel 1 its row."""
    columns, lines = np.meshgrid(np.arange(side), np.arange(side))
    picture = np.stack([columns, lines, np.zeros_like(lines)], -1).astype(np.uint8)
    return np.stack([picture] * rows)


def crop_and_flip(pictures, size, draws, *, flip):
    windows = draw_windows(len(pictures), pictures.shape[1] - size, draws)
    return cut_windows(pictures, size, windows.allow(flip))


def test_floats_span_minus_one_to_one():
    levels = tf.constant([0, 51, 255], tf.uint8)
    np.testing.assert_allclose(to_float(levels), [-1.0, -0.6, 1.0], atol=1e-6)


def test_every_grey_level_survives_the_way_to_floats_and_back():
    levels = tf.range(256)
    np.testing.assert_array_equal(to_uint8(to_float(tf.cast(levels, tf.uint8))), levels)


def test_floats_beyond_the_range_are_clipped():
    np.testing.assert_array_equal(to_uint8(tf.constant([-1.2, 1.7])), [0, 255])


def test_pyramid_pixels_are_means_of_the_pixels_they_stand_for():
    image = tf.reshape(tf.range(16, dtype=tf.float32), (1, 4, 4, 1))
    pyramid = image_pyramid(image, (1, 2, 4))
    assert list(pyramid) == ["1", "2", "4"]
    np.testing.assert_allclose(pyramid["2"][0, :, :, 0], [[2.5, 4.5], [10.5, 12.5]])
    np.testing.assert_allclose(pyramid["1"][0, 0, 0, 0], 7.5)
    np.testing.assert_array_equal(pyramid["4"], image)


def test_without_draws_the_centre_is_cut():
    cut = crop_and_flip(numbered(2, 10), 6, None, flip=True)
    assert cut.shape == (2, 6, 6, 3)
    np.testing.assert_array_equal(cut[0, 0, 0], [2, 2, 0])


def test_windows_take_every_place_and_no_other():
    cut = crop_and_flip(numbered(200, 6), 4, draws(), flip=False)
    corners = {tuple(window[0, 0, :2]) for window in cut}
    assert corners == {(x, y) for x in range(3) for y in range(3)}
    np.testing.assert_array_equal(np.diff(cut[:, 0, :, 0].astype(int)), 1)


def test_about_half_of_the_pictures_are_mirrored():
    cut = crop_and_flip(numbered(400, 4), 4, draws(), flip=True)
    mirrored = cut[:, 0, 0, 0] == 3
    assert 160 < mirrored.sum() < 240
    np.testing.assert_array_equal(cut[:, :, 0, 1], np.tile(np.arange(4), (400, 1)))


def test_pictures_that_must_not_be_mirrored_are_not():
    allowed = np.arange(400) % 2 == 0
    mirrored = crop_and_flip(numbered(400, 4), 4, draws(), flip=allowed)[:, 0, 0, 0] == 3
    assert not mirrored[~allowed].any()
    assert 60 < mirrored[allowed].sum() < 140


@pytest.mark.parametrize("flip", [False, np.zeros(3, bool)])
def test_pictures_without_margin_or_mirroring_stay_as_they_are(flip):
    pictures = numbered(3, 4)
    np.testing.assert_array_equal(crop_and_flip(pictures, 4, draws(), flip=flip), pictures)


def test_windows_of_some_pictures_are_those_of_all_pictures_there():
    pictures, windows = numbered(8, 6), draw_windows(8, 2, draws())
    some = cut_windows(pictures[2:5], 4, windows[2:5])
    np.testing.assert_array_equal(some, cut_windows(pictures, 4, windows)[2:5])
