"""Tests of `keras_t2i.testing.without_python`."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.testing.without_python import call_child, libraries, run_without_python


def save(folder, **functions):
    """Saves functions of one tensor; `functions` holds (function, its TensorSpec) by name."""
    signatures = {
        name: tf.function(function, input_signature=[spec]).get_concrete_function()
        for name, (function, spec) in functions.items()
    }
    tf.saved_model.save(tf.Module(), str(folder), signatures=signatures)
    return folder


def vector(dtype, name="x"):
    return tf.TensorSpec((None,), dtype, name=name)


def test_numbers_and_strings_go_in_and_out(tmp_path):
    folder = save(
        tmp_path,
        half=(lambda x: {"y": x / 2 + 2, "count": tf.size(x)}, vector(tf.float32)),
        shout=(lambda x: {"y": tf.strings.upper(x) + "!"}, vector(tf.string)),
        parity=(lambda x: {"y": x % 2 == 0}, vector(tf.int64)),
    )
    half, shout, parity = run_without_python(
        folder,
        [
            ("half", {"x": [1.0, 2.0, 5.0]}),
            ("shout", {"x": ["ab", "", "x" * 1000]}),
            ("parity", {"x": np.array([2**62, 3])}),
        ],
    )
    assert half["y"].tolist() == [2.5, 3.0, 4.5]
    assert half["count"] == 3
    assert half["count"].dtype == np.int32
    assert shout["y"].tolist() == [b"AB!", b"!", b"X" * 1000 + b"!"]
    assert parity["y"].tolist() == [True, False]


def test_python_functions_do_not_run(tmp_path):
    def python(x):
        return {"y": tf.py_function(lambda y: y, [x], tf.float32)}

    folder = save(tmp_path, f=(python, vector(tf.float32)))
    with pytest.raises(
        RuntimeError, match="No OpKernel was registered to support Op 'EagerPyFunc'"
    ):
        run_without_python(folder, [("f", {"x": [1.0]})])


def test_compiled_functions_do_not_run(tmp_path):
    double = tf.function(lambda x: x * 2.0, jit_compile=True)
    folder = save(tmp_path, f=(lambda x: {"y": double(x)}, vector(tf.float32)))
    with pytest.raises(RuntimeError, match="XLA compilation disabled"):
        run_without_python(folder, [("f", {"x": [1.0]})])


def test_errors_have_tensorflows_code_and_text(tmp_path):
    folder = save(tmp_path, f=(lambda x: {"y": tf.gather([1, 2], x)}, vector(tf.int64)))
    requests = [("f", {"x": [7]}), ("f", {"x": [1]})]
    with pytest.raises(RuntimeError, match=r"INVALID_ARGUMENT: .*not in \[0, 2\)"):
        run_without_python(folder, requests)
    error, answer = run_without_python(folder, requests, keep_errors=True)
    assert isinstance(error, RuntimeError)
    assert answer["y"].tolist() == [2]


def test_a_model_that_does_not_load_is_an_error(tmp_path):
    folder = save(tmp_path, f=(lambda x: {"y": x}, vector(tf.int64)))
    (folder / "variables" / "variables.index").unlink(missing_ok=True)
    content = (folder / "saved_model.pb").read_bytes()
    (folder / "saved_model.pb").write_bytes(content.replace(b"Identity", b"Nonesuch"))
    with pytest.raises(RuntimeError, match=r"NOT_FOUND: Op type not registered 'Nonesuch'"):
        run_without_python(folder, [("f", {"x": [1]})])


def test_a_child_that_crashes_is_reported():
    with pytest.raises(RuntimeError, match="The process without Python ended with 1"):
        call_child({"task": "unknown", "core": libraries()[0], "text": []})
