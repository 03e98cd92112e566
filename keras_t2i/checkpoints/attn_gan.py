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
from collections.abc import Callable, Sequence
from typing import Any

from keras_t2i.checkpoints.damsm import Path, import_damsm
from keras_t2i.checkpoints.mapping import (
    POINT_2D,
    Row,
    State,
    Table,
    assign_state,
    convolution,
    count_of,
    dense,
    norm,
    sizes_of,
    without_prefix,
)
from keras_t2i.checkpoints.stages import image_head, projection, residual_block, up_block
from keras_t2i.checkpoints.torch_file import read_state_dict
from keras_t2i.models.attn_gan import AttnGAN

UNTRAINED_WIDTH = 4  # of critics that no file tells of


@dataclasses.dataclass(frozen=True)
class Layout:
    """What a successor of AttnGAN does otherwise.

    Attributes:
        model: the class.
        attention_rows: from `h_net2` and the like, and the side of the map that is attended.
        image_critic_rows, match_critic_rows: from the side of the pictures.
        first_kernel: of a discriminator, whose first axis is its width.
        unused: patterns of names without use here.
    """

    model: type[AttnGAN]
    attention_rows: Callable[[str, str], list[Row]]
    image_critic_rows: Callable[[int], list[Row]]
    match_critic_rows: Callable[[int], list[Row]]
    first_kernel: str
    unused: tuple[str, ...] = ()


def import_attn_gan(
    *,
    generator: Path,
    text_encoder: Path,
    captions: Path,
    image_encoder: Path | None = None,
    discriminators: Sequence[Path] = (),
    length: int = 25,
    layout: Layout | None = None,
    **options: Any,
) -> AttnGAN:
    """An AttnGAN with the authors' weights; all sizes are those of the files.

    It masks each caption with its own padding, where the released code takes a neighbour's; with
    captions one by one both paint the same (`neighbours_masks=True` gives the code's). Generator
    and averaged generator are equal: the authors publish the average alone.

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
    state = without_prefix(read_state_dict(generator))
    sizes = generator_sizes(state)
    damsm = import_damsm(
        text_encoder=text_encoder,
        captions=captions,
        image_encoder=image_encoder,
        resolution=sizes["resolutions"][-1],
        length=length,
    )
    critics = [without_prefix(read_state_dict(path)) for path in discriminators]
    sizes["discriminator_width"] = UNTRAINED_WIDTH
    if critics:
        sizes["discriminator_width"] = critic_width(critics[0], layout.first_kernel)
    model = layout.model(damsm, **{"adversarial_weight": 1.0, **sizes, **options})
    assign_generator(model, state, layout)
    assign_critics(model, critics, layout)
    return model


def assign_generator(model: AttnGAN, state: State, layout: Layout) -> None:
    """Fill the generator and its average."""
    rows = generator_rows(model.resolutions, model.residual_blocks, layout)
    for network in (model.generator, model.averaged_generator):
        assign_state([(network, rows)], state, what=f"{type(model).__name__}'s generator")


def assign_critics(model: AttnGAN, states: Sequence[State], layout: Layout) -> None:
    """Fill the critics of all resolutions, or of none.

    Raises:
        ValueError: not one state a resolution, or one that does not fit.
    """
    if states and len(states) != len(model.resolutions):
        raise ValueError(
            "Give the discriminators of all resolutions, smallest first, or none. "
            f"Received: {len(states)} files for the resolutions {model.resolutions}"
        )
    for number, state in enumerate(states):
        what = f"{type(model).__name__}'s discriminator for {model.resolutions[number]} px"
        assign_state(critic_table(model, number, layout), state, what=what, unused=layout.unused)


def critic_table(model: AttnGAN, number: int, layout: Layout) -> Table:
    """The rows of the discriminator with this number, from 0."""
    side = model.resolutions[number]
    return [
        (model.image_critics[number], layout.image_critic_rows(side)),
        (model.match_critics[number], layout.match_critic_rows(side)),
    ]


def generator_sizes(state: State) -> dict[str, Any]:
    """The constructor's sizes, from a generator's tensors.

    Raises:
        ValueError: the state is of no generator of this family.
    """
    names = {"ca_net.fc.weight": 2, "h_net1.fc.0.weight": 2, "img_net1.img.0.weight": 4}
    shapes = sizes_of(state, names, what="a generator of AttnGAN's family")
    condition_dim = shapes["ca_net.fc.weight"][0] // 4
    first = 4 * 2 ** count_of(state, "h_net1.upsample{}.1.weight")
    stages = count_of(state, "img_net{}.img.0.weight")
    blocks = 0
    while f"h_net2.residual.{blocks}.block.0.weight" in state:
        blocks += 1
    return {
        "resolutions": tuple(first * 2**stage for stage in range(stages)),
        "noise_dim": max(1, shapes["h_net1.fc.0.weight"][1] - condition_dim),
        "condition_dim": condition_dim,
        "generator_width": shapes["img_net1.img.0.weight"][1],
        "residual_blocks": max(1, blocks),
    }


def critic_width(state: State, first: str) -> int:
    """The constructor's `discriminator_width`, from the first kernel at the least side."""
    return sizes_of(state, {first: 4}, what="a discriminator of AttnGAN's family")[first][0]


def generator_rows(resolutions: Sequence[int], residual_blocks: int, layout: Layout) -> list[Row]:
    """G_NET."""
    rows = [*dense("ca_net.fc", "condition/dense"), *projection("h_net1.fc", "stem")]
    side, number = 8, 1
    while side <= resolutions[0]:
        rows += up_block(f"h_net1.upsample{number}", f"stem_{side}")
        side, number = 2 * side, number + 1
    for stage, side in enumerate(resolutions, start=1):
        if stage > 1:
            rows += layout.attention_rows(f"h_net{stage}", str(side // 2))
            for block in range(residual_blocks):
                here = f"stage_{side}_residual_{block + 1}"
                rows += residual_block(f"h_net{stage}.residual.{block}", here)
            rows += up_block(f"h_net{stage}.upsample", f"stage_{side}_up")
        rows += image_head(f"img_net{stage}", f"images_{side}")
    return rows


def attention_rows(there: str, side: str) -> list[Row]:
    """The words' way into the map's space."""
    return [Row((f"{there}.att.conv_context.weight",), f"attention_{side}/keys/kernel", POINT_2D)]


def image_critic_rows(side: int) -> list[Row]:
    """D_NET64, D_NET128 or D_NET256 but for `COND_DNET`."""
    rows = convolution("img_code_s16.0", "halving_1_convolution")
    for number, place in enumerate((2, 5, 8), start=2):
        rows += convolution(f"img_code_s16.{place}", f"halving_{number}_convolution")
        rows += norm(f"img_code_s16.{place + 1}", f"halving_{number}_norm")
    for there, here in further_convolutions(side):
        rows += convolution(f"{there}.0", f"{here}_convolution")
        rows += norm(f"{there}.1", f"{here}_norm")
    return [*rows, *convolution("UNCOND_DNET.outlogits.0", "score", bias=True)]


def match_critic_rows(side: int) -> list[Row]:
    """`COND_DNET`."""
    return [
        *convolution("COND_DNET.jointConv.0", "joint_convolution"),
        *norm("COND_DNET.jointConv.1", "joint_norm"),
        *convolution("COND_DNET.outlogits.0", "score", bias=True),
    ]


def further_convolutions(side: int) -> list[tuple[str, str]]:
    """What larger sides have besides: halvings to more channels, then convolutions back."""
    more = (side // 64).bit_length() - 1
    factors = [2**power for power in range(1, more + 1)]
    halvings = [(f"img_code_s{16 * f}", f"halving_{4 + n}") for n, f in enumerate(factors, 1)]
    there = f"img_code_s{16 * 2**more}"
    shrinkings = [(f"{there}_{number}", f"shrinking_{number}") for number in range(1, more + 1)]
    return [*halvings, *shrinkings]


ATTN_GAN = Layout(
    AttnGAN, attention_rows, image_critic_rows, match_critic_rows, "img_code_s16.0.weight"
)
