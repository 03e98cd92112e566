"""`keras-t2i import`."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer

from keras_t2i.cli.values import read_pairs


def import_weights(
    system: Annotated[str, typer.Argument(help="attn_gan, dm_gan, stack_gan_v2 or stack_gan.")],
    out: Annotated[pathlib.Path, typer.Option(help="Folder of the bundle to make.")],
    generator: Annotated[
        pathlib.Path, typer.Option(help="Its .pth, such as bird_AttnGAN2.pth.", metavar="FILE")
    ],
    text_encoder: Annotated[
        pathlib.Path | None,
        typer.Option(help="Its .pth; for StackGANs a bundle with one.", metavar="FILE"),
    ] = None,
    image_encoder: Annotated[
        pathlib.Path | None, typer.Option(help="Its .pth; may be left out.", metavar="FILE")
    ] = None,
    captions: Annotated[
        pathlib.Path | None, typer.Option(help="captions.pickle: the vocabulary.", metavar="FILE")
    ] = None,
    discriminator: Annotated[
        list[pathlib.Path],
        typer.Option(help="A .pth, once for each side, smallest first.", metavar="FILE"),
    ] = [],  # noqa: B006
    length: Annotated[int | None, typer.Option(help="Words a caption may have.")] = None,
    option: Annotated[
        list[str], typer.Option(help="key=value for the system, may be repeated.", metavar="K=V")
    ] = [],  # noqa: B006
) -> None:
    """Make a model of weights that a system's authors published; nothing pickled is run.

    Example: keras-t2i import attn_gan --generator bird_AttnGAN2.pth
    --text-encoder text_encoder200.pth --image-encoder image_encoder200.pth
    --captions captions.pickle --out attn_gan_birds
    """
    from keras_t2i.tasks import importing

    model = importing.import_weights(
        system,
        out,
        generator=generator,
        text_encoder=text_encoder,
        image_encoder=image_encoder,
        captions=captions,
        discriminators=discriminator,
        length=length,
        options=read_pairs(option),
    )
    typer.echo(f"{type(model).__name__} at {model.resolutions[-1]} px: {out}")
    typer.echo(f'  keras-t2i generate {out} "a caption" --out picture.png')
    typer.echo(f"  keras-t2i export {out} exports/t2i")
