"""How fast scenes are drawn."""

from __future__ import annotations

import time

from keras_t2i.data.shapes.source import Shapes


def scenes_per_second(size: int = 64, *, scenes: int = 4000, seed: int = 0) -> float:
    """Draw pictures with one caption each on one core; return scenes per second.

    The tables of the split and the sprites are made beforehand, as they are in training after
    the first batches.
    """
    source = Shapes(count=scenes, seed=seed)
    for index in range(min(scenes, 1000)):
        source.picture(index, size)
    start = time.perf_counter()
    for index in range(scenes):
        source.picture(index, size)
        source.captions(index)
    return scenes / (time.perf_counter() - start)
