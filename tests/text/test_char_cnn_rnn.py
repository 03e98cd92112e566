import keras
import numpy as np
import pytest

from keras_t2i.text import CharacterTokenizer, CharCNNRNN

VARIANTS = pytest.mark.parametrize("variant", ["hybrid", "hybrid_gru"])


def small(variant: str = "hybrid_gru", **changes) -> CharCNNRNN:
    settings = {"filters": (4, 5), "units": 3, "sentence_dim": 6, "seed": 1}
    return CharCNNRNN(variant=variant, **{**settings, **changes})


@pytest.mark.parametrize(
    ("variant", "steps", "units", "parameters"),
    [
        # Convolutions, two linear maps of the recurrence, last layer; weights and biases.
        ("hybrid", 8, 256, 107_904 + 786_944 + 524_544 + 2 * 65_792 + 263_168),
        ("hybrid_gru", 18, 512, 107_904 + 786_944 + 1_049_088 + 6 * 262_656 + 525_312),
    ],
)
def test_sizes_are_as_published(variant, steps, units, parameters):
    encoder = CharCNNRNN(variant=variant)
    outputs = encoder(CharacterTokenizer().tokenize(["a red bird", "a blue bird"]))
    assert outputs["words"].shape == (2, steps, units)
    assert outputs["sentence"].shape == (2, 1024)
    assert outputs["mask"].numpy().all()
    assert (encoder.word_dim, encoder.sentence_dim) == (units, 1024)
    assert encoder.count_params() == parameters


def test_weights_start_in_the_published_range():
    weights = np.concatenate([w.ravel() for w in small().get_weights()])
    assert np.abs(weights).max() <= 0.08
    assert np.abs(weights).max() > 0.07
    assert np.std(weights) == pytest.approx(0.16 / np.sqrt(12), rel=0.1)


@VARIANTS
def test_recurrence_equals_the_equations(variant):
    encoder = small(variant)
    layer = encoder.network.get_layer("recurrence")
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    weights = [np.array(w, "float64") * 10 for w in layer.get_weights()]
    layer.set_weights(weights)
    expected = relu_states(x, *weights) if variant == "hybrid" else gated_states(x, *weights)
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


def relu_states(x, w, b, u, c):
    state = np.maximum(0, x[:, 0] @ w + b)
    states = [state]
    for step in range(1, x.shape[1]):
        state = np.maximum(0, x[:, step] @ w + b + state @ u + c)
        states.append(state)
    return np.stack(states, axis=1)


def gated_states(x, w, b, gates_u, gates_c, candidate_u, candidate_c):
    def sigmoid(value):
        return 1 / (1 + np.exp(-value))

    (wz, wr, wh), (bz, br, bh) = np.split(w, 3, axis=1), np.split(b, 3)
    (uz, ur), (cz, cr) = np.split(gates_u, 2, axis=1), np.split(gates_c, 2)
    state = np.tanh(x[:, 0] @ wh + bh)
    states = [state]
    for step in range(1, x.shape[1]):
        z = sigmoid(x[:, step] @ wz + bz + state @ uz + cz)
        r = sigmoid(x[:, step] @ wr + br + state @ ur + cr)
        candidate = np.tanh(x[:, step] @ wh + bh + (r * state) @ candidate_u + candidate_c)
        state = z * candidate + (1 - z) * state
        states.append(state)
    return np.stack(states, axis=1)


@VARIANTS
def test_sentence_is_a_linear_map_of_the_mean_state(variant):
    encoder = small(variant)
    outputs = encoder(np.random.default_rng(0).integers(0, 71, (2, 201)).astype("int32"))
    kernel, bias = encoder.network.get_layer("sentence").get_weights()
    expected = outputs["words"].numpy().mean(axis=1) @ kernel + bias
    np.testing.assert_allclose(outputs["sentence"], expected, atol=1e-6)


def test_id_zero_is_the_all_zero_row():
    encoder = small()
    convolution = encoder.network.get_layer("convolution_1")
    assert convolution.kernel.shape == (4, 70, 4)
    before = encoder(np.zeros((1, 201), "int32"))["sentence"].numpy()
    convolution.kernel.assign(convolution.kernel * 3.0)
    np.testing.assert_array_equal(encoder(np.zeros((1, 201), "int32"))["sentence"], before)
    ones = np.ones((1, 201), "int32")
    assert np.any(encoder(ones)["sentence"].numpy() != before)


def test_id_k_reads_row_k_minus_one_of_the_kernel():
    encoder = small()
    convolution = encoder.network.get_layer("convolution_1")
    kernel = np.zeros(convolution.kernel.shape, "float32")
    kernel[:, 6] = 1.0
    convolution.kernel.assign(kernel)
    zero = encoder(np.zeros((1, 201), "int32"))["sentence"].numpy()
    six, seven = (encoder(np.full((1, 201), k, "int32"))["sentence"].numpy() for k in (6, 7))
    np.testing.assert_array_equal(six, zero)
    assert np.any(seven != zero)


@VARIANTS
def test_mixed_precision_keeps_float32_outputs(variant):
    outputs = small(variant, dtype="mixed_bfloat16")(np.ones((2, 201), "int32"))
    assert outputs["words"].dtype == outputs["sentence"].dtype == "float32"


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@VARIANTS
def test_keras_file_round_trip(variant, tmp_path):
    encoder = small(variant)
    encoder.save(tmp_path / "encoder.keras")
    loaded = keras.models.load_model(tmp_path / "encoder.keras")
    tokens = np.random.default_rng(0).integers(0, 71, (2, 201)).astype("int32")
    assert loaded.get_config() == encoder.get_config()
    np.testing.assert_array_equal(loaded(tokens)["sentence"], encoder(tokens)["sentence"])


@pytest.mark.parametrize(("variant", "shortest"), [("hybrid", 66), ("hybrid_gru", 48)])
def test_lengths_that_leave_nothing_are_refused(variant, shortest):
    assert small(variant, length=shortest)(np.ones((1, shortest)))["words"].shape[1] == 1
    with pytest.raises(ValueError, match=f"at least {shortest}"):
        small(variant, length=shortest - 1)


@pytest.mark.parametrize(
    "change",
    [
        {"variant": "gru"},
        {"filters": (4,)},
        {"filters": (4, 0)},
        {"units": 0},
        {"vocabulary_size": 1},
        {"sentence_dim": 0},
        {"dropout": -0.1},
    ],
)
def test_bad_arguments_are_refused(change):
    with pytest.raises(ValueError, match=f"{next(iter(change))}="):
        small(**change)
