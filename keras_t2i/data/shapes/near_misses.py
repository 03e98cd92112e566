"""Captions of a scene that are wrong in one thing: the nearest to true that is still false.

scene, chance --kind of error--> all altered scenes of that kind that are false --> one --> captions

A caption of another picture is wrong in nearly everything, so that a critic of pairs can tell it by
one word. Those made here share all words but one, or even all words, with a true caption: only
what reads whose colour is whose, and what stands where, can tell them apart.

| kind | what is wrong | share |
|---|---|---|
| exchange | two objects have each other's colour, shape or size | 5/17 |
| relation | a told relation is turned round, or to a direction across it | 5/17 |
| shape | of one object, or of a group of equal ones; it is learned last | 3/17 |
| colour, size | likewise | 1/17 each |
| background | its colour | 1/17 |
| count | how many equal objects there are, or which of two is there twice | 1/17 |

A kind that a scene does not allow leaves its share to the others in proportion: a single object has
no relation, equal objects nothing to exchange, and what takes an object beyond the split's triples
is left out. Of two different objects, the train split lets two thirds exchange something; the 16
triples of val and test hardly any. Any scene's background can be changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

import numpy as np

from keras_t2i.data.shapes.attributes import BACKGROUNDS, COLOURS, SHAPES, SIZES
from keras_t2i.data.shapes.language import captions
from keras_t2i.data.shapes.scene import INVERSE, Item, Relation, Scene, make_item

KINDS = {
    "exchange": 5,
    "relation": 5,
    "colour": 1,
    "shape": 3,
    "size": 1,
    "background": 1,
    "count": 1,
}
_VALUES = {"colour": len(COLOURS), "shape": len(SHAPES), "size": len(SIZES)}
_BELOW_ONE = float(np.nextafter(1.0, 0.0))


class NearMiss(NamedTuple):
    """An error of one of `KINDS`, the scene it would be true of, and captions that tell it."""

    kind: str
    scene: Scene
    captions: list[str]


def near_miss(
    scene: Scene, chance: float, *, triples: Collection[int], numbers: Collection[int]
) -> NearMiss:
    """Make one thing wrong about a scene.

    The altered scene is there to be told: its objects keep their places, whatever its relations
    say. It is told as any scene is, so captions name all that the picture would hold; "a small
    red circle" is therefore false of two of them. Relations are false by more than a hair: no
    "above" of what stands mostly to the left, and yet a little higher.

    Args:
        scene: what is in the picture.
        chance: a number in [0, 1) that says which error it is.
        triples: what a wrong object may be, such as those of the split.
        numbers: how many objects a scene may have.

    Returns:
        The error, the altered scene, and those of its captions that are none of `scene`: three
        that name the background where that is wrong, else all five, the plainest first.

    Example:

    >>> scene = Scene.of(("small red circle", 0.5, 0.2), ("large blue star", 0.5, 0.7))
    >>> near_miss(scene, 0.5, triples=range(96), numbers=(1, 2)).captions[0]
    'a small red circle above a large blue star'
    """
    shares = dict(KINDS)
    while True:
        kind, chance = _pick(shares, chance)
        altered = list(_altered(kind, scene, triples=triples, numbers=numbers))
        if altered:
            chosen, own = altered[int(chance * len(altered))], captions(scene)
            return NearMiss(kind, chosen, [text for text in captions(chosen) if text not in own])
        del shares[kind]


def _pick(shares: dict[str, int], chance: float) -> tuple[str, float]:
    """A name, as often as its share says, and what is left of the chance, in [0, 1) again."""
    rest = chance * sum(shares.values())
    for name, share in shares.items():
        if rest < share:
            return name, rest / share
        rest -= share
    return name, _BELOW_ONE  # rounding ate the last name's share


def _altered(
    kind: str, scene: Scene, *, triples: Collection[int], numbers: Collection[int]
) -> Iterable[Scene]:
    """All scenes that captions could tell with one error of a kind."""
    match kind:
        case "exchange":
            return _exchanged(scene, triples)
        case "relation":
            return _turned(scene)
        case "background":
            others = (b for b in range(len(BACKGROUNDS)) if b != scene.background)
            return (replace(scene, background=other) for other in others)
        case "count":
            return _recounted(scene, numbers)
    return _repainted(scene, kind, triples)


def _exchanged(scene: Scene, triples: Collection[int]) -> Iterable[Scene]:
    objects = [scene.items[start] for start, _ in scene.groups]
    for one, two in combinations(range(len(objects)), 2):
        for name in _VALUES:
            first, second = objects[one], objects[two]
            if getattr(first, name) == getattr(second, name):
                continue
            wrong = list(objects)
            wrong[one] = _with(first, name, getattr(second, name))
            wrong[two] = _with(second, name, getattr(first, name))
            yield from _if_sayable(scene, wrong, triples)


def _repainted(scene: Scene, name: str, triples: Collection[int]) -> Iterable[Scene]:
    objects = [scene.items[start] for start, _ in scene.groups]
    for index, item in enumerate(objects):
        for value in range(_VALUES[name]):
            if value != getattr(item, name):
                wrong = list(objects)
                wrong[index] = _with(item, name, value)
                yield from _if_sayable(scene, wrong, triples)


def _turned(scene: Scene) -> Iterable[Scene]:
    for index, told in enumerate(scene.relations):
        for name in INVERSE:
            wrong = told._replace(name=name)
            if not _holds(wrong, scene.items):
                before, after = scene.relations[:index], scene.relations[index + 1 :]
                yield replace(scene, relations=(*before, wrong, *after))


def _recounted(scene: Scene, numbers: Collection[int]) -> Iterable[Scene]:
    counts = [count for _, count in scene.groups]
    if len(counts) == 1:
        others = (number for number in numbers if number != counts[0])
        return (replace(scene, items=scene.items[:1] * number) for number in others)
    if scene.relations or counts == counts[::-1]:
        return ()
    return (_regrouped(scene, [scene.items[start] for start, _ in scene.groups], counts[::-1]),)


def _with(item: Item, name: str, value: int) -> Item:
    return make_item(item._replace(**{name: value}).triple, item.y, item.x)


def _if_sayable(scene: Scene, objects: list[Item], triples: Collection[int]) -> Iterable[Scene]:
    """The scene with other objects, if they may be there, are told apart, and are not true."""
    allowed = all(item.triple in triples for item in objects)
    if allowed and len({item.triple for item in objects}) == len(objects):
        altered = _regrouped(scene, objects, [count for _, count in scene.groups])
        if _is_false(altered, scene):
            yield altered


def _regrouped(scene: Scene, objects: list[Item], counts: list[int]) -> Scene:
    items = (item for item, n in zip(objects, counts, strict=True) for _ in range(n))
    return replace(scene, items=tuple(items))


def _is_false(altered: Scene, scene: Scene) -> bool:
    """Does the picture lack an object that is told, or do two not stand as told?"""
    places = {item.triple: item for item in scene.items}
    if sorted(item.triple for item in altered.items) != sorted(i.triple for i in scene.items):
        return True
    true_items = [places[item.triple] for item in altered.items]
    return not all(_holds(relation, true_items) for relation in altered.relations)


def _holds(relation: Relation, items: Sequence[Item]) -> bool:
    """Could one say so of the items, however little they stand apart on that axis?"""
    subject, other = items[relation.subject], items[relation.other]
    down, right = subject.y - other.y, subject.x - other.x
    offsets = {"left": -right, "right": right, "above": -down, "below": down}
    return offsets[relation.name] > 0
