"""A local server that speaks TensorFlow Serving's REST API, with one web page.

caption --POST /v1/models/t2i:predict--> SavedModel --> PNG bytes as base64

It is meant for development, tests and demonstrations and answers as `tensorflow/serving` does,
mistakes included; production runs the model server itself (see the folder `serving/`). It imports
TensorFlow and TensorFlow Text, never the package's models: an export must stand alone.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras_t2i.server.errors import ServingError
    from keras_t2i.server.flags import ServerFlags
    from keras_t2i.server.local_server import LocalServer, serve

__all__ = ["LocalServer", "ServerFlags", "ServingError", "serve"]

_MODULES = {
    "LocalServer": "local_server",
    "ServerFlags": "flags",
    "ServingError": "errors",
    "serve": "local_server",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f"{__name__}.{_MODULES[name]}")
    except ModuleNotFoundError as error:
        if error.name in ("starlette", "uvicorn"):
            raise ModuleNotFoundError(
                f"The server needs the package {error.name}, which is not installed. Install the"
                " extra, in the checkout of keras_t2i: pip install '.[serve]'",
                name=error.name,
            ) from error
        raise
    return getattr(module, name)
