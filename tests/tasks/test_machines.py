import json
import subprocess
import sys

import pytest
import tensorflow as tf

from keras_t2i.tasks import machines
from keras_t2i.tasks.machines import machine_strategy

WORKERS = {"worker": ["localhost:1", "localhost:2"]}


def test_one_device_is_the_default():
    assert machine_strategy() is tf.distribute.get_strategy()


def test_two_logical_devices_give_one_strategy_however_often_it_is_asked_for():
    strategy = machine_strategy(replicas=2)  # the tests have split the processor
    assert isinstance(strategy, tf.distribute.MirroredStrategy)
    assert strategy.num_replicas_in_sync == 2
    assert machine_strategy(replicas=2) is strategy
    assert machine_strategy(replicas=1) is not strategy


@pytest.mark.parametrize("replicas", [0, -1, 1.5, "2"])
def test_replicas_are_a_positive_number(replicas):
    with pytest.raises(ValueError, match=f"replicas={replicas!r}"):
        machine_strategy(replicas=replicas)


def test_there_are_not_more_replicas_than_gpus(monkeypatch):
    monkeypatch.setattr(machines.tf.config, "list_physical_devices", lambda kind: [kind] * 2)
    with pytest.raises(ValueError, match="replicas=3, GPUs=2"):
        machine_strategy(replicas=3)


def test_a_processor_in_use_is_not_split_further():
    with pytest.raises(RuntimeError, match="begin a new process. Received: replicas=3"):
        machine_strategy(replicas=3)


def test_workers_take_all_gpus_of_their_machine():
    with pytest.raises(ValueError, match="leave `replicas` out.*replicas=2"):
        machine_strategy(workers=True, replicas=2)


@pytest.mark.parametrize(
    "config",
    [
        None,
        "",
        "{",
        "[]",
        "3",
        {},
        {"cluster": WORKERS},
        {"cluster": WORKERS, "task": {"type": "worker", "index": 2}},
        {"cluster": WORKERS, "task": {"type": "chief", "index": 0}},
        {"cluster": WORKERS, "task": {"type": "worker"}},
        {"cluster": {**WORKERS, "ps": ["localhost:3"]}, "task": {"type": "ps", "index": 0}},
        {"cluster": ["localhost:1"], "task": {"type": "worker", "index": 0}},
        {"cluster": WORKERS, "task": {"type": "worker", "index": "0"}},
        {"cluster": WORKERS, "task": {"type": "worker", "index": -1}},
    ],
    ids=str,
)
def test_a_missing_or_broken_cluster_is_named(monkeypatch, config):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    text = config if isinstance(config, str) else json.dumps(config or {})
    if config is not None:
        monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match='which must name all.*"worker"') as told:
        machine_strategy(workers=True)
    assert f"TF_CONFIG={(text if config is not None else '')!r}" in str(told.value)


FRESH = """
import os
from keras_t2i.tasks.machines import machine_strategy
first = machine_strategy(**{arguments})
assert machine_strategy(**{arguments}) is first
print(type(first).__name__, first.num_replicas_in_sync)
"""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"replicas": 2}, "MirroredStrategy 2"),
        ({"workers": True}, "CollectiveAllReduceStrategy 1"),
    ],
    ids=["replicas", "workers"],
)
def test_a_fresh_process_gets_what_it_asks_for(arguments, told, monkeypatch):
    alone = {"cluster": {"worker": ["localhost:0"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(alone))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    program = FRESH.replace("{arguments}", repr(arguments))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[0].endswith(told)
