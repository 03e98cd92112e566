"""The script that trains the detector: it goes on where it was stopped."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from keras_t2i.metrics.shapes_bench import ShapesDetector

SCRIPT = pathlib.Path(__file__).resolve().parents[3] / "benchmarks" / "train_shapes_detector.py"


def train(folder: pathlib.Path, *options: str) -> None:
    command = [sys.executable, str(SCRIPT), str(folder), "--batch", "4", "--held-out", "5"]
    subprocess.run([*command, *options], check=True, capture_output=True, timeout=300)


@pytest.mark.slow
def test_a_stopped_training_goes_on_and_writes_a_detector(tmp_path):
    train(tmp_path, "--steps", "3")
    train(tmp_path, "--steps", "5")
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in entries] == [1, 3, 4, 5]
    detector = ShapesDetector(tmp_path / "shapes_detector.json")
    assert detector.card["training"]["steps"] == 5
    assert len(detector.find(np.zeros((2, 64, 64, 3), np.uint8))) == 2
