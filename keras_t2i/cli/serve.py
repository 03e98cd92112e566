"""`keras-t2i serve`, whose flags are those of TensorFlow's model server."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import typing
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from keras_t2i.server.flags import ServerFlags

TRUE, FALSE = ("true", "t", "1", "yes"), ("false", "f", "0", "no")


class ModelServerCommand(TyperCommand):
    """Reads truth values as the model server does: `--flag`, `--flag=true`, `--flag=false`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse, with `--flag=true` as `--flag` and `--flag=false` as `--noflag`."""
        return super().parse_args(ctx, [_plain(argument) for argument in args])


def _plain(argument: str) -> str:
    name, separator, value = argument.partition("=")
    key = name.removeprefix("--").replace("-", "_")
    if not separator or key not in _TRUTHS or value.lower() not in (*TRUE, *FALSE):
        return argument
    return f"--{key}" if value.lower() in TRUE else f"--no{key}"


def _parameters(function: Any) -> list[inspect.Parameter]:
    own = [
        parameter.replace(annotation=_HINTS[name])
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    flags = []
    for field in dataclasses.fields(ServerFlags):
        kind = _TYPES[field.name]
        names = f"--{field.name}/--no{field.name}" if kind is bool else f"--{field.name}"
        option = typer.Option(names, help=field.metadata["help"])
        flags.append(
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=Annotated[kind, option],
            )
        )
    return [*own, *flags]


def _with_server_flags(function: Any) -> Any:
    @functools.wraps(function)
    def command(**arguments: Any) -> None:
        function(**arguments)

    parameters = _parameters(function)
    command.__signature__ = inspect.Signature(parameters)
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


_TYPES = typing.get_type_hints(ServerFlags)
_TRUTHS = {name for name, kind in _TYPES.items() if kind is bool}
_HINTS = {
    "model": Annotated[
        str | None,
        typer.Argument(help="A shipped model, a bundle or a run directory, instead of an export."),
    ]
}


@_with_server_flags
def serve(model: Any = None, **flags: Any) -> None:
    """Answer TensorFlow Serving's REST API on this machine, with a web page at `/`.

    Takes the model server's own flags. With MODEL, that one is exported to a temporary folder
    first.

    Example: keras-t2i serve --model_base_path=/models/t2i --rest_api_port=8501
    """
    from keras_t2i.tasks.serving import serve_model

    serve_model(model, on_ready=_tell, **flags)


def _tell(url: str) -> None:
    typer.echo(f"Serving at {url}  (Ctrl-C stops)")
