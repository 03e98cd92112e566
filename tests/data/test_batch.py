import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.data.batch import check_batch


def batch(**changes):
    good = {
        "tokens": np.ones((2, 5), np.int32),
        "images": {"8": np.zeros((2, 8, 8, 3), np.float32)},
        "labels": np.zeros(2, np.int32),
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def with_value(value):
    images = np.zeros((2, 8, 8, 3), np.float32)
    images[1, 2, 3, 0] = value
    return {"8": images}


def test_a_good_batch_passes_as_arrays_tensors_and_as_a_tuple_of_one():
    check_batch(batch())
    check_batch((batch(),))
    check_batch(tf.nest.map_structure(tf.constant, batch()))


def test_a_dataset_is_checked_by_its_element_spec():
    check_batch(tf.data.Dataset.from_tensors(batch()).element_spec)
    with pytest.raises(ValueError, match="`tokens` must be int32 of rank 2"):
        check_batch(tf.data.Dataset.from_tensor_slices(batch()).element_spec)


def test_what_is_no_dict_is_refused():
    with pytest.raises(TypeError, match=r"must be a dict.*Received: list"):
        check_batch([batch()])


@pytest.mark.parametrize("missing", ["tokens", "images"])
def test_tokens_and_images_must_be_there(missing):
    with pytest.raises(ValueError, match="must hold `tokens` and `images`"):
        check_batch(batch(**{missing: None}))


def test_an_unknown_key_is_refused():
    with pytest.raises(ValueError, match=r"Received: keys=.*'token_ids'"):
        check_batch(batch(token_ids=np.ones((2, 5), np.int32)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tokens", np.ones((2, 5), np.int64)),
        ("tokens", np.ones(2, np.int32)),
        ("labels", np.ones((2, 1), np.int32)),
        ("boxes", np.ones((2, 4), np.float32)),
        ("masks", np.ones((2, 1, 8, 8), np.float64)),
    ],
)
def test_wrong_ranks_and_dtypes_are_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be .* Received: dtype="):
        check_batch(batch(**{name: value}))


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 8, 8, 3), np.float32),
        {},
        {"16": np.zeros((2, 8, 8, 3), np.float32)},
        {"8": np.zeros((2, 8, 8, 1), np.float32)},
        {"8": np.zeros((2, 8, 8, 3), np.uint8)},
        {"big": np.zeros((2, 8, 8, 3), np.float32)},
    ],
)
def test_images_are_floats_named_by_their_side(images):
    with pytest.raises(ValueError, match="images"):
        check_batch(batch(images=images))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_pictures_that_are_not_finite_are_refused_and_counted(value):
    with pytest.raises(ValueError, match=r"NaN or infinite.*Received: 1 such values of 384"):
        check_batch(batch(images=with_value(value)))


def test_pictures_beyond_the_range_are_refused():
    with pytest.raises(ValueError, match=r"must lie in \[-1, 1\].*Received: values from 0 to 255"):
        check_batch(batch(images=with_value(255.0)))
    check_batch(batch(images=with_value(1.0)))


def test_annotations_that_are_not_pictures_may_exceed_the_range():
    check_batch(batch(attributes=np.full((2, 3), 7.0, np.float32)))
