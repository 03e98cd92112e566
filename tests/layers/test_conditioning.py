import statistics

import keras
import numpy as np
import pytest

from keras_t2i.layers import ConditioningAugmentation
from keras_t2i.layers.conditioning import ACTIVATIONS, SPREADS

# The dense layer gives its bias alone: (1, -2) become means, (-0.5, 2) spreads.
NUMBERS = np.array([1.0, -2.0, -0.5, 2.0], "float32")
NOISE = np.array([[0.5, -3.0]], "float32")


def told(**options):
    """A layer of two conditions whose dense layer gives `NUMBERS` whatever the sentence."""
    layer = ConditioningAugmentation(2, **options)
    layer.build([(None, 3), (None, 2)])
    # sigmoid(30) is 1: the gate lets everything pass.
    gates = np.full(4, 30.0) if layer.activation == "glu" else []
    layer.dense.set_weights(
        [np.zeros(layer.dense.kernel.shape), np.concatenate([NUMBERS, gates]).astype("float32")]
    )
    return layer


def draw(layer, noise=NOISE):
    return [np.asarray(part) for part in layer([np.ones((1, 3), "float32"), noise])]


ACTIVATED = {
    "linear": [1.0, -2.0, -0.5, 2.0],
    "relu": [1.0, 0.0, 0.0, 2.0],
    "leaky_relu": [1.0, -0.4, -0.1, 2.0],
    "glu": [1.0, -2.0, -0.5, 2.0],
}


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("spread", SPREADS)
def test_hand_computed_condition_of_every_published_variant(activation, spread):
    condition, mean, log_variance = draw(told(activation=activation, spread=spread))
    means, spreads = np.split(np.array(ACTIVATED[activation]), 2)
    deviations = np.exp(0.5 * spreads if spread == "log_variance" else spreads)
    np.testing.assert_allclose(mean[0], means, rtol=1e-6)
    np.testing.assert_allclose(log_variance[0], 2.0 * np.log(deviations), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(condition[0], means + deviations * NOISE[0], rtol=1e-5)


def test_the_gate_halves_where_its_partner_is_zero():
    layer = told()
    layer.dense.bias.assign(np.concatenate([NUMBERS, np.zeros(4)]))
    _, mean, log_variance = draw(layer)
    np.testing.assert_allclose(mean[0], [0.5, -1.0])
    np.testing.assert_allclose(log_variance[0], [-0.25, 1.0])


def test_truncated_noise_follows_the_normal_cut_at_two_deviations():
    normal = statistics.NormalDist()
    low, high = normal.cdf(-2.0), normal.cdf(2.0)
    expected = [normal.inv_cdf(low + normal.cdf(x) * (high - low)) for x in NOISE[0]]
    condition, mean, log_variance = draw(told(activation="linear", truncated=True))
    found = (condition - mean) / np.exp(0.5 * log_variance)
    np.testing.assert_allclose(found[0], expected, rtol=1e-4)
    far = draw(told(activation="linear", truncated=True), np.array([[60.0, -60.0]], "float32"))
    np.testing.assert_allclose((far[0] - far[1]) / np.exp(0.5 * far[2]), [[2.0, -2.0]], rtol=1e-5)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("truncated", [False, True])
def test_no_noise_gives_the_mean(activation, truncated):
    layer = ConditioningAugmentation(4, activation=activation, truncated=truncated)
    sentence = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    condition, mean, _ = layer([sentence, np.zeros((3, 4), "float32")])
    np.testing.assert_array_equal(condition, mean)
    assert np.ptp(mean) > 0


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_draws_in_float32(policy):
    layer = ConditioningAugmentation(2, dtype=policy)
    found = layer([np.ones((1, 3), "float32"), NOISE])
    assert [part.dtype for part in found] == ["float32"] * 3
    assert layer.dense.compute_dtype == layer.gate.compute_dtype == policy.removeprefix("mixed_")
    inputs = [keras.Input((3,)), keras.Input((2,))]
    assert [part.dtype for part in layer(inputs)] == ["float32"] * 3


def test_a_file_keeps_the_layer_and_its_options(tmp_path):
    inputs = [keras.Input((3,)), keras.Input((2,))]
    options = {"activation": "relu", "spread": "log_deviation", "truncated": True}
    layer = ConditioningAugmentation(2, **options, bias_initializer="ones", name="condition")
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.get_layer("condition").get_config() == layer.get_config()
    sentence = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    noise = np.random.default_rng(1).normal(size=(4, 2)).astype("float32")
    for old, new in zip(model([sentence, noise]), loaded([sentence, noise]), strict=True):
        np.testing.assert_array_equal(old, new)
        assert new.shape == (4, 2)


def test_arguments_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"`width` must be positive. Received: width=0"):
        ConditioningAugmentation(0)
    with pytest.raises(ValueError, match=r"`activation` must be one of .*Received: .*'tanh'"):
        ConditioningAugmentation(2, activation="tanh")
    with pytest.raises(ValueError, match=r"`spread` must be one of .*Received: .*'variance'"):
        ConditioningAugmentation(2, spread="variance")
