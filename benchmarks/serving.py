"""Latency of `generate`, of the exported SavedModel and of the local server, 1 and 32 captions."""

from __future__ import annotations

import json
import pathlib
import tempfile
import urllib.request

import tensorflow as tf
from record import median_seconds, record

import keras_t2i
from keras_t2i.server import LocalServer

MODEL = "contrastive_gan_shapes_64"
CAPTION = "a small red circle on a white background"


def main() -> None:
    """Time the three ways to the same picture."""
    model = keras_t2i.from_preset(MODEL)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        base = pathlib.Path(folder) / "t2i"
        exported = tf.saved_model.load(model.export(base))
        signature = exported.signatures["serving_default"]
        with LocalServer(model_base_path=base, model_name="t2i", rest_api_port=0) as server:
            for count in (1, 32):
                captions = [CAPTION] * count
                ways = {
                    "generate": lambda c=captions: model.generate(c, seed=1),
                    "saved_model": lambda c=captions: signature(caption=tf.constant(c)),
                    "server": lambda c=captions: _post(server.url, c),
                }
                for way, function in ways.items():
                    seconds = median_seconds(function, runs=30, warm_up=5)
                    figures[f"{way}_{count}_ms"] = round(1000 * seconds, 2)
                overhead = figures[f"server_{count}_ms"] - figures[f"saved_model_{count}_ms"]
                figures[f"server_overhead_{count}_ms"] = round(overhead, 2)
    record("serving", figures)


def _post(url: str, captions: list[str]) -> dict:
    body = json.dumps({"instances": captions}).encode()
    request = urllib.request.Request(f"{url}/v1/models/t2i:predict", data=body)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


if __name__ == "__main__":
    main()
