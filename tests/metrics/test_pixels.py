import numpy as np
import pytest

from keras_t2i.metrics.pixels import check_pictures, levels


def test_both_ranges_become_levels():
    assert levels(np.array([[0, 255]], np.uint8)).numpy().tolist() == [[0.0, 255.0]]
    assert levels(np.array([[-1.0, 1.0]], np.float32)).numpy().tolist() == [[0.0, 255.0]]


def test_mixed_sizes_are_an_error():
    pictures = [np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)]
    with pytest.raises(ValueError, match="one size and kind.*8, 8, 3.*8, 9, 3"):
        check_pictures(pictures, "images")


@pytest.mark.parametrize("shape", [(2, 8, 8), (2, 8, 8, 1), (2, 8, 8, 4), (8, 8, 3)])
def test_grey_and_transparent_pictures_are_errors(shape):
    with pytest.raises(ValueError, match="RGB pictures of shape"):
        check_pictures(np.zeros(shape, np.uint8), "images")


def test_too_few_pictures_are_an_error():
    with pytest.raises(ValueError, match="at least a picture"):
        check_pictures(np.zeros((0, 8, 8, 3), np.uint8), "images")


@pytest.mark.parametrize("value", [200.0, np.nan])
def test_floats_out_of_range_are_an_error(value):
    with pytest.raises(ValueError, match=r"must lie in \[-1, 1\]"):
        check_pictures(np.full((1, 8, 8, 3), value, np.float32), "images")


def test_other_integers_are_an_error():
    with pytest.raises(TypeError, match="int32"):
        check_pictures(np.zeros((1, 8, 8, 3), np.int32), "images")
