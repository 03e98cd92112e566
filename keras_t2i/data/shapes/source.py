"""The source `shapes`: scenes of coloured shapes, drawn on the fly."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from functools import cached_property

import numpy as np

from keras_t2i.data.shapes.annotations import (
    ATTRIBUTE_NAMES,
    OBJECT_NAMES,
    attribute_vector,
    boxes,
    masks,
    object_classes,
)
from keras_t2i.data.shapes.attributes import (
    SPLITS,
    TRIPLE_COUNT,
    triple_name,
    triples_of_split,
)
from keras_t2i.data.shapes.dialogue import DRAWS as DIALOGUE_DRAWS
from keras_t2i.data.shapes.dialogue import dialogue
from keras_t2i.data.shapes.language import captions
from keras_t2i.data.shapes.near_misses import near_miss
from keras_t2i.data.shapes.render import check_size, render
from keras_t2i.data.shapes.sampling import (
    MAX_OBJECTS,
    SceneTable,
    direction_name,
    draw_scenes,
    uniforms,
)
from keras_t2i.data.shapes.scene import Relation, Scene, make_item
from keras_t2i.data.shapes.story import DRAWS as STORY_DRAWS
from keras_t2i.data.shapes.story import story
from keras_t2i.data.source import Source

DEFAULT_COUNTS = {"train": 20_000, "val": 2_000, "test": 2_000}


class Shapes(Source):
    """Pictures of one to three coloured shapes, with captions and every kind of annotation.

    A scene is a pure function of (`seed`, split, index): nothing is read, and no more is kept
    than a few numbers a scene. Looks: 8 colours x 6 shapes x 2 sizes, 4 backgrounds. Two different
    objects stand in a relation (left, right, above, below) that is never in doubt: along the named
    axis their centres lie at least 1.5 times as far apart as along the other. With three, the
    third is related to one of the first two. A fifth of the two-object scenes hold equal objects,
    as do 40 % of the three-object scenes (15 % three, 25 % two); captions then count instead.

    Splits are compositional: no triple of colour c (0-7), shape s (0-5) and size z (0-1) occurs in
    two splits. With `k = (c + s + 3 z) mod 6`, k = 0 is test (16 triples), k = 1 is val (16) and
    the rest is train (64); every object of a scene, and of its story, is of its split's triples.
    So each pair of colour and shape in the test or val split was seen in training at the other
    size only, and each single colour, shape and size does occur in training.

    Class ids (96, "small red circle" ...) name the first object of the first caption. Contents
    hash objects and told relations, neither background nor places.

    Annotations (`annotation_names`; objects in slots of three, zeros where there are fewer):

    | name | shape | meaning |
    |---|---|---|
    | `boxes` | (3, 4) float32 | y0, x0, y1, x1 in [0, 1], tight |
    | `objects` | (3,) int32 | shape + 1, named in `object_names`; 0 is an empty slot |
    | `masks` | (3, size, size) float32 | share of the pixel that shows the object |
    | `attributes` | (23,) float32 | named in `attribute_names` |
    | `dialogue` | 4 strings | question and answer |
    | `story` | 4 strings | what each frame adds |
    | `story_images` | (4, size, size, 3) uint8 | one more object a frame |

    Args:
        split: "train", "val" or "test".
        count: how many scenes; None means 20,000 in train, 2,000 in val and test. Scenes do not
            change with it.
        objects: the numbers of objects a scene may have, out of 1, 2 and 3.
        weights: how likely each of `objects` is, in any unit; None means equally.
        seed: a non-negative integer.
        near_misses: in [0, 1], the share of mismatched captions that tell the picture's own scene
            with one error (`keras_t2i.data.shapes.near_misses` lists the kinds) instead of
            another scene. Wrong objects are of the split's triples too. Nothing else of a batch
            changes with it, and nothing at all for systems that read no mismatched captions.

    Raises:
        ValueError: an unknown split, or `count`, `objects`, `weights`, `seed` or `near_misses`
            out of range.
        IndexError: from the methods, where there is no such scene.

    Example:

    >>> source = Shapes("test", objects=(1,))
    >>> source.picture(0, 64).shape, len(source.captions(0))
    ((64, 64, 3), 5)
    """

    splits = SPLITS
    flip = False  # captions speak of left and right
    crop_margin = 1.0
    class_names = [triple_name(triple) for triple in range(TRIPLE_COUNT)]
    attribute_names = ATTRIBUTE_NAMES
    object_names = OBJECT_NAMES
    annotation_names = (
        "boxes",
        "objects",
        "masks",
        "attributes",
        "dialogue",
        "story",
        "story_images",
    )

    def __init__(
        self,
        split: str = "train",
        *,
        count: int | None = None,
        objects: Sequence[int] = (1, 2, 3),
        weights: Sequence[float] | None = None,
        seed: int = 0,
        near_misses: float = 0.0,
    ) -> None:
        _check_known(split, SPLITS, "split")
        self.split_name = split
        self.count = None if count is None else _checked_integer(count, "count", minimum=1)
        self.objects = _checked_objects(objects)
        self.weights = _checked_weights(weights, self.objects)
        self.seed = _checked_integer(seed, "seed", minimum=0)
        self.near_misses = _checked_share(near_misses, "near_misses")

    def __len__(self) -> int:
        return DEFAULT_COUNTS[self.split_name] if self.count is None else self.count

    def split(self, name: str) -> Shapes:
        """The same source, with equal arguments, for another split."""
        return Shapes(
            name,
            count=self.count,
            objects=self.objects,
            weights=self.weights,
            seed=self.seed,
            near_misses=self.near_misses,
        )

    def scene(self, index: int) -> Scene:
        """What is in picture `index`; negative numbers count from the end."""
        index = self._checked_index(index)
        table = self._table
        count = int(table.count[index])
        triples, centres = table.triples[index].tolist(), table.centres[index].tolist()
        items = tuple(make_item(triples[k], *centres[k]) for k in range(count))
        return Scene(items, int(table.background[index]), self._relations(index))

    def captions(self, index: int) -> list[str]:
        """Five captions, the plainest first."""
        return captions(self.scene(index))

    def near_miss_captions(self, index: int, chance: float) -> list[str]:
        """Three or five captions that are wrong in one thing, the plainest first."""
        told = near_miss(
            self.scene(index), chance, triples=self._split_triples, numbers=self.objects
        )
        return told.captions

    def picture(self, index: int, size: int) -> np.ndarray:
        """(size, size, 3) uint8, for any size from 8 to 1024 pixels."""
        return render(self.scene(index), size)

    def annotations(
        self, index: int, size: int, names: Sequence[str] | None = None
    ) -> dict[str, np.ndarray | list[str]]:
        """The truth about a scene: all of `annotation_names`, or those in `names`."""
        scene = self.scene(index)
        chosen = self.annotation_names if names is None else tuple(names)
        for name in chosen:
            _check_known(name, self.annotation_names, "annotation")
        check_size(size)
        return {name: self._annotation(name, index, size=size, scene=scene) for name in chosen}

    @property
    def class_ids(self) -> np.ndarray:
        """(N,) int32: the triple of each scene's first object."""
        return self._table.triples[:, 0].astype(np.int32)

    @cached_property
    def contents(self) -> np.ndarray:
        """(N,) int32: equal where captions, apart from the background, fit both scenes."""
        return np.array([self.scene(index).content for index in range(len(self))], np.int32)

    def _annotation(
        self, name: str, index: int, *, size: int, scene: Scene
    ) -> np.ndarray | list[str]:
        match name:
            case "boxes":
                return boxes(scene)
            case "objects":
                return object_classes(scene)
            case "masks":
                return masks(scene, size)
            case "attributes":
                return attribute_vector(scene)
            case "dialogue":
                return dialogue(scene, self._draws(index, DIALOGUE_DRAWS, stream=1))
        frames, sentences = story(scene, self.split_name, self._draws(index, STORY_DRAWS, stream=2))
        if name == "story":
            return sentences
        return np.stack([render(frame, size) for frame in frames])

    def _draws(self, index: int, count: int, *, stream: int) -> list[float]:
        row = np.array([self._checked_index(index)])
        return uniforms((*self._key, stream), row, range(count))[0].tolist()

    @property
    def _key(self) -> tuple[int, int]:
        return self.seed, SPLITS.index(self.split_name)

    @cached_property
    def _split_triples(self) -> frozenset[int]:
        return frozenset(triples_of_split(self.split_name).tolist())

    @cached_property
    def _table(self) -> SceneTable:
        shares = np.ones(len(self.objects)) if self.weights is None else np.array(self.weights)
        return draw_scenes(
            self._key,
            np.arange(len(self)),
            split=self.split_name,
            objects=self.objects,
            weights=shares / shares.sum(),
        )

    def _relations(self, index: int) -> tuple[Relation, ...]:
        first, second = int(self._table.first[index]), int(self._table.second[index])
        relations = []
        if first >= 0:
            relations.append(Relation(0, direction_name(first), 1))
        if second >= 0:
            relations.append(Relation(2, direction_name(second), int(self._table.anchor[index])))
        return tuple(relations)

    def _checked_index(self, index: int) -> int:
        if not -len(self) <= index < len(self):
            raise IndexError(
                f"Scene numbers run from 0 to {len(self) - 1}. Received: index={index}"
            )
        return index % len(self)


def _check_known(name: str, known: tuple[str, ...], kind: str) -> None:
    if name in known:
        return
    close = get_close_matches(str(name), known, n=1, cutoff=0.4)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"Unknown {kind}; expected one of {known}.{hint} Received: {kind}={name!r}")


def _checked_integer(value: int, name: str, *, minimum: int) -> int:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < minimum:
        raise ValueError(
            f"`{name}` must be an integer of at least {minimum}. Received: {name}={value!r}"
        )
    return int(value)


def _checked_share(value: float, name: str) -> float:
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not 0 <= value <= 1:
        raise ValueError(
            f"`{name}` is a share, from 0 to 1, for example 0.5. Received: {name}={value!r}"
        )
    return float(value)


def _checked_objects(objects: Sequence[int]) -> tuple[int, ...]:
    allowed = range(1, MAX_OBJECTS + 1)
    chosen = tuple(objects) if isinstance(objects, Sequence) else ()
    if not chosen or len(set(chosen)) < len(chosen) or any(n not in allowed for n in chosen):
        raise ValueError(
            "`objects` must list different numbers of objects from 1 to 3, for example (1, 2). "
            f"Received: objects={objects!r}"
        )
    return chosen


def _checked_weights(
    weights: Sequence[float] | None, objects: tuple[int, ...]
) -> tuple[float, ...] | None:
    if weights is None:
        return None
    chosen = tuple(float(weight) for weight in weights)
    if len(chosen) != len(objects) or min(chosen) < 0 or not 0 < sum(chosen) < float("inf"):
        raise ValueError(
            "`weights` must hold one non-negative number for each entry of `objects`, not all "
            f"zero. Received: weights={weights!r}, objects={objects!r}"
        )
    return chosen
