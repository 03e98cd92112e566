import keras
import numpy as np
import pytest

from keras_t2i.metrics import FewSamplesWarning, InceptionScore, inception_score


def test_two_classes_by_hand():
    # Marginal (0.6, 0.4); rows (0.9, 0.1) and (0.3, 0.7).
    rows = np.array([[0.9, 0.1], [0.3, 0.7]])
    divergence = (
        0.9 * np.log(0.9 / 0.6)
        + 0.1 * np.log(0.1 / 0.4)
        + 0.3 * np.log(0.3 / 0.6)
        + 0.7 * np.log(0.7 / 0.4)
    ) / 2
    found = inception_score(rows, splits=1, recommended_count=2)
    assert found.value == pytest.approx(np.exp(divergence), rel=1e-14)


def test_equals_torchmetrics(made, recorded):
    rows = made.probabilities("classes", (100, 7))
    found = inception_score(rows, splits=1, recommended_count=2).value
    assert found == pytest.approx(float(recorded["inception_score"]), rel=1e-6)


def test_sure_and_various_pictures_reach_the_number_of_classes():
    rows = np.eye(5)[np.arange(50) % 5]
    assert inception_score(rows, splits=10, recommended_count=2).value == pytest.approx(5.0)


def test_pictures_of_one_class_score_one():
    assert inception_score(np.eye(5)[[2] * 20], recommended_count=2).value == pytest.approx(1.0)


def test_no_picture_is_dropped(made):
    rows = made.probabilities("odd", (23, 4))
    parts = np.array_split(rows, 3)
    expected = [inception_score(part, splits=1, recommended_count=2).value for part in parts]
    found = inception_score(rows, splits=3, recommended_count=2)
    assert found.value == pytest.approx(np.mean(expected))
    assert found.deviation == pytest.approx(np.std(expected))
    assert found.count == 23


def test_shuffling_is_named_by_its_seed(made):
    rows = made.probabilities("order", (40, 4))

    def score(seed):
        return inception_score(rows, splits=4, seed=seed, recommended_count=2)

    assert score(1) == score(1)
    assert score(1) != score(2) != score(None)


def test_scores_are_no_probabilities(made):
    with pytest.raises(ValueError, match="apply softmax"):
        inception_score(made.features("logits", (20, 4)), recommended_count=2)


def test_fewer_pictures_than_parts_are_an_error():
    with pytest.raises(ValueError, match="splits=10, pictures=4"):
        inception_score(np.full((4, 2), 0.5))


def test_few_pictures_warn(made):
    with pytest.warns(FewSamplesWarning, match="Inception Score over 100 samples.*10,000"):
        inception_score(made.probabilities("classes", (100, 7)))


def test_the_streaming_metric_deals_pictures_out_in_turn(made):
    rows = made.probabilities("stream", (47, 6))
    metric = InceptionScore(6, splits=3)
    for start in range(0, 47, 10):
        metric.update_state(rows[start : start + 10])
    parts = [
        inception_score(rows[part::3], splits=1, recommended_count=2).value for part in range(3)
    ]
    assert float(metric.result()) == pytest.approx(np.mean(parts), rel=1e-12)
    assert np.isnan(float(InceptionScore(6).result()))


def test_the_streaming_metric_survives_its_config():
    config = keras.saving.serialize_keras_object(InceptionScore(6, splits=3))
    metric = keras.saving.deserialize_keras_object(config)
    assert (metric.classes, metric.splits) == (6, 3)
    with pytest.raises(ValueError, match="must be positive"):
        InceptionScore(0)
