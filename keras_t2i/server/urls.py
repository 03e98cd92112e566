"""The URLs of TensorFlow Serving's REST API.

    POST /v1/models/NAME[/versions/N | /labels/L]:(predict|classify|regress)
    GET  /v1/models/NAME[/versions/N | /labels/L][/metadata]

The prefix ignores case, the verb does not; the query string is part of the path.
"""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass

from keras_t2i.server.errors import ServingError, invalid_argument

_MODEL = r"/v1/models/([^/:]+)"
_VERSION = r"(?:/versions/([0-9]+)|/labels/([^/:]+))?"
_CALL = re.compile(rf"{_MODEL}{_VERSION}:(classify|regress|predict)", re.IGNORECASE)
_QUESTION = re.compile(rf"/v1/models(?:/([^/:]+))?{_VERSION}(?:/(metadata))?", re.IGNORECASE)
_REST = re.compile(r"/v1/.*", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Target:
    """What a URL asks for.

    Attributes:
        model_name: percent-decoded; `""` where the URL names no model.
        version: the version's number, or `None`.
        label: the version's label, or `None`.
        verb: `predict`, `classify`, `regress`, `status` or `metadata`.
    """

    model_name: str
    version: int | None
    label: str | None
    verb: str


def is_rest_path(path: str) -> bool:
    """Whether the REST API answers a path; all others are HTTP 404."""
    return _REST.fullmatch(path) is not None


def parse_target(method: str, path: str) -> Target:
    """Reads a request line.

    Arguments:
        method: `"GET"`, `"POST"`, ...
        path: the raw path with its query string, not decoded.

    Raises:
        ServingError: `INVALID_ARGUMENT`; without a body for a version beyond 64 bits.

    Example:
        >>> parse_target("POST", "/v1/models/t2i/versions/3:predict").version
        3
    """
    pattern = {"POST": _CALL, "GET": _QUESTION}.get(method)
    match = pattern.fullmatch(path) if pattern else None
    malformed = invalid_argument(f"Malformed request: {method} {path}")
    if match is None:
        raise malformed
    name, version, label, last = match.groups()
    if version is not None and int(version) >= 2**63:
        raise ServingError(
            "INVALID_ARGUMENT",
            f"Failed to convert version: {version} to numeric.",
            has_body=False,
        )
    if method == "POST" and last not in ("predict", "classify", "regress"):
        raise malformed
    if method == "GET":
        last = "metadata" if last == "metadata" else "status"
    return Target(
        model_name=_decoded(name or ""),
        version=int(version) if version is not None else None,
        label=_decoded(label) if label is not None else None,
        verb=last,
    )


def _decoded(text: str) -> str:
    return urllib.parse.unquote_to_bytes(text).decode("utf-8", "surrogateescape")
