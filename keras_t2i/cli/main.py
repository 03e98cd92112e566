"""The command `keras-t2i`: the table of its commands, and what becomes of errors.

TensorFlow is imported by the commands that need it, so that help comes at once.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import keras_t2i
from keras_t2i.cli.bad_input import is_bad_input, is_temporary
from keras_t2i.cli.data import data, pack
from keras_t2i.cli.demo import demo
from keras_t2i.cli.evaluate import evaluate
from keras_t2i.cli.export import export
from keras_t2i.cli.generate import generate
from keras_t2i.cli.import_weights import import_weights
from keras_t2i.cli.list import list_all
from keras_t2i.cli.runs import runs
from keras_t2i.cli.serve import ModelServerCommand, serve
from keras_t2i.cli.train import TRY_AGAIN, train

BAD_INPUT = 2


class TwoWordCommands(TyperGroup):
    """Knows commands of two words, such as `data pack`, beside those of one."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """The command that the arguments begin with, and the other arguments."""
        both = " ".join(args[:2])
        return super().resolve_command(ctx, [both, *args[2:]] if both in self.commands else args)


app = typer.Typer(
    name="keras-t2i",
    cls=TwoWordCommands,
    help="Train text-to-image systems, paint captions, judge and serve them.",
    epilog="Begin with: keras-t2i demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(demo)
app.command("list")(list_all)
app.command()(data)
app.command("data pack")(pack)
app.command()(train)
app.command()(runs)
app.command()(generate)
app.command()(evaluate)
app.command("import")(import_weights)
app.command()(export)
app.command(
    cls=ModelServerCommand,
    context_settings={"token_normalize_func": lambda name: name.replace("-", "_")},
)(serve)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(keras_t2i.__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where an error arose, also for bad input.")
    ] = False,
) -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line.

    Bad input ends in exit code 2 and one message, without a traceback; what only needs another
    try, such as a training whose other worker is lost, in 75 (EX_TEMPFAIL), likewise.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    # What a container's stop sends is taken as Ctrl-C, so that temporary folders are removed.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            app(arguments)
    except Exception as error:
        temporary = is_temporary(error)
        if "--traceback" in arguments or not (temporary or is_bad_input(error)):
            raise
        typer.echo(f"Error: {error}", err=True)
        sys.exit(TRY_AGAIN if temporary else BAD_INPUT)
    finally:
        signal.signal(signal.SIGTERM, before)


def _show_warning(message: Warning | str, *place: Any) -> None:
    """One line, without the place in the code."""
    typer.echo(f"Warning: {message}", err=True)


if __name__ == "__main__":
    main()
