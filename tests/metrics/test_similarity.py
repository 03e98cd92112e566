import keras
import numpy as np
import pytest

from keras_t2i.metrics import (
    CLIPScore,
    VisualSemanticSimilarity,
    clip_score,
    cosine_similarities,
    visual_semantic_similarity,
)


@pytest.fixture
def codes(made):
    return made.features("images", (20, 8)), made.features("captions", (20, 8))


def test_cosines_equal_torchs(codes, recorded):
    np.testing.assert_allclose(cosine_similarities(*codes), recorded["cosines"], rtol=1e-12)


def test_three_four_five():
    images, captions = np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([[3.0, 4.0], [-3.0, 4.0]])
    assert visual_semantic_similarity(images, captions).value == pytest.approx(0.0)
    assert visual_semantic_similarity(images, captions).deviation == pytest.approx(0.6)
    assert clip_score(images, captions).value == pytest.approx((1.5 + 0.0) / 2)


def test_another_weight_scales_the_clip_score(codes):
    ratio = clip_score(*codes, weight=100.0).value / clip_score(*codes).value
    assert ratio == pytest.approx(40.0)


def test_lengths_of_codes_do_not_matter(codes):
    images, captions = codes
    scaled = cosine_similarities(images * 1e3, captions * 1e-3)
    np.testing.assert_allclose(scaled, cosine_similarities(images, captions), rtol=1e-12)


def test_unpaired_codes_are_errors(codes):
    with pytest.raises(ValueError, match="pair row by row"):
        clip_score(codes[0], codes[1][:5])


def test_a_code_of_no_length_is_an_error(codes):
    with pytest.raises(ValueError, match="no direction"):
        visual_semantic_similarity(codes[0], np.zeros_like(codes[1]))


@pytest.mark.parametrize(
    ("metric", "function"),
    [(CLIPScore(), clip_score), (VisualSemanticSimilarity(), visual_semantic_similarity)],
)
def test_the_streaming_metrics_equal_the_functions(codes, metric, function):
    for rows in (slice(0, 13), slice(13, 20)):
        metric.update_state(codes[0][rows], codes[1][rows])
    assert float(metric.result()) == pytest.approx(function(*codes).value, rel=1e-12)


def test_the_weight_survives_the_config():
    config = keras.saving.serialize_keras_object(CLIPScore(weight=1.0))
    assert keras.saving.deserialize_keras_object(config).weight == 1.0
