"""Two real processes that train together learn what one learns."""

from __future__ import annotations

import importlib.util
import json
import os
import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest

from keras_t2i.registry import SYSTEMS

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORKER = pathlib.Path(__file__).with_name("worker.py")


@pytest.fixture(scope="module")
def worker():
    """The module that the processes run."""
    spec = importlib.util.spec_from_file_location("worker", WORKER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def start(folder, cluster, index):
    task = {"type": "worker", "index": index}
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CONFIG": json.dumps({"cluster": {"worker": cluster}, "task": task}),
    }
    return subprocess.Popen(
        [sys.executable, str(WORKER), str(folder)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def check_two_processes(trial, worker, folder, ports):
    """Start both workers, learn alone meanwhile, and compare weights and logs."""
    names = ("system", "start", "rows")
    given = {**{name: getattr(trial, name) for name in names}, "options": dict(trial.options)}
    (folder / "trial.pickle").write_bytes(pickle.dumps(given))
    cluster = [f"127.0.0.1:{port}" for port in ports]
    processes = [start(folder, cluster, index) for index in range(2)]
    try:
        alone = trial.model(**worker.smooth_optimizers(), run_eagerly=True)
        expected = worker.learn(alone, trial.batches(worker.STEPS, size=worker.ROWS))
        outputs = [process.communicate(timeout=300)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    for index, (process, output) in enumerate(zip(processes, outputs, strict=True)):
        assert process.returncode == 0, output[-4000:]
        for weight, found in zip(
            alone.get_weights(), np.load(folder / f"{index}.npz").values(), strict=True
        ):
            np.testing.assert_allclose(found, weight, rtol=1e-4, atol=1e-4)
        logs = json.loads((folder / f"{index}.json").read_text())
        for kind in ("fit", "evaluate"):
            assert logs[kind] == pytest.approx(expected[kind], rel=1e-3, abs=1e-3)


def test_two_processes_learn_what_one_learns(smallest, worker, tmp_path, free_ports):
    check_two_processes(smallest, worker, tmp_path, free_ports(2))


@pytest.mark.slow
@pytest.mark.parametrize("name", [row.name for row in SYSTEMS])
def test_two_processes_learn_what_one_learns_with_each_system(
    name, trials, worker, tmp_path, free_ports
):
    check_two_processes(trials[name], worker, tmp_path, free_ports(2))
