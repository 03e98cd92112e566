"""ShapesBench's captions and true pictures in the shape that all protocols have."""

from __future__ import annotations

import functools
from typing import Self

import numpy as np

from keras_t2i.data.shapes import render
from keras_t2i.metrics.protocols.plan import Plan
from keras_t2i.metrics.protocols.pools import Pool
from keras_t2i.metrics.protocols.protocol import Protocol
from keras_t2i.metrics.shapes_bench import ShapesBench


class BenchPool(Pool):
    """The scenes of the benchmark, each with its one caption.

    Args:
        bench: the benchmark.
    """

    def __init__(self, bench: ShapesBench) -> None:
        self.bench = bench

    @classmethod
    def of(cls, protocol: Protocol) -> Self:
        """The pool of a protocol's benchmark, made once.

        Raises:
            ValueError: another split than "test", or a count out of range.
        """
        if protocol.split != "test":
            raise ValueError(
                "The benchmark's captions are of the test split. "
                f"Received: protocol={protocol.name!r}"
            )
        return cls(_bench(protocol.count))

    def __len__(self) -> int:
        return len(self.bench.captions)

    def captions(self, index: int) -> list[str]:
        return [self.bench.captions[index]]

    def picture(self, index: int, side: int) -> np.ndarray:
        return render(self.bench.scenes[index], side)

    @property
    def groups(self) -> np.ndarray:
        return np.arange(len(self))

    @property
    def may_flip(self) -> np.ndarray:
        return np.zeros(len(self), bool)

    def plan(self, seed: int) -> Plan:
        """The captions in the benchmark's own order."""
        return Plan(tuple(self.bench.captions), tuple(range(len(self))), self.groups, seed)


@functools.lru_cache(maxsize=4)
def _bench(count: int) -> ShapesBench:
    return ShapesBench(count=count)
