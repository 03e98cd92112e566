"""Holds this package and Keras 3 against numbers that TensorFlow Addons 0.23 computed.

`reference/record_tensorflow_addons.py` recorded them; docs/from_tensorflow_addons.md draws on it.
"""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_t2i.layers import (
    AdaptiveAveragePooling2D,
    AdaptiveMaxPooling2D,
    MovingAverage,
    SpectralConv2D,
    SpectralDense,
)
from keras_t2i.layers.spectral_normalization import update_spectral_norms

REFERENCE = pathlib.Path(__file__).parent / "reference" / "tensorflow_addons.npz"
SPECTRAL = {
    "dense": lambda: SpectralDense(4),
    "dense_twice": lambda: SpectralDense(4),
    "convolution": lambda: SpectralConv2D(4, 3, padding="same"),
    "convolution_stride": lambda: SpectralConv2D(3, 4, strides=2),
}
EQUAL = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture(scope="module")
def recorded():
    with np.load(REFERENCE) as file:
        return dict(file)


def part_of(recorded, prefix):
    return {k.removeprefix(prefix): v for k, v in recorded.items() if k.startswith(prefix)}


@pytest.fixture(params=list(SPECTRAL))
def spectral(request, recorded):
    """Our layer with the recorded start, and what was recorded from there."""
    found = part_of(recorded, f"spectral.{request.param}.")
    layer = SPECTRAL[request.param]()
    layer.build(found["x"].shape)
    layer.set_weights([found["kernel"], found["bias"], found["u"][0]])
    return layer, found


def advance(layer, iterations):
    for _ in range(iterations):
        update_spectral_norms([layer])


def test_spectral_kernel_and_output_equal_after_equally_many_iterations(spectral):
    layer, found = spectral
    calls = zip(found["called_u"], found["called_kernel"], found["called_output"], strict=True)
    for u, kernel, output in calls:
        advance(layer, found["iterations"] - 1)  # the last one is part of `call`
        np.testing.assert_allclose(layer.normalized_kernel(), kernel, **EQUAL)
        np.testing.assert_allclose(layer(found["x"]), output, **EQUAL)
        advance(layer, 1)
        np.testing.assert_allclose(layer.u, u[0], **EQUAL)
    np.testing.assert_array_equal(layer.kernel, found["kernel"])  # ours is not rewritten


def test_spectral_inference_takes_the_stored_kernel_there_and_one_more_iteration_here(spectral):
    layer, found = spectral
    np.testing.assert_array_equal(found["output_in_inference"], found["called_output"][-1])
    advance(layer, 4 * found["iterations"] - 1)
    np.testing.assert_allclose(layer(found["x"]), found["output_in_inference"], **EQUAL)
    advance(layer, 1)
    assert np.abs(layer(found["x"]) - found["output_in_inference"]).max() > 1e-4


def test_spectral_training_follows_once_the_kernel_is_rewritten_by_hand(spectral):
    layer, found = spectral
    steps = (found[f"learned_{name}"] for name in ("gradient", "kernel", "u"))
    for gradient, kernel, u in zip(*steps, strict=True):
        advance(layer, found["iterations"] - 1)
        normalized = ops.convert_to_numpy(layer.normalized_kernel())
        advance(layer, 1)
        np.testing.assert_allclose(gradient_at(layer, normalized, found), gradient, **EQUAL)
        layer.kernel.assign(normalized - found["learning_rate"] * gradient)
        np.testing.assert_allclose(layer.kernel, kernel, **EQUAL)
        np.testing.assert_allclose(layer.u, u[0], **EQUAL)


def gradient_at(layer, kernel, found):
    """Of the recorded loss, by the plain layer with this kernel."""
    plain = type(layer).__bases__[1].from_config(layer.get_config())
    plain.build(found["x"].shape)
    plain.set_weights([kernel, found["bias"]])
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(plain(found["x"]) ** 2)
    return tape.gradient(loss, plain.kernel.value)


def test_spectral_gradient_is_theirs_less_what_sigma_takes(spectral):
    layer, found = spectral
    advance(layer, found["iterations"] - 1)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(layer(found["x"]) ** 2)
    ours = tape.gradient(loss, layer.kernel.value)
    u, v = layer.singular_vectors()
    normalized, theirs = layer.normalized_kernel(), found["learned_gradient"][0]
    sigma = ops.norm(ops.reshape(layer.kernel, -1)) / ops.norm(ops.reshape(normalized, -1))
    along = ops.sum(theirs * normalized) * ops.reshape(ops.outer(v, u), theirs.shape)
    np.testing.assert_allclose(ours, (theirs - along) / sigma, **EQUAL)


def test_keras_own_spectral_normalization_has_their_numbers(recorded):
    found = part_of(recorded, "spectral.convolution.")
    inner = keras.layers.Conv2D(4, 3, padding="same")
    layer = keras.layers.SpectralNormalization(inner)
    layer.build(found["x"].shape)
    inner.set_weights([found["kernel"], found["bias"]])
    layer.vector_u.assign(found["u"])
    for kernel, output in zip(found["called_kernel"], found["called_output"], strict=True):
        np.testing.assert_allclose(layer(found["x"], training=True), output, **EQUAL)
        np.testing.assert_allclose(inner.kernel, kernel, **EQUAL)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("instance", {"groups": -1}),
        ("instance_small_epsilon", {"groups": -1, "epsilon": 1e-5}),
        ("instance_first", {"groups": -1, "axis": 1}),
        ("group_1", {"groups": 1}),
        ("group_2", {"groups": 2}),
        ("group_3", {"groups": 3}),
        ("group_first", {"groups": 2, "axis": 1}),
        ("group_of_vectors", {"groups": 2}),
    ],
)
def test_group_normalization_of_keras_is_theirs_and_their_instance_normalization(
    recorded, name, options
):
    found = part_of(recorded, f"norm.{name}.")
    layer = keras.layers.GroupNormalization(**options)
    layer.build(found["x"].shape)
    layer.set_weights([found["gamma"], found["beta"]])
    np.testing.assert_allclose(layer(found["x"]), found["output"], **EQUAL)


@pytest.mark.parametrize(
    ("layer", "kind"), [(AdaptiveAveragePooling2D, "average"), (AdaptiveMaxPooling2D, "max")]
)
def test_adaptive_pooling_equals_theirs(recorded, layer, kind):
    cases = part_of(recorded, f"pool.2d.{kind}.")
    assert len(cases) == 6
    for name, output in cases.items():
        size = tuple(int(part) for part in name.split("x"))
        np.testing.assert_allclose(layer(size)(recorded["pool.2d.x"]), output, **EQUAL)


def test_adaptive_pooling_there_needs_sides_that_divide(recorded):
    side, size = np.mgrid[1:10, 1:10]
    np.testing.assert_array_equal(recorded["pool.accepted"], side % size == 0)


@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize("kind", ["Average", "Max"])
def test_adaptive_pooling_of_keras_equals_theirs(recorded, rank, kind):
    name = f"Adaptive{kind}Pooling{rank}D"
    if not hasattr(keras.layers, name):
        pytest.skip("Keras 3.12 has no adaptive pooling")
    cases = part_of(recorded, f"pool.{rank}d.{kind.lower()}.")
    sizes = {name: tuple(int(part) for part in name.split("x")) for name in cases}
    # A size of 1 ends the process: TensorFlow divides by zero for windows beyond the side.
    cases = {sizes[name]: output for name, output in cases.items() if 1 not in sizes[name]}
    assert cases
    for size, output in cases.items():
        layer = getattr(keras.layers, name)(size, data_format="channels_last")
        np.testing.assert_allclose(layer(recorded[f"pool.{rank}d.x"]), output, **EQUAL)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("gelu", lambda x: keras.activations.gelu(x, approximate=True)),
        ("gelu_exact", keras.activations.gelu),
        ("mish", keras.activations.mish),
        ("hardshrink", keras.activations.hard_shrink),
        ("softshrink", keras.activations.soft_shrink),
        ("tanhshrink", keras.activations.tanh_shrink),
    ],
)
def test_activations_of_keras_equal_theirs(recorded, name, function):
    outputs = function(ops.convert_to_tensor(recorded["activation.x"]))
    np.testing.assert_allclose(outputs, recorded[f"activation.{name}"], **EQUAL)


def test_sparsemax_of_keras_is_not_theirs(recorded):
    """Keras sums the sums up to each rank. Where that is mended, the document must say so."""
    theirs = recorded["activation.sparsemax"]
    np.testing.assert_allclose(theirs.sum(axis=-1), 1.0, rtol=1e-5)
    ours = keras.activations.sparsemax(ops.convert_to_tensor(recorded["activation.x"]))
    alone = np.count_nonzero(theirs, axis=-1) == 1
    np.testing.assert_allclose(ours[alone], theirs[alone], **EQUAL)
    assert alone.any()
    assert np.abs(ours[~alone] - theirs[~alone]).max() > 0.1


@pytest.mark.parametrize(
    ("name", "optimizer"),
    [
        # There the decay is not multiplied by the learning rate.
        ("adamw", lambda: keras.optimizers.AdamW(0.02, weight_decay=0.004 / 0.02)),
        ("lamb", lambda: keras.optimizers.Lamb(0.02, epsilon=1e-6)),
    ],
)
def test_optimizers_of_keras_equal_theirs(recorded, name, optimizer):
    variable, optimizer = keras.Variable(recorded["optimizer.start"]), optimizer()
    optimizer.build([variable])
    steps = zip(recorded["optimizer.gradients"], recorded[f"optimizer.{name}"], strict=True)
    for gradient, expected in steps:
        optimizer.apply_gradients([(ops.convert_to_tensor(gradient), variable)])
        np.testing.assert_allclose(variable, expected, **EQUAL)


def test_moving_average_equals_theirs_with_dynamic_decay(recorded):
    network, copy = (keras.layers.Dense(3, use_bias=False) for _ in range(2))
    for layer in (network, copy):
        layer.build((None, 4))
    network.set_weights([recorded["optimizer.start"]])
    average = MovingAverage(network, copy, momentum=0.27)
    path = zip(recorded["optimizer.average"], recorded["optimizer.averages"], strict=True)
    for step, (weights, expected) in enumerate(path):
        network.set_weights([weights])
        average.update(tf.constant(step))
        np.testing.assert_allclose(copy.kernel, expected, **EQUAL)


def test_pictures_are_turned_as_theirs(recorded):
    turned = ops.image.affine_transform(
        recorded["image.x"],
        recorded["image.transforms"],
        interpolation="bilinear",
        fill_mode="constant",
        data_format="channels_last",
    )
    np.testing.assert_allclose(turned, recorded["image.rotated"], **EQUAL)


def test_pictures_are_blurred_as_theirs_away_from_the_border(recorded):
    blurred = ops.image.gaussian_blur(
        recorded["image.x"], (3, 3), (0.8, 0.8), data_format="channels_last"
    )
    inner = (slice(None), slice(1, -1), slice(1, -1))
    np.testing.assert_allclose(blurred[inner], recorded["image.blurred"][inner], **EQUAL)
