"""Tables of what the generators of StackGAN++ and its successors are made of.

`there` begins PyTorch's names, `here` those of `keras_t2i.layers.stages`.
"""

from __future__ import annotations

from keras_t2i.checkpoints.mapping import MAP_DENSE, MAP_VECTOR, Row, convolution, dense, norm


def projection(there: str, here: str) -> list[Row]:
    """`gated_projection`: a vector to the first map."""
    return [
        *dense(f"{there}.0", f"{here}_dense", kind=MAP_DENSE, bias=False),
        *norm(f"{there}.1", f"{here}_norm", kind=MAP_VECTOR),
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


def image_head(there: str, here: str) -> list[Row]:
    """`image_head`."""
    return convolution(f"{there}.img.0", f"{here}_convolution")
