"""Run a SavedModel as a model server does: TensorFlow's C library, no TensorFlow in Python.

    arrays --pickle--> child process (libtensorflow by ctypes, XLA off) --pickle--> arrays

The child is a Python process only in that ctypes calls the C library: no Python package is
imported there, and TensorFlow's Python kernels do not exist. What runs there needs neither
Keras nor this package. It cannot share a process with `import tensorflow`, hence the child.
"""

from __future__ import annotations

import importlib.util
import os
import pathlib
import pickle
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_CHILD = pathlib.Path(__file__).with_name("without_python_child.py")
_TIMEOUT = 300.0  # seconds


def libraries() -> tuple[list[str], list[str]]:
    """Paths of TensorFlow's C libraries in loading order, and of TF Text's operations.

    Raises:
        FileNotFoundError: this installation of TensorFlow has no such libraries (for example on
            Windows).
    """
    tensorflow, text = _package("tensorflow"), _package("tensorflow_text")
    core = [
        str(path)
        for name in ("libtensorflow_framework", "libtensorflow_cc")
        for path in sorted(tensorflow.glob(f"{name}.*"))[:1]
    ]
    if len(core) < 2:
        raise FileNotFoundError(
            "TensorFlow's C libraries were expected as libtensorflow_framework.* and "
            f"libtensorflow_cc.*. Received: folder={str(tensorflow)!r}"
        )
    return core, [str(path) for path in sorted((text / "python" / "ops").glob("_*.so"))]


def run_without_python(
    saved_model_dir: str | os.PathLike[str],
    requests: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    keep_errors: bool = False,
) -> list[Any]:
    """Load a SavedModel without Python and run requests.

    Args:
        saved_model_dir: the folder that holds `saved_model.pb`.
        requests: pairs of a signature's name and its inputs by alias (arrays, or nested lists).
        keep_errors: return the `RuntimeError` of a request that fails instead of raising it.

    Returns:
        For each request a dict of the outputs by alias; strings are object arrays of `bytes`.

    Raises:
        RuntimeError: TensorFlow's code and text, for example `INVALID_ARGUMENT: ...`, and whether
            loading or a request failed.
        FileNotFoundError: TensorFlow's C libraries are not there.

    Example:
        >>> request = ("serving_default", {"caption": ["a small red circle"]})
        >>> run_without_python("models/birds/1", [request])[0]["image_bytes"].shape
        (1,)
    """
    signatures = _signature_defs(pathlib.Path(saved_model_dir))
    core, text = libraries()
    job = {
        "task": "run",
        "core": core,
        "text": text,
        "folder": str(saved_model_dir),
        "requests": [_request(signatures[name], inputs) for name, inputs in requests],
    }
    answers = call_child(job)
    failed = [answer for answer in answers if isinstance(answer, str)]
    if failed and not keep_errors:
        raise RuntimeError(failed[0])
    return [
        _outputs(signatures[name], answer)
        for (name, _), answer in zip(requests, answers, strict=True)
    ]


def call_child(job: Mapping[str, Any]) -> Any:
    """Run one job in a child process; see `without_python_child.py` for what it can do.

    Raises:
        RuntimeError: TensorFlow's message, or the child's last words if it crashed.
    """
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", "PATH": os.environ.get("PATH", "")}
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(_CHILD)],
        input=pickle.dumps(dict(job)),
        capture_output=True,
        env=environment,
        timeout=_TIMEOUT,
        check=False,
    )
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip()[-2000:]
        raise RuntimeError(f"The process without Python ended with {done.returncode}: {words}")
    answer = pickle.loads(done.stdout)
    if isinstance(answer, dict):
        raise RuntimeError(answer["error"])
    return answer


def _package(name: str) -> pathlib.Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"The package must be installed. Received: package={name!r}")
    return pathlib.Path(next(iter(spec.submodule_search_locations)))


def _signature_defs(folder: pathlib.Path) -> Mapping[str, Any]:
    from tensorflow.core.protobuf import saved_model_pb2

    content = (folder / "saved_model.pb").read_bytes()
    return saved_model_pb2.SavedModel.FromString(content).meta_graphs[0].signature_def


def _request(signature: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "feeds": [
            (signature.inputs[alias].name, *_tensor(value, signature.inputs[alias].dtype))
            for alias, value in inputs.items()
        ],
        "fetches": [signature.outputs[alias].name for alias in sorted(signature.outputs)],
    }


def _outputs(signature: Any, answer: Any) -> Any:
    if isinstance(answer, str):
        return RuntimeError(answer)
    return {
        alias: _array(*value)
        for alias, value in zip(sorted(signature.outputs), answer, strict=True)
    }


def _tensor(value: Any, type_number: int) -> tuple[int, tuple[int, ...], Any]:
    import tensorflow as tf

    dtype = tf.as_dtype(type_number)
    if dtype != tf.string:
        array = np.asarray(value, dtype.as_numpy_dtype)
        return type_number, array.shape, array.tobytes()
    array = np.asarray(value, object)
    texts = [x if isinstance(x, bytes) else x.encode() for x in array.ravel()]
    return type_number, array.shape, texts


def _array(type_number: int, shape: tuple[int, ...], content: Any) -> np.ndarray:
    import tensorflow as tf

    dtype = tf.as_dtype(type_number)
    if dtype != tf.string:
        return np.frombuffer(content, dtype.as_numpy_dtype).reshape(shape)
    array = np.empty(len(content), object)
    array[:] = content
    return array.reshape(shape)
