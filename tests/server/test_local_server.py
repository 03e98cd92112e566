"""Tests of starting and stopping."""

from __future__ import annotations

import pathlib
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

from keras_t2i.server import LocalServer, ServingError, local_server, serve
from keras_t2i.server.model_store import ModelStore

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_port_in_use_is_named_before_anything_is_loaded(models: pathlib.Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=rf"Port {port} of 127.0.0.1 is in use.*--rest_api_port"):
            LocalServer(model_base_path=models / "shift", rest_api_port=port)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse at once")
def test_port_that_another_server_opens_meanwhile_is_named(
    models: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        monkeypatch.setattr(ModelStore, "start", lambda self, timeout: other.listen())
        with pytest.raises(OSError, match=rf"Port {port} of 127.0.0.1 is in use"):
            LocalServer(model_base_path=models / "shift", rest_api_port=port)


def test_missing_base_path_says_what_was_looked_for(tmp_path: pathlib.Path) -> None:
    for start in (serve, LocalServer):
        with pytest.raises(FileNotFoundError, match=r"nothing/1/saved_model\.pb"):
            start(model_base_path=tmp_path / "nothing")


def test_wrong_host_is_named(models: pathlib.Path) -> None:
    with pytest.raises(ValueError, match="Received: host='no such host'"):
        LocalServer(model_base_path=models / "shift", host="no such host")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_server_that_does_not_end_is_not_waited_for_for_ever(
    models: pathlib.Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(local_server, "STOPPING", 0.3)
    server, ends = LocalServer(model_base_path=models / "shift"), threading.Event()

    async def on_tick(counter: int) -> bool:
        return ends.is_set()

    monkeypatch.setattr(server._running.server, "on_tick", on_tick)
    start = time.monotonic()
    server.stop()
    assert 0.5 < time.monotonic() - start < 5.0
    assert server._running.closed
    assert "stopped before all of its connections had ended" in caplog.text
    ends.set()  # it finds its socket closed
    server._thread.join(10.0)
    assert not server._thread.is_alive()


def test_base_path_without_version_is_waited_for(make_shift, tmp_path: pathlib.Path, ask) -> None:
    with pytest.raises(TimeoutError, match="No version appeared"):
        LocalServer(model_base_path=tmp_path, start_timeout=0.1)
    make_shift(tmp_path / "export", 5.0)
    threading.Timer(0.3, (tmp_path / "export").rename, [tmp_path / "1"]).start()
    with LocalServer(model_base_path=tmp_path, start_timeout=30) as server:
        reply = ask(server, "POST", "/v1/models/t2i:predict", {"instances": [1.0]})
        assert reply.json == {"predictions": [6.0]}


def test_model_that_cannot_be_loaded_is_an_error(tmp_path: pathlib.Path) -> None:
    (tmp_path / "1").mkdir()
    with pytest.raises(ServingError, match=r"did not become available.*Could not find SavedModel"):
        LocalServer(model_base_path=tmp_path)


def test_new_version_takes_over_without_a_failed_request(
    models: pathlib.Path, tmp_path: pathlib.Path, ask
) -> None:
    shutil.copytree(models / "shift" / "00001", tmp_path / "1")
    shutil.copytree(models / "shift" / "00002", tmp_path / "new")
    with LocalServer(model_base_path=tmp_path) as server:
        answers = []
        (tmp_path / "new").rename(tmp_path / "2")
        deadline = time.monotonic() + 20
        while (not answers or answers[-1] != 20.0) and time.monotonic() < deadline:
            reply = ask(server, "POST", "/v1/models/t2i:predict", {"instances": [0]})
            assert reply.status == 200
            answers.append(reply.json["predictions"][0])
        assert answers[0] == 10.0
        assert answers[-1] == 20.0


def test_requests_run_side_by_side(models: pathlib.Path, ask) -> None:
    with LocalServer(model_base_path=models / "shift") as server:
        results: queue.Queue = queue.Queue()

        def send(number: int) -> None:
            body = {"instances": [number] * 50}
            reply = ask(server, "POST", "/v1/models/t2i:predict", body)
            results.put(reply.json["predictions"] == [number + 30.0] * 50)

        threads = [threading.Thread(target=send, args=[number]) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [results.get() for _ in threads] == [True] * 16


def test_stop_closes_the_port_and_may_be_called_twice(models: pathlib.Path) -> None:
    server = LocalServer(model_base_path=models / "shift")
    assert urllib.request.urlopen(f"{server.url}/v1/models/t2i", timeout=10).status == 200
    server.stop()
    server.stop()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)


@pytest.fixture
def command(models: pathlib.Path) -> list[str]:
    program = (
        "import sys; from keras_t2i.server import serve\n"
        f"serve(model_base_path={str(models / 'folding')!r}, rest_api_port=0,"
        " on_ready=lambda url: print(url, flush=True))\n"
        "print([name for name in sys.modules if name.startswith('keras_t2i')"
        " and not name.startswith('keras_t2i.server')], 'ended', flush=True)"
    )
    return [sys.executable, "-c", program]


def test_serve_knows_text_ops_needs_no_models_and_ends_with_ctrl_c(command: list[str]) -> None:
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        url = process.stdout.readline().strip()
        body = '{"instances": ["Straße"]}'.encode()
        with urllib.request.urlopen(f"{url}/v1/models/t2i:predict", body, timeout=30) as reply:
            assert b'["strasse"' in reply.read()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert out == "['keras_t2i'] ended\n"
    assert process.returncode == 0
    assert "Traceback" not in err
