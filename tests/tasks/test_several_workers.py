"""Two real processes train together; one is killed, the other stops, and both go on."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from keras_t2i.callbacks import read_history
from keras_t2i.tasks import RunDirectory

SCRIPT = pathlib.Path(__file__).with_name("worker.py")
ROOT = SCRIPT.parents[2]
STEPS = 60


def start(folder, steps, *, ports=(), index=0, system="smallest"):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"}
    environment.pop("TF_CONFIG", None)
    if ports:
        cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
        config = {"cluster": cluster, "task": {"type": "worker", "index": index}}
        environment["TF_CONFIG"] = json.dumps(config)
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder), str(steps), system],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for_step(path, step, processes):
    deadline = time.monotonic() + 240
    while not path.exists() or int(path.read_text() or 0) < step:
        for process in processes:
            assert process.poll() is None, process.communicate()[0][-4000:]
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def killed(tmp_path_factory, free_ports):
    """A training of two workers, one of which is killed: folder, exit code, output, seconds."""
    folder = tmp_path_factory.mktemp("workers")
    ports = free_ports(2)
    processes = [start(folder, 10**6, ports=ports, index=index) for index in range(2)]
    try:
        wait_for_step(folder / "step-1", 13, processes)
        processes[1].kill()
        begun = time.monotonic()
        output = processes[0].communicate(timeout=120)[0]
        seconds = time.monotonic() - begun
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    return folder, processes[0].returncode, output, seconds


@pytest.fixture(scope="module")
def stopped(killed, free_ports):
    """The same training, gone on with until one of both was told to stop: (folder, codes)."""
    folder, ports = killed[0], free_ports(2)
    (folder / "step-1").unlink()
    processes = [start(folder, 10**6, ports=ports, index=index) for index in range(2)]
    try:
        wait_for_step(folder / "step-1", 14, processes)
        processes[1].send_signal(signal.SIGTERM)
        outputs = [process.communicate(timeout=120)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, output in zip(processes, outputs, strict=True):
        assert process.returncode == 0, output[-4000:]
    return folder


@pytest.fixture(scope="module")
def resumed(stopped, free_ports):
    """The folder, where both have gone on to the end and one has learned alone."""
    folder, ports = stopped, free_ports(2)
    processes = [start(folder, STEPS, ports=ports, index=index) for index in range(2)]
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    alone = start(folder, STEPS)
    outputs.append(alone.communicate(timeout=300)[0])
    for process, output in zip([*processes, alone], outputs, strict=True):
        assert process.returncode == 0, output[-4000:]
    return folder


def test_the_others_stop_within_a_minute_and_say_why(killed):
    _, code, output, seconds = killed
    assert code != 0
    assert seconds < 60
    assert "WorkerLost: Another worker of this training is gone" in output
    assert "--resume" in output


def test_a_signal_to_one_stops_all_behind_the_same_step_with_a_save(stopped):
    step = RunDirectory(stopped / "run").saves.newest().step
    assert step % 10 == 0  # where they ask each other
    assert [int((stopped / f"step-{index}").read_text()) for index in range(2)] == [step, step]


def test_all_go_on_from_the_last_save_and_learn_what_one_learns(resumed):
    weights = [np.load(resumed / f"{name}.npz") for name in ("alone", 0, 1)]
    for name in weights[0].files:
        # Adam moves by a share of its rate also where the gradient is nothing but rounding.
        np.testing.assert_allclose(weights[1][name], weights[0][name], rtol=1e-3, atol=1e-4)
        np.testing.assert_array_equal(weights[1][name], weights[2][name])


def test_losses_are_those_of_one(resumed):
    histories = [read_history(resumed / name / "history.jsonl") for name in ("run", "alone")]
    together, alone = ({line["step"]: line for line in lines} for lines in histories)
    assert max(together) == max(alone) == STEPS
    for term in ("d_loss", "g_loss", "d_match"):
        assert together[STEPS][term] == pytest.approx(alone[STEPS][term], rel=1e-4)


def test_one_process_wrote(resumed):
    run = RunDirectory(resumed / "run")
    calls = run.read_calls()
    assert [call.get("why") for call in calls] == [
        "WorkerLost",
        "signal to another worker",
        "limit",
    ]
    assert run.saves.newest().progress["training"]["replicas"] == 2
    assert len(list(run.logs.glob("events.out.tfevents.*"))) == 3  # one a call


def test_a_text_encoder_learns_on_all_workers_too(tmp_path, free_ports):
    ports = free_ports(2)
    processes = [
        start(tmp_path, 2, ports=ports, index=index, system="gan_cls") for index in range(2)
    ]
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    for process, output in zip(processes, outputs, strict=True):
        assert process.returncode == 0, output[-4000:]
    weights = [np.load(tmp_path / f"{index}.npz") for index in range(2)]
    for name in weights[0].files:
        np.testing.assert_array_equal(weights[0][name], weights[1][name])
    run = RunDirectory(tmp_path / "run")
    assert read_history(run.text_history)[-1]["step"] == 1
    assert run.text_encoder.exists()
