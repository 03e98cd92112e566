import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.models import DMGAN, CaptionAttention

CAPTIONS = ["a small red circle", "a heron", "red"]


@pytest.fixture(scope="module")
def model(attending):
    return attending.painter


def by_hand(model, captions, seeds, truncation=None):
    """The maps (B, T, 8, 8) of the model, padding included."""
    tokens, seeds = tf.constant(model.tokenizer.tokenize(captions)), tf.constant(seeds, tf.int64)
    limit = None if truncation is None else tf.constant(truncation)
    return np.moveaxis(model.attention(tokens, seeds, limit)["attention_8"], -1, 1)


@pytest.mark.parametrize("truncation", [None, 0.5])
def test_pictures_are_those_without_attention(model, truncation):
    options = {"seed": 3, "truncation": truncation}
    pictures, _ = model.generate(CAPTIONS, return_attention=True, **options)
    expected = model.generate(CAPTIONS, **options)
    assert pictures.dtype == np.uint8
    np.testing.assert_allclose(pictures.astype(int), expected.astype(int), atol=1)


@pytest.mark.parametrize("truncation", [None, 0.5])
def test_each_caption_has_its_words_and_their_maps(model, truncation):
    seeds = [7, 1, -5]
    options = {"seed": seeds, "truncation": truncation, "return_attention": True}
    _, attention = model.generate(CAPTIONS, **options)
    expected = by_hand(model, CAPTIONS, seeds, truncation)
    assert [one.words for one in attention] == [
        ("a", "small", "red", "circle"),
        ("a", "heron"),
        ("red",),
    ]
    for one, maps in zip(attention, expected, strict=True):
        assert list(one.maps) == [8]
        assert one.maps[8].dtype == np.float32
        np.testing.assert_allclose(one.maps[8], maps[: len(one.words)], atol=1e-5)
        np.testing.assert_allclose(one.maps[8].sum(axis=0), 1.0, rtol=1e-5)


def test_one_sentence_comes_without_a_batch(model):
    picture, attention = model.generate("a small red circle", seed=3, return_attention=True)
    assert picture.shape == (16, 16, 3)
    assert attention.maps[8].shape == (4, 8, 8)
    np.testing.assert_allclose(
        attention.maps[8], by_hand(model, ["a small red circle"], [3])[0, :4], atol=1e-5
    )


def test_more_captions_than_a_chunk_keep_their_order(model):
    captions = [CAPTIONS[row % 3] for row in range(67)]
    pictures, attention = model.generate(captions, seed=0, return_attention=True)
    assert len(pictures) == len(attention) == 67
    assert [len(one.words) for one in attention] == [(4, 2, 1)[row % 3] for row in range(67)]
    last = by_hand(model, captions[66:], [66])[0, :4]
    np.testing.assert_allclose(attention[66].maps[8], last, atol=1e-5)


def test_a_caption_that_is_too_long_has_the_words_that_were_read(model):
    with pytest.warns(UserWarning, match="1 caption was truncated"):
        _, attention = model.generate("a red circle " * 9, seed=0, return_attention=True)
    assert len(attention.words) == len(attention.maps[8]) == model.tokenizer.length


def test_no_caption_gives_no_picture_and_no_attention(model):
    pictures, attention = model.generate([], return_attention=True)
    assert pictures.shape == (0, 16, 16, 3)
    assert attention == []


def test_bad_requests_are_refused_as_without_attention(model):
    with pytest.raises(ValueError, match="one for each caption"):
        model.generate(CAPTIONS, seed=[1], return_attention=True)
    with pytest.raises(ValueError, match="`truncation` must be positive"):
        model.generate(CAPTIONS, truncation=0.0, return_attention=True)
    with pytest.raises(ValueError, match="at least one character"):
        model.generate([" "], return_attention=True)


def test_the_most_attended_words_are_those_beyond_an_even_share():
    maps = np.zeros((4, 2, 2), "float32")
    maps[0] = 0.25  # everywhere alike: tells nothing
    maps[1, 0, 0] = maps[2, 1, 1] = 0.75
    maps[2, 0, 1] = 0.5
    attention = CaptionAttention(("a", "red", "circle", "on"), {2: maps})
    assert attention.most_attended(1, 2) == [2]
    assert attention.most_attended(2, 2) == [1, 2]
    assert attention.most_attended(9, 2) == [0, 1, 2, 3]


def test_without_words_none_is_the_most_attended():
    attention = CaptionAttention((), {2: np.zeros((0, 2, 2), "float32")})
    assert attention.most_attended(3, 2) == []


def test_dm_gan_tells_its_memory_in_the_same_way(attending):
    options = {key: value for key, value in attending.options.items() if "damsm" not in key}
    model = DMGAN(attending.painter.damsm, **options)
    pictures, attention = model.generate(CAPTIONS, seed=0, return_attention=True)
    assert pictures.shape == (3, 16, 16, 3)
    assert [one.maps[8].shape for one in attention] == [(4, 8, 8), (2, 8, 8), (1, 8, 8)]
    for one in attention:
        np.testing.assert_allclose(one.maps[8].sum(axis=0), 1.0, rtol=1e-5)


def test_a_model_that_has_painted_attention_is_saved(model, tmp_path):
    model.generate("red", seed=0, return_attention=True)
    model.save_to_preset(tmp_path / "bundle")
    loaded = type(model).from_preset(tmp_path / "bundle")
    _, attention = loaded.generate(CAPTIONS[0], seed=3, return_attention=True)
    expected = by_hand(model, CAPTIONS[:1], [3])[0, :4]
    np.testing.assert_allclose(attention.maps[8], expected, atol=1e-5)
