"""What the REST API answers: method, path and body in, status and JSON out.

(method, path) --urls--> target --ModelStore--> Servable --json_tensor, json_answer, examples-->
body
"""

from __future__ import annotations

import json
import time
from typing import Any, NamedTuple

import numpy as np

from keras_t2i.server import examples, json_answer, json_tensor
from keras_t2i.server.errors import ServingError, as_serving_error, invalid_argument
from keras_t2i.server.json_writer import error_body
from keras_t2i.server.model_store import ModelStore, ModelVersion
from keras_t2i.server.monitoring import Metrics
from keras_t2i.server.servable import DEFAULT_SIGNATURE, Servable
from keras_t2i.server.urls import Target, parse_target

_METHOD_NAMES = {
    "classify": ("classification", "tensorflow/serving/classify"),
    "regress": ("regression", "tensorflow/serving/regress"),
}


class Answer(NamedTuple):
    """The answer to one request.

    Attributes:
        status: the HTTP status.
        body: JSON, possibly empty.
        code: the name of the status code, `"OK"` on success.
        model_name: the model that was asked, `""` where none was.
        api: `"predict"`, `"classify"`, `"regress"` or `""`.
    """

    status: int
    body: bytes
    code: str = "OK"
    model_name: str = ""
    api: str = ""


class RestApi:
    """TensorFlow Serving's REST API over a `ModelStore`; knows nothing of sockets.

    Arguments:
        store: the models.
        metrics: takes the time of each run.
        check_method_names: whether classify and regress demand the signature's `method_name`.
    """

    def __init__(
        self, store: ModelStore, *, metrics: Metrics, check_method_names: bool = False
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._check_method_names = check_method_names

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Answers one request; blocks while the model runs.

        Arguments:
            method: the HTTP method.
            path: the raw path with its query string.
            body: the request's body, inflated.
        """
        target = Target("", None, None, "")
        try:
            target = parse_target(method, path)
            text = self._dispatch(target, body)
            return Answer(200, text, "OK", target.model_name, _api(target))
        except Exception as error:
            failure = as_serving_error(error)
            status = failure.http_status
            return Answer(
                status, error_body(failure), failure.code, target.model_name, _api(target)
            )

    def _dispatch(self, target: Target, body: bytes) -> bytes:
        if target.verb == "predict":
            return self._predict(target, body)
        if target.verb in _METHOD_NAMES:
            return self._classify_or_regress(target, body)
        if not target.model_name:
            raise invalid_argument("Missing model name in request.")
        if target.verb == "metadata":
            servable, version = self._find(target)
            return metadata_body(target.model_name, version, servable.signature_defs)
        return status_body(self._store.statuses(target.model_name, version=target.version))

    def _find(self, target: Target) -> tuple[Servable, int]:
        return self._store.servable(target.model_name, version=target.version, label=target.label)

    def _predict(self, target: Target, body: bytes) -> bytes:
        document = json_tensor.read_document(body)
        asked = json_tensor.signature_name(document)
        servable, _ = self._find(target)
        name = asked or DEFAULT_SIGNATURE
        if name not in servable.signature_defs:
            raise invalid_argument(f'Serving signature name: "{name}" not found in signature def')
        types = servable.input_types(name)
        if not types:
            raise invalid_argument(f"Failed to get input map for signature: {asked or 'DEFAULT'}")
        inputs = json_tensor.predict_inputs(document, types)
        outputs = self._run(target, servable, signature=name, tensors=inputs.tensors)
        if inputs.is_row_format:
            return json_answer.predictions_body(outputs)
        return json_answer.outputs_body(outputs)

    def _run(
        self, target: Target, servable: Servable, *, signature: str, tensors: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        start = time.perf_counter()
        outputs = servable.run(signature, tensors)
        seconds = time.perf_counter() - start
        self._metrics.record_run(target.model_name, target.verb.capitalize(), seconds)
        return outputs

    def _classify_or_regress(self, target: Target, body: bytes) -> bytes:
        document = json_tensor.read_document(body)
        asked = json_tensor.signature_name(document)
        batch = examples.example_batch(document)
        servable, _ = self._find(target)
        name = asked or DEFAULT_SIGNATURE
        if name not in servable.signature_defs:
            raise invalid_argument(f"No signature was found with the name: {name}")
        self._check_example_signature(target.verb, servable.signature_defs[name])
        outputs = self._run(target, servable, signature=name, tensors={"inputs": batch})
        if target.verb == "regress":
            return examples.regression_body(outputs["outputs"], len(batch))
        return examples.classification_body(
            outputs.get("classes"), outputs.get("scores"), len(batch)
        )

    def _check_example_signature(self, verb: str, signature: Any) -> None:
        kind, method_name = _METHOD_NAMES[verb]
        if self._check_method_names and signature.method_name != method_name:
            raise invalid_argument(
                f"Expected {kind} signature method_name to be {method_name}."
                f" Was: {signature.method_name}"
            )
        if len(signature.inputs) != 1:
            raise invalid_argument("Expected one input Tensor.")
        count = len(signature.outputs)
        if verb == "regress" and count != 1:
            raise invalid_argument("Expected one output Tensor.")
        if verb == "classify" and count not in (1, 2):
            raise invalid_argument(f"Expected one or two output Tensors, found {count}")
        if "inputs" not in signature.inputs:
            raise invalid_argument(f"No {kind} inputs found in SignatureDef: {signature}")
        if verb == "regress" and "outputs" not in signature.outputs:
            raise invalid_argument(f"No regression outputs found in SignatureDef: {signature}")
        if verb == "classify" and not {"classes", "scores"} & set(signature.outputs):
            raise invalid_argument(
                'Expected classification signature outputs to contain at least one of "classes" or'
                f' "scores". Signature was: {signature}'
            )


def _api(target: Target) -> str:
    return target.verb if target.verb in ("predict", *_METHOD_NAMES) else ""


def status_body(versions: list[ModelVersion]) -> bytes:
    """Writes the versions of a model with their states."""
    entries = [
        {
            "version": str(version.number),
            "state": version.state,
            "status": {
                "error_code": version.error.code if version.error else "OK",
                "error_message": version.error.message if version.error else "",
            },
        }
        for version in versions
    ]
    return f"{json.dumps({'model_version_status': entries}, indent=1)}\n".encode()


def metadata_body(name: str, version: int, signature_defs: dict[str, Any]) -> bytes:
    """Writes the signatures of a model: names, types and shapes of their inputs and outputs."""
    from google.protobuf import json_format

    def as_dict(message: Any) -> dict[str, Any]:
        return json_format.MessageToDict(
            message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )

    spec = {"name": name, "signature_name": "", "version": str(version)}
    signatures = {key: as_dict(signature_defs[key]) for key in sorted(signature_defs)}
    spec_text = json.dumps(spec, indent=1)
    signatures_text = json.dumps({"signature_def": signatures}, indent=1)
    metadata_text = f'{{"signature_def": {signatures_text}\n}}'
    return f'{{\n"model_spec":{spec_text}\n,\n"metadata": {metadata_text}\n}}\n'.encode()


def deadline_answer() -> Answer:
    """The answer where a request ran longer than the server allows."""
    error = ServingError("DEADLINE_EXCEEDED", "Timed out waiting for notification")
    return Answer(error.http_status, error_body(error), error.code)
