"""Tests of `keras_t2i.export.warm_up`."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.export.signatures import caption_seeds
from keras_t2i.export.warm_up import WARM_UP_FILE, prediction_log, warm_up_records


def test_a_prediction_log_has_the_bytes_of_the_protocol():
    inputs = {"x": np.array([b"hi"], object)}
    tensor = b"\x08\x07\x12\x04\x12\x02\x08\x01\x42\x02hi"  # DT_STRING, shape [1], string_val
    entry = b"\x0a\x01x" + b"\x12\x0c" + tensor
    request = b"\x0a\x05\x1a\x03sig" + b"\x12\x11" + entry
    log = b"\x0a" + bytes([len(request)]) + request
    assert prediction_log("sig", inputs) == b"\x32" + bytes([len(log)]) + log


def test_a_long_input_has_a_length_of_several_bytes():
    log_class = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2").PredictionLog
    inputs = {"x": np.arange(100_000, dtype=np.int64)}
    request = log_class.FromString(prediction_log("sig", inputs)).predict_log.request
    np.testing.assert_array_equal(tf.make_ndarray(request.inputs["x"]), inputs["x"])


def test_every_signature_is_warmed_up_by_requests_that_the_serving_api_reads(exported, loaded):
    log_class = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2").PredictionLog
    dataset = tf.data.TFRecordDataset(str(exported / WARM_UP_FILE))
    names = []
    for record in dataset.as_numpy_iterator():
        request = log_class.FromString(record).predict_log.request
        names.append(request.model_spec.signature_name)
        inputs = {name: tf.make_ndarray(proto) for name, proto in request.inputs.items()}
        assert inputs["caption"].tolist() == [b"a picture"]
        outputs = loaded.signatures[names[-1]](**{k: tf.constant(v) for k, v in inputs.items()})
        assert all(len(output) == 1 for output in outputs.values())
        if names[-1] == "generate":
            np.testing.assert_array_equal(inputs["seed"], caption_seeds("a picture"))
    assert names == ["serving_default", "generate", "encode"]


def test_more_requests_than_the_server_takes_are_refused():
    signatures = dict.fromkeys(["serving_default", "generate", "encode"])
    with pytest.raises(ValueError, match="give at most 333"):
        warm_up_records(["red"] * 334, signatures)
