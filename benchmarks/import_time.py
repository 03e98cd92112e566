"""Seconds of `import keras_t2i` in a fresh process, over an empty interpreter's start."""

from __future__ import annotations

import subprocess
import sys

from record import median_seconds, record


def run(statement: str) -> float:
    """The median seconds of a fresh interpreter that runs one statement."""
    command = [sys.executable, "-c", statement]
    return median_seconds(lambda: subprocess.run(command, check=True), runs=9)


if __name__ == "__main__":
    empty, package = run("pass"), run("import keras_t2i")
    record(
        "import_time",
        {
            "interpreter_s": round(empty, 4),
            "import_keras_t2i_s": round(package - empty, 4),
            "import_tensorflow_s": round(run("import tensorflow") - empty, 3),
        },
    )
