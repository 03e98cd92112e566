"""What training together costs: two logical devices and two processes against one device.

All see the same global batch and the same two cores: what two add is overhead, for there is nothing
to gain. The two processes have a core each, as two machines would have their own. ContrastiveGAN,
64 px, batch 64; each figure is the median of the steps of a process, and the cases take turns.
"""

from __future__ import annotations

import itertools
import json
import os
import socket
import statistics
import subprocess
import sys
import time

from record import record

BATCH, STEPS, WARM_UP, TURNS = 64, 30, 5, 3
CASES = {"one_device": 1, "two_devices": 1, "two_processes": 2}


def main() -> None:
    """Measure one process's part, or all cases in turn."""
    if len(sys.argv) > 1:
        print(json.dumps(_measure(sys.argv[1])))
        return
    seconds = {case: [] for case in CASES}
    for _ in range(TURNS):
        for case, processes in CASES.items():
            seconds[case].append(_run(case, processes))
    medians = {case: statistics.median(values) for case, values in seconds.items()}
    one = medians["one_device"]
    record(
        "scaling",
        {
            "step_ms": {case: round(1000 * value, 1) for case, value in medians.items()},
            "all_turns_ms": {c: [round(1000 * v, 1) for v in seconds[c]] for c in CASES},
            "overhead_percent": {
                case: round(100 * (value / one - 1), 1)
                for case, value in medians.items()
                if case != "one_device"
            },
        },
    )


def _run(case: str, processes: int) -> float:
    ports = _free_ports(processes)
    running = [_start(case, ports, index) for index in range(processes)]
    answers = [process.communicate()[0] for process in running]
    return max(json.loads(answer.splitlines()[-1]) for answer in answers)


def _start(case: str, ports: list[int], index: int) -> subprocess.Popen:
    environment = dict(os.environ)
    if len(ports) > 1:
        cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
        task = {"type": "worker", "index": index}
        environment["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": task})
    return subprocess.Popen(
        [sys.executable, __file__, case], env=environment, stdout=subprocess.PIPE, text=True
    )


def _measure(case: str) -> float:
    """The median seconds of a step in `fit`."""
    if case == "two_processes":
        index = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
        os.sched_setaffinity(0, {index})
    import keras

    from keras_t2i.data import Shapes
    from keras_t2i.models import ContrastiveGAN
    from keras_t2i.tasks.machines import machine_strategy

    class Clock(keras.callbacks.Callback):
        """When each step ended."""

        times: list[float] = []

        def on_train_batch_end(self, batch, logs=None):
            self.times.append(time.perf_counter())

    strategy = machine_strategy(
        replicas=2 if case == "two_devices" else None, workers=case == "two_processes"
    )
    source = Shapes(count=BATCH * (STEPS + WARM_UP))
    with strategy.scope():
        model = ContrastiveGAN.for_source(source)
        model.compile()
    batches = source.batches(model.tokenizer, model.resolutions, BATCH)
    model.fit(batches, verbose=0, callbacks=[clock := Clock()])
    times = clock.times[WARM_UP:]
    return statistics.median(b - a for a, b in itertools.pairwise(times))


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for held in sockets:
        held.bind(("127.0.0.1", 0))
    ports = [held.getsockname()[1] for held in sockets]
    for held in sockets:
        held.close()
    return ports


if __name__ == "__main__":
    main()
