"""Tests of the metrics page."""

from __future__ import annotations

from keras_t2i.server.monitoring import Metrics


def test_counters_and_histograms_have_the_servers_names() -> None:
    metrics = Metrics()
    metrics.count_request("m", "OK")
    metrics.count_request("m", "OK")
    metrics.record_request("m", "predict", 25e-6)
    metrics.record_run("m", "Predict", 5e-6)
    metrics.record_warmup("/models/m/1", "OK", 1.0)
    lines = metrics.page().splitlines()
    assert "# TYPE :tensorflow:serving:request_count counter" in lines
    assert ':tensorflow:serving:request_count{model_name="m",status="OK"} 2' in lines
    name, labels = ":tensorflow:serving:request_latency", 'model_name="m",API="predict"'
    assert f"# TYPE {name} histogram" in lines
    assert f'{name}_bucket{{{labels},entrypoint="REST",le="18"}} 0' in lines
    assert f'{name}_bucket{{{labels},entrypoint="REST",le="32.4"}} 1' in lines
    assert f'{name}_bucket{{{labels},entrypoint="REST",le="+Inf"}} 1' in lines
    assert f'{name}_sum{{{labels},entrypoint="REST"}} 25' in lines
    assert f'{name}_count{{{labels},entrypoint="REST"}} 1' in lines


def test_every_histogram_has_34_buckets() -> None:
    metrics = Metrics()
    metrics.record_run("m", "Predict", 1.0)
    assert metrics.page().count("runtime_latency_bucket") == 34


def test_labels_are_escaped() -> None:
    metrics = Metrics()
    metrics.count_request('a"\\b', "OK")
    assert 'model_name="a\\"\\\\b"' in metrics.page()
