"""One loaded version of a model: a SavedModel, its signatures, and how to run them.

arrays by alias --Servable.run--> arrays by alias
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_t2i.server.errors import ServingError, as_serving_error, invalid_argument
from keras_t2i.server.graph_check import compiled_signatures

DEFAULT_SIGNATURE = "serving_default"


class Servable:
    """A SavedModel in memory.

    Only TensorFlow and TensorFlow Text take part: a SavedModel carries its whole computation, as it
    must in production.

    Arguments:
        folder: the SavedModel's folder, which holds `saved_model.pb`.
        tags: the tags of its graph, separated by commas.
        allow_compiled: whether functions with `jit_compile=True` may run; the model server
            refuses them unless it was started with an XLA flag.

    Raises:
        ServingError: with TensorFlow's code and text where the model cannot be loaded.
    """

    def __init__(
        self, folder: str | pathlib.Path, *, tags: str = "serve", allow_compiled: bool = False
    ) -> None:
        wanted = [tag for tag in tags.split(",") if tag]
        try:
            meta_graph = _read_meta_graph(pathlib.Path(folder), wanted)
            self._model = _load(folder, wanted)
        except Exception as error:
            raise as_serving_error(error) from error
        self.folder = pathlib.Path(folder)
        self.signature_defs: dict[str, Any] = dict(meta_graph.signature_def)
        self._input_types = {
            name: {alias: _type_of(info) for alias, info in sorted(signature.inputs.items())}
            for name, signature in self.signature_defs.items()
        }
        self._refused = frozenset() if allow_compiled else compiled_signatures(meta_graph)

    def input_types(self, signature: str) -> dict[str, str]:
        """Numpy's type name of every input of a signature (`"string"` for strings), by alias.

        Raises:
            KeyError: if the model has no such signature.
        """
        return self._input_types[signature]

    def close(self) -> None:
        """Called when the version is unloaded; there is nothing to end here."""

    def run(self, signature: str, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs a signature; safe to call from several threads.

        Arguments:
            signature: its name.
            tensors: an array for every input, by alias; strings are object arrays of `bytes`.

        Returns:
            An array for every output, by alias in alphabetical order.

        Raises:
            ServingError: `INVALID_ARGUMENT` where inputs are missing, `INTERNAL` where the function
                needs XLA, otherwise the code and the text of the op that failed.
        """
        import tensorflow as tf

        types = self._input_types[signature]
        if set(tensors) != set(types):
            raise _wrong_inputs(set(tensors), set(types))
        if signature in self._refused:
            raise ServingError("INTERNAL", "XLA compilation disabled")
        try:
            feeds = {
                alias: tf.constant(array, dtype=tf.as_dtype(types[alias]))
                for alias, array in tensors.items()
            }
            outputs = self._model.signatures[signature](**feeds)
            return {alias: _array(outputs[alias]) for alias in sorted(outputs)}
        except Exception as error:
            raise as_serving_error(error) from error


def _read_meta_graph(folder: pathlib.Path, tags: list[str]) -> Any:
    from tensorflow.core.protobuf import saved_model_pb2

    file = folder / "saved_model.pb"
    if not file.is_file():
        raise ServingError(
            "NOT_FOUND",
            f"Could not find SavedModel .pb at supplied export directory path: {folder}",
        )
    saved_model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    for meta_graph in saved_model.meta_graphs:
        if set(meta_graph.meta_info_def.tags) == set(tags):
            return meta_graph
    found = [sorted(graph.meta_info_def.tags) for graph in saved_model.meta_graphs]
    raise ServingError(
        "NOT_FOUND",
        f"Could not find meta graph def matching supplied tags: {{ {' '.join(tags)} }}."
        f" The SavedModel has {found}.",
    )


def _load(folder: str | pathlib.Path, tags: list[str]) -> Any:
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  registers the text ops, which the model server links too

    return tf.saved_model.load(str(folder), tags=tags)


def _type_of(info: Any) -> str:
    import tensorflow as tf

    return tf.as_dtype(info.dtype).name


def _array(tensor: Any) -> np.ndarray:
    if tensor.dtype.name != "string":
        return tensor.numpy()
    array = np.empty(tensor.shape, dtype=object)
    array[...] = tensor.numpy()
    return array


def _wrong_inputs(sent: set[str], wanted: set[str]) -> ServingError:
    def names(group: set[str]) -> str:
        return "{" + ",".join(sorted(group)) + "}"

    return invalid_argument(
        f"input size does not match signature: {len(sent)}!={len(wanted)} len({names(sent)}) !="
        f" len({names(wanted)}). Sent extra: {names(sent - wanted)}. Missing but required:"
        f" {names(wanted - sent)}."
    )
