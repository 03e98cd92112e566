"""`keras-t2i data`."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer

from keras_t2i.cli.values import read_pairs


def data(
    source: Annotated[
        str, typer.Argument(help="shapes, emoji, or the path of a folder, archive or table.")
    ],
    preview: Annotated[
        pathlib.Path | None, typer.Option(help="A PNG file to make of some pictures.")
    ] = None,
    option: Annotated[
        list[str], typer.Option(help="key=value for the source, may be repeated.", metavar="K=V")
    ] = [],  # noqa: B006
) -> None:
    """Show what a source holds, and what is wrong with its files.

    Example: keras-t2i data my_pictures --preview preview.png
    """
    options = read_pairs(option)
    from keras_t2i.tasks.description import describe_source

    typer.echo(str(describe_source(source, preview=preview, options=options)))
