"""A static check: does the serving image have every operation of a SavedModel?

    saved_model.pb --every node of the graph and of its functions--> serving_ops.txt knows it?

`serving_ops.txt` holds what TensorFlow Serving 2.20.0 can run on a CPU: each operation of
TensorFlow 2.20 and TF Text 2.20 that has a CPU kernel in a process without Python, with its
attributes, except what is compiled by XLA, which the server switches off.
`python -m keras_t2i.testing.serving_ops FILE` writes the file anew.
"""

from __future__ import annotations

import functools
import importlib.resources
import os
import pathlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

SERVING_VERSION = "2.20.0"

_PYTHON_OPS = frozenset({"PyFunc", "PyFuncStateless", "EagerPyFunc"})
_COMPILED = "_XlaMustCompile"
_MOST_NAMED = 10

_PYTHON = (
    "runs Python code, which the server has not. Write `tf.py_function` and `tf.numpy_function` "
    "with TensorFlow operations"
)
_XLA = (
    "is compiled by XLA, which the server switches off. Leave out `jit_compile=True`, and export "
    "from the TensorFlow backend"
)
_CUDNN = "runs by cuDNN only. Make the layer with `use_cudnn=False`"
_UNKNOWN = (
    f"has no CPU kernel in the serving image {SERVING_VERSION} (TensorFlow and TF Text). Express "
    "it by other operations"
)
_NEWER = (
    f"has attributes that TensorFlow {SERVING_VERSION} does not know. Export with that "
    "version of TensorFlow"
)


def check_ops(saved_model_dir: str | os.PathLike[str]) -> tuple[str, ...]:
    """Refuse a SavedModel with operations that TensorFlow Serving 2.20.0 does not run.

    Some of these let the model load and fail at the first request, so that only a check at
    export time finds them early.

    Args:
        saved_model_dir: the folder that holds `saved_model.pb`.

    Returns:
        The names of all operations of the SavedModel, sorted.

    Raises:
        FileNotFoundError: there is no SavedModel.
        ValueError: names each operation that the image lacks, where it stands, and the repair.

    Example:
        >>> "LookupTableFindV2" in check_ops("models/birds/1")
        True
    """
    used: set[str] = set()
    refused: dict[tuple[str, str], str] = {}
    for meta_graph in _read(pathlib.Path(saved_model_dir)).meta_graphs:
        own = {function.signature.name for function in meta_graph.graph_def.library.function}
        for place, node in _nodes(meta_graph.graph_def):
            if node.op in own:  # a function that is called by its name
                continue
            used.add(node.op)
            reason = _reason(node)
            if reason:
                refused.setdefault((node.op, reason), place)
        for name in _compiled_functions(meta_graph.graph_def):
            refused.setdefault((name, _XLA), "the function library")
    if refused:
        raise ValueError(_message(refused))
    return tuple(sorted(used))


@functools.cache
def serving_ops() -> dict[str, frozenset[str]]:
    """The attributes of every operation the serving image runs, by the operation's name."""
    text = importlib.resources.files("keras_t2i.export").joinpath("serving_ops.txt").read_text()
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {name: frozenset(attributes) for name, *attributes in lines}


def _read(folder: pathlib.Path) -> Any:
    from tensorflow.core.protobuf import saved_model_pb2

    file = folder / "saved_model.pb"
    if not file.is_file():
        raise FileNotFoundError(
            "`saved_model_dir` must hold a file saved_model.pb, as the folder of a version does. "
            f"Received: saved_model_dir={str(folder)!r}"
        )
    return saved_model_pb2.SavedModel.FromString(file.read_bytes())


def _nodes(graph_def: Any) -> Iterator[tuple[str, Any]]:
    for node in graph_def.node:
        yield f"node {node.name!r} of the main graph", node
    for function in graph_def.library.function:
        name = _readable(function.signature.name)
        for node in function.node_def:
            yield f"node {node.name!r} of the function {name!r}", node


def _reason(node: Any) -> str | None:
    if node.op in _PYTHON_OPS:
        return _PYTHON
    if node.op.lstrip("_").startswith("Xla") or _is_set(node.attr, _COMPILED):
        return _XLA
    if node.op not in serving_ops():
        return _CUDNN if node.op.startswith("Cudnn") else _UNKNOWN
    if not serving_ops()[node.op].issuperset(_public(node.attr)):
        return _NEWER
    return None


def _public(attributes: Iterable[str]) -> set[str]:
    return {name for name in attributes if not name.startswith("_")}


def _compiled_functions(graph_def: Any) -> list[str]:
    functions = graph_def.library.function
    return [_readable(f.signature.name) for f in functions if _is_set(f.attr, _COMPILED)]


def _is_set(attributes: Any, name: str) -> bool:
    return name in attributes and attributes[name].b


def _readable(function_name: str) -> str:
    return re.sub(r"^__(?:inference|forward|backward)_|_\d+$", "", function_name)


def _message(refused: dict[tuple[str, str], str]) -> str:
    lines = [f"- {name} ({place}) {reason}." for (name, reason), place in refused.items()]
    more = len(lines) - _MOST_NAMED
    if more > 0:
        lines[_MOST_NAMED:] = [f"- and {more} more"]
    return (
        f"The model needs what TensorFlow Serving {SERVING_VERSION} does not run; a node's name "
        "tells the layer.\n" + "\n".join(lines) + f"\nReceived: {len(refused)} refused operations"
    )
