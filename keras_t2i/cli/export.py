"""`keras-t2i export`."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer


def export(
    model: Annotated[str, typer.Argument(help="A shipped model, a bundle or a run directory.")],
    path: Annotated[pathlib.Path, typer.Argument(help="Folder for the numbered versions.")],
    version: Annotated[int | None, typer.Option(help="Left out: one after the last.")] = None,
    truncation: Annotated[
        float | None, typer.Option(help="0.5 gives typical pictures; left out, full variety.")
    ] = None,
) -> None:
    """Write a SavedModel that TensorFlow Serving runs.

    Example: keras-t2i export dm_gan_shapes_64 exports/t2i
    """
    from keras_t2i.tasks.loading import load_model

    folder = load_model(model).export(path, version=version, truncation=truncation)
    typer.echo(f"exported to {folder}")
    typer.echo(f"  keras-t2i serve --model_base_path={path.absolute()}")
