import numpy as np
import pytest

from keras_t2i.metrics import CaptionCrossEntropy, caption_cross_entropy


@pytest.fixture
def scores(made):
    return made.features("scores", (4, 6, 9))


@pytest.fixture
def tokens(made):
    return (made.uniform("tokens", (4, 6)) * 9).astype(np.int64)


def test_equals_torch_with_padding_ignored(scores, tokens, recorded):
    found = caption_cross_entropy(scores, tokens)
    assert found.value == pytest.approx(float(recorded["cross_entropy"]), rel=1e-12)
    assert found.count == np.count_nonzero(tokens)


def test_a_captioner_that_knows_nothing_has_the_perplexity_of_the_vocabulary():
    assert caption_cross_entropy(np.zeros((2, 3, 7)), np.ones((2, 3), int)).value == pytest.approx(
        np.log(7)
    )


def test_padding_does_not_count(scores, tokens):
    padded = np.concatenate([tokens, np.zeros((4, 2), np.int64)], axis=1)
    wild = np.concatenate([scores, np.full((4, 2, 9), 50.0)], axis=1)
    assert caption_cross_entropy(wild, padded).value == pytest.approx(
        caption_cross_entropy(scores, tokens).value
    )


def test_the_streaming_metric_weighs_words_and_not_batches(scores, tokens):
    tokens = tokens.copy()
    tokens[0, 1:] = 0
    metric = CaptionCrossEntropy()
    metric.update_state(tokens[:1], scores[:1])
    metric.update_state(tokens[1:], scores[1:])
    expected = caption_cross_entropy(scores, tokens).value
    assert float(metric.result()) == pytest.approx(expected, rel=1e-12)


def test_the_streaming_metric_weighs_captions(scores, tokens):
    metric = CaptionCrossEntropy()
    metric.update_state(tokens, scores, sample_weight=[1.0, 0.0, 0.0, 0.0])
    expected = caption_cross_entropy(scores[:1], tokens[:1]).value
    assert float(metric.result()) == pytest.approx(expected, rel=1e-12)


def test_bad_input_is_an_error(scores, tokens):
    with pytest.raises(TypeError, match="integers"):
        caption_cross_entropy(scores, tokens.astype(float))
    with pytest.raises(ValueError, match=r"\(N, T, V\)"):
        caption_cross_entropy(scores, tokens[:, :3])
    with pytest.raises(ValueError, match="not all padding"):
        caption_cross_entropy(scores, np.zeros_like(tokens))
    with pytest.raises(ValueError, match="ids from 0 to 8"):
        caption_cross_entropy(scores, np.full_like(tokens, 9))
    with pytest.raises(ValueError, match="finite"):
        caption_cross_entropy(scores * np.nan, tokens)
