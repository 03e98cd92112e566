"""`keras-t2i train`."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer

from keras_t2i.cli.values import read_pairs
from keras_t2i.registry import find_system


def train(
    system: Annotated[str, typer.Argument(help="One of `keras-t2i list`.")],
    data: Annotated[str, typer.Option(help="A source's name, or a path.", metavar="SOURCE")],
    run_dir: Annotated[pathlib.Path, typer.Option(help="A new folder for all that comes of it.")],
    resolution: Annotated[int, typer.Option(help="Side of the pictures.")] = 64,
    batch_size: Annotated[int, typer.Option(help="Pictures a step.")] = 64,
    steps: Annotated[int | None, typer.Option(help="Steps in all.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the pictures in all.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Minutes from now.")] = None,
    cool_down: Annotated[
        int, typer.Option(help="Of the steps, how many at the end with falling learning rates.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Names every draw.")] = 0,
    precision: Annotated[
        str, typer.Option(help="float32, mixed_bfloat16 or mixed_float16.")
    ] = "float32",
    compact: Annotated[
        bool, typer.Option("--compact", help="A smaller model, for a machine without a GPU.")
    ] = False,
    option: Annotated[
        list[str], typer.Option(help="key=value for the system, may be repeated.", metavar="K=V")
    ] = [],  # noqa: B006
    data_option: Annotated[
        list[str], typer.Option(help="key=value for the source, may be repeated.", metavar="K=V")
    ] = [],  # noqa: B006
    caption: Annotated[
        list[str], typer.Option(help="A caption for the grids, may be repeated.", metavar="TEXT")
    ] = [],  # noqa: B006
    grid_every: Annotated[int, typer.Option(help="Steps between two grids.")] = 200,
    protocol: Annotated[
        list[str],
        typer.Option(
            help="Judge while training, may be repeated; the best is kept.", metavar="NAME"
        ),
    ] = [],  # noqa: B006
    evaluate_every: Annotated[int, typer.Option(help="Steps between two evaluations.")] = 2000,
    save_minutes: Annotated[float, typer.Option(help="Minutes between two saves.")] = 10.0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in the folder, if there is one.")
    ] = False,
    progress: Annotated[bool, typer.Option(help="Show a progress line.")] = True,
) -> None:
    """Train a system; Ctrl-C ends it with a saved model, --resume goes on.

    Example: keras-t2i train contrastive_gan --data shapes --run-dir runs/shapes --minutes 20
    """
    options, source_options = read_pairs(option), read_pairs(data_option)
    find_system(system)
    from keras_t2i.tasks.training import train as run

    model = run(
        system,
        data,
        run_dir,
        resolution=resolution,
        batch_size=batch_size,
        steps=steps,
        epochs=epochs,
        minutes=minutes,
        cool_down=cool_down,
        seed=seed,
        precision=precision,
        compact=compact,
        options=options,
        source_options=source_options,
        captions=caption,
        grid_every=grid_every,
        protocols=protocol,
        evaluate_every=evaluate_every,
        save_minutes=save_minutes,
        resume=resume,
        progress=progress,
    )
    _say_what_is_there(run_dir, int(model.optimizer.iterations))


def _say_what_is_there(run_dir: pathlib.Path, steps: int) -> None:
    if not steps:
        typer.echo("Stopped before the first step; the same line with --resume goes on.")
        return
    typer.echo(f"{steps:,} steps done; the model is {run_dir / 'model'}")
    typer.echo(f'  keras-t2i generate {run_dir} "a caption" --out picture.png')
    typer.echo(f"  tensorboard --logdir {run_dir / 'logs'}")
