"""`keras-t2i generate`."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer


def generate(
    model: Annotated[str, typer.Argument(help="A shipped model, a bundle or a run directory.")],
    captions: Annotated[list[str], typer.Argument(help="One or more sentences.")] = [],  # noqa: B006
    out: Annotated[pathlib.Path, typer.Option(help="A .png file, or a folder.")] = pathlib.Path(
        "pictures"
    ),
    captions_file: Annotated[
        pathlib.Path | None, typer.Option(help="A text file with one caption a line.")
    ] = None,
    count: Annotated[int, typer.Option(help="Pictures of each caption.")] = 1,
    seed: Annotated[int | None, typer.Option(help="The same seed, the same pictures.")] = None,
    truncation: Annotated[
        float | None, typer.Option(help="0.5 gives typical pictures; left out, full variety.")
    ] = None,
    attention: Annotated[
        pathlib.Path | None, typer.Option(help="A .png file: where each word was looked at.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files.")] = False,
) -> None:
    """Paint captions into PNG files.

    Example: keras-t2i generate dm_gan_shapes_64 "a small red circle" --out circle.png
    """
    from keras_t2i.tasks.painting import paint_files

    painted = paint_files(
        model,
        captions,
        out,
        captions_file=captions_file,
        count=count,
        seed=seed,
        truncation=truncation,
        attention=attention,
        overwrite=overwrite,
    )
    if painted.pictures:
        typer.echo(f"{len(painted.pictures)} picture(s), the first is {painted.pictures[0]}")
    if painted.grid:
        typer.echo(f"grid: {painted.grid}")
    if painted.attention:
        typer.echo(f"attention: {painted.attention}")
    typer.echo(f"seed: {painted.seed}")
