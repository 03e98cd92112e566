"""Finds the signatures of a SavedModel that the model server would refuse to run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_COMPILED = "_XlaMustCompile"


def compiled_signatures(meta_graph: Any) -> frozenset[str]:
    """Names the signatures that reach a function with `jit_compile=True`.

    A model server that was started without an XLA flag answers them with HTTP 500.

    Arguments:
        meta_graph: the `MetaGraphDef` of a SavedModel.
    """
    functions = {
        function.signature.name: function for function in meta_graph.graph_def.library.function
    }
    nodes = {node.name: node for node in meta_graph.graph_def.node}
    return frozenset(
        name
        for name, signature in meta_graph.signature_def.items()
        if _reaches_compiled(_reachable_nodes(signature, nodes), functions)
    )


def _reachable_nodes(signature: Any, nodes: dict[str, Any]) -> list[Any]:
    pending = [_node_name(output.name) for output in signature.outputs.values()]
    reached: dict[str, Any] = {}
    while pending:
        name = pending.pop()
        if name in nodes and name not in reached:
            reached[name] = nodes[name]
            pending += [_node_name(source) for source in nodes[name].input]
    return list(reached.values())


def _node_name(tensor: str) -> str:
    return tensor.removeprefix("^").split(":", 1)[0]


def _reaches_compiled(nodes: Iterable[Any], functions: dict[str, Any]) -> bool:
    pending, seen = list(nodes), set()
    while pending:
        node = pending.pop()
        if _is_compiled(node):
            return True
        for name in _called_functions(node):
            if name in functions and name not in seen:
                seen.add(name)
                function = functions[name]
                if _is_compiled(function):
                    return True
                pending += function.node_def
    return False


def _is_compiled(definition: Any) -> bool:
    # Asking a proto map for a missing key would add it.
    return _COMPILED in definition.attr and definition.attr[_COMPILED].b


def _called_functions(node: Any) -> Iterable[str]:
    for attribute in node.attr.values():
        if attribute.WhichOneof("value") == "func":
            yield attribute.func.name
        for function in attribute.list.func:
            yield function.name
