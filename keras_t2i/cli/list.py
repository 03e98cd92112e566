"""`keras-t2i list`."""

from __future__ import annotations

import typer


def list_all() -> None:
    """Show the systems, the shipped models and the embedded sources.

    Example: keras-t2i list
    """
    from keras_t2i.data.opening import NAMED
    from keras_t2i.presets import list_presets
    from keras_t2i.registry import SYSTEMS

    typer.echo("Systems (keras-t2i train NAME):")
    for row in SYSTEMS:
        typer.echo(f"  {row.name:<20} {row.title}, {row.year}  {row.paper}".rstrip())
    typer.echo("Shipped models (keras-t2i generate NAME):")
    for name in list_presets() or ["none in this installation"]:
        typer.echo(f"  {name}")
    typer.echo("Sources (keras-t2i data NAME), beside your own folders, archives and tables:")
    for name, source in sorted(NAMED.items()):
        typer.echo(f"  {name:<20} {source.__doc__.strip().splitlines()[0]}")
