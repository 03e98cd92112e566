import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.layers import SpectralConv2D, SpectralDense
from keras_t2i.layers.spectral_normalization import update_spectral_norms


def make(kind):
    layer = SpectralDense(5) if kind == "dense" else SpectralConv2D(5, 3, padding="same")
    shape = (2, 7) if kind == "dense" else (2, 4, 4, 3)
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    layer.build((None, *shape[1:]))
    layer.kernel.assign(np.random.default_rng(1).normal(size=layer.kernel.shape))
    return layer, x


def sigma(layer):
    kernel = keras.ops.convert_to_numpy(layer.kernel)
    return np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)[0]


@pytest.fixture(params=["dense", "convolution"])
def layer_and_input(request):
    return make(request.param)


def test_estimate_converges_to_the_largest_singular_value(layer_and_input):
    layer, _ = layer_and_input
    for _ in range(100):
        update_spectral_norms([layer])
    kernel = layer.normalized_kernel().numpy()
    np.testing.assert_allclose(kernel * sigma(layer), layer.kernel.numpy(), rtol=1e-4)
    largest = np.linalg.svd(kernel.reshape(-1, 5), compute_uv=False)[0]
    assert largest == pytest.approx(1.0, rel=1e-4)


def test_hand_computed_iteration():
    layer = SpectralDense(2, use_bias=False)
    layer.build((None, 2))
    layer.kernel.assign([[3.0, 0.0], [0.0, 4.0]])
    layer.u.assign([1.0, 1.0])
    # v ~ W u = (3, 4) / 5; u ~ W'v = (9, 16) / |.|; sigma = v'Wu = |(9, 16)| / 5
    size = np.hypot(9, 16)
    np.testing.assert_allclose(layer.normalized_kernel() * (size / 5), layer.kernel, rtol=1e-5)
    update_spectral_norms([layer])
    np.testing.assert_allclose(layer.u, np.array([9, 16]) / size, rtol=1e-5)


def test_a_call_rewrites_neither_kernel_nor_vector(layer_and_input):
    layer, x = layer_and_input
    before = layer.get_weights()
    first, second = layer(x), layer(x)
    np.testing.assert_array_equal(first, second)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_output_is_the_plain_layer_with_the_divided_kernel(layer_and_input):
    layer, x = layer_and_input
    layer.bias.assign([1.0, 2.0, 3.0, 4.0, 5.0])
    plain = type(layer).__bases__[1].from_config(layer.get_config())
    plain.build(x.shape)
    plain.set_weights([layer.normalized_kernel(), layer.bias.numpy()])
    np.testing.assert_allclose(layer(x), plain(x), rtol=1e-4, atol=1e-5)


def test_gradient_runs_through_the_estimate(layer_and_input):
    layer, x = layer_and_input
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x) ** 2)
    gradient = tape.gradient(loss, layer.kernel.value).numpy()
    # W / sigma(W) does not change with the length of W: no gradient along W.
    assert np.abs(gradient).max() > 0.01
    along = (gradient * layer.kernel.numpy()).sum()
    assert abs(along) < 1e-3 * np.abs(gradient * layer.kernel.numpy()).sum()


def test_only_the_kernel_and_the_bias_learn(layer_and_input):
    layer, _ = layer_and_input
    assert [variable.name for variable in layer.trainable_variables] == ["kernel", "bias"]


def test_nested_layers_are_found():
    inner = keras.Sequential([SpectralDense(2)])
    network = keras.Sequential([keras.Input((3,)), inner, keras.layers.Dense(1)])
    before = inner.layers[0].u.numpy()
    update_spectral_norms([network])
    assert not np.array_equal(before, inner.layers[0].u.numpy())


def test_replicas_keep_one_vector(two_replicas):
    with two_replicas.scope():
        layer, _ = make("dense")
    alone, _ = make("dense")
    alone.set_weights(layer.get_weights())
    tf.function(lambda: two_replicas.run(lambda: update_spectral_norms([layer])))()
    update_spectral_norms([alone])
    for copy in two_replicas.experimental_local_results(layer.u.value):
        np.testing.assert_allclose(copy, alone.u, rtol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_keeps_the_estimate_in_float32(policy):
    layer = SpectralConv2D(4, 3, dtype=policy)
    outputs = layer(np.ones((1, 4, 4, 3), "float32"))
    assert outputs.dtype == policy.removeprefix("mixed_")
    assert layer.normalized_kernel().dtype == "float32"
    assert layer.u.dtype == layer.kernel.dtype == "float32"


def test_a_file_keeps_the_vector(layer_and_input, tmp_path):
    layer, x = layer_and_input
    model = keras.Sequential([keras.Input(x.shape[1:]), layer])
    update_spectral_norms([model])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras").layers[0]
    for old, new in zip(layer.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_configuration_round_trip(layer_and_input):
    layer, x = layer_and_input
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is type(layer)
    again(x)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(x), layer(x))
