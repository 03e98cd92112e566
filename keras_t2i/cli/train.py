"""`keras-t2i train`."""

from __future__ import annotations

import pathlib
from typing import Annotated, Any

import typer

from keras_t2i.cli.values import read_pairs

KEYWORDS = {  # of the function, where the flag is named otherwise
    "data": "source",
    "option": "options",
    "data_option": "source_options",
    "caption": "captions",
    "protocol": "protocols",
}
TRY_AGAIN = 75  # EX_TEMPFAIL: schedulers start the same line again


def train(
    context: typer.Context,
    system: Annotated[
        str, typer.Argument(help="One of `keras-t2i list`; before --resume alone, a run directory.")
    ],
    data: Annotated[
        str | None, typer.Option(help="A source's name, or a path.", metavar="SOURCE")
    ] = None,
    run_dir: Annotated[
        pathlib.Path | None, typer.Option(help="A new folder for all that comes of it.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with the run in the folder; begin it if there is none."
        ),
    ] = False,
    steps: Annotated[int | None, typer.Option(help="Steps in all.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the pictures in all.")] = None,
    minutes: Annotated[
        float | None,
        typer.Option(help="Minutes from now, of a text encoder or stage that learns first too."),
    ] = None,
    resolution: Annotated[int, typer.Option(help="Side of the pictures.")] = 64,
    batch_size: Annotated[int, typer.Option(help="Pictures a step, on all devices.")] = 64,
    compact: Annotated[
        bool, typer.Option("--compact", help="A smaller model, for a machine without a GPU.")
    ] = False,
    option: Annotated[
        list[str], typer.Option(help="key=value for the system, may be repeated.", metavar="K=V")
    ] = [],  # noqa: B006
    data_option: Annotated[
        list[str], typer.Option(help="key=value for the source, may be repeated.", metavar="K=V")
    ] = [],  # noqa: B006
    seed: Annotated[int, typer.Option(help="Names every draw.")] = 0,
    cool_down: Annotated[
        int, typer.Option(help="Of the steps, how many at the end with falling learning rates.")
    ] = 0,
    learning_rate: Annotated[
        float | None, typer.Option(help="Of all optimizers, in place of the system's own.")
    ] = None,
    nan_retries: Annotated[
        int, typer.Option(help="How often a loss of NaN halves the rates instead of ending it.")
    ] = 0,
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
    save_every: Annotated[
        int | None, typer.Option(help="Steps between two saves, besides.")
    ] = None,
    precision: Annotated[
        str, typer.Option(help="float32, mixed_bfloat16 or mixed_float16.")
    ] = "float32",
    replicas: Annotated[
        int | None, typer.Option(help="GPUs of this machine to train on together.")
    ] = None,
    workers: Annotated[
        bool, typer.Option(help="Train with the processes that TF_CONFIG names.")
    ] = False,
    deterministic: Annotated[
        bool,
        typer.Option(help="The same bits whether it is killed and resumed or not; slower."),
    ] = False,
    micro_batches: Annotated[
        int, typer.Option(help="Parts of a batch, one after the other, to save memory.")
    ] = 1,
    recompute_from: Annotated[
        int | None,
        typer.Option(help="Keep no maps of this side and more: saves memory, costs time."),
    ] = None,
    jit_compile: Annotated[
        bool, typer.Option(help="Compile the networks by XLA, for GPUs.")
    ] = False,
    progress: Annotated[bool, typer.Option(help="Show a progress line.")] = True,
) -> None:
    """Train a system; Ctrl-C ends it with a saved model, --resume goes on, also after a kill.

    What a system first trains (a text encoder, a DAMSM, a stage I) keeps to its own schedule, which
    --option sets (text_epochs, damsm_epochs, first_epochs); only --minutes and signals end it.

    Example: keras-t2i train contrastive_gan --data shapes --run-dir runs/shapes --minutes 20

    It goes on by: keras-t2i train --resume runs/shapes
    """
    from keras_t2i.callbacks import StopOnSignal

    arguments, stop = _arguments(context.params), StopOnSignal()
    if resume and data is None and run_dir is None:
        run_dir = pathlib.Path(arguments.pop("system"))
        del arguments["resume"]
        changes = {name: arguments[name] for name in _typed(context, arguments)}
        model = _resumed(run_dir, {**changes, "stop": stop})
    elif data is None or run_dir is None:
        raise ValueError(
            "A new training needs --data and --run-dir; `keras-t2i train --resume RUN_DIR` alone "
            f"goes on with one. Received: --data {data}, --run-dir {run_dir}"
        )
    else:
        model = _trained(**arguments, stop=stop)
    _say_what_is_there(run_dir, model, stop.received)
    raise typer.Exit(_exit_code(stop.received))


def _exit_code(received: str | None) -> int:
    """Ctrl-C ends a training for good; what a queue ends is to go on, on all workers."""
    return 0 if received in (None, "SIGINT") else TRY_AGAIN


def _arguments(parameters: dict[str, Any]) -> dict[str, Any]:
    """What was typed, and the flags' defaults, as keywords of the function."""
    values = {KEYWORDS.get(name, name): value for name, value in parameters.items()}
    for name in ("options", "source_options"):
        values[name] = read_pairs(values[name])
    return values


def _typed(context: typer.Context, arguments: dict[str, Any]) -> list[str]:
    sources = {KEYWORDS.get(n, n): context.get_parameter_source(n) for n in context.params}
    return [name for name in arguments if sources[name].name == "COMMANDLINE"]


def _trained(*, system: str, source: str, run_dir: pathlib.Path, **keywords: Any) -> Any:
    from keras_t2i.registry import find_system

    find_system(system)  # names a misspelt one before TensorFlow is there
    from keras_t2i.tasks import training

    return training.train(system, source, run_dir, **keywords)


def _resumed(run_dir: pathlib.Path, changes: dict[str, Any]) -> Any:
    from keras_t2i.tasks import training

    return training.resume_training(run_dir, **changes)


def _say_what_is_there(run_dir: pathlib.Path, model: Any, received: str | None) -> None:
    from keras_t2i.models import TextToImage
    from keras_t2i.workers import steps_done

    steps = steps_done(model)
    if not steps:
        typer.echo("Stopped before the first step; the same line with --resume goes on.")
        return
    typer.echo(f"{steps:,} steps done; the model is {run_dir / 'model'}")
    if isinstance(model, TextToImage):
        typer.echo(f'  keras-t2i generate {run_dir} "a caption" --out picture.png')
    typer.echo(f"  tensorboard --logdir {run_dir / 'logs'}")
    if received:
        typer.echo(f"  keras-t2i train --resume {run_dir}  # goes on")
