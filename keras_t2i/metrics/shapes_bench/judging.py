"""What of a caption is true of a picture: told scene, seen scene --matching--> shares in [0, 1].

*Told* is the scene of a caption, *seen* what the detector finds in the picture painted for it.
Each told object is matched with at most one seen object, one to one, so that as many as possible
agree in shape; of the equally good, in both shape and colour; then in colour; then in size. The
places never decide. (Objects are identified by their noun first, because captions are.)

| row | true of | when |
|---|---|---|
| `object` | each told object | there is a seen object for it, whatever it looks like |
| `colour` | each told object | its colour is in the picture, on whatever object (one for each) |
| `shape` | each told object | its match has its shape |
| `size` | each told object | its match has its size |
| `binding` | each told object | its match has its colour *and* its shape |
| `relation` | each told relation | both matches agree with their names in shape or in colour, and |
| | | the named axis parts their centres farther than the other one, the named way |
| `count` | the caption | as many objects are seen as told: no more, no fewer |
| `background` | the caption | the background is the told one |
| `caption` | the caption | all of it: the same triples, relations, background, nothing else |

A missing object makes everything said of it false. A superfluous one makes `count` and `caption`
false and nothing else. Where colours are swapped between objects of different shapes, `binding`
(and `caption`) fall and nothing else does; between objects of one shape the swap is a swap of
places or sizes, and `relation` or `size` falls instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

from keras_t2i.data.shapes import Item, Relation, Scene

ROWS = (
    "object",
    "colour",
    "shape",
    "size",
    "count",
    "binding",
    "relation",
    "background",
    "caption",
)


def judge_scene(told: Scene, seen: Scene) -> dict[str, float]:
    """The share of what a caption says, row by row, that is true of a picture.

    Args:
        told: what the caption says. Only looks, relations and background count, no places.
        seen: what is in the picture; its `relations` are not used, its places are.

    Returns:
        shares in [0, 1], named as in `ROWS`. "relation" is missing where none is told.

    Raises:
        ValueError: nothing is told.

    Example:

    >>> told = Scene.of(("small red circle", 0.5, 0.2), ("large blue star", 0.5, 0.7))
    >>> seen = Scene.of(("small blue circle", 0.5, 0.2), ("large red star", 0.5, 0.7))
    >>> shares = judge_scene(told, seen)
    >>> shares["colour"], shares["binding"], shares["relation"]
    (1.0, 0.0, 1.0)
    """
    if not told.items:
        raise ValueError(f"A told scene has at least one object. Received: told={told}")
    matches = match_objects(told.items, seen.items)
    pairs = list(zip(told.items, matches, strict=True))
    shares = {
        "object": _share([match is not None for match in matches]),
        "colour": _common([item.colour for item in told.items], [i.colour for i in seen.items]),
        "shape": _share([_same(pair, "shape") for pair in pairs]),
        "size": _share([_same(pair, "size") for pair in pairs]),
        "count": float(len(seen.items) == len(told.items)),
        "binding": _share([_same(pair, "shape", "colour") for pair in pairs]),
        "background": float(seen.background == told.background),
    }
    if told.relations:
        shares["relation"] = _share([relation_holds(r, pairs) for r in told.relations])
    looks = [sorted(item.triple for item in scene.items) for scene in (told, seen)]
    whole = looks[0] == looks[1] and shares["background"] and shares.get("relation", 1.0) == 1.0
    return {**shares, "caption": float(whole)}


def match_objects(told: Sequence[Item], seen: Sequence[Item]) -> list[Item | None]:
    """The seen object for each told one, by the module's rule; None where there is none.

    Of equally good matchings the first in the order of `seen` is taken.
    """
    candidates = [*seen, *[None] * max(len(told) - len(seen), 0)]
    return list(max(permutations(candidates, len(told)), key=lambda m: _agreement(told, m)))


def relation_holds(relation: Relation, pairs: Sequence[tuple[Item, Item | None]]) -> bool:
    """Whether a relation is true of the matches in `pairs` of (told, match)."""
    ends = pairs[relation.subject], pairs[relation.other]
    if not all(_same(pair, "shape") or _same(pair, "colour") for pair in ends):
        return False
    (_, subject), (_, other) = ends
    down, right = subject.y - other.y, subject.x - other.x
    match relation.name:
        case "left":
            return right < 0 and abs(right) > abs(down)
        case "right":
            return right > 0 and abs(right) > abs(down)
        case "above":
            return down < 0 and abs(down) > abs(right)
    return down > 0 and abs(down) > abs(right)


def _agreement(told: Sequence[Item], matches: Sequence[Item | None]) -> tuple[int, ...]:
    pairs = list(zip(told, matches, strict=True))
    wanted = (("shape",), ("shape", "colour"), ("colour",), ("size",))
    return tuple(sum(_same(pair, *names) for pair in pairs) for names in wanted)


def _same(pair: tuple[Item, Item | None], *names: str) -> bool:
    told, match = pair
    return match is not None and all(getattr(told, n) == getattr(match, n) for n in names)


def _common(told: Sequence[int], seen: Sequence[int]) -> float:
    """The share of `told` that finds its equal in `seen`, each of which serves once."""
    return sum(min(told.count(value), seen.count(value)) for value in set(told)) / len(told)


def _share(truths: Sequence[bool]) -> float:
    return sum(truths) / len(truths)
