import keras
import numpy as np
import pytest
import scipy.linalg

from keras_t2i.metrics import FeatureMoments, FewSamplesWarning, FrechetDistance, frechet_distance


def by_scipy(real, generated):
    first, second = np.cov(real, rowvar=False), np.cov(generated, rowvar=False)
    root = scipy.linalg.sqrtm(first @ second).real
    step = real.mean(axis=0) - generated.mean(axis=0)
    return step @ step + np.trace(first + second - 2.0 * root)


def test_equals_the_formula_by_scipy(real, generated):
    found = frechet_distance(real, generated, recommended_count=250)
    assert found.value == pytest.approx(by_scipy(real, generated), rel=1e-10)
    assert (found.deviation, found.count) == (None, 250)


def test_equals_torchmetrics(real, generated, recorded):
    found = frechet_distance(real, generated, recommended_count=250).value
    assert found == pytest.approx(float(recorded["fid"]), rel=1e-6)


def test_equals_a_hand_computed_distance():
    # Means 3 apart, deviations sqrt(2) and 2 sqrt(2): 9 + 2 + 8 - 2 * 4.
    real, generated = np.array([[0.0], [2.0]]), np.array([[2.0], [6.0]])
    assert frechet_distance(real, generated, recommended_count=2).value == pytest.approx(11.0)


def test_a_set_has_no_distance_to_itself(made):
    # 40 samples of 64 dimensions: singular, where a matrix root loses half of the digits.
    features = 5.0 * made.features("self", (40, 64)).astype(np.float32)
    with pytest.warns(FewSamplesWarning):
        assert frechet_distance(features, features).value < 1e-6


def test_equal_inputs_give_equal_bits(real, generated):
    found = [frechet_distance(real, generated, recommended_count=2).value for _ in range(3)]
    assert len(set(found)) == 1


def test_moments_stand_for_features(real, generated):
    moments = FeatureMoments.of(real), FeatureMoments.of(generated)
    found = frechet_distance(*moments, recommended_count=250)
    assert found == frechet_distance(real, generated, recommended_count=250)


def test_singular_covariances_warn_with_the_number_needed(real):
    with pytest.warns(FewSamplesWarning, match="12 samples.*singular; 13 are needed"):
        frechet_distance(real, real[:12], recommended_count=2)


def test_few_samples_warn_with_the_customary_number(real, generated):
    with pytest.warns(FewSamplesWarning, match="250 samples.*10,000 are needed"):
        frechet_distance(real, generated)


def test_statistics_of_unknown_count_do_not_warn(real, generated):
    published = FeatureMoments.from_statistics(real.mean(axis=0), np.cov(real, rowvar=False))
    assert (
        frechet_distance(published, FeatureMoments.of(generated), recommended_count=250).value > 0
    )
    assert frechet_distance(published, published).count == 0


def test_bad_features_are_errors(real):
    with pytest.raises(ValueError, match="same extractor. Received: 12 and 11 dimensions"):
        frechet_distance(real, real[:, :11])
    with pytest.raises(ValueError, match="`generated` must have at least 2 samples"):
        frechet_distance(real, real[:1])
    broken = real.copy()
    broken[3, 3] = np.nan
    with pytest.raises(ValueError, match="`real` must be finite"):
        frechet_distance(broken, real)


def test_the_streaming_metric_equals_the_function(real, generated):
    metric = FrechetDistance(12)
    metric.update_state(real, None)
    for start in range(0, 250, 60):
        metric.update_state(None, generated[start : start + 60])
    assert float(metric.result()) == pytest.approx(by_scipy(real, generated), rel=1e-9)
    metric.reset_state()
    assert np.isnan(float(metric.result()))


def test_the_streaming_metric_survives_its_config():
    metric = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(FrechetDistance(7))
    )
    assert (metric.dim, metric.dtype) == (7, "float64")


def test_the_streaming_metric_refuses_single_precision():
    with pytest.raises(ValueError, match="float64"):
        FrechetDistance(7, dtype="float32")
    with pytest.raises(ValueError, match="sample_weight"):
        FrechetDistance(1).update_state(np.zeros((1, 1)), None, sample_weight=1.0)
