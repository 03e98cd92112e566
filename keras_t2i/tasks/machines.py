"""The devices that a training runs on, as a `tf.distribute` strategy."""

from __future__ import annotations

import functools
import json
import os

import tensorflow as tf

from keras_t2i.workers import loss_of_workers_told

PACK = 32 * 2**20
SHAPE = '{"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": "worker", "index": 0}}'


def machine_strategy(
    *, replicas: int | None = None, workers: bool = False
) -> tf.distribute.Strategy:
    """The strategy of this process; asked twice, it is the same.

    Args:
        replicas: GPUs of this machine that train together; without GPUs, shares of the processor
            (to try a distributed training out). None takes TensorFlow's default: one device.
        workers: several processes train together, as the environment's TF_CONFIG says, each with
            all GPUs of its machine. Call it before TensorFlow runs anything.

    Raises:
        ValueError: both; fewer GPUs than asked for; TF_CONFIG that is missing or broken.
        RuntimeError: TensorFlow has already run, so that the processor can no longer be split.

    Example:
        >>> with machine_strategy(replicas=2).scope():
        ...     model = ContrastiveGAN(tokenizer)
    """
    if workers:
        if replicas is not None:
            raise ValueError(
                "With `workers`, each process takes all GPUs of its machine; leave `replicas` "
                f"out, or hide GPUs by CUDA_VISIBLE_DEVICES. Received: replicas={replicas}"
            )
        return _of_workers(_checked_cluster())
    if replicas is None:
        return tf.distribute.get_strategy()
    if not isinstance(replicas, int) or replicas < 1:
        raise ValueError(f"`replicas` must be a positive integer. Received: replicas={replicas!r}")
    return _of_devices(tuple(_devices(replicas)))


@functools.cache
def _of_devices(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    # Each strategy numbers its collectives from the same start, and TensorFlow mixes them up.
    return tf.distribute.MirroredStrategy(list(devices))


@functools.cache
def _of_workers(cluster: str) -> tf.distribute.Strategy:
    # Small gradients travel together: each message costs its way there and back.
    options = tf.distribute.experimental.CommunicationOptions(bytes_per_pack=PACK)
    with loss_of_workers_told(None):
        return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)


def _devices(count: int) -> list[str]:
    found = tf.config.list_physical_devices("GPU")
    if found:
        if count > len(found):
            raise ValueError(
                "`replicas` must not be above the number of GPUs. "
                f"Received: replicas={count}, GPUs={len(found)}"
            )
        return [f"GPU:{number}" for number in range(count)]
    processor = tf.config.list_physical_devices("CPU")[0]
    split = tf.config.get_logical_device_configuration(processor) or [None]
    if len(split) < count:
        shares = [tf.config.LogicalDeviceConfiguration()] * count
        try:
            tf.config.set_logical_device_configuration(processor, shares)
        except RuntimeError as error:
            raise RuntimeError(
                "There is no GPU, and the processor can be split into replicas only before "
                f"TensorFlow runs anything; begin a new process. Received: replicas={count}"
            ) from error
    return [f"CPU:{number}" for number in range(count)]


def _checked_cluster() -> str:
    text = os.environ.get("TF_CONFIG", "")
    try:
        config = json.loads(text)
        task, cluster = config["task"], config["cluster"]
        hosts = [host for kind in ("chief", "worker") for host in cluster.get(kind, [])]
        known = task["index"] >= 0 and cluster[task["type"]][task["index"]] in hosts
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        known = False
    if not known:
        raise ValueError(
            "`workers` (--workers) reads the environment variable TF_CONFIG, which must name all "
            f"workers and this one's place among them: {SHAPE}. Received: TF_CONFIG={text!r}"
        )
    return text
