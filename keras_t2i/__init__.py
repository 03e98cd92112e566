"""keras_t2i: train, judge and serve text-to-image systems in Keras.

The names below are imported at their first use, so that `import keras_t2i` stays quick.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras_t2i import (
        callbacks,
        config,
        data,
        export,
        layers,
        losses,
        metrics,
        models,
        presets,
        tasks,
        text,
    )
    from keras_t2i.data import open_source
    from keras_t2i.models import (
        DAMSM,
        DMGAN,
        GANCLS,
        AttnGAN,
        ContrastiveGAN,
        StackGAN,
        StackGANv2,
    )
    from keras_t2i.presets import list_presets
    from keras_t2i.presets import load_bundle as from_preset
    from keras_t2i.tasks import demo, evaluate, plot_attention, train

__version__ = "0.1.0"

_backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
if "keras" in sys.modules:
    _backend = sys.modules["keras"].config.backend()
if _backend != "tensorflow":
    raise ImportError(
        "keras_t2i trains with TensorFlow: set the environment variable KERAS_BACKEND=tensorflow "
        f"before Keras is imported. Received: backend={_backend!r}"
    )

_MODULES = (
    "callbacks",
    "config",
    "data",
    "export",
    "layers",
    "losses",
    "metrics",
    "models",
    "presets",
    "tasks",
    "text",
)
_NAMES = {
    "AttnGAN": ("keras_t2i.models", "AttnGAN"),
    "ContrastiveGAN": ("keras_t2i.models", "ContrastiveGAN"),
    "DAMSM": ("keras_t2i.models", "DAMSM"),
    "DMGAN": ("keras_t2i.models", "DMGAN"),
    "GANCLS": ("keras_t2i.models", "GANCLS"),
    "StackGAN": ("keras_t2i.models", "StackGAN"),
    "StackGANv2": ("keras_t2i.models", "StackGANv2"),
    "demo": ("keras_t2i.tasks", "demo"),
    "evaluate": ("keras_t2i.tasks", "evaluate"),
    "from_preset": ("keras_t2i.presets", "load_bundle"),
    "list_presets": ("keras_t2i.presets", "list_presets"),
    "open_source": ("keras_t2i.data", "open_source"),
    "plot_attention": ("keras_t2i.tasks", "plot_attention"),
    "train": ("keras_t2i.tasks", "train"),
}

__all__ = [
    "DAMSM",
    "DMGAN",
    "GANCLS",
    "AttnGAN",
    "ContrastiveGAN",
    "StackGAN",
    "StackGANv2",
    "__version__",
    "callbacks",
    "config",
    "data",
    "demo",
    "evaluate",
    "export",
    "from_preset",
    "layers",
    "list_presets",
    "losses",
    "metrics",
    "models",
    "open_source",
    "plot_attention",
    "presets",
    "tasks",
    "text",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"keras_t2i.{name}")
    if name in _NAMES:
        module, attribute = _NAMES[name]
        return getattr(importlib.import_module(module), attribute)
    raise AttributeError(f"module 'keras_t2i' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
