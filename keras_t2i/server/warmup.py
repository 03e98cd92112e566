"""Replays the warm-up requests that an export carries.

VERSION/assets.extra/tf_serving_warmup_requests, a TFRecord file of `PredictionLog`s, is run before
a version becomes available, so that the first real request is as quick as the others.
"""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np

from keras_t2i.server.errors import ServingError
from keras_t2i.server.servable import DEFAULT_SIGNATURE, Servable

WARMUP_FILE = pathlib.PurePath("assets.extra", "tf_serving_warmup_requests")
_MAXIMUM_RECORDS = 1000


def warm_up(servable: Servable, *, iterations: int = 1) -> int:
    """Runs every warm-up request of a model.

    Arguments:
        servable: the loaded model.
        iterations: how often each request is run.

    Returns:
        The number of records; 0 where the model brings none.

    Raises:
        ServingError: if there are more than 1000 records, or a record is damaged, of another kind
            than predict, classify or regress, or fails. As in the model server, such a model does
            not become available.
    """
    file = servable.folder / WARMUP_FILE
    if not file.is_file():
        return 0
    count = 0
    for count, record in enumerate(_records(file), start=1):
        if count > _MAXIMUM_RECORDS:
            raise ServingError(
                "INVALID_ARGUMENT",
                f"Number of warmup records exceeds the maximum ({_MAXIMUM_RECORDS}) at {file}",
            )
        signature, tensors = _request(servable, record)
        for _ in range(iterations):
            servable.run(signature, tensors)
    return count


def _records(file: pathlib.Path) -> Any:
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    try:
        for data in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
            yield prediction_log_pb2.PredictionLog.FromString(data)
    except tf.errors.DataLossError as error:
        raise ServingError(
            "DATA_LOSS", f"Failed to read warmup record from {file}: {error.message}"
        ) from error


def _request(servable: Servable, record: Any) -> tuple[str, dict[str, np.ndarray]]:
    import tensorflow as tf

    kind = record.WhichOneof("log_type") or "no type"
    if kind not in ("predict_log", "classify_log", "regress_log"):
        raise ServingError("UNIMPLEMENTED", f"Unsupported log_type for warmup: {kind}")
    request = getattr(record, kind).request
    signature = request.model_spec.signature_name or DEFAULT_SIGNATURE
    if signature not in servable.signature_defs:
        raise ServingError("FAILED_PRECONDITION", f'Serving signature key "{signature}" not found.')
    if kind == "predict_log":
        tensors = {alias: tf.make_ndarray(proto) for alias, proto in request.inputs.items()}
    else:
        alias = next(iter(servable.input_types(signature)), "inputs")
        tensors = {alias: _serialized_examples(request.input)}
    return signature, tensors


def _serialized_examples(message: Any) -> np.ndarray:
    with_context = message.example_list_with_context
    context = with_context.context.SerializeToString()
    examples = [*message.example_list.examples, *with_context.examples]
    batch = np.empty(len(examples), dtype=object)
    batch[:] = [context + example.SerializeToString() for example in examples]
    return batch
