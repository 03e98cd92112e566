import numpy as np
import pytest

from keras_t2i.metrics import FewSamplesWarning
from keras_t2i.metrics.checks import blocks, check_features, warn_few


def test_integers_are_no_features():
    with pytest.raises(TypeError, match="floating-point features.*dtype=int64"):
        check_features(np.zeros((3, 2), np.int64), "real")


@pytest.mark.parametrize("shape", [(3,), (3, 2, 1), (3, 0)])
def test_features_are_matrices(shape):
    with pytest.raises(ValueError, match=r"\(samples, dimensions\)"):
        check_features(np.zeros(shape), "real")


def test_a_single_sample_is_too_few():
    with pytest.raises(ValueError, match=r"at least 2 samples. Received: real.shape=\(1, 4\)"):
        check_features(np.zeros((1, 4)), "real")


def test_nan_is_found_in_any_block():
    features = np.zeros((10, 2), np.float32)
    features[7, 1] = np.nan
    with pytest.raises(ValueError, match="`real` must be finite"):
        list(blocks(features, "real", size=4))


def test_a_memory_map_is_read_in_blocks(tmp_path):
    stored = np.lib.format.open_memmap(tmp_path / "f.npy", "w+", np.float32, (5, 2))
    stored[:] = 1.0
    found = list(blocks(check_features(stored, "real"), "real", size=2))
    assert [block.shape for block in found] == [(2, 2), (2, 2), (1, 2)]
    assert found[0].dtype == np.float64


def test_the_warning_names_the_number_needed():
    with pytest.warns(FewSamplesWarning, match="5 samples: too few; 10,000 are needed"):
        warn_few(5, 10_000, metric="FID", reason="too few")


def test_enough_samples_do_not_warn():
    warn_few(10, 10, metric="FID", reason="too few")
