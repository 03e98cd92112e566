"""Small SavedModels, and a server that serves them all."""

from __future__ import annotations

import http.client
import json
import pathlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
import tensorflow as tf

from keras_t2i.server import LocalServer

ECHO_TYPES = (
    *("float32", "float64", "float16", "bfloat16", "complex64", "bool", "string"),
    *("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
)


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> object:
        return json.loads(self.body)


def _spec(dtype: tf.DType, *shape: int | None) -> tf.TensorSpec:
    return tf.TensorSpec(shape, dtype, name="x")


def _echo(dtype: str) -> tf.types.experimental.ConcreteFunction:
    @tf.function(input_signature=[_spec(tf.as_dtype(dtype), None)])
    def echo(x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": tf.identity(x)}

    return echo


def _signature(body: Callable, *specs: tf.TensorSpec, **options: bool) -> Callable:
    return tf.function(body, input_signature=specs, **options)


def _parse(examples: tf.Tensor) -> tf.Tensor:
    feature = tf.io.FixedLenFeature([], tf.float32)
    return tf.io.parse_example(examples, {"x": feature})["x"]


def _checked(x: tf.Tensor) -> dict[str, tf.Tensor]:
    with tf.control_dependencies([tf.debugging.assert_less(x, 5.0, message="x is too large")]):
        return {"y": tf.identity(x)}


def _count_to(x: tf.Tensor) -> dict[str, tf.Tensor]:
    last = tf.reduce_max(x)
    return {"y": tf.while_loop(lambda i: i < last, lambda i: (i + 1,), (tf.constant(0),))[0] + x}


def save_kinds(folder: pathlib.Path) -> None:
    """A model with a signature for every case of the REST API."""
    floats, strings = _spec(tf.float32, None), _spec(tf.string, None)
    a, b = tf.TensorSpec([None], tf.float32, "a"), tf.TensorSpec([None], tf.float32, "b")
    inputs = tf.TensorSpec([None], tf.string, "inputs")
    module = tf.Module()
    module.matrix = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    signatures = {
        "serving_default": _signature(lambda x: {"y": x / 2.0 + 2.0}, floats),
        "named": _signature(lambda a, b: {"sum": a + b, "difference": a - b}, a, b),
        "to_bytes": _signature(lambda x: {"y_bytes": x, "text": x}, strings),
        "only_bytes": _signature(lambda x: {"y_bytes": x}, strings),
        "pictures": _signature(
            lambda x: {"image": tf.cast(tf.reshape(x, [-1, 1, 2]), tf.uint8)}, floats
        ),
        "matmul": _signature(lambda x: {"y": x @ module.matrix}, _spec(tf.float32, None, None)),
        "gather": _signature(lambda x: {"y": tf.gather([1.0, 2.0, 3.0], x)}, _spec(tf.int32, None)),
        "checked": _signature(_checked, floats),
        "unequal": _signature(lambda x: {"a": x, "b": tf.concat([x, x], 0)}, floats),
        "total": _signature(lambda x: {"y": tf.reduce_sum(x)}, floats),
        "compiled": _signature(lambda x: {"y": x + 1.0}, floats, jit_compile=True),
        "count_to": _signature(_count_to, _spec(tf.int32, None)),
        "regress": _signature(lambda inputs: {"outputs": _parse(inputs) * 2.0}, inputs),
        "scores": _signature(lambda inputs: {"scores": tf.stack([_parse(inputs)] * 2, 1)}, inputs),
        "classify": _signature(
            lambda inputs: {
                "scores": tf.stack([_parse(inputs), -_parse(inputs)], 1),
                "classes": tf.stack([tf.fill(tf.shape(inputs), name) for name in "ab"], 1),
            },
            inputs,
        ),
    }
    signatures |= {f"echo_{dtype}": _echo(dtype) for dtype in ECHO_TYPES}
    tf.saved_model.save(module, str(folder), signatures=signatures)


def _paint(caption: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
    message = "the caption must not be 'fail'"
    with tf.control_dependencies(
        [tf.debugging.assert_none_equal(caption, "fail", message=message)]
    ):
        colour = tf.strings.to_hash_bucket_fast(caption, 156) + seed * 37
    channels = tf.stack([colour, colour // 3 + 90, seed * 61 + 120], 1) % 256
    ramp = tf.range(64, dtype=tf.int64)[None, :, None, None] * 2
    images = tf.cast((channels[:, None, None, :] + ramp) % 256, tf.uint8)
    images = tf.tile(images, [1, 1, 64, 1])
    pictures = tf.map_fn(tf.io.encode_png, images, fn_output_signature=tf.string)
    return {"image_bytes": pictures, "image": images}


def save_painter(folder: pathlib.Path) -> None:
    """A model with the signatures of an exported text-to-image system."""
    caption = tf.TensorSpec([None], tf.string, "caption")
    seed = tf.TensorSpec([None], tf.int64, "seed")

    def default(caption: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"image_bytes": _paint(caption, tf.zeros_like(caption, tf.int64))["image_bytes"]}

    signatures = {
        "serving_default": _signature(default, caption),
        "generate": _signature(lambda caption, seed: _paint(caption, seed), caption, seed),
    }
    tf.saved_model.save(tf.Module(), str(folder), signatures=signatures)


def save_shift(folder: pathlib.Path, shift: float) -> None:
    """A model whose answer tells its version."""
    function = _signature(lambda x: {"y": x + shift}, _spec(tf.float32, None))
    tf.saved_model.save(tf.Module(), str(folder), signatures={"serving_default": function})


def save_folding(folder: pathlib.Path) -> None:
    """A model with an op of TensorFlow Text."""
    import tensorflow_text

    fold = _signature(lambda x: {"y": tensorflow_text.case_fold_utf8(x)}, _spec(tf.string, None))
    tf.saved_model.save(tf.Module(), str(folder), signatures={"serving_default": fold})


@pytest.fixture(scope="session")
def make_shift() -> Callable[[pathlib.Path, float], None]:
    """Writes a SavedModel that adds a number."""
    return save_shift


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder of base paths: `kinds`, `painter`, `folding` and `shift` (versions 1, 2, 3)."""
    folder = tmp_path_factory.mktemp("models")
    save_kinds(folder / "kinds" / "1")
    save_painter(folder / "painter" / "7")
    save_folding(folder / "folding" / "1")
    for version in (1, 2, 3):
        save_shift(folder / "shift" / f"{version:05d}", 10.0 * version)
    (folder / "shift" / "not_a_version").mkdir()
    return folder


@pytest.fixture(scope="session")
def models_config(models: pathlib.Path) -> pathlib.Path:
    """A models.config of all of them, under names and policies of its own."""
    entries = (
        ("m", "kinds", ""),
        ("t2i", "painter", ""),
        (
            "shift",
            "shift",
            "model_version_policy { specific { versions: 1 versions: 3 } }"
            ' version_labels { key: "stable" value: 1 } version_labels { key: "a b" value: 3 }',
        ),
        ("with/slash", "shift", "model_version_policy { all {} }"),
    )
    text = "".join(
        f'config {{ name: "{name}" base_path: "{models / base}"'
        f' model_platform: "tensorflow" {more} }}\n'
        for name, base, more in entries
    )
    path = models / "models.config"
    path.write_text(f"model_config_list {{\n{text}}}\n")
    return path


@pytest.fixture(scope="session")
def server(models_config: pathlib.Path) -> Iterator[LocalServer]:
    """A running server with the models `m`, `t2i`, `shift` and `with/slash`."""
    with LocalServer(model_config_file=models_config) as running:
        yield running


@pytest.fixture(scope="session")
def ask() -> Callable[..., Reply]:
    """`ask(server, method, path, body, headers)` sends one HTTP request."""

    def send(
        server: LocalServer, method: str, path: str, body: object = None, **headers: str
    ) -> Reply:
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        try:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, data, names)
            response = connection.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    return send
