"""What is in a picture: objects, background and how the objects stand to each other."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from typing import NamedTuple

from keras_t2i.data.shapes.attributes import (
    BACKGROUNDS,
    COLOURS,
    RADII,
    SHAPES,
    SIZES,
    triple_index,
    triple_name,
    triple_parts,
)

INVERSE = {"left": "right", "right": "left", "above": "below", "below": "above"}
DOMINANCE = 1.5  # a relation has a name when one axis parts the centres 1.5 times as far


class Item(NamedTuple):
    """One object: indices of its attributes, its centre and radius as shares of the side."""

    colour: int
    shape: int
    size: int
    y: float
    x: float
    radius: float

    @property
    def triple(self) -> int:
        """Colour, shape and size as one number in [0, 96)."""
        return triple_index(self.colour, self.shape, self.size)

    @property
    def name(self) -> str:
        """For example `"small red circle"`."""
        return triple_name(self.triple)


class Relation(NamedTuple):
    """`items[subject]` stands `name` ("left", "right", "above", "below") of `items[other]`."""

    subject: int
    name: str
    other: int

    @property
    def inverse(self) -> Relation:
        """The same fact told from the other object."""
        return Relation(self.other, INVERSE[self.name], self.subject)


@dataclass(frozen=True)
class Scene:
    """A picture's truth, free of any resolution.

    Objects are drawn in order, so later ones cover earlier ones (scenes of `Shapes` never
    overlap). Equal objects stand next to each other in `items`. `relations` holds what captions
    tell: one relation for two different objects, two for three different ones, none with counts.

    Example:

    >>> scene = Scene.of(("small red circle", 0.5, 0.2), ("large blue star", 0.5, 0.7))
    >>> scene.relations
    (Relation(subject=0, name='left', other=1),)
    """

    items: tuple[Item, ...]
    background: int = 0
    relations: tuple[Relation, ...] = ()

    @classmethod
    def of(cls, *objects: tuple[str, float, float], background: str = "white") -> Scene:
        """Make a scene by hand from `("small red circle", y, x)` entries.

        Each object after the first is related to the first earlier one to which its relation is
        unambiguous; scenes with equal objects get no relations.

        Raises:
            ValueError: an unknown word, with the closest known one.
        """
        items = tuple(_item(name, y, x) for name, y, x in objects)
        chosen = _position(background, BACKGROUNDS, "background")
        return cls(items, chosen, _relations(items))

    @property
    def groups(self) -> tuple[tuple[int, int], ...]:
        """Runs of equal objects as (index of the first, how many)."""
        starts = [0] + [
            i + 1 for i, (a, b) in enumerate(pairwise(self.items)) if a.triple != b.triple
        ]
        return tuple((a, b - a) for a, b in pairwise([*starts, len(self.items)]))

    @property
    def content(self) -> int:
        """Hash in [0, 2**31) of the multiset of objects and the told relations.

        Background and exact positions do not count, and neither does from which side a relation
        is told.
        """
        told = {min(self._fact(r), self._fact(r.inverse)) for r in self.relations}
        return content_hash((item.triple for item in self.items), told)

    def _fact(self, relation: Relation) -> tuple[int, str, int]:
        subject, name, other = relation
        return self.items[subject].triple, name, self.items[other].triple


def content_hash(triples: Iterable[int], facts: Iterable[tuple[int, str, int]]) -> int:
    """CRC-32 (31 bits) of the sorted objects and facts; stable over processes and versions."""
    return zlib.crc32(repr((sorted(triples), sorted(facts))).encode()) & 0x7FFFFFFF


def relation_name(subject: Item, other: Item) -> str | None:
    """Where `subject` stands as seen from `other`; None when neither axis dominates."""
    down, right = subject.y - other.y, subject.x - other.x
    if abs(right) >= DOMINANCE * abs(down) and right:
        return "left" if right < 0 else "right"
    if abs(down) >= DOMINANCE * abs(right) and down:
        return "above" if down < 0 else "below"
    return None


def make_item(triple: int, y: float, x: float) -> Item:
    """The object of a triple with its size's radius."""
    colour, shape, size = triple_parts(triple)
    return Item(colour, shape, size, float(y), float(x), RADII[size])


def _item(name: str, y: float, x: float) -> Item:
    words = name.split()
    if len(words) != 3:
        raise ValueError(
            "An object is named by size, colour and shape, for example 'small red circle'. "
            f"Received: name={name!r}"
        )
    size, colour, shape = (
        _position(word, known, kind)
        for word, known, kind in zip(
            words, (SIZES, COLOURS, SHAPES), ("size", "colour", "shape"), strict=True
        )
    )
    return make_item(triple_index(colour, shape, size), y, x)


def _relations(items: tuple[Item, ...]) -> tuple[Relation, ...]:
    if len({item.triple for item in items}) < len(items):
        return ()
    found = []
    for subject, item in enumerate(items[1:], start=1):
        named = ((other, relation_name(item, items[other])) for other in range(subject))
        pair = next(((other, name) for other, name in named if name), None)
        if pair is not None:
            relation = Relation(subject, pair[1], pair[0])
            found.append(relation.inverse if subject == 1 else relation)
    return tuple(found)


def _position(word: str, known: tuple[str, ...], kind: str) -> int:
    if word in known:
        return known.index(word)
    close = get_close_matches(str(word), known, n=1, cutoff=0.4)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"Unknown {kind}; expected one of {known}.{hint} Received: {kind}={word!r}")
