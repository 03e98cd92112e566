import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.metrics import SSIM, ssim


@pytest.mark.parametrize("package", ["skimage", "torchmetrics"])
def test_equals_other_packages(pair, recorded, package):
    np.testing.assert_allclose(ssim(*pair), recorded[f"ssim_{package}"], rtol=1e-6)


def test_equals_tensorflows(pair):
    expected = tf.image.ssim(*(tf.constant(p, tf.float32) for p in pair), max_val=255.0)
    np.testing.assert_allclose(ssim(*pair), expected, rtol=1e-4)  # theirs is in single precision


def test_two_flat_pictures_by_hand():
    # No variance: only luminance remains.
    first, second = np.full((1, 11, 11, 3), 100, np.uint8), np.full((1, 11, 11, 3), 50, np.uint8)
    stability = (0.01 * 255) ** 2
    expected = (2 * 100 * 50 + stability) / (100**2 + 50**2 + stability)
    np.testing.assert_allclose(ssim(first, second), [expected], rtol=1e-9)


def test_floats_of_both_signs_are_the_same_pictures(pair):
    first, second = (p / 127.5 - 1.0 for p in pair)
    np.testing.assert_allclose(ssim(first, second), ssim(*pair), rtol=1e-9)


def test_unpaired_and_small_pictures_are_errors(pair):
    with pytest.raises(ValueError, match="pair one by one"):
        ssim(pair[0], pair[1][:1])
    with pytest.raises(ValueError, match="at least 11x11"):
        ssim(pair[0][:, :10], pair[1][:, :10])


def test_the_streaming_metric_is_the_mean(pair):
    metric = SSIM()
    metric.update_state(*pair)
    assert float(metric.result()) == pytest.approx(ssim(*pair).mean(), rel=1e-12)


def test_the_streaming_metric_works_in_a_graph(pair):
    metric = SSIM()
    update = tf.function(lambda a, b: metric.update_state(a, b))
    update(tf.constant(pair[0]), tf.constant(pair[1]))
    assert float(metric.result()) == pytest.approx(ssim(*pair).mean(), rel=1e-12)
