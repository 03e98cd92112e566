"""Tests of the client, run as a user runs it."""

from __future__ import annotations

import ast
import pathlib
import socket
import subprocess
import sys

import pytest

from keras_t2i.server import LocalServer

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def client(serving: pathlib.Path, tmp_path: pathlib.Path):
    """Runs client.py in an empty folder, without site packages."""

    def run(*arguments: object) -> subprocess.CompletedProcess:
        command = [sys.executable, "-I", "-S", str(serving / "client.py"), *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    return run


def test_client_needs_the_standard_library_alone(serving: pathlib.Path) -> None:
    tree = ast.parse((serving / "client.py").read_text())
    names = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    }
    assert names <= sys.stdlib_module_names


def test_caption_and_seed_give_a_png(client, server: LocalServer, tmp_path: pathlib.Path) -> None:
    common = ("--url", server.url, "--model", "t2i", "--caption", "a red circle")
    result = client(*common, "--out", "seven.png", "--seed", 7)
    assert (result.returncode, result.stdout, result.stderr) == (0, "seven.png\n", "")
    client(*common, "--out", "again.png", "--seed", 7)
    client(*common, "--out", "eight.png", "--seed", 8)
    client(*common, "--out", "default.png")
    pictures = {
        name: (tmp_path / f"{name}.png").read_bytes() for name in ("seven", "again", "eight")
    }
    assert pictures["seven"].startswith(PNG)
    assert pictures["seven"] == pictures["again"] != pictures["eight"]
    assert (tmp_path / "default.png").read_bytes().startswith(PNG)
    assert not list(tmp_path.glob(".*"))


def test_several_pictures_are_numbered(client, server: LocalServer, tmp_path: pathlib.Path) -> None:
    result = client("--url", f"{server.url}/", "--caption", "猫", "--count", 3, "--version", 1)
    assert result.stdout.split() == ["picture-1.png", "picture-2.png", "picture-3.png"]
    assert len({(tmp_path / name).read_bytes() for name in result.stdout.split()}) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "foo"], "answered HTTP 404: Servable not found for request: Latest(foo)"),
        (["--version", 9], "HTTP 404: Servable not found for request: Specific(t2i, 9)"),
        (["--model", "x/y"], "Latest(x/y)"),
        (["--caption", " "], "--caption must not be empty"),
        (["--count", 0], "--count must be at least 1"),
        (["--out", "no/folder.png"], "there is no folder no"),
        (["--url", "localhost:8501"], "--url must begin with http://"),
    ],
)
def test_mistakes_are_explained_without_a_traceback(
    client, server: LocalServer, tmp_path: pathlib.Path, arguments: list, message: str
) -> None:
    result = client("--url", server.url, "--caption", "a cat", *arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())


def test_server_that_is_away_is_named(client) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        result = client("--url", url, "--caption", "a cat")
    assert result.returncode == 2
    assert f"Cannot reach {url}/v1/models/t2i:predict" in result.stderr


def test_server_that_is_silent_is_given_up(client) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        result = client("--url", url, "--caption", "a cat", "--timeout", 0.2)
    assert result.returncode == 2
    assert "did not answer in 0.2 s" in result.stderr
