"""Tests of warm-up records."""

from __future__ import annotations

import pathlib
import shutil

import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from keras_t2i.server.errors import ServingError
from keras_t2i.server.servable import Servable
from keras_t2i.server.warmup import WARMUP_FILE, warm_up


def predict_log(value: float, **inputs: object) -> prediction_log_pb2.PredictionLog:
    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.signature_name = "checked"
    request.inputs["x"].CopyFrom(tf.make_tensor_proto([value], tf.float32))
    return log


def example_log() -> prediction_log_pb2.PredictionLog:
    log = prediction_log_pb2.PredictionLog()
    request = log.regress_log.request
    request.model_spec.signature_name = "regress"
    example = request.input.example_list.examples.add()
    example.features.feature["x"].float_list.value.append(1.0)
    return log


@pytest.fixture
def load(models: pathlib.Path, tmp_path: pathlib.Path):
    def write(*records: bytes) -> Servable:
        shutil.copytree(models / "kinds" / "1", tmp_path / "1")
        file = tmp_path / "1" / WARMUP_FILE
        file.parent.mkdir(exist_ok=True)
        with tf.io.TFRecordWriter(str(file)) as writer:
            for record in records:
                writer.write(record)
        return Servable(tmp_path / "1")

    return write


def test_all_records_are_run(load) -> None:
    servable = load(predict_log(1.0).SerializeToString(), example_log().SerializeToString())
    assert warm_up(servable) == 2


def test_model_without_records_is_fine(models: pathlib.Path) -> None:
    assert warm_up(Servable(models / "kinds" / "1")) == 0


def test_record_that_fails_fails_the_load(load) -> None:
    with pytest.raises(ServingError, match="x is too large"):
        warm_up(load(predict_log(9.0).SerializeToString()))


def test_other_kinds_of_record_are_refused(load) -> None:
    log = prediction_log_pb2.PredictionLog()
    log.session_run_log.request.model_spec.name = "m"
    with pytest.raises(ServingError, match="Unsupported log_type for warmup: session_run_log"):
        warm_up(load(log.SerializeToString()))


def test_more_than_a_thousand_records_are_refused(load, monkeypatch: pytest.MonkeyPatch) -> None:
    servable = load(*[predict_log(1.0).SerializeToString()] * 1001)
    monkeypatch.setattr(servable, "run", lambda *_: None)
    with pytest.raises(ServingError, match=r"exceeds the maximum \(1000\)"):
        warm_up(servable)


def test_damaged_file_is_data_loss(load) -> None:
    servable = load(predict_log(1.0).SerializeToString())
    file = servable.folder / WARMUP_FILE
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(ServingError) as caught:
        warm_up(servable)
    assert caught.value.code == "DATA_LOSS"
