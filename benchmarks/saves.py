"""What saving costs: time and size of a save, and the time that a kill loses.

The largest system there is: each registered one at its published size is made, and that with the
most weights saved. A save holds both players, both optimizers and the moving averages; it is
written, read with its checksums, and loaded, from a warm disk. A kill loses the time since the last
save, half an interval on average, and that of a new start up to the first step.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
from record import median_seconds, record

from keras_t2i.data import Shapes
from keras_t2i.models import GANCLS
from keras_t2i.presets import Saves, load_bundle

SOURCE = ["--data", "shapes", "--data-option", "count=2000"]
STEPS = 24


def main() -> None:
    """Measure and record."""
    model = GANCLS.for_source(Shapes(count=200), text_epochs=0)  # untrained, and as large
    model.compile()
    record("saves", {"system": _save_figures(model), "kill": _kill_figures()})


def _save_figures(model) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        saves, steps = Saves(folder), iter(range(1, 100))
        write = median_seconds(lambda: saves.write(model, step=next(steps)), runs=7)
        check = median_seconds(saves.newest, runs=7)
        load = median_seconds(lambda: load_bundle(saves.model), runs=5, warm_up=1)
        size = sum(path.stat().st_size for path in saves.model.iterdir())
    moments = [v for o in (model.optimizer, model.discriminator_optimizer) for v in o.variables]
    return {
        "name": type(model).__name__,
        "weights": model.count_params(),
        "numbers_saved": model.count_params() + sum(int(np.prod(v.shape)) for v in moments),
        "size_mib": round(size / 2**20, 1),
        "write_s": round(write, 2),
        "check_s": round(check, 2),
        "load_s": round(load, 2),
    }


def _kill_figures() -> dict[str, float]:
    """Seconds from a new start of a killed ContrastiveGAN to its next step, which compiles it."""
    with tempfile.TemporaryDirectory() as folder:
        run = pathlib.Path(folder) / "run"
        process = _start(run, 10**6)
        while not (run / "model").exists():
            time.sleep(0.05)
        time.sleep(1.0)
        process.kill()
        process.wait()
        last = Saves(run).newest().step
        begun = time.perf_counter()
        process = _start(run, last + 1)
        process.wait()
        again = time.perf_counter() - begun
    return {"start_to_next_step_s": round(again, 1)}


def _start(run: pathlib.Path, steps: int) -> subprocess.Popen:
    command = [sys.executable, "-m", "keras_t2i.cli.main", "train", "contrastive_gan", *SOURCE]
    command += ["--run-dir", str(run), "--steps", str(steps), "--save-every", str(STEPS)]
    return subprocess.Popen([*command, "--grid-every", "1000", "--no-progress", "--resume"])


if __name__ == "__main__":
    main()
