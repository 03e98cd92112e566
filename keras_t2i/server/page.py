"""Fills the web page with what the server serves.

page.html is complete in itself: no script, font or picture comes from anywhere else.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
from typing import Any

from keras_t2i.server.model_store import ModelStore
from keras_t2i.server.servable import DEFAULT_SIGNATURE

PAGE_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline';"
        " img-src data: blob:; connect-src 'self'; base-uri 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
}
_PLACE = "__MODELS__"


def page_html(store: ModelStore) -> str:
    """The page with the models that paint, and the signature each is asked by.

    Arguments:
        store: the models; those without a signature from `caption` to `image_bytes` are left out.
    """
    entries = [_entry(store, name) for name in store.model_names()]
    models = json.dumps([entry for entry in entries if entry is not None])
    # `<` would let a model's name end the script element.
    return _template().replace(_PLACE, models.replace("<", "\\u003c"))


@functools.cache
def _template() -> str:
    file = importlib.resources.files("keras_t2i.server") / "page.html"
    return file.read_text(encoding="utf-8")


def _entry(store: ModelStore, name: str) -> dict[str, Any] | None:
    try:
        servable, version = store.servable(name)
    except Exception:
        return None
    for signature, inputs in (("generate", {"caption", "seed"}), (DEFAULT_SIGNATURE, {"caption"})):
        definition = servable.signature_defs.get(signature)
        paints = definition is not None and "image_bytes" in definition.outputs
        if paints and set(definition.inputs) == inputs:
            seeded = "seed" in inputs
            return {"name": name, "version": version, "signature": signature, "seeded": seeded}
    return None
