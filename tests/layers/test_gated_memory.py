import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.layers import GatedMemory

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=(3, 2, 3, 4)).astype("float32")
WORDS = RANDOM.normal(size=(3, 5, 6)).astype("float32")
LENGTHS = np.array([5, 1, 3])
MASK = np.arange(5) < LENGTHS[:, None]


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def softmax(x):
    shares = np.exp(x - x.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


def dense(layer, x):
    weights = [weight.numpy() for weight in layer.weights]
    return x @ weights[0] + (weights[1] if len(weights) > 1 else 0.0)


def give(layer, *weights):
    layer.set_weights([np.array(weight, "float32") for weight in weights])


def with_random_weights(**options):
    layer = GatedMemory(**options)
    layer.build([(None, 2, 3, 4), (None, None, 6), (None, None)])
    random = np.random.default_rng(1)
    layer.set_weights([random.normal(size=w.shape).astype("float32") for w in layer.weights])
    return layer


def as_model(layer):
    inputs = [keras.Input((2, 3, 4)), keras.Input((None, 6)), keras.Input((None,), dtype="bool")]
    return keras.Model(inputs, layer(inputs))


def written(layer, features, words):
    """The memory, equations 5 and 6, with the released code's activations and biases."""
    mean = features.mean(axis=(1, 2))
    gate = sigmoid(dense(layer.word_gate, words) + dense(layer.map_gate, mean)[:, None])
    of_words = np.maximum(dense(layer.word_writer, words), 0.0)
    of_map = np.maximum(dense(layer.map_writer, mean), 0.0)[:, None]
    return gate * of_words + (1.0 - gate) * of_map


def test_hand_computed_memory_of_one_channel():
    layer = GatedMemory()
    layer.build([(None, 1, 2, 1), (None, 2, 1), (None, 2)])
    # gate: sigmoid(word log 3 + 0 x mean); the memory's two slots are (word, 0) and (0, mean).
    give(layer.word_gate, [[np.log(3.0)]])
    give(layer.map_gate, [[0.0]])
    give(layer.word_writer, [[1.0, 0.0]], [0.0, 0.0])
    give(layer.map_writer, [[0.0, 1.0]], [0.0, 0.0])
    give(layer.key, [[1.0], [0.0]], [0.0])
    give(layer.value, [[0.0], [4.0]], [0.0])
    give(layer.response_gate, [[0.0], [0.0]], [np.log(3.0)])
    features = np.array([0.0, 4.0], "float32").reshape(1, 1, 2, 1)  # mean 2
    words = np.array([1.0, 0.0], "float32").reshape(1, 2, 1)
    refined, attention = layer([features, words, np.ones((1, 2), bool)])
    # Word 1: gate 3/4, slots (3/4, 1/4 x 2), key 3/4, value 2. Word 0: gate 1/2, slots (0, 1),
    # key 0, value 4. Place 0 scores 0, 0; place 4 scores 3, 0.
    share = np.exp(3.0) / (np.exp(3.0) + 1.0)
    np.testing.assert_allclose(attention[0, 0], [[0.5, 0.5], [share, 1.0 - share]], rtol=1e-5)
    answers = [3.0, 2.0 * share + 4.0 * (1.0 - share)]
    expected = [0.75 * answers[0] + 0.25 * 0.0, 0.75 * answers[1] + 0.25 * 4.0]
    np.testing.assert_allclose(refined[0, 0, :, 0], expected, rtol=1e-5)


def test_each_step_is_the_papers_equation():
    layer = with_random_weights()
    refined, attention = layer([FEATURES, WORDS, MASK])
    memory = written(layer, FEATURES, WORDS)
    keys, values = (np.maximum(dense(part, memory), 0.0) for part in (layer.key, layer.value))
    scores = np.einsum("bhwc,btc->bhwt", FEATURES, keys)
    shares = softmax(np.where(MASK[:, None, None], scores, -np.inf))
    answer = np.einsum("bhwt,btc->bhwc", shares, values)
    gate = sigmoid(dense(layer.response_gate, np.concatenate([FEATURES, answer], axis=-1)))
    np.testing.assert_allclose(attention, shares, rtol=1e-4, atol=1e-6)
    expected = gate * answer + (1.0 - gate) * FEATURES
    np.testing.assert_allclose(refined, expected, rtol=1e-4, atol=1e-5)


def test_padding_words_are_not_read():
    layer = with_random_weights()
    other = np.where(MASK[..., None], WORDS, 100.0).astype("float32")
    one, two = layer([FEATURES, WORDS, MASK]), layer([FEATURES, other, MASK])
    for old, new in zip(one, two, strict=True):
        np.testing.assert_array_equal(old, new)
    attention = np.asarray(one[1])
    assert (attention[1, :, :, 1:] == 0).all()
    assert (attention[1, :, :, 0] == 1).all()


def test_neighbours_masks_are_those_of_the_released_code_row_by_row():
    layer = with_random_weights(neighbours_masks=True)
    _, attention = layer([FEATURES, WORDS, MASK])
    keys = np.maximum(dense(layer.key, written(layer, FEATURES, WORDS)), 0.0)
    rows = np.einsum("bqc,btc->bqt", FEATURES.reshape(3, 6, 4), keys).reshape(18, 5)
    expected = softmax(np.where(np.tile(MASK, (6, 1)), rows, -np.inf)).reshape(3, 2, 3, 5)
    np.testing.assert_allclose(attention, expected, rtol=1e-4, atol=1e-6)


def test_the_mean_of_the_map_carries_no_gradient_into_the_writing():
    layer = with_random_weights()
    layer.key.set_weights([np.zeros((8, 4)), np.zeros(4)])
    layer.response_gate.set_weights([np.zeros((8, 1)), np.full(1, 30.0)])  # the answer alone
    features = tf.constant(FEATURES)
    with tf.GradientTape() as tape:
        tape.watch(features)
        refined, _ = layer([features, WORDS, MASK])
    np.testing.assert_allclose(tape.gradient(refined, features), 0.0, atol=1e-9)
    doubled, _ = layer([2.0 * FEATURES, WORDS, MASK])
    assert np.abs(np.asarray(doubled - refined)).max() > 0.1  # though the answer depends on it


def test_gradients_of_a_caption_of_one_word_are_finite_and_reach_every_weight():
    layer = with_random_weights()
    with tf.GradientTape() as tape:
        refined, _ = layer([FEATURES, 10.0 * WORDS, MASK])
        loss = tf.reduce_sum(refined**2)
    gradients = tape.gradient(loss, [weight.value for weight in layer.trainable_weights])
    assert len(gradients) == 2 + 5 * 2
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert all(np.abs(gradient).max() > 0 for gradient in gradients)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_attends_in_float32(policy):
    layer = GatedMemory(dtype=policy)
    refined, attention = layer([FEATURES, WORDS, MASK])
    assert refined.dtype == policy.removeprefix("mixed_")
    assert attention.dtype == "float32"
    assert [part.dtype for part in as_model(layer).outputs] == [refined.dtype.name, "float32"]


def test_a_file_keeps_the_layer_and_takes_captions_of_any_length(tmp_path):
    layer = with_random_weights(neighbours_masks=True, kernel_initializer="orthogonal", name="m")
    model = as_model(layer)
    assert model.output_shape == [(None, 2, 3, 4), (None, 2, 3, None)]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.get_layer("m").get_config() == layer.get_config()
    for length in (5, 1):
        inputs = [FEATURES, WORDS[:, :length], MASK[:, :length]]
        for old, new in zip(model(inputs), loaded(inputs), strict=True):
            np.testing.assert_array_equal(old, new)


def test_all_weights_begin_differently():
    layer = GatedMemory(kernel_initializer=keras.initializers.Orthogonal(seed=None))
    layer.build([(None, 2, 3, 4), (None, None, 4), (None, None)])
    assert not np.array_equal(layer.key.kernel, layer.value.kernel)
    assert not np.array_equal(layer.word_writer.kernel, layer.map_writer.kernel)
