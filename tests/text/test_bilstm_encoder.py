import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.text import BiLSTMEncoder

TOKENS = np.array([[3, 1, 4, 5], [2, 6, 0, 0], [7, 0, 0, 0]], "int32")


def encoder(**changes) -> BiLSTMEncoder:
    settings = {"embedding_dim": 5, "units": 3, "seed": 7}
    return BiLSTMEncoder(8, **{**settings, **changes})


def lstm(inputs: np.ndarray, kernel, recurrent, bias) -> np.ndarray:
    """States (T, U) of an LSTM with Keras' gate order i, f, c, o, written out."""

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    units = recurrent.shape[0]
    h = c = np.zeros(units)
    states = []
    for x in inputs:
        gates = x @ kernel + h @ recurrent + bias
        i, f, g, o = (gates[k * units : (k + 1) * units] for k in range(4))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.stack(states)


def test_states_equal_an_lstm_written_out():
    model = encoder()
    table, *weights = [np.array(v, "float64") for v in model.get_weights()]
    outputs = model(TOKENS)
    for row, length in enumerate([4, 2, 1]):
        inputs = table[TOKENS[row, :length]]
        forward = lstm(inputs, *weights[:3])
        backward = lstm(inputs[::-1], *weights[3:])[::-1]
        expected = np.concatenate([forward, backward], axis=1)
        np.testing.assert_allclose(outputs["words"][row, :length], expected, atol=1e-6)
        sentence = np.concatenate([forward[-1], backward[0]])
        np.testing.assert_allclose(outputs["sentence"][row], sentence, atol=1e-6)


def test_a_deep_sentence_sees_the_mean_of_the_words_and_the_last_states():
    plain, deep = encoder(), encoder(deep_sentence=True)
    assert BiLSTMEncoder.from_config(deep.get_config()).deep_sentence
    read, outputs = plain(TOKENS), deep(TOKENS)
    np.testing.assert_array_equal(outputs["words"], read["words"])
    hidden, hidden_bias, kernel, bias = deep.get_weights()[-4:]
    for row, length in enumerate([4, 2, 1]):
        mean = read["words"][row, :length].numpy().mean(axis=0)
        x = np.concatenate([mean, read["sentence"][row]]) @ hidden + hidden_bias
        expected = np.where(x > 0, x, 0.2 * x) @ kernel + bias
        np.testing.assert_allclose(outputs["sentence"][row], expected, atol=1e-5)


def test_padded_steps_are_zero_and_masked():
    outputs = encoder()(TOKENS)
    mask = outputs["mask"].numpy()
    assert mask.sum(axis=1).tolist() == [4, 2, 1]
    assert np.all(outputs["words"].numpy()[~mask] == 0)
    assert np.all(np.any(outputs["words"].numpy()[mask] != 0, axis=-1))


def test_more_padding_changes_nothing():
    model = encoder()
    short, long = model(TOKENS), model(np.pad(TOKENS, ((0, 0), (0, 6))))
    np.testing.assert_allclose(long["words"][:, :4], short["words"], atol=1e-7)
    np.testing.assert_allclose(long["sentence"], short["sentence"], atol=1e-7)
    assert not np.any(long["words"][:, 4:])


def test_a_row_of_padding_is_finite():
    outputs = encoder()(np.zeros((1, 3), "int32"))
    assert outputs["mask"].numpy().tolist() == [[True, False, False]]
    assert np.all(np.isfinite(outputs["sentence"]))


def test_sizes_are_as_published_by_default():
    model = BiLSTMEncoder(5450)
    assert (model.word_dim, model.sentence_dim) == (256, 256)
    # 2 075 320 in PyTorch, whose LSTM has two biases of 512 per direction instead of one.
    assert model.count_params() == 2_075_320 - 2 * 512


def test_dropout_acts_in_training_only():
    model = encoder(dropout=0.9)
    quiet = model(TOKENS)["sentence"].numpy()
    np.testing.assert_array_equal(model(TOKENS)["sentence"], quiet)
    assert np.any(model(TOKENS, training=True)["sentence"].numpy() != quiet)


def test_equal_seeds_give_equal_weights():
    first, second, other = encoder(), encoder(), encoder(seed=8)
    np.testing.assert_array_equal(first(TOKENS)["words"], second(TOKENS)["words"])
    assert np.any(first(TOKENS)["words"].numpy() != other(TOKENS)["words"].numpy())


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_keeps_float32_outputs(policy):
    model = encoder(dtype=policy)
    outputs = tf.function(model)(TOKENS)
    assert outputs["words"].dtype == outputs["sentence"].dtype == tf.float32
    assert model.network.get_layer("lstm").compute_dtype == policy.removeprefix("mixed_")
    full = encoder()(TOKENS)
    np.testing.assert_allclose(outputs["words"], full["words"], atol=2e-3)


def test_every_variable_gets_a_gradient_in_graph_mode():
    model = encoder()

    @tf.function
    def gradients(tokens):
        with tf.GradientTape() as tape:
            outputs = model(tokens, training=True)
            loss = tf.reduce_sum(outputs["words"] ** 2) + tf.reduce_sum(outputs["sentence"])
        found = tape.gradient(loss, [v.value for v in model.trainable_variables])
        return [tf.convert_to_tensor(g) for g in found]

    for gradient in gradients(tf.constant(TOKENS)):
        assert np.any(gradient.numpy() != 0)


def test_any_length_and_batch_in_one_trace():
    model = encoder()
    traces = []

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
    def sentence(tokens):
        traces.append(1)
        return model(tokens)["sentence"]

    assert sentence(TOKENS).shape == (3, 6)
    assert sentence(TOKENS[:1, :2]).shape == (1, 6)
    assert len(traces) == 1


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_keras_file_round_trip(tmp_path):
    model = encoder(dropout=0.25, dtype="mixed_bfloat16")
    model.save(tmp_path / "encoder.keras")
    loaded = keras.models.load_model(tmp_path / "encoder.keras")
    assert loaded.get_config() == model.get_config()
    np.testing.assert_array_equal(loaded(TOKENS)["words"], model(TOKENS)["words"])


@pytest.mark.parametrize("change", [{"units": 0}, {"embedding_dim": 0}, {"dropout": 1.0}])
def test_bad_arguments_are_refused(change):
    name = next(iter(change))
    with pytest.raises(ValueError, match=f"Received: {name}="):
        encoder(**change)
