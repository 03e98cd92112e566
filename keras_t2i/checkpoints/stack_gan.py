"""The authors' StackGAN for COCO in PyTorch: netG_epoch_90.pth, netD_epoch_last.pth and the like.

| there | here |
|---|---|
| names that begin with `STAGE1_G.` | `first_generator` of stage 2 |
| `ca_net` | `condition` |
| `fc`; `upsample1` ... `upsample4` of stage I | `stem`; `up_8` ... `up_64` |
| `encoder`; `hr_joint` | `encoder_1`, `encoder_2`, `encoder_3`; `joint` |
| `residual.0`; `upsample1` ... `upsample4` of stage II | `residual_1`; `up_32` ... `up_256` |
| `encode_img` | the image critic |
| `get_cond_logits`, `get_uncond_logits` | the match critic, scores of the image critic |

The TensorFlow checkpoints for birds and flowers are not read: the names in them are not known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from keras_t2i.checkpoints.char_text import TextParts, text_parts
from keras_t2i.checkpoints.mapping import (
    MAP_DENSE,
    MAP_VECTOR,
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
)
from keras_t2i.checkpoints.stages import read_critics, read_state
from keras_t2i.checkpoints.torch_file import FilePath
from keras_t2i.models.stack_gan import StackGAN

FIRST = "STAGE1_G."  # begins the names of stage I within stage II's file
WIDTHS = (Place("encode_img.0.weight", 4, 0), Place("encode_img.2.weight", 4, 1))


def import_stack_gan(
    *,
    generator: FilePath,
    text_encoder: FilePath | TextParts | None = None,
    discriminators: Sequence[FilePath] = (),
    **options: Any,
) -> StackGAN:
    """A StackGAN with the authors' weights; stage and sizes are those of the files.

    Args:
        generator: of stage II, which holds stage I too, or of stage I.
        text_encoder: see `keras_t2i.checkpoints.char_text.text_parts`.
        discriminators: the one of the same stage; () leaves the critics, which painting does not
            need, untrained and narrow.
        **options: arguments of `StackGAN` that are no sizes.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a file is damaged, of another model, or does not fit to another one; all names
            that do not fit are in the one message.

    Example:
        >>> model = import_stack_gan(generator="netG_epoch_90.pth", text_encoder="my_gan_cls")
    """
    state = read_state(generator)
    sizes = stack_gan_sizes(state)
    parts = text_parts(text_encoder, text_dim=sizes.pop("text_dim"))
    if len(discriminators) > 1:
        raise ValueError(
            "StackGAN has one discriminator a stage; give that of the generator's. "
            f"Received: {len(discriminators)} files"
        )
    critics, sizes["discriminator_width"] = read_critics(discriminators, *WIDTHS)
    model = StackGAN(*parts, variant="plain", **{**sizes, "kl_weight": 2.0, **options})
    assign_state(generator_table(model), state, what=f"StackGAN's generator, stage {model.stage}")
    for critic in critics:
        what = f"StackGAN's discriminator, stage {model.stage}"
        assign_state(critic_table(model), critic, what=what)
    return model


def stack_gan_sizes(state: State) -> dict[str, Any]:
    """The constructor's sizes, from a generator's tensors, and `text_dim`.

    Each is read wherever it can be; what only a missing tensor tells is 1, and `text_dim` None.

    Raises:
        ValueError: the state is of no generator of StackGAN.
    """
    stage = 2 if any(name.startswith(FIRST) for name in state) else 1
    first = FIRST if stage == 2 else ""
    width = size_at(
        state,
        Place(f"{first}fc.0.weight", 2, 0, 16 * 8),
        Place(f"{first}fc.1.weight", 1, 0, 16 * 8),
        Place(f"{first}upsample1.1.weight", 4, 1, 8),
    )
    starts = dict.fromkeys((first, ""))  # stage II has another condition, of the same sizes
    weights = [Place(f"{start}ca_net.fc.weight", 2, 0, 2) for start in starts]
    biases = [Place(f"{start}ca_net.fc.bias", 1, 0, 2) for start in starts]
    check_sizes_are_told(state, {f"{first}fc.0.weight": width}, what="a generator of StackGAN")
    condition_dim = size_at(state, *weights, *biases) or 1
    vector = size_at(state, Place(f"{first}fc.0.weight", 2, 1)) or 1
    doublings = max(1, highest(state, rf"{re.escape(first)}upsample(\d+)\."))
    return {
        "text_dim": size_at(state, *(place._replace(axis=1, parts=1) for place in weights)),
        "stage": stage,
        "resolution": 4 * 4 * 2**doublings,
        "noise_dim": max(1, vector - condition_dim),
        "condition_dim": condition_dim,
        "generator_width": width,
        "residual_blocks": 1 + highest(state, r"residual\.(\d+)\.", most=64),
    }


def generator_table(model: StackGAN) -> Table:
    """STAGE1_G, or STAGE2_G with it inside."""
    if model.stage == 1:
        return [(model.generator, first_rows(model.resolutions[0]))]
    second = second_rows(model.resolution, model.residual_blocks)
    first = first_rows(model.resolutions[0], FIRST)
    return [(model.first_generator, first), (model.generator, second)]


def first_rows(side: int, start: str = "") -> list[Row]:
    """STAGE1_G."""
    return [
        *dense(f"{start}ca_net.fc", "condition/dense"),
        *dense(f"{start}fc.0", "stem_dense", kind=MAP_DENSE, bias=False),
        *norm(f"{start}fc.1", "stem_norm", kind=MAP_VECTOR),
        *up_rows(start, 4, side),
        *convolution(f"{start}img.0", f"images_{side}_convolution"),
    ]


def second_rows(side: int, residual_blocks: int) -> list[Row]:
    """STAGE2_G but for `STAGE1_G`."""
    rows = dense("ca_net.fc", "condition/dense")
    rows += convolution("encoder.0", "encoder_1_convolution")
    for number, place in ((2, 2), (3, 5)):
        rows += convolution(f"encoder.{place}", f"encoder_{number}_convolution")
        rows += norm(f"encoder.{place + 1}", f"encoder_{number}_norm")
    rows += normed("hr_joint", 0, "joint")
    for block in range(residual_blocks):
        rows += normed(f"residual.{block}.block", 0, f"residual_{block + 1}_first")
        rows += normed(f"residual.{block}.block", 3, f"residual_{block + 1}_second")
    rows += up_rows("", side // 16, side)
    return [*rows, *convolution("img.0", f"images_{side}_convolution")]


def critic_table(model: StackGAN) -> Table:
    """STAGE1_D or STAGE2_D."""
    rows = convolution("encode_img.0", "halving_1_convolution")
    places = ("halving_2", "halving_3", "halving_4")
    if model.stage == 2:
        places += ("halving_5", "halving_6", "shrinking_1", "shrinking_2")
        rows += convolution("get_uncond_logits.outlogits.0", "score", bias=True)
    for number, here in enumerate(places):
        rows += normed("encode_img", 2 + 3 * number, here)
    match = [
        *normed("get_cond_logits.outlogits", 0, "joint"),
        *convolution("get_cond_logits.outlogits.3", "score", bias=True),
    ]
    return [(model.image_critic, rows), (model.match_critic, match)]


def up_rows(start: str, side: int, last: int) -> list[Row]:
    """Doublings from a side to the last."""
    rows, number = [], 1
    while side < last:
        side *= 2
        rows += normed(f"{start}upsample{number}", 1, f"up_{side}")
        number += 1
    return rows


def normed(there: str, place: int, here: str) -> list[Row]:
    """A convolution and the batch norm behind it."""
    return [
        *convolution(f"{there}.{place}", f"{here}_convolution"),
        *norm(f"{there}.{place + 1}", f"{here}_norm"),
    ]
