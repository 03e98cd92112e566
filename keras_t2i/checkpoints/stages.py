"""Tables of what the networks of StackGAN++ and its successors are made of.

`there` begins PyTorch's names, `here` those of `keras_t2i.layers.stages` and
`keras_t2i.layers.critics`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from keras_t2i.checkpoints.mapping import (
    GATED_MAP_DENSE,
    GATED_MAP_VECTOR,
    Place,
    Row,
    State,
    Table,
    assign_state,
    check_sizes_are_told,
    convolution,
    dense,
    highest,
    norm,
    size_at,
    without_prefix,
)
from keras_t2i.checkpoints.torch_file import FilePath, read_state_dict

FAMILY = "a generator of StackGAN++, AttnGAN or DM-GAN"
UNTRAINED_WIDTH = 4  # of critics that no file tells of


def read_state(path: FilePath) -> dict[str, np.ndarray]:
    """The tensors of a file by name, without the `module.` of parallel training."""
    return without_prefix(read_state_dict(path))


def generator_sizes(state: State, *, conditional: bool = True) -> dict[str, Any]:
    """The constructor's sizes, from a generator's tensors.

    Each is read wherever it can be, so that a file with gaps is still compared as a whole. What
    only a missing tensor tells is 1, and `text_dim` None.

    Args:
        state: of the generator.
        conditional: does it read captions?

    Returns:
        The arguments by name, with `text_dim` besides, the length of sentence vectors.

    Raises:
        ValueError: the state is of no generator of this family.
    """
    ups = max(1, highest(state, r"h_net1\.upsample(\d+)\."))
    stages = highest(state, r"(?:img|h)_net(\d+)\.")
    last = f"h_net1.upsample{ups}"
    width = size_at(
        state,
        Place("img_net1.img.0.weight", 4, 1),
        Place("h_net1.fc.0.weight", 2, 0, 32 * 2**ups),
        Place("h_net1.fc.1.weight", 1, 0, 32 * 2**ups),
        Place(f"{last}.1.weight", 4, 0, 2),
        Place(f"{last}.2.weight", 1, 0, 2),
    )
    check_sizes_are_told(state, {"h_net1.fc.0.weight": width}, what=FAMILY)
    vector = size_at(state, Place("h_net1.fc.0.weight", 2, 1)) or 1
    condition = (Place("ca_net.fc.weight", 2, 0, 4), Place("ca_net.fc.bias", 1, 0, 4))
    condition_dim = size_at(state, *condition) or 1
    return {
        "text_dim": size_at(state, Place("ca_net.fc.weight", 2, 1)),
        "resolutions": tuple(4 * 2 ** (ups + stage) for stage in range(stages)),
        "noise_dim": max(1, vector - (condition_dim if conditional else 0)),
        "condition_dim": condition_dim,
        "generator_width": width,
        "residual_blocks": 1 + highest(state, r"h_net\d+\.residual\.(\d+)\.", most=64),
    }


def read_critics(paths: Sequence[FilePath], *places: Place) -> tuple[list[State], int]:
    """The states of discriminators, and the `discriminator_width` of a model to hold them.

    Args:
        paths: () stands for critics that no file tells of.
        places: where the first of the states tells its width.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a file is damaged, or of no discriminator of this system.
    """
    states = [read_state(path) for path in paths]
    if not states:
        return [], UNTRAINED_WIDTH
    width = size_at(states[0], *places)
    what = "a discriminator of this system"
    check_sizes_are_told(states[0], {places[0].name: width}, what=what)
    return states, width


def assign_critics(
    model: Any,
    states: Sequence[State],
    table: Callable[[int], Table],
    *,
    unused: Sequence[str] = (),
) -> None:
    """Fill the critics of all resolutions, or of none.

    Args:
        model: with `resolutions`.
        states: of the discriminators, smallest side first.
        table: from the number of a resolution to what its discriminator fills.
        unused: patterns of names without use here.

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
        assign_state(table(number), state, what=what, unused=unused)


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
