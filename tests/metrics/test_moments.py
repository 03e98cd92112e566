import numpy as np
import pytest

from keras_t2i.metrics import FeatureMoments


@pytest.fixture
def features(made):
    return made.features("moments", (101, 6))


def test_streamed_batches_give_numpys_mean_and_covariance(features):
    moments = FeatureMoments()
    for start in range(0, 101, 7):
        moments.update(features[start : start + 7])
    assert moments.count == 101
    np.testing.assert_allclose(moments.mean, features.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(moments.covariance, np.cov(features, rowvar=False), rtol=1e-11)


def test_a_large_mean_does_not_spoil_the_covariance(features):
    moments = FeatureMoments().update(features[:50] + 1e6).update(features[50:] + 1e6)
    np.testing.assert_allclose(
        moments.covariance, np.cov(features, rowvar=False), rtol=1e-6, atol=1e-9
    )


def test_a_single_sample_can_be_added_but_has_no_covariance():
    moments = FeatureMoments().update(np.ones((1, 2)))
    with pytest.raises(ValueError, match="at least 2 samples. Received: count=1"):
        _ = moments.covariance


def test_saved_statistics_come_back(features, tmp_path):
    moments = FeatureMoments.of(features)
    moments.save(tmp_path / "real.npz")
    loaded = FeatureMoments.load(tmp_path / "real.npz")
    assert loaded.count == 101
    np.testing.assert_array_equal(loaded.mean, moments.mean)
    np.testing.assert_allclose(loaded.covariance, moments.covariance, rtol=1e-15)


def test_published_statistics_have_no_count_and_cannot_grow(features, tmp_path):
    np.savez(tmp_path / "bird_val.npz", mu=features.mean(axis=0), sigma=np.cov(features.T))
    loaded = FeatureMoments.load(tmp_path / "bird_val.npz")
    assert loaded.count is None
    np.testing.assert_array_equal(loaded.covariance, np.cov(features.T))
    with pytest.raises(ValueError, match="unknown count cannot grow"):
        loaded.update(features)


def test_another_width_is_an_error(features):
    with pytest.raises(ValueError, match="6 dimensions. Received: 5"):
        FeatureMoments.of(features).update(features[:, :5])


def test_a_file_without_statistics_is_an_error(tmp_path):
    np.savez(tmp_path / "other.npz", mean=np.zeros(2))
    with pytest.raises(ValueError, match="holds `mu` and `sigma`"):
        FeatureMoments.load(tmp_path / "other.npz")


@pytest.mark.parametrize(
    ("mean", "covariance", "message"),
    [
        (np.zeros(2), np.zeros((3, 3)), r"\(D, D\)"),
        (np.zeros(2), np.full((2, 2), np.nan), "finite"),
    ],
)
def test_impossible_statistics_are_errors(mean, covariance, message):
    with pytest.raises(ValueError, match=message):
        FeatureMoments.from_statistics(mean, covariance)
