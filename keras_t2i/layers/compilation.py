"""How a training step computes its picture networks: as they are, by XLA, or with less memory.

The ways change how a network is computed within a training step, not what. Outside of steps, in
painting and export, a network is computed as it is.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import tensorflow as tf

from keras_t2i.layers.distribute import replica_count
from keras_t2i.layers.recompute import recomputed

Call = Callable[..., Any]

_now = threading.local()  # replicas run in threads of their own


@contextlib.contextmanager
def training_step() -> Iterator[None]:
    """Within it, networks are computed in the way that was set for them."""
    with _set("in_step", True):
        yield


@contextlib.contextmanager
def traced_anew() -> Iterator[None]:
    """Within it, no graph of a network is used again that was traced outside of it."""
    with _set("anew", True):
        yield


def set_computation(
    networks: Iterable[keras.Model],
    *,
    jit_pictures: bool = False,
    recompute_from: int | None = None,
) -> None:
    """Say how training steps compute some networks.

    Args:
        networks: functional models.
        jit_pictures: by XLA, one program for each network and shape of its inputs.
        recompute_from: maps of this side or more are not kept for the gradient but computed once
            more (`keras_t2i.layers.recompute`); None keeps all.

    Raises:
        ValueError: both; no network; XLA on several replicas; a side below 1; a network that
            cannot be recomputed.
    """
    networks = list(networks)
    for network in networks:
        network.__dict__.pop("call", None)
    if not jit_pictures and recompute_from is None:
        return
    check_computable(jit_pictures=jit_pictures, recompute_from=recompute_from)
    if not networks:
        raise ValueError(
            "`jit_pictures` and `recompute_from` change how `picture_networks` are computed, and "
            "this system has none. Received: picture_networks=()"
        )
    for network in networks:
        if jit_pictures:
            _set_call(network, _by_xla(network))
        else:
            _set_call(network, recomputed(network, from_side=recompute_from))


def check_computable(*, jit_pictures: bool, recompute_from: int | None) -> None:
    """Raise as `set_computation` does where no network could be computed so."""
    if jit_pictures and recompute_from is not None:
        raise ValueError(
            "XLA decides by itself what it keeps: choose one. "
            f"Received: jit_pictures={jit_pictures}, recompute_from={recompute_from}"
        )
    if jit_pictures and replica_count() > 1:
        raise ValueError(
            "`jit_pictures` needs a single replica: networks average batch statistics over "
            "replicas, and TensorFlow does not compile what replicas send each other. "
            f"Received: jit_pictures=True, replicas={replica_count()}"
        )
    whole = isinstance(recompute_from, int) and not isinstance(recompute_from, bool)
    if recompute_from is not None and (not whole or recompute_from < 1):
        raise ValueError(
            "`recompute_from` is the side of the smallest maps to recompute, in pixels, or None. "
            f"Received: recompute_from={recompute_from!r}"
        )


def _set_call(network: keras.Model, special: Call) -> None:
    plain = network.call

    def call(inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if getattr(_now, "in_step", False):
            return special(inputs, training=training)
        return plain(inputs, training=training, mask=mask)

    # Past Keras' `__setattr__`: TensorFlow would export what is tracked.
    network.__dict__["call"] = call


def _by_xla(network: keras.Model) -> Call:
    plain = network.call

    def compiled() -> Call:
        return tf.function(lambda x, training: plain(x, training=training), jit_compile=True)

    kept = compiled()

    def call(inputs: Any, training: bool | None = None) -> Any:
        function = compiled() if getattr(_now, "anew", False) else kept
        return function(inputs, bool(training))

    return call


@contextlib.contextmanager
def _set(name: str, value: bool) -> Iterator[None]:
    before = getattr(_now, name, False)
    setattr(_now, name, value)
    try:
        yield
    finally:
        setattr(_now, name, before)
