"""Tests of classify and regress JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.server.errors import ServingError
from keras_t2i.server.examples import classification_body, example_batch, regression_body


def features(data: bytes) -> dict[str, list]:
    example = tf.train.Example.FromString(data)
    return {
        name: list(getattr(feature, feature.WhichOneof("kind")).value)
        for name, feature in example.features.feature.items()
    }


def test_json_types_choose_the_kind_of_feature() -> None:
    example = {"f": 1.5, "i": [1, True], "s": ["a", {"b64": "Yg=="}]}
    batch = example_batch({"examples": [example]})
    assert features(batch[0]) == {"f": [1.5], "i": [1, 1], "s": [b"a", b"b"]}


def test_context_joins_every_example() -> None:
    batch = example_batch({"context": {"c": 2}, "examples": [{"x": 1}, {"x": 3}]})
    assert [features(data) for data in batch] == [{"c": [2], "x": [1]}, {"c": [2], "x": [3]}]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "key 'examples' is expected and was not found"),
        ({"examples": 1}, "Expecting 'examples' value to be an list/array"),
        ({"examples": []}, "'examples' value is an empty array"),
        ({"examples": [1]}, "Example must be JSON object but got JSON Number"),
        ({"examples": [{"x": None}]}, "Feature: x has element with unexpected JSON type: Null"),
        ({"examples": [{"x": [[1]]}]}, "Feature: x has element with unexpected JSON type: Array"),
        ({"examples": [{"x": {}}]}, "Feature: x has element with unexpected JSON type: Object"),
        (
            {"examples": [{"x": [1, 1.5]}]},
            "Unexpected element type in feature: x expecting type: int64",
        ),
        (
            {"examples": [{"x": 2**63}]},
            "Feature: x has uint64_t element. Only int64_t is supported.",
        ),
    ],
)
def test_malformed_examples_are_refused(document: dict, message: str) -> None:
    with pytest.raises(ServingError) as caught:
        example_batch(document)
    assert caught.value.message.endswith(message)


def test_classes_without_scores_and_scores_without_classes() -> None:
    labels = np.array([[b"a", b"b"]], object)
    scores = np.array([[0.25, 1.0]], np.float32)
    assert json.loads(classification_body(labels, None, 1)) == {"results": [[["a", 0], ["b", 0]]]}
    assert json.loads(classification_body(None, scores, 1)) == {"results": [[["", 0.25], ["", 1]]]}
    both = classification_body(labels, scores, 1)
    assert both == b'{\n    "results": [[["a", 0.25], ["b", 1.0]]\n    ]\n}'


def test_regression_is_one_line() -> None:
    body = regression_body(np.array([[0.2], [3.0]], np.float32), 2)
    assert body == b'{\n    "results": [0.2, 3.0]\n}'


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (np.zeros(2, np.float32), "Expected Tensor shape: [batch_size num_classes] but got [2]"),
        (np.zeros((2, 1)), "Expected scores Tensor of DT_FLOAT. Got: DT_DOUBLE"),
        (np.zeros((3, 1), np.float32), "Expected scores output batch size of 2. Got: 3"),
    ],
)
def test_wrong_scores_are_refused(scores: np.ndarray, message: str) -> None:
    with pytest.raises(ServingError) as caught:
        classification_body(None, scores, 2)
    assert caught.value.message == message


def test_wrong_regressions_are_refused() -> None:
    with pytest.raises(ServingError, match=r"either \[batch_size\] or \[batch_size, 1\] but got"):
        regression_body(np.zeros((2, 2), np.float32), 2)
    with pytest.raises(ServingError, match=r"did not match output batch size: 2 vs. 3"):
        regression_body(np.zeros(3, np.float32), 2)
    with pytest.raises(ServingError, match=r"DT_FLOAT.  Got: DT_DOUBLE"):
        regression_body(np.zeros(2), 2)
