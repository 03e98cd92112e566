"""Draw the losses of a training for its card.

pip install matplotlib
python docs/draw_curves.py RUN/history.jsonl CURVES.png
"""

from __future__ import annotations

import json
import pathlib
import sys

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

NO_TERMS = ("step", "seconds", "steps_per_second", "d_loss", "g_loss")


def draw(history: pathlib.Path, picture: pathlib.Path) -> None:
    """Each named term against the step; the critic's left, the generator's right."""
    lines = [json.loads(line) for line in history.read_text(encoding="utf-8").splitlines()]
    names = [name for name in lines[-1] if name not in NO_TERMS]
    critics = [name for name in names if name.startswith("d_") or name == "r1"]
    generators = [name for name in names if name not in critics]
    steps = np.array([line["step"] for line in lines])
    figure, panels = plt.subplots(1, 2, figsize=(10, 3), layout="constrained")
    players = ((critics, "critic"), (generators, "generator"))
    for panel, (terms, title) in zip(panels, players, strict=True):
        for name in terms:
            panel.plot(steps, [line[name] for line in lines], label=name, linewidth=1)
        panel.set(title=title, xlabel="step")
        panel.set_yscale("symlog", linthresh=0.1)
        panel.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
        panel.grid(alpha=0.3)
    figure.savefig(picture, dpi=100)


if __name__ == "__main__":
    draw(*(pathlib.Path(argument) for argument in sys.argv[1:]))
