"""The ASGI application: HTTP in, `RestApi` in a pool of threads, HTTP out.

/v1/... --> RestApi        / --> the web page        monitoring path --> metrics
everything else --> the HTML 404 of the model server's HTTP library
"""

from __future__ import annotations

import asyncio
import re
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from keras_t2i.server.model_store import ModelStore
from keras_t2i.server.monitoring import Metrics
from keras_t2i.server.page import PAGE_HEADERS, page_html
from keras_t2i.server.rest import Answer, RestApi, deadline_answer
from keras_t2i.server.urls import is_rest_path

_MAXIMUM_INFLATED_BYTES = 100 * 2**20
_ORIGIN = re.compile(r"https?://")
_CORS_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, GET",
    "Access-Control-Allow-Headers": "Content-Type",
}
_NOT_FOUND = (
    b"<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n<H1>Not Found</H1>\n"
    b"</BODY></HTML>\n"
)


class ServingApp:
    """Answers every HTTP request of a server.

    Arguments:
        store: the models.
        api: what answers the REST requests.
        metrics: counts them.
        executor: the threads that models run in.
        timeout_seconds: a request that runs longer is answered 504.
        monitoring_path: where the metrics page lies; `None` = nowhere.
        allows_cors: whether REST answers carry CORS headers.
    """

    def __init__(
        self,
        store: ModelStore,
        *,
        api: RestApi,
        metrics: Metrics,
        executor: ThreadPoolExecutor,
        timeout_seconds: float = 30.0,
        monitoring_path: str | None = None,
        allows_cors: bool = False,
    ) -> None:
        self._store = store
        self._api = api
        self._metrics = metrics
        self._executor = executor
        self._timeout_seconds = timeout_seconds
        self._monitoring_path = monitoring_path
        self._allows_cors = allows_cors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._respond(request, _raw_path(scope))
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _respond(self, request: Request, path: str) -> Response:
        if self._monitoring_path and path.split("?")[0] == self._monitoring_path:
            return self._metrics_page(path)
        if is_rest_path(path):
            return await self._rest(request, path)
        if path.split("?")[0] == "/" and request.method in ("GET", "HEAD"):
            return Response(page_html(self._store), headers=PAGE_HEADERS)
        return Response(_NOT_FOUND, 404, headers={"Content-Type": "text/html"})

    def _metrics_page(self, path: str) -> Response:
        headers = {"Content-Type": "text/plain"}
        if path != self._monitoring_path:
            text = f"Unexpected path: {path}. Should be {self._monitoring_path}"
            return Response(text, 400, headers=headers)
        return Response(self._metrics.page(), headers=headers)

    async def _rest(self, request: Request, path: str) -> Response:
        start = time.perf_counter()
        if request.method == "OPTIONS":
            answer, headers = _preflight(request), {}
        else:
            body = _inflated(await request.body(), request.headers.get("content-encoding", ""))
            answer = await self._answer(request.method, path, body)
            headers = {"Content-Type": "application/json"}
        if answer.code == "OK":
            seconds = time.perf_counter() - start
            self._metrics.record_request(answer.model_name, answer.api, seconds)
        self._metrics.count_request(answer.model_name, answer.code)
        if self._allows_cors:
            headers |= _CORS_HEADERS
        return Response(answer.body, answer.status, headers=headers)

    async def _answer(self, method: str, path: str, body: bytes) -> Answer:
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._executor, self._api.answer, method, path, body)
        try:
            return await asyncio.wait_for(future, self._timeout_seconds)
        except TimeoutError:
            return deadline_answer()


def make_application(app: ServingApp) -> Starlette:
    """Wraps a `ServingApp` for an ASGI server; one route takes all paths and methods."""
    return Starlette(routes=[Route("/{path:path}", app)])


def _raw_path(scope: Scope) -> str:
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _preflight(request: Request) -> Answer:
    if _ORIGIN.search(request.headers.get("origin", "")):
        return Answer(200, b"")
    return Answer(400, b"", "FAILED_PRECONDITION")


def _inflated(body: bytes, encoding: str) -> bytes:
    """Inflates a gzip body; a damaged or too large one is empty, as in the model server."""
    if "gzip" not in encoding or not body:
        return body
    inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(body, _MAXIMUM_INFLATED_BYTES)
    except zlib.error:
        return b""
    return inflated if inflater.eof else b""
