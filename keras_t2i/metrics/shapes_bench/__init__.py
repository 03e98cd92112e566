"""ShapesBench: captions whose truth is known, a detector that looks, rules that judge."""

from keras_t2i.metrics.shapes_bench.bench import ShapesBench
from keras_t2i.metrics.shapes_bench.detector import ShapesDetector
from keras_t2i.metrics.shapes_bench.judging import ROWS, judge_scene
from keras_t2i.metrics.shapes_bench.result import BenchResult, Row

__all__ = ["ROWS", "BenchResult", "Row", "ShapesBench", "ShapesDetector", "judge_scene"]
