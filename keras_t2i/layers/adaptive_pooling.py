"""Pooling to a side that is given, whatever side comes in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import KerasTensor, layers, ops


class _AdaptivePooling2D(layers.Layer):
    """What both layers share: one axis after the other, cut into windows."""

    def __init__(self, output_size: int | Sequence[int], **options: Any) -> None:
        super().__init__(**options)
        self.output_size = _check_size(output_size)

    def call(self, x: KerasTensor) -> KerasTensor:
        dtype = x.dtype
        _check_sides(x.shape)
        x = ops.cast(x, "float32")
        for axis, count in enumerate(self.output_size, start=1):
            x = self._pooled(x, axis, count)
        return ops.cast(x, dtype)

    def _pooled(self, x: KerasTensor, axis: int, count: int) -> KerasTensor:
        side = x.shape[axis]
        if side == count:
            return x
        if side % count == 0:
            shape = (-1, *x.shape[1:axis], count, side // count, *x.shape[axis + 1 :])
            return self._reduce(ops.reshape(x, shape), axis=axis + 1)
        before = (slice(None),) * axis
        parts = [x[(*before, slice(*window))] for window in windows(side, count)]
        return ops.stack([self._reduce(part, axis=axis) for part in parts], axis=axis)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        _check_sides(input_shape)
        return (input_shape[0], *self.output_size, input_shape[3])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "output_size": self.output_size}


@keras.saving.register_keras_serializable(package="keras_t2i")
class AdaptiveAveragePooling2D(_AdaptivePooling2D):
    """The mean over windows so placed that the output has a given side.

    Row i of S output rows is the mean of the input's rows floor(i H / S) up to, without it,
    ceil((i + 1) H / S); columns likewise. Where S does not divide H, neighbouring windows share a
    row; where S is larger than H, rows repeat. These are the windows of PyTorch's
    `AdaptiveAvgPool2d`; TensorFlow Addons has the same numbers where S divides H, and an error
    elsewhere. Keras' layer of this name has them too, but Keras 3.12 lacks it, and in 3.13 to 3.15
    a size of 1 is an error in graphs (for the maximum, eagerly, a crash). Deviations: channels are
    last, and the sides must be known, because the windows depend on them. Means are in float32.

    Args:
        output_size: S, for both sides, or a pair (rows, columns).

    Call arguments:
        x: (B, H, W, C) with static H and W.

    Returns:
        (B, rows, columns, C) in the dtype of x.

    Raises:
        ValueError: if a size is not a positive whole number, or the sides of x are unknown.

    Example:
        >>> AdaptiveAveragePooling2D(2)(keras.ops.ones((1, 5, 7, 3))).shape
        TensorShape([1, 2, 2, 3])
    """

    _reduce = staticmethod(ops.mean)


@keras.saving.register_keras_serializable(package="keras_t2i")
class AdaptiveMaxPooling2D(_AdaptivePooling2D):
    """The maximum over the windows of `AdaptiveAveragePooling2D`, with its arguments and shapes.

    Example:
        >>> AdaptiveMaxPooling2D((1, 4))(keras.ops.ones((1, 5, 7, 3))).shape
        TensorShape([1, 1, 4, 3])
    """

    _reduce = staticmethod(ops.max)


def windows(side: int, count: int) -> list[tuple[int, int]]:
    """Begin and end of each of `count` windows over `side` places; none is empty.

    Example:
        >>> windows(5, 3)
        [(0, 2), (1, 4), (3, 5)]
    """
    return [(i * side // count, -(-(i + 1) * side // count)) for i in range(count)]


def _check_size(output_size: int | Sequence[int]) -> tuple[int, int]:
    pair = isinstance(output_size, list | tuple)
    size = tuple(output_size) if pair else (output_size, output_size)
    if len(size) != 2 or not all(isinstance(n, int) and n > 0 for n in size):
        raise ValueError(
            "`output_size` must be a positive whole number, or a pair of them (rows, columns). "
            f"Received: output_size={output_size}"
        )
    return size


def _check_sides(shape: Sequence[int | None]) -> None:
    if len(shape) != 4 or None in tuple(shape)[1:3]:
        raise ValueError(
            "Adaptive pooling needs inputs (B, H, W, C) of known height and width; give the "
            f"network's `keras.Input` both sides. Received: shape={tuple(shape)}"
        )
