"""The benchmark: captions --a model paints--> pictures --detector--> seen scenes --> rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from keras_t2i.data.shapes import Scene
from keras_t2i.metrics.shapes_bench.captions import COUNT, VERSION, captions_sha256, told_scenes
from keras_t2i.metrics.shapes_bench.detector import ShapesDetector, check_squares
from keras_t2i.metrics.shapes_bench.judging import judge_scene
from keras_t2i.metrics.shapes_bench.result import BenchResult, rows_of


class ShapesBench:
    """How much of what 2,000 captions say is true of the pictures painted for them.

    The captions tell scenes of one, two and three objects whose combinations of colour, shape and
    size no model trained on `Shapes("train")` has seen. A detector trained on renders looks at
    the pictures; `keras_t2i.metrics.shapes_bench.judging` says when a statement is true.

    Args:
        count: how many of the 2,000 captions; fewer are for a quick look during training and have
            another `captions_sha256`.
        detector: who judges; None takes the detector shipped with the package.

    Attributes:
        captions: what to paint, in this order.
        scenes: what each caption says.
        captions_sha256: of the captions.

    Example:

    >>> bench = ShapesBench()
    >>> result = bench.judge(model.generate(bench.captions, seed=0))
    >>> print(result.table())
    """

    name = "shapes_bench"
    version = VERSION

    def __init__(self, *, count: int = COUNT, detector: ShapesDetector | None = None) -> None:
        told = told_scenes(count)
        self.captions = [caption for caption, _ in told]
        self.scenes = [scene for _, scene in told]
        self.captions_sha256 = captions_sha256(self.captions)
        self._detector = detector

    @cached_property
    def detector(self) -> ShapesDetector:
        """Who judges; loaded at the first use."""
        return ShapesDetector() if self._detector is None else self._detector

    def judge_batches(self, batches: Iterable[np.ndarray]) -> BenchResult:
        """Judge pictures that come in batches of any size, (B, H, H, 3) uint8, in order.

        Raises:
            TypeError, ValueError: no such pictures, or not one for each caption.
        """
        seen: list[Scene] = []
        for pictures in batches:
            seen += self.detector.find(pictures)
        self._check_number(seen, len(self.captions))
        return self._judged(seen)

    def judge(self, pictures: np.ndarray) -> BenchResult:
        """Judge pictures.

        Args:
            pictures: (len(captions), H, H, 3) uint8, one for each caption, in their order. Sides
                other than 64 are resized as `ShapesDetector.resize` says.

        Raises:
            TypeError, ValueError: no such pictures.
        """
        self._check_number(pictures, len(self.captions))
        return self._judged(self.detector.find(pictures))

    def judge_scenes(self, seen: Sequence[Scene]) -> BenchResult:
        """Judge scenes as if a faultless detector had seen them, one for each caption."""
        self._check_number(seen, len(self.captions))
        return self._result(seen, {}, "")

    def _judged(self, seen: Sequence[Scene]) -> BenchResult:
        return self._result(seen, self.detector.accuracy, self.detector.sha256)

    def _result(
        self, seen: Sequence[Scene], accuracy: dict[str, float], sha256: str
    ) -> BenchResult:
        shares = [judge_scene(told, found) for told, found in zip(self.scenes, seen, strict=True)]
        numbers = [len(scene.items) for scene in self.scenes]
        by_objects = {
            k: rows_of(
                [share for share, number in zip(shares, numbers, strict=True) if number == k]
            )
            for k in sorted(set(numbers))
        }
        return BenchResult(
            rows=rows_of(shares),
            by_objects=by_objects,
            detector=dict(accuracy),
            version=self.version,
            captions_sha256=self.captions_sha256,
            detector_sha256=sha256,
        )

    def _check_number(self, painted: Any, expected: int) -> None:
        if isinstance(painted, np.ndarray):
            check_squares(painted)
        if len(painted) != expected:
            raise ValueError(
                "There must be one picture for each caption, in the order of `captions`. "
                f"Received: captions={expected}, pictures={len(painted)}"
            )
