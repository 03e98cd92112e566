"""ShapesBench as a whole: an oracle, a blind painter, and painters that err on purpose."""

from __future__ import annotations

import numpy as np
import pytest

from keras_t2i.data.shapes import Scene, render
from keras_t2i.metrics.shapes_bench import ROWS, BenchResult, ShapesBench

FEW = 120


@pytest.fixture(scope="module")
def bench():
    return ShapesBench()


@pytest.fixture(scope="module")
def small_bench():
    return ShapesBench(count=FEW)


def renders(bench: ShapesBench, size: int = 64) -> np.ndarray:
    """True pictures of the captions."""
    return np.stack([render(scene, size) for scene in bench.scenes])


@pytest.fixture(scope="module")
def blind(bench):
    """What a painter gets who knows the captions but not which is asked."""
    order = np.random.default_rng(0).permutation(len(bench.scenes))
    other = dict(zip(order, np.roll(order, 1), strict=True))  # never a caption's own scene
    return bench.judge_scenes([bench.scenes[other[i]] for i in range(len(other))])


def values(result: BenchResult) -> dict[str, float]:
    return {name: row.value for name, row in result.rows.items()}


def test_the_true_scenes_score_one_in_every_row(bench):
    result = bench.judge_scenes(bench.scenes)
    assert list(result.rows) == list(ROWS)
    assert set(values(result).values()) == {1.0}
    assert {row.deviation for row in result.rows.values()} == {0.0}
    assert [result.rows[n].n for n in ("object", "relation")] == [2000, 908]


def test_shuffled_scenes_score_at_chance(blind):
    chance = values(blind)
    assert chance["background"] == pytest.approx(0.25, abs=0.04)
    assert chance["count"] == pytest.approx(1 / 3, abs=0.04)
    # 1, 2 or 3 told and as many painted, independently: min(told, painted) / told on average
    assert chance["object"] == pytest.approx(
        (1 + (0.5 + 1 + 1) / 3 + (1 / 3 + 2 / 3 + 1) / 3) / 3, abs=0.02
    )
    assert chance["relation"] < 0.25
    assert chance["binding"] < 0.2
    assert chance["caption"] < 0.01
    # one object of 16 triples, whose shapes are told and painted equally often, mostly
    single = blind.by_objects[1]
    assert 1 / 8 < single["colour"].value < 2 / 8
    assert single["binding"].value < single["shape"].value


def test_swapping_the_colours_of_different_shapes_lowers_binding_alone(bench):
    result = bench.judge_scenes([_recoloured(scene) for scene in bench.scenes])
    fallen = {name for name, value in values(result).items() if value < 1}
    assert fallen == {"binding", "caption"}
    assert result.by_objects[1]["binding"].value == 1.0
    assert result.by_objects[2]["binding"].value < 0.7


def test_a_painter_of_one_object_too_many_miscounts_only(bench):
    extra = Scene.of(("small red circle", 0.1, 0.1)).items
    result = bench.judge_scenes(
        [Scene(scene.items + extra, scene.background) for scene in bench.scenes]
    )
    assert {name for name, value in values(result).items() if value < 1} == {"count", "caption"}
    assert result.rows["count"].value == 0.0


def test_by_objects_adds_up_to_the_whole(blind):
    for name, row in blind.rows.items():
        parts = [rows[name] for rows in blind.by_objects.values() if name in rows]
        assert sum(part.n for part in parts) == row.n
        assert sum(part.n * part.value for part in parts) == pytest.approx(row.n * row.value)
    assert "relation" not in blind.by_objects[1]


def test_real_renders_score_nearly_one(small_bench):
    result = small_bench.judge(renders(small_bench))
    assert min(values(result).values()) >= 0.98
    assert result.detector == small_bench.detector.accuracy
    assert result.detector_sha256 == small_bench.detector.sha256


def test_renders_in_the_wrong_order_score_at_chance(small_bench):
    result = small_bench.judge(np.roll(renders(small_bench), 1, axis=0))
    assert result.rows["background"].value < 0.45
    assert result.rows["count"].value == pytest.approx(0, abs=0.02)  # 1, 2, 3 take turns
    assert result.rows["caption"].value < 0.02


def test_larger_pictures_are_judged_alike(small_bench):
    result = small_bench.judge(renders(small_bench, 128))
    assert result.rows["binding"].value >= 0.97


def test_fewer_captions_have_another_hash(bench, small_bench):
    assert small_bench.captions == bench.captions[:FEW]
    assert small_bench.captions_sha256 != bench.captions_sha256


def test_another_number_of_pictures_is_refused(small_bench):
    with pytest.raises(ValueError, match="captions=120, pictures=119"):
        small_bench.judge(renders(small_bench)[:-1])
    with pytest.raises(ValueError, match="captions=120, pictures=1"):
        small_bench.judge_scenes(small_bench.scenes[:1])


def test_floats_are_refused_before_anything_is_judged(small_bench):
    with pytest.raises(TypeError, match="float32"):
        small_bench.judge(np.zeros((FEW, 64, 64, 3), np.float32))


def _recoloured(scene: Scene) -> Scene:
    """The scene with the colours of its objects passed round, where all shapes differ."""
    items = scene.items
    if len({item.shape for item in items}) < len(items):
        return scene
    colours = [item.colour for item in items]
    passed = zip(items, colours[1:] + colours[:1], strict=True)
    return Scene(tuple(i._replace(colour=c) for i, c in passed), scene.background)
