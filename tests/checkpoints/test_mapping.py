import keras
import numpy as np
import pytest
from keras import layers

from keras_t2i.checkpoints.mapping import (
    CONVOLUTION,
    GATED_MAP_DENSE,
    GATED_MAP_VECTOR,
    POINT_1D,
    POINT_2D,
    SUM,
    Place,
    assign_state,
    check_sizes_are_told,
    convolution,
    dense,
    expected_shapes,
    highest,
    norm,
    size_at,
)
from keras_t2i.layers.gated_linear_unit import GatedLinearUnit


@pytest.fixture
def table():
    inputs = keras.Input((4, 4, 2))
    x = layers.Conv2D(3, 3, use_bias=False, name="first")(inputs)
    x = layers.Flatten()(layers.BatchNormalization(name="second")(x))
    network = keras.Model(inputs, layers.Dense(5, name="third")(x))
    return [(network, [*convolution("a.0", "first"), *norm("a.1", "second"), *dense("b", "third")])]


@pytest.fixture
def state(table):
    random = np.random.default_rng(0)
    return {n: random.standard_normal(shape) for n, shape in expected_shapes(table).items()}


def test_expected_names_and_shapes_are_those_of_the_file(table):
    assert expected_shapes(table) == {
        "a.0.weight": (3, 2, 3, 3),
        "a.1.weight": (3,),
        "a.1.bias": (3,),
        "a.1.running_mean": (3,),
        "a.1.running_var": (3,),
        "b.weight": (5, 12),
        "b.bias": (5,),
    }


@pytest.mark.parametrize("prefix", ["", "module."])
def test_all_variables_are_filled(table, state, prefix):
    state["a.1.num_batches_tracked"] = np.array(7)
    assign_state(table, {prefix + n: x for n, x in state.items()}, what="a test")
    network = table[0][0]
    found = network.get_layer("first").kernel
    np.testing.assert_allclose(found[2, 1, 0, 1], state["a.0.weight"][1, 0, 2, 1], rtol=1e-6)
    found = network.get_layer("second").moving_variance
    np.testing.assert_allclose(found, state["a.1.running_var"], rtol=1e-6)
    np.testing.assert_allclose(network.get_layer("third").kernel.numpy().T, state["b.weight"], 1e-6)


def test_all_faults_are_in_one_error_and_nothing_is_changed(table, state):
    del state["a.0.weight"], state["a.1.bias"]
    state["b.weight"] = state["b.weight"].T
    state["b.bias"][0] = np.nan
    state |= {"c.weight": np.zeros(2), "c.num_batches_tracked": np.array(1)}
    before = [weight.numpy() for weight in table[0][0].weights]
    with pytest.raises(ValueError, match="not those of a test") as caught:
        assign_state(table, state, what="a test")
    assert str(caught.value).endswith(
        "Received: missing: a.0.weight, a.1.bias; unknown: c.weight; of another shape: b.weight "
        "(12, 5) instead of (5, 12); not finite: b.bias"
    )
    for weight, value in zip(table[0][0].weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_names_known_to_be_unused_are_passed_over(table, state):
    state["c.weight"] = np.zeros(2)
    assign_state(table, state, what="a test", unused=("c.*",))


@pytest.mark.parametrize(
    ("kind", "shape", "expected"),
    [(POINT_1D, (4, 6), (6, 4, 1)), (POINT_2D, (4, 6), (6, 4, 1, 1))],
)
def test_convolutions_of_side_one_are_dense_layers(kind, shape, expected):
    assert kind.shapes(shape) == [expected]
    there = np.arange(24.0).reshape(expected)
    np.testing.assert_array_equal(kind.convert(there), there.reshape(6, 4).T)


def test_convolutions_turn_their_axes():
    there = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    here = CONVOLUTION.convert(there)
    assert here.shape == (4, 5, 3, 2)
    assert here[3, 1, 2, 0] == there[0, 2, 3, 1]
    assert CONVOLUTION.shapes(here.shape) == [there.shape]


def test_two_biases_are_one():
    assert SUM.shapes((3,)) == [(3,), (3,)]
    np.testing.assert_array_equal(SUM.convert(np.ones(3), np.arange(3.0)), [1, 2, 3])


def test_flat_maps_with_channels_first_become_maps_with_channels_last():
    channels = 3
    there = np.arange(2 * channels * 16, dtype=np.float32)
    value, gate = there.reshape(2, -1)
    expected = (value / (1 + np.exp(-gate))).reshape(channels, 4, 4).transpose(1, 2, 0)
    found = GatedLinearUnit()(GATED_MAP_VECTOR.convert(there)[None]).numpy().reshape(4, 4, channels)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    weights = np.stack([there, 2 * there], axis=1)
    np.testing.assert_array_equal(
        GATED_MAP_DENSE.convert(weights)[1], 2 * GATED_MAP_VECTOR.convert(there)
    )


def test_a_size_is_read_wherever_it_can_be():
    state = {"a": np.zeros((2, 3)), "b": np.zeros(4)}
    assert size_at(state, Place("a", 2, 1)) == 3
    assert size_at(state, Place("c", 2, 1), Place("a", 1, 0), Place("b", 1, 0, 2)) == 2
    assert size_at(state, Place("c", 2, 1), Place("b", 1, 0, 8)) is None


def test_a_file_without_any_size_is_of_another_network():
    state = {"a": np.zeros((2, 3)), "b": np.zeros(4)}
    check_sizes_are_told(state, {"a": 2, "b": 4}, what="a test")
    with pytest.raises(ValueError, match=r"of a test.*c is missing, b has the shape \(4,\); .* 2"):
        check_sizes_are_told(state, {"a": 2, "c": None, "b": None}, what="a test")


def test_numbers_are_counted_over_gaps_but_not_without_bound():
    state = dict.fromkeys(("x1.a", "x3.b", "x50.c", "y4.a", "z.x6.a"))
    assert highest(state, r"x(\d+)\.") == 3
    assert highest(state, r"x(\d+)\.", most=64) == 50
    assert highest(state, r"w(\d+)\.") == 0
