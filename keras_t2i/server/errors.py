"""Failures with TensorFlow's status codes, and the HTTP status of each.

[TensorFlow Serving](https://github.com/tensorflow/serving) carries every failure of a request as an
`absl::Status`; REST shows its message as `{"error": "..."}` and its code as an HTTP status.
"""

from __future__ import annotations

import re

HTTP_STATUS = {
    "OK": 200,
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
    "UNAUTHENTICATED": 401,
}

# The numbers that TensorFlow's exceptions carry in `error_code`.
_CODE_OF_NUMBER = {
    1: "CANCELLED",
    2: "UNKNOWN",
    3: "INVALID_ARGUMENT",
    4: "DEADLINE_EXCEEDED",
    5: "NOT_FOUND",
    6: "ALREADY_EXISTS",
    7: "PERMISSION_DENIED",
    8: "RESOURCE_EXHAUSTED",
    9: "FAILED_PRECONDITION",
    10: "ABORTED",
    11: "OUT_OF_RANGE",
    12: "UNIMPLEMENTED",
    13: "INTERNAL",
    14: "UNAVAILABLE",
    15: "DATA_LOSS",
    16: "UNAUTHENTICATED",
}

# The eager runtime wraps the text of the failing op; the model server reports the text alone.
_EAGER_PREFIX = re.compile(
    r"\A(Graph execution error:\s.*?<stack traces unavailable>\n)?"
    r"(\{\{function_node __inference_signature_wrapper[^}]*\}\} )?",
    re.DOTALL,
)
_EAGER_SUFFIX = re.compile(r"( \[Op:[^\]]+\])?( name: \w*)?\s*\Z")


class ServingError(Exception):
    """A request (or a load) that failed with one of TensorFlow's status codes.

    Arguments:
        code: name of the status code, a key of `HTTP_STATUS`.
        message: the text that the client reads, without the code.
        has_body: whether REST answers with a JSON body. The model server leaves it out where a
            URL cannot be turned into a request.

    Raises:
        ValueError: if `code` is not the name of a status code.

    Example:
        >>> ServingError("NOT_FOUND", "Servable not found for request: Latest(t2i)").http_status
        404
    """

    def __init__(self, code: str, message: str, *, has_body: bool = True) -> None:
        if code not in HTTP_STATUS:
            raise ValueError(
                f"`code` must be the name of a status code, one of {sorted(HTTP_STATUS)}. "
                f"Received: code={code!r}"
            )
        super().__init__(message)
        self.code = code
        self.message = message
        self.has_body = has_body

    @property
    def http_status(self) -> int:
        """The status of the HTTP answer."""
        return HTTP_STATUS[self.code]

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def invalid_argument(message: str) -> ServingError:
    """The failure of a malformed request (HTTP 400)."""
    return ServingError("INVALID_ARGUMENT", message)


def as_serving_error(error: Exception) -> ServingError:
    """Turns any exception into a `ServingError`, keeping TensorFlow's code and the op's own text.

    Arguments:
        error: what was raised while a model was loaded or run.

    Returns:
        The error itself where it is one already; `NOT_FOUND` for missing files; the code of a
        `tf.errors.OpError`; `INTERNAL` for anything else.
    """
    if isinstance(error, ServingError):
        return error
    number = getattr(error, "error_code", None)
    if number in _CODE_OF_NUMBER:
        message = _EAGER_PREFIX.sub("", str(getattr(error, "message", error)))
        return ServingError(_CODE_OF_NUMBER[number], _EAGER_SUFFIX.sub("", message))
    if isinstance(error, OSError):
        return ServingError("NOT_FOUND", str(error))
    return ServingError("INTERNAL", f"{type(error).__name__}: {error}")
