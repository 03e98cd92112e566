"""Counters and latency histograms in the text that Prometheus scrapes, under the server's names.

`/tensorflow/serving/request_count` is written `:tensorflow:serving:request_count`, latencies are in
microseconds in 33 buckets from 10 on, each 1.8 times as wide as the one before.
"""

from __future__ import annotations

import bisect
import threading

DEFAULT_PATH = "/monitoring/prometheus/metrics"

_LIMITS = [10 * 1.8**power for power in range(33)]
_COUNTERS = {"request_count": ("model_name", "status")}
_HISTOGRAMS = {
    "model_warmup_latency": ("model_path", "status"),
    "request_latency": ("model_name", "API", "entrypoint"),
    "runtime_latency": ("model_name", "API", "runtime"),
}


class Metrics:
    """The figures of one server; all methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, ...], int] = {}
        self._histograms: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], float] = {}

    def count_request(self, model_name: str, status: str) -> None:
        """Adds one answered request with the name of its status code."""
        key = ("request_count", model_name, status)
        with self._lock:
            self._counts[key] = self._counts.get(key, 0) + 1

    def record_request(self, model_name: str, api: str, seconds: float) -> None:
        """Adds the time of one successful request, from its arrival to its answer."""
        self._record(("request_latency", model_name, api, "REST"), seconds)

    def record_run(self, model_name: str, api: str, seconds: float) -> None:
        """Adds the time that TensorFlow took for one request.

        The `runtime` is called `TF1` as in the model server, so that dashboards fit both.
        """
        self._record(("runtime_latency", model_name, api, "TF1"), seconds)

    def record_warmup(self, model_path: str, status: str, seconds: float) -> None:
        """Adds the time of one model's warm-up."""
        self._record(("model_warmup_latency", model_path, status), seconds)

    def _record(self, key: tuple[str, ...], seconds: float) -> None:
        micros = seconds * 1e6
        with self._lock:
            buckets = self._histograms.setdefault(key, [0] * (len(_LIMITS) + 1))
            buckets[bisect.bisect_right(_LIMITS, micros)] += 1
            self._sums[key] = self._sums.get(key, 0.0) + micros

    def page(self) -> str:
        """The text of the metrics page."""
        with self._lock:
            lines = []
            for name in sorted(_COUNTERS | _HISTOGRAMS):
                kind = "counter" if name in _COUNTERS else "histogram"
                lines.append(f"# TYPE :tensorflow:serving:{name} {kind}")
                lines += self._counter_lines(name) if kind == "counter" else self._lines(name)
        return "\n".join(lines) + "\n"

    def _counter_lines(self, name: str) -> list[str]:
        return [
            f":tensorflow:serving:{name}{{{_labels(_COUNTERS[name], key[1:])}}} {count}"
            for key, count in sorted(self._counts.items())
            if key[0] == name
        ]

    def _lines(self, name: str) -> list[str]:
        lines = []
        for key, buckets in sorted(self._histograms.items()):
            if key[0] != name:
                continue
            labels, total = _labels(_HISTOGRAMS[name], key[1:]), 0
            limits = [f"{limit:.6g}" for limit in _LIMITS] + ["+Inf"]
            for limit, count in zip(limits, buckets, strict=True):
                total += count
                lines.append(f':tensorflow:serving:{name}_bucket{{{labels},le="{limit}"}} {total}')
            lines.append(f":tensorflow:serving:{name}_sum{{{labels}}} {self._sums[key]:.6g}")
            lines.append(f":tensorflow:serving:{name}_count{{{labels}}} {total}")
        return lines


def _labels(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    pairs = zip(names, values, strict=True)
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
