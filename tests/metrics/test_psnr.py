import numpy as np
import pytest

from keras_t2i.metrics import PSNR, psnr


@pytest.mark.parametrize("package", ["skimage", "torchmetrics"])
def test_equals_other_packages(pair, recorded, package):
    np.testing.assert_allclose(psnr(*pair), recorded[f"psnr_{package}"], rtol=1e-6)


def test_one_level_everywhere_by_hand():
    first, second = np.zeros((1, 4, 4, 3), np.uint8), np.ones((1, 4, 4, 3), np.uint8)
    np.testing.assert_allclose(psnr(first, second), [20 * np.log10(255)], rtol=1e-12)


def test_equal_pictures_have_no_noise():
    picture = np.zeros((1, 4, 4, 3), np.uint8)
    assert psnr(picture, picture) == [np.inf]


def test_the_streaming_metric_is_the_mean(pair):
    metric = PSNR()
    metric.update_state(*pair)
    assert float(metric.result()) == pytest.approx(psnr(*pair).mean(), rel=1e-12)
