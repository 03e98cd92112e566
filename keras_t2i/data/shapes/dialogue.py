"""Four questions with their answers about a scene, all true of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from keras_t2i.data.shapes.attributes import (
    BACKGROUNDS,
    COLOURS,
    NUMBERS,
    PLURALS,
    SHAPES,
    SIZES,
)
from keras_t2i.data.shapes.language import RELATION_WORDS
from keras_t2i.data.shapes.scene import Item, Scene

TURNS = 4
DRAWS = 10  # how many numbers `dialogue` wants
MIDDLE = 0.08  # an object this near to the centre (share of the side) stands in the middle


def dialogue(scene: Scene, draws: Sequence[float]) -> list[str]:
    """Ask about number, looks, position and background, in a drawn order.

    Args:
        scene: as drawn by `Shapes` or made by hand, with one to four objects.
        draws: ten numbers in [0, 1) that choose questions and order.

    Returns:
        Four strings such as `"what colour is the small circle? red"`.
    """
    start, count = _pick(scene.groups, draws[0])
    turns = [
        _count_turn(scene, start, count, draws[1]),
        _looks_turn(scene, start, count, draws[2]),
        _position_turn(scene, start, count, draws[3:6]),
        f"what colour is the background? {BACKGROUNDS[scene.background]}",
    ]
    order = sorted(range(TURNS), key=lambda turn: draws[6 + turn])
    return [turns[turn] for turn in order]


def place(item: Item) -> str:
    """Where in the picture an object stands: one of five phrases, by the larger offset."""
    down, right = item.y - 0.5, item.x - 0.5
    if max(abs(down), abs(right)) < MIDDLE:
        return "in the middle"
    if abs(right) > abs(down):
        return "on the left" if right < 0 else "on the right"
    return "at the top" if down < 0 else "at the bottom"


def _count_turn(scene: Scene, start: int, count: int, draw: float) -> str:
    if draw < 0.5:
        return f"how many objects are in the picture? {NUMBERS[len(scene.items)]}"
    item = scene.items[start]
    name = f"{SIZES[item.size]} {COLOURS[item.colour]} {PLURALS[item.shape]}"
    return f"how many {name} are there? {NUMBERS[count]}"


def _looks_turn(scene: Scene, start: int, count: int, draw: float) -> str:
    """Ask for one attribute of a group of equal objects that the other two single out.

    There always is one: another group can spoil only the question for the single attribute in
    which it differs, and a scene has at most three groups (story frames are not asked about).
    """
    item = scene.items[start]
    colour, size = COLOURS[item.colour], SIZES[item.size]
    noun = PLURALS[item.shape] if count > 1 else SHAPES[item.shape]
    thing, verb = ("objects", "are") if count > 1 else ("object", "is")
    questions = {
        "colour": f"what colour {verb} the {size} {noun}? {colour}",
        "shape": f"what shape {verb} the {size} {colour} {thing}? {noun}",
        "size": f"what size {verb} the {colour} {noun}? {size}",
    }
    others = [other for other in scene.items if other.triple != item.triple]
    spoilt = {_only_difference(item, other) for other in others}
    return _pick([text for name, text in questions.items() if name not in spoilt], draw)


def _only_difference(item: Item, other: Item) -> str | None:
    different = [
        name for name in ("colour", "shape", "size") if getattr(item, name) != getattr(other, name)
    ]
    return different[0] if len(different) == 1 else None


def _position_turn(scene: Scene, start: int, count: int, draws: Sequence[float]) -> str:
    if scene.relations:
        relation = _pick(scene.relations, draws[0])
        subject, name, other = relation if draws[1] < 0.5 else relation.inverse
        answer = f"{RELATION_WORDS[name]} the {scene.items[other].name}"
        return f"where is the {scene.items[subject].name}? {answer}"
    item = scene.items[start]
    if count == 1:
        return f"where is the {item.name}? {place(item)}"
    group = scene.items[start : start + count]
    empty = [side for side, holds in _HALVES.items() if not any(holds(i) for i in group)]
    if empty and draws[1] < 0.5:
        return f"is there a {item.name} {_pick(empty, draws[2])}? no"
    return f"is there a {item.name} {place(_pick(group, draws[2]))}? yes"


_HALVES: dict[str, Callable[[Item], bool]] = {
    "on the left": lambda item: item.x <= 0.5,
    "on the right": lambda item: item.x >= 0.5,
    "at the top": lambda item: item.y <= 0.5,
    "at the bottom": lambda item: item.y >= 0.5,
}


def _pick(options: Sequence[Any], draw: float) -> Any:
    return options[int(draw * len(options))]
