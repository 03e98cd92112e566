"""Tests of `keras_t2i.export.op_check`."""

from __future__ import annotations

import importlib.metadata

import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from keras_t2i.export import check_ops
from keras_t2i.export.op_check import serving_ops

SPEC = [tf.TensorSpec((None,), tf.float32, name="x")]


def save(function, folder):
    module = tf.Module()
    signature = tf.function(function, input_signature=SPEC).get_concrete_function()
    tf.saved_model.save(module, str(folder), signatures={"serving_default": signature})
    return folder


def write_nodes(folder, *nodes):
    """A SavedModel of bare nodes: (operation, attributes)."""
    message = saved_model_pb2.SavedModel()
    graph = message.meta_graphs.add().graph_def
    for number, (op, attributes) in enumerate(nodes):
        node = graph.node.add(name=f"layer/{number}", op=op)
        for attribute in attributes:
            node.attr[attribute].b = True
    (folder / "saved_model.pb").write_bytes(message.SerializeToString())
    return folder


def test_a_sound_export_passes_and_its_operations_are_listed(exported):
    used = check_ops(exported)
    assert {"StatefulPartitionedCall", "EncodePng", "NormalizeUTF8", "HashTableV2"} <= set(used)
    assert list(used) == sorted(used)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda x: tf.py_function(lambda y: y, [x], tf.float32),
        lambda x: tf.numpy_function(lambda y: y, [x], tf.float32),
        lambda x: tf.cond(
            x[0] > 0, lambda: tf.py_function(lambda y: y, [x], tf.float32), lambda: x
        ),
    ],
)
def test_python_functions_are_refused_wherever_they_stand(wrap, tmp_path):
    with pytest.raises(ValueError, match=r"(?s)PyFunc.*with TensorFlow operations"):
        check_ops(save(lambda x: {"y": tf.reshape(wrap(x), [-1])}, tmp_path))


def test_compiled_functions_are_refused(tmp_path):
    compiled = tf.function(lambda x: x * 2.0, jit_compile=True)
    with pytest.raises(ValueError, match="Leave out `jit_compile=True`"):
        check_ops(save(lambda x: {"y": compiled(x) + 1.0}, tmp_path))


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (("XlaCallModule", ()), "compiled by XLA"),
        (("_XlaRun", ()), "compiled by XLA"),
        (("MatMul", ("_XlaMustCompile",)), "compiled by XLA"),
        (("CudnnRNNV3", ()), "`use_cudnn=False`"),
        (("Addons>SomeOp", ()), "no CPU kernel in the serving image 2.20.0"),
        (("MatMul", ("transpose_a", "of_tomorrow")), "attributes that TensorFlow 2.20.0"),
    ],
)
def test_what_the_image_cannot_run_is_refused_with_place_and_repair(node, reason, tmp_path):
    folder = write_nodes(tmp_path, ("Const", ("dtype",)), node)
    with pytest.raises(ValueError, match=reason) as caught:
        check_ops(folder)
    assert f"- {node[0]} (node 'layer/1' of the main graph)" in str(caught.value)
    assert "Received: 1 refused operations" in str(caught.value)


def test_attributes_for_tensorflows_own_use_do_not_matter(tmp_path):
    folder = write_nodes(tmp_path, ("MatMul", ("transpose_a", "_output_shapes")))
    assert check_ops(folder) == ("MatMul",)


def test_a_long_list_of_refusals_is_cut(tmp_path):
    folder = write_nodes(tmp_path, *((f"Custom{number:02}", ()) for number in range(14)))
    with pytest.raises(ValueError, match=r"(?s)Custom09.*- and 4 more\n.*14 refused") as caught:
        check_ops(folder)
    assert "Custom10" not in str(caught.value)


def test_a_folder_without_a_saved_model_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="Received: saved_model_dir="):
        check_ops(tmp_path)


def test_the_list_has_no_python_and_no_compiled_operations():
    names = set(serving_ops())
    assert {"Conv2D", "StatelessRandomNormalV2", "TFText>FastSentencepieceTokenize"} <= names
    assert not names & {"PyFunc", "PyFuncStateless", "EagerPyFunc", "CudnnRNNV3"}
    assert not [name for name in names if name.lstrip("_").startswith("Xla")]


def test_the_shipped_list_is_that_of_the_serving_images_tensorflow():
    from keras_t2i.testing.serving_ops import serving_ops as found

    installed = [importlib.metadata.version(name)[:5] for name in ("tensorflow", "tensorflow-text")]
    if installed != ["2.20.", "2.20."]:
        pytest.skip(f"the list is of TensorFlow and TF Text 2.20; here are {installed}")
    assert serving_ops() == {name: frozenset(attributes) for name, attributes in found().items()}
