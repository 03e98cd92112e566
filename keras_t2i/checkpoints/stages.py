"""Tables of what the networks of StackGAN++ and its successors are made of.

`there` begins PyTorch's names, `here` those of `keras_t2i.layers.stages` and
`keras_t2i.layers.critics`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from keras_t2i.checkpoints.mapping import (
    GATED_MAP_DENSE,
    GATED_MAP_VECTOR,
    Row,
    State,
    convolution,
    count_of,
    dense,
    norm,
    sizes_of,
)

FAMILY = "a generator of StackGAN++, AttnGAN or DM-GAN"


def generator_sizes(state: State) -> dict[str, Any]:
    """The constructor's sizes, from a generator's tensors, and `text_dim` (None without text).

    Raises:
        ValueError: the state is of no generator of this family.
    """
    names = {"h_net1.fc.0.weight": 2, "img_net1.img.0.weight": 4}
    told = "ca_net.fc.weight" in state or "ca_net.fc.bias" in state
    shapes = sizes_of(state, {**names, **({"ca_net.fc.weight": 2} if told else {})}, what=FAMILY)
    units, text_dim = shapes.get("ca_net.fc.weight", (0, None))
    first = 4 * 2 ** count_of(state, "h_net1.upsample{}.1.weight")
    stages = count_of(state, "img_net{}.img.0.weight")
    blocks = count_of(state, "h_net2.residual.{}.block.0.weight", first=0)
    return {
        "text_dim": text_dim,
        "resolutions": tuple(first * 2**stage for stage in range(stages)),
        "noise_dim": max(1, shapes["h_net1.fc.0.weight"][1] - units // 4),
        "condition_dim": max(1, units // 4),
        "generator_width": shapes["img_net1.img.0.weight"][1],
        "residual_blocks": max(1, blocks),
    }


def critic_width(state: State, first: str) -> int:
    """The constructor's `discriminator_width`, from the first kernel at the least side."""
    return sizes_of(state, {first: 4}, what="a discriminator of this system")[first][0]


def generator_rows(
    resolutions: Sequence[int],
    residual_blocks: int,
    joining: Callable[[str, int], list[Row]],
    *,
    conditional: bool = True,
) -> list[Row]:
    """G_NET.

    Args:
        resolutions: of its pictures.
        residual_blocks: in each stage behind the first.
        joining: rows of what brings the text into a stage, from `h_net2` or the like and the side
            of the stage's pictures.
        conditional: is there text at all?
    """
    rows = dense("ca_net.fc", "condition/dense") if conditional else []
    rows += projection("h_net1.fc", "stem")
    side, number = 8, 1
    while side <= resolutions[0]:
        rows += up_block(f"h_net1.upsample{number}", f"stem_{side}")
        side, number = 2 * side, number + 1
    for stage, side in enumerate(resolutions, start=1):
        if stage > 1:
            rows += joining(f"h_net{stage}", side)
            for block in range(residual_blocks):
                here = f"stage_{side}_residual_{block + 1}"
                rows += residual_block(f"h_net{stage}.residual.{block}", here)
            rows += up_block(f"h_net{stage}.upsample", f"stage_{side}_up")
        rows += convolution(f"img_net{stage}.img.0", f"images_{side}_convolution")
    return rows


def projection(there: str, here: str) -> list[Row]:
    """`gated_projection`: a vector to the first map."""
    return [
        *dense(f"{there}.0", f"{here}_dense", kind=GATED_MAP_DENSE, bias=False),
        *norm(f"{there}.1", f"{here}_norm", kind=GATED_MAP_VECTOR),
    ]


def up_block(there: str, here: str) -> list[Row]:
    """`gated_up_block`."""
    return [*convolution(f"{there}.1", f"{here}_convolution"), *norm(f"{there}.2", f"{here}_norm")]


def residual_block(there: str, here: str) -> list[Row]:
    """`gated_residual_block`."""
    return [
        *convolution(f"{there}.block.0", f"{here}_first_convolution"),
        *norm(f"{there}.block.1", f"{here}_first_norm"),
        *convolution(f"{there}.block.3", f"{here}_second_convolution"),
        *norm(f"{there}.block.4", f"{here}_second_norm"),
    ]


def trunk_rows(side: int) -> list[Row]:
    """D_NET64, D_NET128 or D_NET256 up to the scores."""
    rows = convolution("img_code_s16.0", "halving_1_convolution")
    for number, place in enumerate((2, 5, 8), start=2):
        rows += convolution(f"img_code_s16.{place}", f"halving_{number}_convolution")
        rows += norm(f"img_code_s16.{place + 1}", f"halving_{number}_norm")
    for there, here in further_convolutions(side):
        rows += convolution(f"{there}.0", f"{here}_convolution")
        rows += norm(f"{there}.1", f"{here}_norm")
    return rows


def further_convolutions(side: int) -> list[tuple[str, str]]:
    """What sides above 64 px have besides: halvings to more channels, then convolutions back."""
    more = (side // 64).bit_length() - 1
    factors = [2**power for power in range(1, more + 1)]
    halvings = [(f"img_code_s{16 * f}", f"halving_{4 + n}") for n, f in enumerate(factors, 1)]
    there = f"img_code_s{16 * 2**more}"
    shrinkings = [(f"{there}_{number}", f"shrinking_{number}") for number in range(1, more + 1)]
    return [*halvings, *shrinkings]
