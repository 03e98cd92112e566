"""The text of a trained model's `card.md`: what a training did, without any judgement."""

from __future__ import annotations

import json
from operator import attrgetter
from typing import Any

import keras

from keras_t2i.callbacks import read_history
from keras_t2i.package_versions import package_versions
from keras_t2i.tasks.run_directory import RunDirectory
from keras_t2i.workers import steps_done

LINES = 10  # of the history that the card shows
UNJUDGED = "Its pictures have not been judged by any metric.\n\n"


def run_card(
    model: keras.Model, run: RunDirectory, arguments: dict[str, Any], *, judged: bool = False
) -> str:
    """Markdown with the arguments, the steps done and a few lines of the history.

    A model's `disagreements` stand beside the values that it has.

    Unless `judged`, it says that no metric was taken.
    """
    step = steps_done(model)
    used = ", ".join(f"{name} {version}" for name, version in package_versions().items())
    return (
        f"# {type(model).__name__} at {model.resolutions[-1]} px\n\n"
        f"{model.count_params():,} weights, after {step:,} steps of batch "
        f"{arguments['batch_size']} on `{arguments['source']}`.\n\n"
        f"{'' if judged else UNJUDGED}"
        f"## Arguments\n\n```json\n{json.dumps(arguments, indent=2, ensure_ascii=False)}\n```\n\n"
        f"{disagreements_table(model)}"
        f"## Losses\n\n{_history_table(run)}\n\n"
        f"Made with {used}.\n"
    )


def disagreements_table(model: keras.Model) -> str:
    """What paper and released code have differently, and what this model follows."""
    rows = getattr(model, "disagreements", ())
    if not rows:
        return ""
    table = [["argument", "paper", "released code", "this model"], ["---"] * 4]
    for name, *values in rows:
        here = attrgetter(name)(model)
        table.append([f"`{name}`", *values, f"{here:g}" if isinstance(here, float) else str(here)])
    return f"## Where paper and released code disagree\n\n{_markdown(table)}\n\n"


def _history_table(run: RunDirectory) -> str:
    lines = read_history(run.history)
    if not lines:
        return "No history was written yet."
    stride = -(-len(lines) // LINES)
    lines = lines[stride - 1 :: stride]
    names = [name for name in lines[-1] if name not in ("seconds", "steps_per_second")]
    rows = [
        [f"{line[name]:,.0f}" if name == "step" else f"{line[name]:.3f}" for name in names]
        for line in lines
    ]
    return _markdown([names, ["---"] * len(names), *rows])


def _markdown(table: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in table)
