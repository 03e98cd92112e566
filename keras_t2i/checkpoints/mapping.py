"""From the tensors of a state dict to our variables, by a table of rows.

| a row says | for example |
|---|---|
| the tensors' names there | `h_net1.fc.0.weight` |
| the variable here | `stem_dense/kernel`: of the layer `stem_dense` the attribute `kernel` |
| its kind: how the axes turn | `GATED_MAP_DENSE` |
"""

from __future__ import annotations

import dataclasses
import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

Shape = tuple[int, ...]
State = Mapping[str, np.ndarray]
UNUSED = ("*.num_batches_tracked",)  # counts of steps, which nothing reads


@dataclasses.dataclass(frozen=True)
class Kind:
    """How tensors become a variable.

    Attributes:
        shapes: the tensors' shapes, from the variable's.
        convert: the variable's value, from the tensors' float32 values.
    """

    shapes: Callable[[Shape], Sequence[Shape]]
    convert: Callable[..., np.ndarray]


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of a table; see the module."""

    names: tuple[str, ...]
    variable: str
    kind: Kind

    def find(self, network: keras.Model) -> keras.Variable:
        """The variable that the row fills."""
        layer, *attributes = self.variable.split("/")
        found: Any = network.get_layer(layer)
        for attribute in attributes:
            found = getattr(found, attribute)
        return found


Table = Sequence[tuple[keras.Model, Sequence[Row]]]


def _same(shape: Shape) -> list[Shape]:
    return [shape]


def _flat_map(parts: int) -> Callable[[np.ndarray], np.ndarray]:
    """Each of so many parts of (parts C 16, ...), channels first, to places first."""

    def turn(values: np.ndarray) -> np.ndarray:
        apart = values.reshape(parts, -1, 16, *values.shape[1:])
        return apart.swapaxes(1, 2).reshape(values.shape)

    return turn


SAME = Kind(_same, lambda values: values)
DENSE = Kind(lambda s: [s[::-1]], np.transpose)
CONVOLUTION = Kind(lambda s: [(s[3], s[2], s[0], s[1])], lambda x: x.transpose(2, 3, 1, 0))
# Convolutions of side 1, in one or two dimensions, that are dense layers here.
POINT_1D = Kind(lambda s: [(s[1], s[0], 1)], lambda x: x[..., 0].T)
POINT_2D = Kind(lambda s: [(s[1], s[0], 1, 1)], lambda x: x[..., 0, 0].T)
# PyTorch looks at a vector as a 4x4 map with channels first, here it is one with channels last;
# with a gated unit before it both of its halves are ordered so.
MAP_VECTOR = Kind(_same, _flat_map(1))
MAP_DENSE = Kind(DENSE.shapes, lambda x: MAP_VECTOR.convert(x).T)
GATED_MAP_VECTOR = Kind(_same, _flat_map(2))
GATED_MAP_DENSE = Kind(DENSE.shapes, lambda x: GATED_MAP_VECTOR.convert(x).T)
SUM = Kind(lambda s: [s, s], np.add)  # an LSTM's two biases


def convolution(
    there: str, here: str, *, kind: Kind = CONVOLUTION, bias: bool = False
) -> list[Row]:
    """The kernel, and the bias where there is one."""
    kernel = Row((f"{there}.weight",), f"{here}/kernel", kind)
    return [kernel, *([Row((f"{there}.bias",), f"{here}/bias", SAME)] if bias else [])]


def text_first(channels: int) -> Kind:
    """A convolution of (text, map), the text with so many channels, that is one of (map, text)."""

    def turn(kernel: np.ndarray) -> np.ndarray:
        return CONVOLUTION.convert(np.roll(kernel, -channels, axis=1))

    return Kind(CONVOLUTION.shapes, turn)


def dense(there: str, here: str, *, kind: Kind = DENSE, bias: bool = True) -> list[Row]:
    """The kernel of a dense layer, by default a linear one there, and its bias."""
    kernel = Row((f"{there}.weight",), f"{here}/kernel", kind)
    return [kernel, *([Row((f"{there}.bias",), f"{here}/bias", SAME)] if bias else [])]


def norm(there: str, here: str, *, kind: Kind = SAME) -> list[Row]:
    """Scale, shift and running statistics of a batch norm."""
    parts = {
        "weight": "gamma",
        "bias": "beta",
        "running_mean": "moving_mean",
        "running_var": "moving_variance",
    }
    return [Row((f"{there}.{a}",), f"{here}/{b}", kind) for a, b in parts.items()]


def expected_shapes(table: Table) -> dict[str, Shape]:
    """What a state dict must hold: names and shapes, in the table's order."""
    found = {}
    for network, rows in table:
        for row in rows:
            shapes = row.kind.shapes(tuple(row.find(network).shape))
            found.update(zip(row.names, map(tuple, shapes), strict=True))
    return found


def assign_state(table: Table, state: State, *, what: str, unused: Iterable[str] = ()) -> None:
    """Fill all variables of a table; nothing is changed where the state does not fit.

    Args:
        table: networks with their rows.
        state: arrays by name; a leading `module.`, which parallel training adds, is passed over.
        what: what the state should be, for the message.
        unused: patterns of names that are known to have no use here.

    Raises:
        ValueError: lists all names that are missing, unknown or of another shape, and arrays with
            values that are not finite.
    """
    state = without_prefix(state)
    expected = expected_shapes(table)
    known = (*UNUSED, *unused)
    faults = {
        "missing": [name for name in expected if name not in state],
        "unknown": [
            name
            for name in state
            if name not in expected and not any(fnmatch.fnmatchcase(name, p) for p in known)
        ],
        "of another shape": [
            f"{name} {state[name].shape} instead of {shape}"
            for name, shape in expected.items()
            if name in state and state[name].shape != shape
        ],
        "not finite": [
            name for name in expected if name in state and not np.isfinite(state[name]).all()
        ],
    }
    told = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in faults.items() if names)
    if told:
        raise ValueError(
            f"The weights are not those of {what}. Give the file of this part and of this system. "
            f"Received: {told}"
        )
    for network, rows in table:
        for row in rows:
            tensors = [state[name].astype(np.float32) for name in row.names]
            row.find(network).assign(np.ascontiguousarray(row.kind.convert(*tensors)))


def without_prefix(state: State) -> dict[str, np.ndarray]:
    """The state without the `module.` with which parallel training begins all names."""
    if all(name.startswith("module.") for name in state):
        return {name.removeprefix("module."): array for name, array in state.items()}
    return dict(state)


class Place(NamedTuple):
    """Where a size can be read.

    Attributes:
        name: of a tensor.
        axes: how many it must have.
        axis: the one to read.
        parts: of the size that this axis holds.
    """

    name: str
    axes: int
    axis: int
    parts: int = 1


def size_at(state: State, *places: Place) -> int | None:
    """A size from the first tensor that is there and as it should be; None where none is.

    A size that only a missing tensor tells may be any: the comparison of all names will complain
    about that tensor.
    """
    for name, axes, axis, parts in places:
        found = state.get(name)
        if found is not None and found.ndim == axes and found.shape[axis] >= parts:
            return found.shape[axis] // parts
    return None


def check_sizes_are_told(state: State, sizes: Mapping[str, int | None], *, what: str) -> None:
    """Raise where a size without which there is no network to compare with is not in the file.

    Args:
        state: arrays by name.
        sizes: by the name of the tensor that should tell it.
        what: what the state should be, for the message.

    Raises:
        ValueError: lists the tensors that are missing or have other axes.
    """
    wrong = [
        f"{name} {'is missing' if name not in state else f'has the shape {state[name].shape}'}"
        for name, size in sizes.items()
        if size is None
    ]
    if wrong:
        raise ValueError(
            f"The weights are not those of {what}. Give the file of this part and of this system. "
            f"Received: {', '.join(wrong)}; there are {len(state)} tensors: "
            f"{', '.join(list(state)[:5])} ..."
        )


def highest(state: State, pattern: str, *, most: int = 6) -> int:
    """The highest number in names that begin as a pattern says, 0 where there is none.

    Names below it may be missing, of which the comparison of all names will complain.

    Args:
        state: arrays by name.
        pattern: a regular expression whose one group is the number.
        most: a higher number is none of the network's, else few bytes would make it as large.
    """
    found = (re.match(pattern, name) for name in state)
    numbers = (int(match[1]) for match in found if match)
    return max((number for number in numbers if number <= most), default=0)
