import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.layers import WordAttention
from keras_t2i.layers.word_attention import attend_to_words

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=(3, 2, 3, 4)).astype("float32")
WORDS = RANDOM.normal(size=(3, 5, 6)).astype("float32")
LENGTHS = np.array([5, 1, 3])
MASK = np.arange(5) < LENGTHS[:, None]


def softmax(x):
    shares = np.exp(x - x.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


def as_model(layer):
    """The layer in a functional model that takes maps of 2 x 3 and captions of any length."""
    inputs = [keras.Input((2, 3, 4)), keras.Input((None, 6)), keras.Input((None,), dtype="bool")]
    return keras.Model(inputs, layer(inputs))


def test_hand_computed_place_and_two_words():
    layer = WordAttention()
    layer.build([(None, 1, 1, 2), (None, 2, 3), (None, 2)])
    layer.keys.kernel.assign([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    # Keys (log 3, 0) and (0, 1); the place (1, 0) scores log 3 and 0: shares 3/4 and 1/4.
    words = np.array([[[np.log(3.0), 0.0, 9.0], [0.0, 1.0, -9.0]]], "float32")
    place = np.array([1.0, 0.0], "float32").reshape(1, 1, 1, 2)
    context, attention = layer([place, words, np.ones((1, 2), bool)])
    np.testing.assert_allclose(attention[0, 0, 0], [0.75, 0.25], rtol=1e-6)
    np.testing.assert_allclose(context[0, 0, 0], [0.75 * np.log(3.0), 0.25], rtol=1e-6)


def test_each_place_is_a_softmax_over_its_own_captions_words():
    layer = WordAttention()
    context, attention = (np.asarray(part) for part in layer([FEATURES, WORDS, MASK]))
    for sample, length in enumerate(LENGTHS):
        keys = WORDS[sample, :length] @ layer.keys.kernel.numpy()
        expected = softmax(FEATURES[sample] @ keys.T)
        np.testing.assert_allclose(attention[sample, :, :, :length], expected, rtol=1e-4)
        np.testing.assert_allclose(context[sample], expected @ keys, rtol=1e-4, atol=1e-5)


def test_padding_words_get_no_attention():
    _, attention = WordAttention()([FEATURES, 50.0 * WORDS, MASK])
    attention = np.asarray(attention)
    assert (
        attention[:, :, :, :][~np.broadcast_to(MASK[:, None, None], attention.shape)] == 0
    ).all()
    np.testing.assert_allclose(attention.sum(axis=-1), 1.0, rtol=1e-5)


def test_what_stands_in_the_padding_does_not_count():
    layer = WordAttention()
    other = np.where(MASK[..., None], WORDS, 1e4).astype("float32")
    for one, two in zip(
        layer([FEATURES, WORDS, MASK]), layer([FEATURES, other, MASK]), strict=True
    ):
        np.testing.assert_array_equal(one, two)


def released_masks(mask, places):
    """Row r of all samples' places, as the released code has it: the masks repeated as a block."""
    return np.tile(mask, (places, 1))


def test_neighbours_masks_are_those_of_the_released_code_row_by_row():
    layer = WordAttention(neighbours_masks=True)
    context, attention = (np.asarray(part) for part in layer([FEATURES, WORDS, MASK]))
    keys = WORDS @ layer.keys.kernel.numpy()
    rows = np.einsum("bqc,btc->bqt", FEATURES.reshape(3, 6, 4), keys).reshape(18, 5)
    expected = softmax(np.where(released_masks(MASK, 6), rows, -np.inf)).reshape(3, 2, 3, 5)
    np.testing.assert_allclose(attention, expected, rtol=1e-4, atol=1e-7)
    contexts = np.einsum("bhwt,btc->bhwc", expected, keys)
    np.testing.assert_allclose(context, contexts, rtol=1e-4, atol=1e-5)
    # Sample 1 has one word, but its places look at padding too, as the masks are of others.
    assert (attention[1, :, :, 1:] > 0).any()


@pytest.mark.parametrize("rows", [slice(0, 1), slice(2, 3)])
def test_neighbours_masks_are_the_own_ones_in_a_batch_of_one(rows):
    inputs = [FEATURES[rows], WORDS[rows] @ np.ones((6, 4), "float32"), MASK[rows]]
    np.testing.assert_array_equal(
        attend_to_words(*inputs, neighbours_masks=True), attend_to_words(*inputs)
    )


def test_neighbours_masks_make_no_difference_between_captions_of_one_length():
    mask = np.tile(np.arange(5) < 3, (3, 1))
    keys = WORDS[..., :4]
    np.testing.assert_array_equal(
        attend_to_words(FEATURES, keys, mask, neighbours_masks=True),
        attend_to_words(FEATURES, keys, mask),
    )


@pytest.mark.parametrize("neighbours_masks", [False, True])
def test_a_model_takes_captions_and_batches_of_any_length(neighbours_masks):
    layer = WordAttention(neighbours_masks=neighbours_masks)
    model = as_model(layer)
    assert model.output_shape == [(None, 2, 3, 4), (None, 2, 3, None)]
    for rows, length in ((3, 5), (2, 1), (1, 3)):
        inputs = [FEATURES[:rows], WORDS[:rows, :length], MASK[:rows, :length]]
        inside = tf.function(lambda *parts: model(list(parts)), reduce_retracing=True)(*inputs)
        for found, expected in zip(inside, layer(inputs), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("neighbours_masks", [False, True])
def test_gradients_of_a_caption_of_one_word_are_finite(neighbours_masks):
    layer = WordAttention(neighbours_masks=neighbours_masks)
    features, words = tf.constant(FEATURES[:1]), tf.constant(100.0 * WORDS[:1])
    mask = np.array([[True, False, False, False, False]])
    with tf.GradientTape() as tape:
        tape.watch([features, words])
        context, attention = layer([features, words, mask])
        loss = tf.reduce_sum(context**2) + tf.reduce_sum(attention**2)
    gradients = tape.gradient(loss, [features, words, layer.keys.kernel.value])
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert np.abs(gradients[1][0, 0]).max() > 0
    np.testing.assert_array_equal(gradients[1][0, 1:], 0)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_attends_in_float32(policy):
    layer = WordAttention(dtype=policy)
    context, attention = layer([FEATURES, WORDS, MASK])
    assert context.dtype == policy.removeprefix("mixed_")
    assert attention.dtype == "float32"
    assert [part.dtype for part in as_model(layer).outputs] == [context.dtype.name, "float32"]
    np.testing.assert_allclose(np.asarray(attention).sum(axis=-1), 1.0, rtol=1e-5)


def test_half_precision_does_not_overflow_in_the_scores():
    features = tf.fill((1, 1, 1, 32), tf.constant(50.0, "float16"))
    keys = tf.fill((1, 2, 32), tf.constant(50.0, "float16"))  # scores of 80,000: no float16
    attention = attend_to_words(features, keys, tf.constant([[True, True]]))
    np.testing.assert_allclose(attention, 0.5 * np.ones((1, 1, 1, 2)))


def test_a_file_keeps_the_layer_and_its_options(tmp_path):
    layer = WordAttention(neighbours_masks=True, kernel_initializer="orthogonal", name="look")
    model = as_model(layer)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.get_layer("look").get_config() == layer.get_config()
    inputs = [FEATURES, WORDS, MASK]
    for old, new in zip(model(inputs), loaded(inputs), strict=True):
        np.testing.assert_array_equal(old, new)
