"""The authors' DM-GAN: bird_DMGAN.pth, coco_DMGAN.pth, netD0.pth and the like.

All is as in `keras_t2i.checkpoints.attn_gan`, but for

| there | here |
|---|---|
| `A`, `B` of `h_net2` | `word_gate`, `map_gate` of `memory_64` |
| `M_w`, `M_r`, `key`, `value`, `response_gate` | `word_writer`, `map_writer`, `key`, ... |
| `weight_bar`, `weight_u` of a critic's convolution | `kernel`, `u` |

The critics' `weight_v` has no use: the released code computes it anew from `weight_u` at each call,
and so does `SpectralConv2D`, whose normalised kernel is thus the one of the code's next call.
"""

from __future__ import annotations

from typing import Any

from keras_t2i.checkpoints.attn_gan import Layout, import_attn_gan
from keras_t2i.checkpoints.mapping import (
    CONVOLUTION,
    POINT_1D,
    POINT_2D,
    SAME,
    Place,
    Row,
    convolution,
    dense,
)
from keras_t2i.checkpoints.stages import further_convolutions
from keras_t2i.models.dm_gan import DMGAN


def import_dm_gan(**files_and_options: Any) -> DMGAN:
    """A DM-GAN with the authors' weights.

    Args:
        **files_and_options: those of `keras_t2i.checkpoints.attn_gan.import_attn_gan`, which also
            says what it raises.

    Example:
        >>> model = import_dm_gan(
        ...     generator="bird_DMGAN.pth",
        ...     text_encoder="text_encoder200.pth",
        ...     captions="captions.pickle",
        ... )
    """
    return import_attn_gan(layout=DM_GAN, **files_and_options)


def memory_rows(there: str, side: int) -> list[Row]:
    """The memory of a stage."""
    here = f"memory_{side // 2}"
    return [
        *dense(f"{there}.A", f"{here}/word_gate", bias=False),
        *dense(f"{there}.B", f"{here}/map_gate", bias=False),
        *dense(f"{there}.M_w.0", f"{here}/word_writer", kind=POINT_1D),
        *dense(f"{there}.M_r.0", f"{here}/map_writer", kind=POINT_1D),
        *dense(f"{there}.key.0", f"{here}/key", kind=POINT_1D),
        *dense(f"{there}.value.0", f"{here}/value", kind=POINT_1D),
        *dense(f"{there}.response_gate.0", f"{here}/response_gate", kind=POINT_2D),
    ]


def image_critic_rows(side: int) -> list[Row]:
    """D_NET64, D_NET128 or D_NET256 but for `COND_DNET`."""
    halvings = [(f"img_code_s16.{2 * n}", f"halving_{n + 1}") for n in range(4)]
    further = [(f"{there}.0", here) for there, here in further_convolutions(side)]
    rows = [row for pair in (*halvings, *further) for row in spectral_convolution(*pair)]
    return [*rows, *convolution("UNCOND_DNET.outlogits.0", "score", bias=True)]


def match_critic_rows(side: int) -> list[Row]:
    """`COND_DNET`."""
    return [
        *spectral_convolution("COND_DNET.jointConv.0", "joint"),
        *convolution("COND_DNET.outlogits.0", "score", bias=True),
    ]


def spectral_convolution(there: str, here: str) -> list[Row]:
    """Kernel, bias and the vector u of the power iteration."""
    here = f"{here}_convolution"
    return [
        Row((f"{there}.module.weight_bar",), f"{here}/kernel", CONVOLUTION),
        Row((f"{there}.module.bias",), f"{here}/bias", SAME),
        Row((f"{there}.module.weight_u",), f"{here}/u", SAME),
    ]


DM_GAN = Layout(
    DMGAN,
    memory_rows,
    image_critic_rows,
    match_critic_rows,
    widths=(
        Place("img_code_s16.0.module.weight_bar", 4, 0),
        Place("img_code_s16.2.module.weight_bar", 4, 1),
        Place("UNCOND_DNET.outlogits.0.weight", 4, 1, 8),
    ),
    unused=("*.weight_v",),
)
