"""What one says about a scene: five captions, each naming size, colour and shape of all objects.

Each relation is told from both sides ("A left of B", "B right of A"), so the order of the words
does not give the places away. 45 different words, the comma included, tell all scenes.
"""

from __future__ import annotations

from keras_t2i.data.shapes.attributes import (
    BACKGROUNDS,
    COLOURS,
    NUMBERS,
    PLURALS,
    SIZES,
)
from keras_t2i.data.shapes.scene import Item, Relation, Scene

RELATION_WORDS = {
    "left": "to the left of",
    "right": "to the right of",
    "above": "above",
    "below": "below",
}


def captions(scene: Scene) -> list[str]:
    """Five captions of a scene, the plainest first; 4 to 29 words, lower case."""
    background = BACKGROUNDS[scene.background]
    told, retold, plural = _statements(scene)
    return [
        told,
        f"{told} on a {background} background",
        f"there {'are' if plural else 'is'} {told}",
        f"{retold}, the background is {background}",
        f"a {background} background with {retold}",
    ]


def counted(item: Item, count: int) -> str:
    """For example `"a small red circle"` or `"two small red circles"`."""
    if count == 1:
        return f"a {item.name}"
    return f"{NUMBERS[count]} {SIZES[item.size]} {COLOURS[item.colour]} {PLURALS[item.shape]}"


def _statements(scene: Scene) -> tuple[str, str, bool]:
    """The scene told in one order and in the other; whether the first begins with a plural."""
    if scene.relations:
        first, *others = scene.relations
        return (
            _related(scene, [first, *others]),
            _related(scene, [first.inverse, *others]),
            False,
        )
    phrases = [counted(scene.items[start], count) for start, count in scene.groups]
    if len(scene.items) == 1:
        return phrases[0], f"one {scene.items[0].name}", False
    return " and ".join(phrases), " and ".join(reversed(phrases)), scene.groups[0][1] > 1


def _related(scene: Scene, relations: list[Relation]) -> str:
    """`A to the left of B and C above the B`: what was named before takes "the"."""
    named: set[int] = set()
    clauses = []
    for subject, name, other in relations:
        subject_phrase = _mention(scene, subject, named)
        other_phrase = _mention(scene, other, named)
        clauses.append(f"{subject_phrase} {RELATION_WORDS[name]} {other_phrase}")
    return " and ".join(clauses)


def _mention(scene: Scene, index: int, named: set[int]) -> str:
    article = "the" if index in named else "a"
    named.add(index)
    return f"{article} {scene.items[index].name}"
