"""The authors' StackGAN++ (StackGAN-v2): netG_210000.pth, netD0.pth and the like.

| there | here |
|---|---|
| `ca_net`, absent without text | `condition` |
| `h_net1`; `jointConv` of `h_net2` | `stem_...`; `stage_128_joint` |
| `img_net1`, `img_net2`, `img_net3` | `images_64`, `images_128`, `images_256` |
| `jointConv`, `logits` of a discriminator | the match critic |
| `uncond_logits`, without text `logits` | scores of the image critic |

Discriminators join (condition, map) there and (map, condition) here.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import keras

from keras_t2i.checkpoints.char_text import TextParts, text_parts
from keras_t2i.checkpoints.mapping import (
    Place,
    Row,
    State,
    Table,
    assign_state,
    convolution,
    norm,
    text_first,
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
from keras_t2i.models.stack_gan_v2 import StackGANv2
from keras_t2i.models.stack_gan_v2.generator import build_generator
from keras_t2i.text import CharacterTokenizer, TextEncoder, Tokenizer

WIDTHS = (
    Place("img_code_s16.0.weight", 4, 0),
    Place("img_code_s16.2.weight", 4, 1),
    Place("logits.0.weight", 4, 1, 8),
)
RELEASED = {  # of models with captions, and without
    True: {"real_weight": 2.0},
    False: {"colour_weight": 50 / 3, "covariance_weight": 5 / 3},
}


def import_stack_gan_v2(
    *,
    generator: FilePath,
    text_encoder: FilePath | TextParts | None = None,
    discriminators: Sequence[FilePath] = (),
    **options: Any,
) -> StackGANv2:
    """A StackGAN++ with the authors' weights; all sizes are those of the files.

    Generator and averaged generator are equal: the authors' snapshots hold the average alone.

    Args:
        generator: netG_210000.pth or the like; without `ca_net` in it the model is one without
            text.
        text_encoder: see `keras_t2i.checkpoints.char_text.text_parts`; only None for a model
            without text.
        discriminators: netD0.pth, netD1.pth and netD2.pth, in this order; () leaves the critics,
            which painting does not need, untrained and narrow.
        **options: arguments of `StackGANv2` that are no sizes. Weights of losses are by default
            those of the released code (`RELEASED`).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a file is damaged, of another model, or does not fit to another one (all names
            that do not fit are in the one message); a text encoder for a model without text.

    Example:
        >>> model = import_stack_gan_v2(generator="netG_210000.pth", text_encoder="my_gan_cls")
    """
    state = read_state(generator)
    conditional = has_text(state)
    sizes = {**generator_sizes(state, conditional=conditional), "conditional": conditional}
    text_dim = sizes.pop("text_dim")
    parts = _text_parts(text_encoder, text_dim, conditional=conditional)
    critics, sizes["discriminator_width"] = read_critics(discriminators, *WIDTHS)
    model = StackGANv2(*parts, **{**sizes, **RELEASED[conditional], **options})
    for network in (model.generator, model.averaged_generator):
        _assign_generator(network, state, sizes)
    assign_critics(model, critics, functools.partial(critic_table, model))
    return model


def import_generator(path: FilePath) -> keras.Model:
    """The generator alone, which paints sentence vectors that were computed elsewhere.

    Inputs: noise (B, Z), the condition's noise (B, C), and the sentences (B, D). Outputs, a dict:
    "64", "128", "256" (B, R, R, 3) in [-1, 1], "mean" and "log_variance".

    Args:
        path: netG_210000.pth or the like.

    Raises:
        FileNotFoundError, ValueError: as `import_stack_gan_v2`.
    """
    state = read_state(path)
    conditional = has_text(state)
    sizes = generator_sizes(state, conditional=conditional)
    names = ("noise_dim", "condition_dim", "residual_blocks")
    chosen = {name: sizes[name] for name in names}
    chosen["text_dim"] = (sizes["text_dim"] or 1) if conditional else None
    network = build_generator(sizes["resolutions"], sizes["generator_width"], **chosen)
    _assign_generator(network, state, {**sizes, "conditional": conditional})
    return network


def has_text(state: State) -> bool:
    """Does the generator read captions?"""
    return any(name.startswith("ca_net.") for name in state)


def joint_rows(there: str, side: int) -> list[Row]:
    """What joins (condition, map) at the beginning of a stage, both there and here."""
    here = f"stage_{side}_joint"
    return [
        *convolution(f"{there}.jointConv.0", f"{here}_convolution"),
        *norm(f"{there}.jointConv.1", f"{here}_norm"),
    ]


def critic_table(model: StackGANv2, number: int) -> Table:
    """The rows of the discriminator with this number, from 0."""
    head = "uncond_logits.0" if model.conditional else "logits.0"
    rows = [*trunk_rows(model.resolutions[number]), *convolution(head, "score", bias=True)]
    table: list[tuple[keras.Model, list[Row]]] = [(model.image_critics[number], rows)]
    if model.conditional:
        table.append((model.match_critics[number], match_rows(model.condition_dim)))
    return table


def match_rows(condition_dim: int) -> list[Row]:
    """What looks at picture and caption together."""
    kind = text_first(condition_dim)
    return [
        *convolution("jointConv.0", "joint_convolution", kind=kind),
        *norm("jointConv.1", "joint_norm"),
        *convolution("logits.0", "score", bias=True),
    ]


def _text_parts(
    given: FilePath | TextParts | None, text_dim: int | None, *, conditional: bool
) -> tuple[Tokenizer, TextEncoder | None]:
    if conditional:
        return text_parts(given, text_dim=text_dim)
    if given is not None:
        raise ValueError(
            "This generator reads no captions (it has no `ca_net`); leave `text_encoder` out. "
            f"Received: text_encoder={given!r}"
        )
    return CharacterTokenizer(), None


def _assign_generator(network: keras.Model, state: State, sizes: dict[str, Any]) -> None:
    rows = generator_rows(
        sizes["resolutions"],
        sizes["residual_blocks"],
        joint_rows,
        conditional=sizes["conditional"],
    )
    assign_state([(network, rows)], state, what="StackGANv2's generator")
