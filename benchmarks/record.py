"""Write a benchmark's figures with the machine and commit they were measured on."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

RESULTS = pathlib.Path(__file__).parent / "results"
PACKAGES = ("tensorflow", "tensorflow-text", "keras", "numpy", "pillow")


def record(name: str, figures: dict[str, Any]) -> None:
    """Print figures and keep them as `results/NAME.json`."""
    document = {
        "benchmark": name,
        "command": " ".join(["python", f"benchmarks/{name}.py", *sys.argv[1:]]),
        "date": datetime.date.today().isoformat(),
        "commit": _output("git", "describe", "--always", "--dirty"),
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "packages": {p: importlib.metadata.version(p) for p in PACKAGES},
        },
        "figures": figures,
        "peak_memory_mib": max(
            round(resource.getrusage(who).ru_maxrss / 1024)
            for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        ),
    }
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(document, indent=2)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(text)


def measured(script: str, cases: Iterable[str]) -> dict[str, Any]:
    """What `python SCRIPT CASE` prints as its last line, JSON, by case: each in its own process."""
    figures = {}
    for case in cases:
        command = [sys.executable, script, case]
        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        figures[case] = json.loads(answer.splitlines()[-1])
    return figures


def median_seconds(function: Callable[[], Any], *, runs: int, warm_up: int = 2) -> float:
    """The median time of a call after some uncounted ones."""
    for _ in range(warm_up):
        function()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _output(*command: str) -> str:
    here = pathlib.Path(__file__).parent
    return subprocess.run(
        command, cwd=here, capture_output=True, text=True, check=False
    ).stdout.strip()


def _processor() -> str:
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), "")
