"""Tests of the search for functions that need XLA."""

from __future__ import annotations

import pathlib

from tensorflow.core.protobuf import saved_model_pb2

from keras_t2i.server.graph_check import compiled_signatures


def test_only_the_signature_with_a_compiled_function_is_found(models: pathlib.Path) -> None:
    data = (models / "kinds" / "1" / "saved_model.pb").read_bytes()
    meta_graph = saved_model_pb2.SavedModel.FromString(data).meta_graphs[0]
    assert compiled_signatures(meta_graph) == {"compiled"}
