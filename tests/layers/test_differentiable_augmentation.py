import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.layers import augment_pictures
from keras_t2i.layers.random import step_seed

KINDS = ["color", "translation", "cutout"]
SEED = step_seed(0, tf.constant(3), "real")
PICTURES = np.random.default_rng(0).uniform(-1, 1, (6, 16, 16, 3)).astype("float32")


@pytest.mark.parametrize("kinds", [[], *[[kind] for kind in KINDS], KINDS])
def test_equal_seeds_give_equal_distortions(kinds):
    one, again = (augment_pictures(PICTURES, kinds, seed=SEED) for _ in range(2))
    np.testing.assert_array_equal(one, again)
    other = augment_pictures(PICTURES, kinds, seed=step_seed(0, tf.constant(4), "real"))
    assert np.array_equal(one, other) == (not kinds)
    assert one.shape == PICTURES.shape


def test_each_picture_has_its_own_draw():
    same = np.repeat(PICTURES[:1], 6, axis=0)
    for kind in KINDS:
        pictures = augment_pictures(same, [kind], seed=SEED).numpy()
        assert len(np.unique(pictures.reshape(6, -1), axis=0)) > 1, kind


def test_translation_moves_by_at_most_an_eighth_onto_black():
    dot = np.zeros((64, 16, 16, 3), "float32")
    dot[:, 8, 8] = 1.0
    moved = augment_pictures(dot, ["translation"], seed=SEED).numpy()
    np.testing.assert_array_equal(moved.sum(axis=(1, 2, 3)), 3.0)
    rows, columns = np.nonzero(moved[..., 0])[1:]
    assert set(rows - 8) == set(columns - 8) == {-2, -1, 0, 1, 2}
    assert set(rows - columns) != {0}


def test_cutout_makes_a_hole_of_half_the_side():
    white = np.ones((64, 16, 16, 3), "float32")
    holes = 1.0 - augment_pictures(white, ["cutout"], seed=SEED).numpy()[..., 0]
    heights, widths = holes.max(axis=2).sum(axis=1), holes.max(axis=1).sum(axis=1)
    np.testing.assert_array_equal(holes.sum(axis=(1, 2)), heights * widths)
    assert heights.max() == widths.max() == 8
    assert heights.min() >= 4  # the centre lies inside the picture


def test_colour_draws_change_brightness_saturation_and_contrast():
    grey = np.full((32, 4, 4, 3), 0.25, "float32")
    shifts = augment_pictures(grey, ["color"], seed=SEED).numpy() - 0.25
    assert np.ptp(shifts, axis=(1, 2, 3)).max() < 1e-5  # flat and grey stays flat and grey
    assert np.abs(shifts).max() <= 0.5
    assert shifts.min() < -0.3
    assert shifts.max() > 0.3
    changed = augment_pictures(PICTURES, ["color"], seed=SEED).numpy()
    contrast = changed.mean(axis=-1).std(axis=(1, 2)) / PICTURES.mean(axis=-1).std(axis=(1, 2))
    assert (contrast > 0.49).all()
    assert (contrast < 1.51).all()
    assert np.ptp(contrast) > 0.1


def test_gradients_reach_the_pictures():
    pictures = tf.constant(PICTURES)
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        loss = tf.reduce_sum(augment_pictures(pictures, KINDS, seed=SEED))
    gradient = tape.gradient(loss, pictures).numpy()
    assert np.isfinite(gradient).all()
    assert (np.abs(gradient).sum(axis=(1, 2, 3)) > 0).all()


def test_half_precision_pictures_stay_so():
    assert augment_pictures(tf.cast(PICTURES, tf.float16), KINDS, seed=SEED).dtype == tf.float16


@pytest.mark.parametrize("kinds", [["colour"], "color", ["cutout", "rotate"]])
def test_unknown_kinds_are_refused(kinds):
    with pytest.raises(ValueError, match=r"`augmentation` must be a list.*Received"):
        augment_pictures(PICTURES, kinds, seed=SEED)
