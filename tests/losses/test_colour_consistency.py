import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.losses import colour_consistency

RANDOM = np.random.default_rng(0)


def test_a_picture_and_its_enlargement_agree():
    coarse = RANDOM.uniform(-1, 1, (2, 3, 4, 3)).astype("float32")
    fine = coarse.repeat(2, axis=1).repeat(2, axis=2)
    assert float(colour_consistency(fine, coarse)) == pytest.approx(0.0, abs=1e-10)


def test_the_order_of_the_pixels_does_not_count():
    coarse = RANDOM.uniform(-1, 1, (2, 4, 4, 3)).astype("float32")
    fine = coarse[:, ::-1, [2, 0, 3, 1]]
    assert float(colour_consistency(fine, coarse)) == pytest.approx(0.0, abs=1e-10)


def test_hand_computed_means():
    # Red differs by 0.6 in one of two rows; no covariance.
    fine = np.zeros((2, 2, 2, 3), "float32")
    fine[1, ..., 0] = 0.6
    coarse = np.zeros((2, 1, 1, 3), "float32")
    assert float(colour_consistency(fine, coarse)) == pytest.approx(0.36 / 2, rel=1e-5)


def test_hand_computed_covariances():
    # Red and green go together by +-0.5: four entries are 0.25. The means agree.
    fine = np.zeros((1, 1, 2, 3), "float32")
    fine[0, 0, 0, :2], fine[0, 0, 1, :2] = 0.5, -0.5
    coarse = np.zeros((1, 1, 1, 3), "float32")
    expected = 4 * 0.25**2
    for weight in (5.0, 2.0, 0.0):
        found = float(colour_consistency(fine, coarse, covariance_weight=weight))
        assert found == pytest.approx(weight * expected, rel=1e-5)
    assert float(colour_consistency(fine, coarse)) == pytest.approx(5.0 * expected, rel=1e-5)


def test_statistics_are_numpys_and_both_forms_can_be_had():
    fine = RANDOM.uniform(-1, 1, (3, 8, 8, 3)).astype("float32")
    coarse = RANDOM.uniform(-1, 1, (3, 4, 4, 3)).astype("float32")
    paper = released = 0.0
    for one, other in zip(fine.reshape(3, 64, 3), coarse.reshape(3, 16, 3), strict=True):
        means = one.mean(axis=0) - other.mean(axis=0)
        covariances = np.cov(one.T, bias=True) - np.cov(other.T, bias=True)
        paper += (np.sum(means**2) + 5.0 * np.sum(covariances**2)) / 3
        released += (np.mean(means**2) + 5.0 * np.mean(covariances**2)) / 3
    assert float(colour_consistency(fine, coarse)) == pytest.approx(paper, rel=1e-4)
    found = float(colour_consistency(fine, coarse, covariance_weight=5 / 3))
    assert found / 3 == pytest.approx(released, rel=1e-4)


def test_the_finer_stage_follows_the_coarser():
    fine = tf.constant(RANDOM.uniform(-1, 1, (1, 4, 4, 3)), tf.float32)
    coarse = tf.constant(RANDOM.uniform(-1, 1, (1, 2, 2, 3)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch([fine, coarse])
        loss = colour_consistency(fine, coarse)
    to_fine, to_coarse = tape.gradient(loss, [fine, coarse])
    assert np.abs(to_fine).max() > 0
    assert to_coarse is None


def test_half_precision_is_judged_in_float32():
    pictures = tf.ones((1, 2, 2, 3), tf.float16)
    assert colour_consistency(pictures, 0.5 * pictures).dtype == "float32"
