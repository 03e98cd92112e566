"""The authors' AttnGAN: bird_AttnGAN2.pth, coco_AttnGAN2.pth, netD0.pth and the like.

| there | here |
|---|---|
| `ca_net` | `condition` |
| `h_net1` | `stem_...` |
| `h_net2`, `h_net3` | `attention_64`, `stage_128_...`; `attention_128`, `stage_256_...` |
| `img_net1`, `img_net2`, `img_net3` | `images_64`, `images_128`, `images_256` |
| `img_code_s16`, `img_code_s32`, `img_code_s64` | `halving_...` and `shrinking_...` of a critic |
| `UNCOND_DNET`, `COND_DNET` | scores of the image critic, the match critic |
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

from keras_t2i.checkpoints.damsm import import_damsm
from keras_t2i.checkpoints.mapping import (
    POINT_2D,
    Place,
    Row,
    State,
    Table,
    assign_state,
    convolution,
    norm,
)
from keras_t2i.checkpoints.stages import (
    assign_critics,
    generator_rows,
    generator_sizes,
    read_critics,
    read_state,
    trunk_rows,
)
from keras_t2i.checkpoints.torch_file import FilePath
from keras_t2i.models.attn_gan import AttnGAN


@dataclasses.dataclass(frozen=True)
class Layout:
    """What a successor of AttnGAN does otherwise.

    Attributes:
        model: the class.
        attention_rows: from `h_net2` and the like, and the side of the stage's pictures.
        image_critic_rows, match_critic_rows: from the side of the pictures.
        widths: where a discriminator tells its width.
        unused: patterns of names without use here.
    """

    model: type[AttnGAN]
    attention_rows: Callable[[str, int], list[Row]]
    image_critic_rows: Callable[[int], list[Row]]
    match_critic_rows: Callable[[int], list[Row]]
    widths: tuple[Place, ...]
    unused: tuple[str, ...] = ()


def import_attn_gan(
    *,
    generator: FilePath,
    text_encoder: FilePath,
    captions: FilePath,
    image_encoder: FilePath | None = None,
    discriminators: Sequence[FilePath] = (),
    length: int = 25,
    layout: Layout | None = None,
    **options: Any,
) -> AttnGAN:
    """An AttnGAN with the authors' weights; all sizes are those of the files.

    It masks each caption with its own padding, where the released code takes a neighbour's; with
    captions one by one both paint the same. `neighbours_masks=True` gives the code's in a training
    that goes on from here, in `model.generator`; the averaged generator, which paints, masks
    rightly. Both begin equal: the authors publish the average alone.

    Args:
        generator: bird_AttnGAN2.pth or the like.
        text_encoder, captions, image_encoder, length: see
            `keras_t2i.checkpoints.damsm.import_damsm`.
        discriminators: netD0.pth, netD1.pth and netD2.pth, in this order; () leaves the critics,
            which painting does not need, untrained and narrow (`discriminator_width=4` unless
            given), as those of the published width would be ten times as large as all the rest.
        layout: of a successor; None is AttnGAN's own.
        **options: arguments of `AttnGAN` that are no sizes. `adversarial_weight` is 1 by default,
            as in the released code, where the paper has a half.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a file is damaged, of another model, or does not fit to another one; all names
            that do not fit are in the one message.

    Example:
        >>> model = import_attn_gan(
        ...     generator="bird_AttnGAN2.pth",
        ...     text_encoder="text_encoder200.pth",
        ...     captions="captions.pickle",
        ... )
        >>> picture = model.generate("a small red bird", seed=7)
    """
    layout = layout or ATTN_GAN
    state = read_state(generator)
    sizes = generator_sizes(state)
    del sizes["text_dim"]  # the DAMSM's
    damsm = import_damsm(
        text_encoder=text_encoder,
        captions=captions,
        image_encoder=image_encoder,
        resolution=sizes["resolutions"][-1],
        length=length,
    )
    critics, sizes["discriminator_width"] = read_critics(discriminators, *layout.widths)
    model = layout.model(damsm, **{"adversarial_weight": 1.0, **sizes, **options})
    assign_generator(model, state, layout)
    table = functools.partial(critic_table, model, layout=layout)
    assign_critics(model, critics, table, unused=layout.unused)
    return model


def assign_generator(model: AttnGAN, state: State, layout: Layout) -> None:
    """Fill the generator and its average."""
    rows = generator_rows(model.resolutions, model.residual_blocks, layout.attention_rows)
    for network in (model.generator, model.averaged_generator):
        assign_state([(network, rows)], state, what=f"{type(model).__name__}'s generator")


def critic_table(model: AttnGAN, number: int, *, layout: Layout) -> Table:
    """The rows of the discriminator with this number, from 0."""
    side = model.resolutions[number]
    return [
        (model.image_critics[number], layout.image_critic_rows(side)),
        (model.match_critics[number], layout.match_critic_rows(side)),
    ]


def attention_rows(there: str, side: int) -> list[Row]:
    """The words' way into the map's space."""
    here = f"attention_{side // 2}/keys/kernel"
    return [Row((f"{there}.att.conv_context.weight",), here, POINT_2D)]


def image_critic_rows(side: int) -> list[Row]:
    """D_NET64, D_NET128 or D_NET256 but for `COND_DNET`."""
    return [*trunk_rows(side), *convolution("UNCOND_DNET.outlogits.0", "score", bias=True)]


def match_critic_rows(side: int) -> list[Row]:
    """`COND_DNET`."""
    return [
        *convolution("COND_DNET.jointConv.0", "joint_convolution"),
        *norm("COND_DNET.jointConv.1", "joint_norm"),
        *convolution("COND_DNET.outlogits.0", "score", bias=True),
    ]


ATTN_GAN = Layout(
    AttnGAN,
    attention_rows,
    image_critic_rows,
    match_critic_rows,
    widths=(
        Place("img_code_s16.0.weight", 4, 0),
        Place("img_code_s16.2.weight", 4, 1),
        Place("UNCOND_DNET.outlogits.0.weight", 4, 1, 8),
    ),
)
