"""`keras-t2i evaluate`."""

from __future__ import annotations

import pathlib
from typing import Annotated, Any

import typer

from keras_t2i.cli.values import read_pairs

RECORDS, QUALITY = pathlib.Path("benchmarks/quality"), pathlib.Path("quality")


def evaluate(
    model: Annotated[
        str | None,
        typer.Argument(help="A model, a bundle, a run directory, a folder of pictures, or `real`."),
    ] = None,
    protocol: Annotated[
        list[str], typer.Option(help="A name of --list, may be repeated.", metavar="NAME")
    ] = [],  # noqa: B006
    data: Annotated[
        str | None, typer.Option(help="The data of `birds`, `own` and published protocols.")
    ] = None,
    data_option: Annotated[
        list[str], typer.Option(help="key=value for the source, may be repeated.", metavar="K=V")
    ] = [],  # noqa: B006
    encoder: Annotated[
        str | None, typer.Option(help="A dual encoder that did not train the model.")
    ] = None,
    weights: Annotated[
        pathlib.Path | None, typer.Option(help="Of an extractor whose weights are not shipped.")
    ] = None,
    reference: Annotated[
        pathlib.Path | None, typer.Option(help="An .npz of statistics, or a folder of pictures.")
    ] = None,
    captions: Annotated[
        pathlib.Path | None, typer.Option(help="Of a folder of pictures: one a line, in order.")
    ] = None,
    truncation: Annotated[
        float | None, typer.Option(help="0.5 gives typical pictures; left out, full variety.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Of what is judged; left out, the model's or folder's.")
    ] = None,
    training_minutes: Annotated[
        float | None, typer.Option(help="For the leaderboard; a run directory tells it itself.")
    ] = None,
    training_command: Annotated[
        str | None, typer.Option(help="For the leaderboard, likewise.")
    ] = None,
    training_machine: Annotated[
        str | None, typer.Option(help="For the leaderboard, such as `2 cores`.")
    ] = None,
    out: Annotated[
        pathlib.Path | None,
        typer.Option(
            help="Folder for records; left out, benchmarks/quality if it is here, else quality."
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace records.")] = False,
    cache: Annotated[
        pathlib.Path | None, typer.Option(help="Folder of the reference's features.")
    ] = None,
    progress: Annotated[bool, typer.Option(help="Show a progress line.")] = True,
    list_all: Annotated[bool, typer.Option("--list", help="Show the protocols, and end.")] = False,
    write_captions: Annotated[
        pathlib.Path | None,
        typer.Option(help="Write the protocol's captions, for other programs to paint, and end."),
    ] = None,
) -> None:
    """Judge a model by named protocols, each number with all that it depends on.

    Example: keras-t2i evaluate contrastive_gan_shapes_64 --protocol shapes_bench
    """
    if list_all:
        _list()
        return
    options = read_pairs(data_option)
    if write_captions is not None:
        _write_captions(protocol, write_captions, overwrite, data=data, data_options=options)
        return
    from keras_t2i.metrics.protocols.record import record_path
    from keras_t2i.tasks.evaluation import evaluate as run

    out = out or (RECORDS if RECORDS.is_dir() else QUALITY)
    facts = {
        "minutes": training_minutes,
        "command": training_command,
        "machine": training_machine,
    }
    records = run(
        model,
        protocol,
        data=data,
        data_options=options,
        encoder=encoder,
        weights=weights,
        reference=reference,
        captions=captions,
        truncation=truncation,
        name=name,
        training={key: value for key, value in facts.items() if value is not None},
        out=out,
        overwrite=overwrite,
        cache=cache,
        progress=None if progress else False,
    )
    for record in records:
        typer.echo(str(record))
        if "table" in record.details:
            typer.echo(record.details["table"])
        typer.echo(f"  {record_path(out, record.protocol, record.subject['name'])}")


def _list() -> None:
    from keras_t2i.metrics.protocols import PROTOCOLS, SUITES

    for data in dict.fromkeys(protocol.data for protocol in PROTOCOLS):
        suite = f" (--protocol {data} takes those that need no further weights)"
        typer.echo(f"{data}{suite if data in SUITES else ''}:")
        for row in (protocol for protocol in PROTOCOLS if protocol.data == data):
            looking = f", {row.extractor}" if row.extractor else ""
            side = f" of {row.side} px" if row.side else ""
            typer.echo(f"  {row.name:<26} {row.measure.title}{looking}, {row.count:,}{side}")
    typer.echo("A variant names what differs: shapes_bench[count=300], [seed=1], [split=val], ...")


def _write_captions(protocols: list[str], path: pathlib.Path, overwrite: bool, **data: Any) -> None:
    from keras_t2i.tasks.evaluation import protocol_captions

    if len(protocols) != 1:
        raise ValueError(
            f"Captions are those of one protocol. Received: --protocol {' '.join(protocols)}"
        )
    if path.exists() and not overwrite:
        raise FileExistsError(
            f"The captions would overwrite a file; pass --overwrite. Received: {str(path)!r}"
        )
    captions = protocol_captions(protocols[0], **data)
    path.write_text("".join(f"{caption}\n" for caption in captions), encoding="utf-8")
    typer.echo(f"{len(captions):,} captions: {path}")
