import dataclasses
import re
import signal
import subprocess
import sys

import pytest

from keras_t2i.cli.serve import _plain
from keras_t2i.server.flags import ServerFlags
from keras_t2i.tasks import serving
from keras_t2i.tasks.demonstration import request_picture


@pytest.fixture
def served(monkeypatch):
    """What the command line hands to the function."""
    calls = []
    monkeypatch.setattr(serving, "serve_model", lambda model, **o: calls.append((model, o)))
    return calls


def test_every_flag_of_the_model_server_is_taken(cli):
    text = cli("serve", "--help").out
    for field in dataclasses.fields(ServerFlags):
        assert f"--{field.name}" in text


def test_flags_reach_the_function_with_the_model_servers_spellings(cli, served):
    line = "--rest_api_port=8502 --model_name birds --model-base-path=/m --enable_batching=true"
    outcome = cli(
        "serve", *line.split(), "--enable_model_warmup=false", "--flush_filesystem_caches"
    )
    assert outcome.code == 0
    model, flags = served[0]
    flags.pop("on_ready")
    assert model is None
    expected = ServerFlags(
        rest_api_port=8502,
        model_name="birds",
        model_base_path="/m",
        enable_batching=True,
        enable_model_warmup=False,
        flush_filesystem_caches=True,
    )
    assert flags == dataclasses.asdict(expected)


def test_a_model_may_stand_in_place_of_an_export(cli, served):
    assert cli("serve", "some_model").code == 0
    assert served[0][0] == "some_model"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("--enable_batching=True", "--enable_batching"),
        ("--enable-batching=0", "--noenable_batching"),
        ("--enable_batching", "--enable_batching"),
        ("--model_name=true", "--model_name=true"),
        ("--enable_batching=maybe", "--enable_batching=maybe"),
        ("a_model", "a_model"),
    ],
)
def test_truth_values_are_read_as_the_model_server_does(given, read):
    assert _plain(given) == read


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        ((), "model_base_path"),
        (("--model_base_path=/no/such",), "/no/such"),
        (("--model_base_pth=/models",), "--model_base_path"),
        (("--model_base_path=/models", "--port=8500"), "gRPC"),
        (("no_such_model",), "no_such_model"),
    ],
)
def test_bad_flags_end_in_one_message(cli, flags, word):
    outcome = cli("serve", *flags)
    assert outcome.code == 2
    assert word in outcome.err
    assert "Traceback" not in outcome.err


def test_a_port_in_use_is_named(cli, bundle, tmp_path):
    import socket

    (tmp_path / "1").mkdir()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        outcome = cli("serve", f"--model_base_path={tmp_path}", f"--rest_api_port={port}")
    assert outcome.code == 2
    assert str(port) in outcome.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_model_is_served_until_the_signal_and_leaves_no_folder(bundle, tmp_path, number):
    import os

    process = subprocess.Popen(
        [sys.executable, "-m", "keras_t2i.cli.main", "serve", str(bundle), "--rest_api_port=0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"},
    )
    url = re.search(r"http://\S+", process.stdout.readline()).group()
    assert request_picture(url, "a small red circle").startswith(b"\x89PNG")
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert process.returncode in (0, 130)
    assert not list(tmp_path.iterdir())


def test_an_export_that_cannot_be_loaded_ends_in_one_message(cli, tmp_path):
    (tmp_path / "t2i" / "1").mkdir(parents=True)
    (tmp_path / "t2i" / "1" / "saved_model.pb").write_bytes(b"no model")
    outcome = cli("serve", f"--model_base_path={tmp_path / 't2i'}", "--rest_api_port=0")
    assert outcome.code == 2
    assert "did not become available" in outcome.err
    assert "Traceback" not in outcome.err
