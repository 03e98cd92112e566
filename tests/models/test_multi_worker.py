"""Two real processes that train together learn what one learns."""

from __future__ import annotations

import json
import os
import pathlib
import socket
import subprocess
import sys

import numpy as np
import pytest

from keras_t2i.registry import SYSTEMS

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORKER = pathlib.Path(__file__).with_name("worker.py")


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for held in sockets:
        held.bind(("127.0.0.1", 0))
    ports = [held.getsockname()[1] for held in sockets]
    for held in sockets:
        held.close()
    return ports


def start(system, folder, cluster=None, index=0):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"}
    environment.pop("TF_CONFIG", None)
    if cluster:
        task = {"type": "worker", "index": index}
        environment["TF_CONFIG"] = json.dumps({"cluster": {"worker": cluster}, "task": task})
    command = [sys.executable, "-W", "error::DeprecationWarning:keras_t2i", str(WORKER)]
    return subprocess.Popen(
        [*command, system, str(folder)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def train_together(system, folder):
    cluster = [f"127.0.0.1:{port}" for port in free_ports(2)]
    processes = [start(system, folder, cluster, index) for index in range(2)]
    processes.append(start(system, folder))
    try:
        outputs = [process.communicate(timeout=300)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, output in zip(processes, outputs, strict=True):
        assert process.returncode == 0, output[-4000:]


def check_equal(folder):
    alone, *workers = (
        list(np.load(folder / f"{name}.npz").values()) for name in ("alone", "0", "1")
    )
    for worker in workers:
        for expected, found in zip(alone, worker, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    for first, second in zip(*workers, strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-6, atol=1e-6)
    expected, *found = (
        json.loads((folder / f"{name}.json").read_text()) for name in ("alone", "0", "1")
    )
    for logs in found:
        assert set(logs["fit"]) == set(expected["fit"])
        for name, values in expected["fit"].items():
            np.testing.assert_allclose(logs["fit"][name], values, rtol=1e-3, atol=1e-3)
            np.testing.assert_allclose(
                logs["evaluate"][name], expected["evaluate"][name], rtol=1e-3, atol=1e-3
            )


def test_two_processes_learn_what_one_learns(tmp_path):
    train_together("smallest", tmp_path)
    check_equal(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("system", [row.name for row in SYSTEMS])
def test_two_processes_learn_what_one_learns_with_each_system(system, tmp_path):
    train_together(system, tmp_path)
    check_equal(tmp_path)
