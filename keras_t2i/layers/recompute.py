"""Networks that keep less for their gradients: what large maps need is computed once more.

    layers in order --cut where one large map passes--> units
    forward:  a unit's inputs are kept, what is inside is forgotten
    gradient: the inside is computed again from the inputs, then differentiated

Chen et al. 2016, https://arxiv.org/abs/1604.06174. `tf.recompute_grad` (and `keras.RematScope`,
which uses it) does not serve a GAN: it has no second derivative, which penalties on gradients
take, and moves batch norm statistics twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import KerasTensor


def recomputed(network: keras.Model, *, from_side: int) -> Callable[..., Any]:
    """The network's `call` in units, of which those with large maps are recomputed.

    A unit is a convolution, or a layer made of several, with what follows it up to the next. It is
    cut only where a single large map passes that is still read, so that a residual branch and its
    shortcut are one; pictures and attention on their way out do not count.

    Args:
        network: a functional model that calls each of its layers once.
        from_side: the least side of maps that are not kept.

    Returns:
        A function `(inputs, training=...)` that gives what `network` gives, with equal gradients,
        and moves batch statistics once.

    Raises:
        ValueError: a layer of the network is called several times, or elsewhere first.
    """
    units = [ForgetfulUnit(unit) if large else unit for unit, large in _units(network, from_side)]

    def call(inputs: Any, training: bool | None = None) -> Any:
        known = dict(zip(map(id, network.inputs), tf.nest.flatten(inputs), strict=True))
        for unit in units:
            found = unit([known[name] for name in unit.takes], training=training)
            known.update(zip(unit.gives, tf.nest.flatten(found), strict=True))
        outputs = [known[id(tensor)] for tensor in network.outputs]
        return tf.nest.pack_sequence_as(network.output, outputs)

    return call


class ForgetfulUnit(keras.layers.Layer):
    """Keeps the inputs and the weights of a part of a network for the gradient, nothing else.

    Args:
        part: a functional model.
    """

    def __init__(self, part: keras.Model) -> None:
        super().__init__(autocast=False)  # weights are read in full precision
        self.part, self.takes, self.gives = part, part.takes, part.gives
        self.built = True

    def call(self, inputs: list[tf.Tensor], training: bool | None = None) -> list[tf.Tensor]:
        moved = []  # the variables that the part assigns to, such as batch statistics
        numbers = [x for x in inputs if x.dtype.is_floating]  # what has gradients, no masks

        def forward(tensors: Sequence[tf.Tensor], noted: list[keras.Variable]) -> list[tf.Tensor]:
            count = len(numbers)
            given = list(zip(self.part.variables, tensors[count:], strict=True))
            known = iter(tensors[:count])
            everything = [next(known) if x.dtype.is_floating else x for x in inputs]
            with keras.StatelessScope(given) as scope:
                outputs = tf.nest.flatten(self.part(everything, training=training))
            new = [(v, scope.get_current_value(v)) for v, _ in given]
            changed = [
                pair for pair, (_, old) in zip(new, given, strict=True) if pair[1] is not old
            ]
            noted.extend(variable for variable, _ in changed)
            return [*outputs, *(value for _, value in changed)]

        @tf.custom_gradient
        def forgetful(*tensors: tf.Tensor) -> tuple[list[tf.Tensor], Callable[..., Any]]:
            def gradient(*upstream: tf.Tensor) -> list[tf.Tensor]:
                # Only when the gradient arrives, or everything is there at the same time again.
                with tf.control_dependencies(upstream), tf.GradientTape() as tape:
                    again = [tf.identity(tensor) for tensor in tensors]
                    tape.watch(again)
                    outputs = forward(again, [])
                    return tape.gradient(outputs, again, upstream, unconnected_gradients="zero")

            return forward(tensors, moved), gradient

        weights = [tf.convert_to_tensor(variable.value) for variable in self.part.variables]
        found = list(forgetful(*numbers, *weights))
        for variable, value in zip(moved, found[len(self.gives) :], strict=True):
            variable.assign(value)
        return found[: len(self.gives)]


def _units(network: keras.Model, from_side: int) -> list[tuple[keras.Model, bool]]:
    """The network in parts, each with whether it has maps of `from_side` or more."""
    operations = [x for x in network.operations if not isinstance(x, keras.layers.InputLayer)]
    _check_order(network, operations)
    operations = _eager(operations, from_side)
    groups: list[list[keras.Operation]] = []
    for number, operation in enumerate(operations):
        read = {id(x) for later in operations[number:] for x in _taken(later)}
        crossing = [x for x in _crossing(network, operations, number) if id(x) in read]
        narrow = sum(_side(tensor) >= from_side for tensor in crossing) <= 1
        if not groups or (narrow and _begins_unit(operation, groups[-1], from_side)):
            groups.append([])
        groups[-1].append(operation)
    units, end = [], 0
    for group in groups:
        start, end = end, end + len(group)
        takes = [x for x in _crossing(network, operations, start) if _used(x, group)]
        made = {id(tensor) for operation in group for tensor in _made(operation)}
        gives = [x for x in _crossing(network, operations, end) if id(x) in made]
        unit = keras.Model(takes, gives)
        unit.takes, unit.gives = list(map(id, takes)), list(map(id, gives))
        numbers = all("float" in variable.dtype for variable in unit.variables)
        units.append((unit, numbers and any(_is_large(x, from_side) for x in group)))
    return units


def _eager(operations: list[keras.Operation], from_side: int) -> list[keras.Operation]:
    """The same order, but what reads a large map does so as soon as that is there.

    Keras calls what leads to an output last, so that the maps behind the pictures of early stages
    would pass all of the network.
    """
    ordered: list[keras.Operation] = []
    for operation in operations:
        places = [
            number
            for number, before in enumerate(ordered, 1)
            if {*map(id, _made(before))} & {*map(id, _taken(operation))}
        ]
        reads = any(_side(tensor) >= from_side for tensor in _taken(operation))
        ordered.insert(max(places, default=0) if reads else len(ordered), operation)
    return ordered


def _begins_unit(operation: keras.Operation, group: list[keras.Operation], from_side: int) -> bool:
    large = any(_is_large(x, from_side) for x in group)
    if large != _is_large(operation, from_side):
        return True
    return large and _is_heavy(operation) and any(map(_is_heavy, group))


def _crossing(
    network: keras.Model, operations: list[keras.Operation], number: int
) -> list[KerasTensor]:
    """The tensors made before an operation that it, a later one or the caller still needs."""
    made = [*network.inputs, *(x for before in operations[:number] for x in _made(before))]
    needed = {id(x) for later in operations[number:] for x in _taken(later)}
    needed.update(map(id, network.outputs))
    return [tensor for tensor in made if id(tensor) in needed]


def _check_order(network: keras.Model, operations: list[keras.Operation]) -> None:
    known = set(map(id, network.inputs))
    for operation in operations:
        if not known.issuperset(map(id, _taken(operation))):
            break
        known.update(map(id, _made(operation)))
    else:
        if known.issuperset(map(id, network.outputs)):
            return
    raise ValueError(
        "`recompute_from` needs networks that call each of their layers once, and no layer that "
        "was called elsewhere before; compile this system without it. "
        f"Received: network={network.name!r}"
    )


def _used(tensor: KerasTensor, group: list[keras.Operation]) -> bool:
    return any(tensor is x for operation in group for x in _taken(operation))


def _taken(operation: keras.Operation) -> list[KerasTensor]:
    return tf.nest.flatten(operation.input)


def _made(operation: keras.Operation) -> list[KerasTensor]:
    return tf.nest.flatten(operation.output)


def _is_large(operation: keras.Operation, from_side: int) -> bool:
    return any(_side(x) >= from_side for x in (*_taken(operation), *_made(operation)))


def _is_heavy(operation: keras.Operation) -> bool:
    return any(len(variable.shape) >= 4 for variable in getattr(operation, "variables", ()))


def _side(tensor: KerasTensor) -> int:
    return (tensor.shape[1] or 0) if len(tensor.shape) == 4 else 0
