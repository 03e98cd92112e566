"""Serve a model straight from its bundle."""

from __future__ import annotations

import os
import pathlib
import tempfile
from collections.abc import Callable

from keras_t2i.server.flags import takes_flags

MODEL_FLAGS = ("model_base_path", "model_config_file")


@takes_flags
def serve_model(
    model: str | os.PathLike[str] | None = None,
    *,
    on_ready: Callable[[str], None] | None = None,
    **flags: object,
) -> None:
    """Serve a model, or exported ones, over TensorFlow Serving's REST API until Ctrl-C.

    With `model`, that one is exported to a temporary folder first, which is removed at the end.
    Without it this is `keras_t2i.server.serve`.

    Args:
        model: a shipped model's name, a bundle or a run directory.
        on_ready: called with the URL as soon as requests are answered.
        **flags: the fields of `keras_t2i.server.ServerFlags`.

    Raises:
        ModuleNotFoundError: the extra `serve` is not installed.
        ValueError: a model and one of `model_base_path` and `model_config_file`, or an export in
            place of a model.
        Exception: else as `keras_t2i.server.serve`.

    Example:
        >>> serve_model("dm_gan_shapes_64", rest_api_port=8501)
    """
    from keras_t2i.server import serve

    if model is None:
        serve(on_ready=on_ready, **flags)
        return
    named = [name for name in MODEL_FLAGS if flags.get(name) is not None]
    if named:
        raise ValueError(
            f"Name a model or `{named[0]}`, not both. "
            f"Received: model={str(model)!r}, {named[0]}={flags[named[0]]!r}"
        )
    if any(pathlib.Path(model).glob("*/saved_model.pb")):
        raise ValueError(
            "This is an export, not a model; serve it with `model_base_path` "
            f"(--model_base_path={model}). Received: model={str(model)!r}"
        )
    from keras_t2i.tasks.loading import load_model

    loaded = load_model(model)
    with tempfile.TemporaryDirectory(prefix="keras_t2i-") as folder:
        base = pathlib.Path(folder) / "model"
        loaded.export(base)
        serve(on_ready=on_ready, **{**flags, "model_base_path": str(base)})
