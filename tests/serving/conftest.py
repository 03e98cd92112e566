"""A small painter, and the folder of the production files."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest
import tensorflow as tf

from keras_t2i.server import LocalServer


@pytest.fixture(scope="session")
def serving() -> pathlib.Path:
    """The folder `serving/` of the repository."""
    return pathlib.Path(__file__).resolve().parents[2] / "serving"


def _paint(caption: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
    shade = tf.strings.to_hash_bucket_fast(caption, 100) + seed
    images = tf.cast(tf.tile(shade[:, None, None, None] % 256, [1, 8, 8, 3]), tf.uint8)
    pictures = tf.map_fn(tf.io.encode_png, images, fn_output_signature=tf.string)
    return {"image_bytes": pictures, "image": images}


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """What compose.yaml mounts as /models: `t2i/1` with the signatures of an export."""
    caption = tf.TensorSpec([None], tf.string, "caption")
    seed = tf.TensorSpec([None], tf.int64, "seed")

    def default(caption: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"image_bytes": _paint(caption, tf.zeros_like(caption, tf.int64))["image_bytes"]}

    signatures = {
        "serving_default": tf.function(default, input_signature=[caption]),
        "generate": tf.function(_paint, input_signature=[caption, seed]),
    }
    folder = tmp_path_factory.mktemp("models")
    tf.saved_model.save(tf.Module(), str(folder / "t2i" / "1"), signatures=signatures)
    return folder


@pytest.fixture(scope="session")
def server(models: pathlib.Path) -> Iterator[LocalServer]:
    """A local server with the model `t2i`."""
    with LocalServer(model_base_path=models / "t2i") as running:
        yield running
