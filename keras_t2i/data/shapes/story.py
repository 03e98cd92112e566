"""Stories of four frames: each frame keeps the last one's objects and adds one beside them."""

from __future__ import annotations

from collections.abc import Sequence

from keras_t2i.data.shapes.attributes import BACKGROUNDS, triples_of_split
from keras_t2i.data.shapes.language import RELATION_WORDS
from keras_t2i.data.shapes.scene import Item, Relation, Scene, make_item, relation_name

FRAMES = 4
DRAWS = 14  # how many numbers `story` wants
_QUARTERS = ((0.25, 0.25), (0.25, 0.75), (0.75, 0.75), (0.75, 0.25))  # y, x, clockwise
_JITTER = 0.025  # with the large radius, 0.21, this keeps quarters and edge free


def story(scene: Scene, split: str, draws: Sequence[float]) -> tuple[list[Scene], list[str]]:
    """Tell how four different objects appear one by one, each beside the one before.

    The first object and the background are those of `scene`; places, and the objects that
    follow (from the split's triples), are drawn anew, because the objects of most scenes leave no
    room for more.

    Args:
        scene: gives the first object and the background.
        split: whose triples the other objects are taken from.
        draws: fourteen numbers in [0, 1).

    Returns:
        Four scenes and four captions. A caption tells what is new in its frame, for example
        `"a large blue square appears above the small red circle"`.
    """
    triples = _different_triples(scene.items[0].triple, split, draws[:3])
    corner, turn = int(draws[3] * 4), 1 if draws[4] < 0.5 else -1
    items: list[Item] = []
    for frame, triple in enumerate(triples):
        y, x = _QUARTERS[(corner + turn * frame) % 4]
        shift_y, shift_x = ((2 * d - 1) * _JITTER for d in draws[5 + 2 * frame : 7 + 2 * frame])
        items.append(make_item(triple, y + shift_y, x + shift_x))
    relations = [
        Relation(k, relation_name(items[k], items[k - 1]), k - 1) for k in range(1, FRAMES)
    ]
    frames = [
        Scene(tuple(items[: k + 1]), scene.background, tuple(relations[:k])) for k in range(FRAMES)
    ]
    first = f"a {items[0].name} on a {BACKGROUNDS[scene.background]} background"
    return frames, [first, *(_sentence(items, relation) for relation in relations)]


def _different_triples(first: int, split: str, draws: Sequence[float]) -> list[int]:
    chosen, rest = [first], [int(t) for t in triples_of_split(split) if t != first]
    for draw in draws:
        chosen.append(rest.pop(int(draw * len(rest))))
    return chosen


def _sentence(items: Sequence[Item], relation: Relation) -> str:
    subject, name, other = relation
    return f"a {items[subject].name} appears {RELATION_WORDS[name]} the {items[other].name}"
