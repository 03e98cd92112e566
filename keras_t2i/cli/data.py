"""`keras-t2i data` and `keras-t2i data pack`."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer

from keras_t2i.cli.values import read_names, read_pairs


def data(
    source: Annotated[
        str, typer.Argument(help="shapes, emoji, or the path of a folder, archive, table or pack.")
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


def pack(
    source: Annotated[
        str, typer.Argument(help="shapes, emoji, or the path of a folder, archive or table.")
    ],
    out: Annotated[pathlib.Path, typer.Argument(help="The folder to make; must not exist.")],
    side: Annotated[
        int | None,
        typer.Option(help="Of the stored pictures; else what training at 64 px asks for."),
    ] = None,
    split: Annotated[
        list[str], typer.Option(help="Only this split, may be repeated.", metavar="NAME")
    ] = [],  # noqa: B006
    shards: Annotated[int | None, typer.Option(help="Files of each split.")] = None,
    shard_mb: Annotated[float, typer.Option(help="Else, megabytes of a file.")] = 128.0,
    quality: Annotated[
        int | None, typer.Option(help="Of JPEG, 1 to 100; without it PNG, which loses nothing.")
    ] = None,
    annotations: Annotated[
        str | None, typer.Option(help="Names with commas between, or none; else all there are.")
    ] = None,
    option: Annotated[
        list[str], typer.Option(help="key=value for the source, may be repeated.", metavar="K=V")
    ] = [],  # noqa: B006
) -> None:
    """Write a source's pictures and captions into a few large files, to train from.

    Example: keras-t2i data pack my_pictures my_pack --side 152
    """
    options = read_pairs(option)
    from keras_t2i.tasks.packing import pack_source

    facts = pack_source(
        source,
        out,
        side=side,
        splits=split or None,
        shards=shards,
        shard_mb=shard_mb,
        quality=quality,
        annotations=read_names(annotations),
        options=options,
    )
    typer.echo(f"{facts}\npack: {out}")
