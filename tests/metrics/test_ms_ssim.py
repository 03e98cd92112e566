import keras
import numpy as np
import pytest

from keras_t2i.metrics import MSSSIM, ms_ssim


def test_equals_torchmetrics(pair, recorded):
    np.testing.assert_allclose(ms_ssim(*pair), recorded["ms_ssim"], rtol=1e-6)


def test_fewer_scales_equal_torchmetrics_with_the_first_weights(pair, recorded):
    np.testing.assert_allclose(ms_ssim(*pair, scales=3), recorded["ms_ssim_3"], rtol=1e-6)


def test_equal_pictures_are_alike(pair):
    np.testing.assert_allclose(ms_ssim(pair[0], pair[0]), 1.0, rtol=1e-9)


def test_small_pictures_are_told_how_many_scales_fit():
    small = np.zeros((1, 64, 64, 3), np.uint8)
    with pytest.raises(ValueError, match="176 pixels a side; pass scales=3"):
        ms_ssim(small, small)
    with pytest.raises(ValueError, match="too small for any"):
        ms_ssim(small[:, :8], small[:, :8])
    with pytest.raises(ValueError, match="from 1 to 5"):
        ms_ssim(small, small, scales=6)


def test_negative_likeness_counts_as_nought(made):
    image = made.picture("opposite", 16, 16)
    np.testing.assert_array_equal(ms_ssim(image, 255 - image, scales=1), [0.0])


def test_the_streaming_metric_is_the_mean(pair):
    metric = MSSSIM(scales=2)
    metric.update_state(*pair)
    assert float(metric.result()) == pytest.approx(ms_ssim(*pair, scales=2).mean(), rel=1e-12)
    config = keras.saving.serialize_keras_object(metric)
    assert keras.saving.deserialize_keras_object(config).scales == 2
