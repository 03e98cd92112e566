"""Near misses are understood by a reader of their own and compared with the true scene."""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

import numpy as np
import pytest

from keras_t2i.data import open_source
from keras_t2i.data.batching import BatchMaker, BatchPlan
from keras_t2i.data.shapes import Scene, Shapes
from keras_t2i.data.shapes.attributes import (
    BACKGROUNDS,
    COLOURS,
    NUMBERS,
    PLURALS,
    SHAPES,
    SIZES,
    triple_index,
    triples_of_split,
)
from keras_t2i.data.shapes.near_misses import KINDS, near_miss
from keras_t2i.text import WordTokenizer

SINGULAR = dict(zip(PLURALS, SHAPES, strict=True))
BACKGROUND = r"a (\w+) background with | on a (\w+) background|, the background is (\w+)"
RELATION = r" (to the left of|to the right of|above|below) "
NAMES = ("size", "colour", "shape")
NUMBERS_OF_OBJECTS = (1, 2, 3)
LARGEST = float(np.nextafter(1.0, 0.0))


class Told(NamedTuple):
    """What a caption says: objects and relations in order, 0 is the first object named."""

    counts: tuple
    looks: tuple  # (size, colour, shape) of each object
    relations: tuple  # (number of the subject, words, number of the other)
    background: str | None


def understood(caption):
    """Read a caption; fails where no scene of one to three objects has it."""
    match = re.search(BACKGROUND, caption)
    background = next(filter(None, match.groups())) if match else None
    rest = re.sub(r"^there (is|are) ", "", re.sub(BACKGROUND, "", caption))
    objects, relations = {}, []
    for clause in rest.split(" and "):
        words = re.split(RELATION, clause)
        mentioned = [mention(phrase, objects) for phrase in words[::2]]
        if len(words) > 1:
            relations.append((mentioned[0], words[1], mentioned[1]))
    counts = tuple(objects.values())
    assert 1 <= sum(counts) <= 3
    assert len(relations) == (len(counts) - 1 if max(counts) == 1 else 0)
    assert background in (None, *BACKGROUNDS)
    return Told(counts, tuple(objects), tuple(relations), background)


def mention(phrase, objects):
    """The number of an object; a new one is noted with its count."""
    article, size, colour, shape = phrase.split()
    look = (size, colour, SINGULAR.get(shape, shape))
    assert {size} <= set(SIZES)
    assert {colour} <= set(COLOURS)
    assert {look[2]} <= set(SHAPES)
    assert (article == "the") == (look in objects)
    if article != "the":
        objects[look] = 1 if article in ("a", "one") else NUMBERS.index(article)
        assert (shape in PLURALS) == (objects[look] > 1)
    return list(objects).index(look)


def is_true(told, scene):
    """Relations are false only where the picture does not show them by a hair."""
    items = {(SIZES[i.size], COLOURS[i.colour], SHAPES[i.shape]): i for i in scene.items}
    counts = Counter(item.triple for item in scene.items)
    seen = {look: counts[item.triple] for look, item in items.items()}
    if seen != dict(zip(told.looks, told.counts, strict=True)):
        return False
    if told.background not in (None, BACKGROUNDS[scene.background]):
        return False
    places = [items[look] for look in told.looks]
    return all(stands(places[a], words, places[b]) for a, words, b in told.relations)


def stands(subject, words, other):
    return {
        "to the left of": subject.x < other.x,
        "to the right of": subject.x > other.x,
        "above": subject.y < other.y,
        "below": subject.y > other.y,
    }[words]


def differences(told, true):
    """Which parts of two captions differ, and how."""
    found = [
        name for name in ("counts", "background") if getattr(told, name) != getattr(true, name)
    ]
    pairs = zip(told.relations, true.relations, strict=True)
    found += ["relation" for one, two in pairs if one != two]
    assert [r[::2] for r in told.relations] == [r[::2] for r in true.relations]
    for place, name in enumerate(NAMES):
        ours, theirs = [look[place] for look in told.looks], [look[place] for look in true.looks]
        wrong = sum(a != b for a, b in zip(ours, theirs, strict=True))
        exchanged = wrong == 2 and Counter(ours) == Counter(theirs)
        found += ["exchange"] if exchanged else [name] * wrong
    return found


@pytest.fixture(scope="module", params=Shapes.splits)
def errors(request):
    """The split, and for each of many scenes the scene, its captions and a near miss."""
    source = Shapes(request.param, count=600)
    triples = set(triples_of_split(request.param).tolist())
    chances = np.random.default_rng(0).random((3, len(source)))
    return request.param, [
        (
            source.scene(i),
            source.captions(i),
            near_miss(source.scene(i), chance, triples=triples, numbers=NUMBERS_OF_OBJECTS),
        )
        for row in chances
        for i, chance in enumerate(row)
    ]


def test_what_is_told_rightly_is_true(errors):
    for scene, captions, _ in errors[1]:
        assert all(is_true(understood(caption), scene) for caption in captions)


def test_a_near_miss_is_false_of_its_picture(errors):
    for scene, _, error in errors[1]:
        assert not any(is_true(understood(caption), scene) for caption in error.captions)


def test_a_near_miss_is_true_but_for_one_thing(errors):
    for _, captions, error in errors[1]:
        if error.kind == "background":
            captions = [caption for caption in captions if "background" in caption]
        for told, true in zip(error.captions, captions, strict=True):
            expected = "counts" if error.kind == "count" else error.kind
            assert differences(understood(told), understood(true)) == [expected]


def test_wrong_objects_are_of_the_splits_own_triples(errors):
    split, rows = errors
    allowed = set(triples_of_split(split).tolist())
    for _, _, error in rows:
        for caption in error.captions:
            for size, colour, shape in understood(caption).looks:
                numbers = COLOURS.index(colour), SHAPES.index(shape), SIZES.index(size)
                assert triple_index(*numbers) in allowed


def test_all_kinds_occur():
    kinds = kinds_in(Shapes("train", count=600))
    assert set(kinds) == set(KINDS)


def test_exchanges_and_relations_are_the_most_frequent_errors_of_different_objects():
    kinds = kinds_in(Shapes("train", count=600, objects=(2, 3)), related=True)
    shares = {kind: count / kinds.total() for kind, count in kinds.items()}
    assert set(shares) == set(KINDS) - {"count"}
    assert 0.2 < shares.pop("exchange") < 0.4
    assert 0.3 < shares.pop("relation") < 0.5
    assert 0.1 < shares.pop("shape") < 0.3
    assert max(shares.values()) < 0.15


def test_the_few_triples_of_other_splits_leave_relations_and_backgrounds():
    kinds = kinds_in(Shapes("test", count=600, objects=(2, 3)), related=True)
    assert kinds["relation"] > kinds.total() / 2
    assert 0 < kinds["exchange"] < kinds.total() / 8


def kinds_in(source, related=False):
    triples = set(triples_of_split(source.split_name).tolist())
    chances = np.random.default_rng(1).random(len(source))
    scenes = [source.scene(index) for index in range(len(source))]
    return Counter(
        near_miss(scene, chance, triples=triples, numbers=source.objects).kind
        for scene, chance in zip(scenes, chances, strict=True)
        if scene.relations or not related
    )


def all_errors(scene, *, triples=range(96), numbers=NUMBERS_OF_OBJECTS):
    chances = [*np.linspace(0, 1, 997, endpoint=False).tolist(), LARGEST]
    return [near_miss(scene, chance, triples=triples, numbers=numbers) for chance in chances]


def test_where_all_is_possible_kinds_have_their_shares():
    scene = Scene.of(("small red circle", 0.5, 0.2), ("large blue star", 0.5, 0.8))
    kinds = Counter(error.kind for error in all_errors(scene))
    assert {k: round(16 * n / kinds.total(), 1) for k, n in kinds.items()} == {
        "exchange": 5,  # of 16: different objects are not counted
        "relation": 5,
        "shape": 3,
        "colour": 1,
        "size": 1,
        "background": 1,
    }


def test_one_object_has_neither_exchange_nor_relation():
    kinds = Counter(e.kind for e in all_errors(Scene.of(("small red circle", 0.5, 0.5))))
    assert set(kinds) == {"colour", "shape", "size", "background", "count"}
    shapes = kinds.pop("shape")
    assert max(kinds.values()) - min(kinds.values()) <= 5
    assert shapes == pytest.approx(3 * kinds["colour"], rel=0.05)


def test_equal_objects_change_together():
    scene = Scene.of(("small red circle", 0.2, 0.5), ("small red circle", 0.8, 0.5))
    found = all_errors(scene)
    assert {e.kind for e in found} == {"colour", "shape", "size", "background", "count"}
    plain = {e.captions[0] for e in found if e.kind in ("size", "count")}
    assert plain == {"two large red circles", "a small red circle", "three small red circles"}


def test_where_nothing_else_may_be_the_background_is_wrong():
    scene = Scene.of(("small red circle", 0.5, 0.5))
    found = all_errors(scene, triples={scene.items[0].triple}, numbers=(1,))
    assert {e.kind for e in found} == {"background"}
    assert {BACKGROUNDS[e.scene.background] for e in found} == set(BACKGROUNDS) - {"white"}
    assert found[0].captions == [
        "a small red circle on a grey background",
        "one small red circle, the background is grey",
        "a grey background with one small red circle",
    ]


def test_the_second_of_two_kinds_of_objects_can_be_the_one_that_is_there_twice():
    scene = Scene.of(
        ("small red circle", 0.2, 0.2),
        ("small red circle", 0.2, 0.8),
        ("large blue star", 0.7, 0.5),
    )
    counts = {e.captions[0] for e in all_errors(scene) if e.kind == "count"}
    assert counts == {"a small red circle and two large blue stars"}


def test_an_exchange_gives_each_the_others_look():
    scene = Scene.of(("small red circle", 0.5, 0.2), ("large blue circle", 0.5, 0.8))
    exchanged = {e.captions[0] for e in all_errors(scene) if e.kind == "exchange"}
    assert exchanged == {
        "a small blue circle to the left of a large red circle",
        "a large red circle to the left of a small blue circle",
    }


def test_no_exchange_makes_a_scene_that_is_as_true():
    """Both small ones stand below the large one and to its left: the told sides say too little."""
    scene = Scene.of(
        ("large blue star", 0.2, 0.8), ("small red circle", 0.4, 0.2), ("small red heart", 0.8, 0.6)
    )
    assert [r.name for r in scene.relations] == ["right", "below"]
    swapped = {e.captions[0] for e in all_errors(scene) if e.kind == "exchange"}
    untold = "a large blue star to the right of a small red heart and a small red circle below"
    assert swapped
    assert not any(caption.startswith(untold) for caption in swapped)


def test_a_turned_relation_is_not_true_by_a_hair():
    scene = Scene.of(("small red circle", 0.4, 0.2), ("large blue star", 0.5, 0.8))
    turned = {e.captions[0].split(" a ")[0][19:] for e in all_errors(scene) if e.kind == "relation"}
    assert turned == {"to the right of", "below"}


def maker(source, **changes):
    plan = {
        "resolutions": (8,),
        "batch_size": 6,
        "shuffle": True,
        "augment": True,
        "mismatched": True,
        "annotations": (),
        "seed": 3,
        "drop_remainder": True,
    }
    return BatchMaker(source, BatchPlan(**{**plan, **changes}))


def texts(batch, name="mismatched"):
    return [caption.decode() for caption in batch[name]]


def is_near(source, index, caption):
    """Is a caption, as one of its own scene's five, wrong in one thing only?"""
    told = understood(caption)
    for true in map(understood, source.captions(index)):
        alike = len(told.looks) == len(true.looks)
        alike &= [r[::2] for r in told.relations] == [r[::2] for r in true.relations]
        alike &= (told.background is None) == (true.background is None)
        if alike and len(differences(told, true)) == 1:
            return True
    return False


def nearness(source, made):
    """Of a batch that holds all scenes in order: which rows are near misses?"""
    return np.array([is_near(source, *row) for row in enumerate(texts(made))])


def test_without_near_misses_batches_are_as_they_were():
    """These captions were drawn before there were near misses."""
    assert texts(maker(Shapes(count=60)).make(4)) == [
        "there is a large cyan square",
        "a small yellow circle below a small red triangle",
        "two large orange stars and a small blue circle on a black background",
        "there is a small yellow circle below a small red triangle",
        "a large cyan triangle above a small red star "
        "and a large green circle to the right of the large cyan triangle",
        "a large red circle on a grey background",
    ]


def test_near_misses_change_nothing_but_their_own_rows():
    source = Shapes(count=60, near_misses=0.5)
    plain, mixed = (
        maker(each, batch_size=60, shuffle=False).make(0) for each in (Shapes(count=60), source)
    )
    for name in ("captions", "images", "labels", "content"):
        np.testing.assert_array_equal(mixed[name], plain[name])
    changed = mixed["mismatched"] != plain["mismatched"]
    assert 15 < changed.sum() < 45
    assert nearness(source, mixed)[changed].all()


@pytest.mark.parametrize(("share", "low", "high"), [(1, 1, 1), (0.5, 0.4, 0.6), (0.1, 0.05, 0.2)])
def test_the_share_of_rows_is_the_one_that_was_asked_for(share, low, high):
    source = Shapes(count=400, near_misses=share)
    made = maker(source, batch_size=400, shuffle=False).make(0)
    assert low <= np.mean(nearness(source, made)) <= high


def test_without_shuffling_a_near_miss_is_the_plainest_that_tells_the_error():
    source = Shapes(count=100, near_misses=1)
    for told in texts(maker(source, batch_size=100, shuffle=False).make(0)):
        assert not re.search("^there|^one|the background is|^a .* background with", told)


def test_near_misses_are_a_function_of_seed_and_number():
    made = [maker(Shapes(count=60, near_misses=0.5)) for _ in range(2)]
    later = [texts(made[0].make(number)) for number in range(4)]
    assert [texts(made[1].make(number)) for number in (3, 1)] == [later[3], later[1]]
    assert texts(maker(Shapes(count=60, near_misses=0.5), seed=4).make(1)) != later[1]


@pytest.mark.parametrize("workers", [2, 3])
def test_the_near_misses_of_all_workers_are_those_of_the_whole_batch(workers):
    whole = maker(Shapes(count=60, near_misses=0.5), batch_size=12)
    shards = [texts(whole.of_worker((k, workers)).make(2)) for k in range(workers)]
    assert [text for shard in shards for text in shard] == texts(whole.make(2))


def test_a_source_of_single_objects_tells_of_no_more():
    source = Shapes("val", count=20, objects=(1,), near_misses=1)
    told = {source.near_miss_captions(3, k / 50)[0] for k in range(50)}
    assert len(told) > 3
    assert not told & set(source.captions(3))
    assert all(understood(caption).counts == (1,) for caption in told)


def test_batches_of_different_shares_have_different_facts():
    words = WordTokenizer.from_captions(["a small red circle"], length=4)
    facts = [
        Shapes(count=20, near_misses=share).batches(words, (8,), 4).facts for share in (0, 0.25, 1)
    ]
    assert "near_misses" not in facts[0]
    assert [each["near_misses"] for each in facts[1:]] == [0.25, 1.0]
    assert facts[0]["captions"] == facts[1]["captions"]


def test_splits_keep_the_share():
    assert Shapes(near_misses=0.25).split("val").near_misses == 0.25
    assert open_source("shapes", near_misses=1).near_misses == 1.0


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan"), "half", True, None])
def test_shares_that_are_none_are_refused(share):
    with pytest.raises(ValueError, match=f"a share, from 0 to 1.*Received: near_misses={share!r}"):
        Shapes(near_misses=share)
