"""Runs the convolutional part of a frozen TensorFlow 1 graph, op by op.

GraphDef --walk from the output back to the input--> nodes --the few operations known here--> value

The graph is interpreted, not imported: TensorFlow 2 dropped the batch normalisation of 2015, and a
graph can hold operations that read and write files.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError


class FrozenGraph:
    """A GraphDef whose nodes can be evaluated for a given input.

    Args:
        path: of the .pb.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no GraphDef.

    Example:
        >>> graph = FrozenGraph("classify_image_graph_def.pb")
        >>> features = graph.evaluate("pool_3", {"ExpandDims": pictures})
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        definition = tf.compat.v1.GraphDef()
        try:
            definition.ParseFromString(pathlib.Path(path).read_bytes())
        except DecodeError as error:
            raise ValueError(f"The file is no frozen graph. Received: {path}") from error
        self._nodes = {node.name: node for node in definition.node}
        if not self._nodes:
            raise ValueError(f"The frozen graph is empty. Received: {path}")

    def __contains__(self, name: str) -> bool:
        return name in self._nodes

    def inputs(self, name: str) -> list[str]:
        """The nodes that a node reads."""
        return _sources(self._node(name))

    def evaluate(self, name: str, given: dict[str, tf.Tensor]) -> tf.Tensor:
        """The value of a node.

        Args:
            name: of the node.
            given: values of nodes, which are then not computed.

        Raises:
            ValueError: a node is missing, or is of an operation that is not known here.
        """
        values: dict[str, Any] = dict(given)
        pending = [name]
        while pending:
            current = pending[-1]
            needed = [] if current in values else self.inputs(current)
            missing = [source for source in needed if source not in values]
            if missing:
                pending.extend(missing)
                continue
            pending.pop()
            if current not in values:
                values[current] = self._run(current, values)
        return values[name]

    def _run(self, name: str, values: dict[str, Any]) -> Any:
        node = self._node(name)
        if node.op not in _OPERATIONS:
            raise ValueError(
                f"The graph is not the known one: operation {node.op} is not run. Known: "
                f"{', '.join(sorted(_OPERATIONS))}. Received: node {name!r}"
            )
        return _OPERATIONS[node.op](node.attr, *(values[source] for source in _sources(node)))

    def _node(self, name: str) -> Any:
        if name not in self._nodes:
            raise ValueError(f"The graph is not the known one. Received: no node {name!r}")
        return self._nodes[name]


def _sources(node: Any) -> list[str]:
    # "^name" is a control dependency, "name:0" an output.
    return [source.partition(":")[0] for source in node.input if not source.startswith("^")]


def _spatial(run: Callable[..., Any]) -> Callable[..., Any]:
    def operation(attributes: Any, *inputs: Any) -> Any:
        window = {
            name: list(attributes[name].list.i)
            for name in ("strides", "ksize")
            if name in attributes
        }
        return run(*inputs, **window, padding=attributes["padding"].s.decode())

    return operation


def _constant(attributes: Any) -> np.ndarray:
    return tf.make_ndarray(attributes["value"].tensor)


def _batch_normalisation(
    attributes: Any, x: Any, mean: Any, variance: Any, beta: Any, gamma: Any
) -> Any:
    scale = tf.math.rsqrt(variance + attributes["variance_epsilon"].f)
    if attributes["scale_after_normalization"].b:
        scale = scale * gamma
    return x * scale + (beta - mean * scale)


def _resize_bilinear(attributes: Any, images: Any, size: Any) -> Any:
    return tf.raw_ops.ResizeBilinear(
        images=images, size=size, align_corners=attributes["align_corners"].b
    )


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "AvgPool": _spatial(lambda x, **window: tf.raw_ops.AvgPool(value=x, **window)),
    "BatchNormWithGlobalNormalization": _batch_normalisation,
    "BiasAdd": lambda attributes, x, bias: x + bias,
    "CheckNumerics": lambda attributes, x: x,
    "Concat": lambda attributes, axis, *parts: tf.concat(parts, int(axis)),
    "ConcatV2": lambda attributes, *parts: tf.concat(parts[:-1], int(parts[-1])),
    "Const": _constant,
    "Conv2D": _spatial(lambda x, kernel, **window: tf.nn.conv2d(x, kernel, **window)),
    "Identity": lambda attributes, x: x,
    "MaxPool": _spatial(lambda x, **window: tf.raw_ops.MaxPool(input=x, **window)),
    "Mul": lambda attributes, x, y: x * y,
    "Relu": lambda attributes, x: tf.nn.relu(x),
    "ResizeBilinear": _resize_bilinear,
    "Sub": lambda attributes, x, y: x - y,
}
