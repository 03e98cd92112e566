"""`keras-t2i demo`."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer


def demo(
    folder: Annotated[
        pathlib.Path, typer.Option(help="Where the results go; a number is added if it is taken.")
    ] = pathlib.Path("keras_t2i_demo"),
    minutes: Annotated[float, typer.Option(help="How long to train.")] = 2.0,
    steps: Annotated[int | None, typer.Option(help="End the training earlier.")] = None,
    progress: Annotated[bool, typer.Option(help="Show a progress line.")] = True,
) -> None:
    """Do the main job once: paint, train, export, serve, ask. Under five minutes.

    Example: keras-t2i demo --folder my_demo --minutes 2
    """
    typer.echo("Loading TensorFlow ...")
    from keras_t2i.tasks.demonstration import demo as run

    run(folder, minutes=minutes, steps=steps, progress=progress, say=typer.echo)
