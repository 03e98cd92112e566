"""Rows, deviations and the table, by hand."""

from __future__ import annotations

import json

import pytest

from keras_t2i.metrics.shapes_bench.result import BenchResult, Row, rows_of


def result() -> BenchResult:
    rows = rows_of([{"colour": 1.0, "relation": 0.5}, {"colour": 0.5}])
    by_objects = {1: rows_of([{"colour": 0.5}]), 2: rows_of([{"colour": 1.0, "relation": 0.5}])}
    return BenchResult(rows, by_objects, {"colour": 0.9987}, 1, "c" * 64, "d" * 64)


def test_a_row_is_the_mean_over_the_captions_that_speak_of_it():
    rows = result().rows
    assert rows["colour"].value == 0.75
    assert rows["colour"].n == 2
    assert rows["relation"] == Row(0.5, 0.5, 1)
    assert "shape" not in rows


def test_the_deviation_is_binomial():
    row = rows_of([{"count": float(i < 90)} for i in range(100)])["count"]
    assert row.value == pytest.approx(0.9)
    assert row.deviation == pytest.approx(0.03)


def test_certain_rows_do_not_deviate():
    assert rows_of([{"count": 1.0}] * 3)["count"].deviation == 0.0


def test_the_dictionary_is_json_and_complete():
    document = json.loads(json.dumps(result().as_dict()))
    assert document["rows"]["relation"] == {"value": 0.5, "deviation": 0.5, "n": 1}
    assert document["by_objects"]["2"]["colour"]["value"] == 1.0
    assert document["detector"] == {"colour": 0.9987}
    assert (document["captions_sha256"], document["detector_sha256"]) == ("c" * 64, "d" * 64)


def test_the_detectors_own_accuracy_stands_beside():
    lines = result().table().splitlines()
    assert lines[2] == "| colour | 75.0 | 30.6 | 2 | 50.0 | 100.0 | 99.87 |"
    assert lines[3] == "| relation | 50.0 | 50.0 | 1 |  | 50.0 |  |"
    assert len({line.count("|") for line in lines}) == 1
