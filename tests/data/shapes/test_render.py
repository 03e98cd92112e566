from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from keras_t2i.data.shapes import Scene, Shapes, render, render_masks
from keras_t2i.data.shapes.attributes import BACKGROUND_VALUES, COLOUR_VALUES, SHAPES
from keras_t2i.data.shapes.render import box

ONE = Scene.of(("large red square", 0.5, 0.5), background="black")


@pytest.mark.parametrize("size", [8, 17, 32, 64, 100, 256, 1024])
def test_any_size_shows_the_colours_of_the_scene(size):
    picture = render(ONE, size)
    assert picture.shape == (size, size, 3)
    assert picture.dtype == np.uint8
    assert picture[size // 2, size // 2].tolist() == COLOUR_VALUES[0].tolist()
    assert picture[0, 0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("size", [16, 64, 512])
def test_a_square_covers_the_area_of_its_sides(size):
    area = render_masks(ONE, size)[0].sum() / size**2
    assert area == pytest.approx((2 * 0.74 * 0.21) ** 2, rel=0.03)


def test_all_sizes_show_the_same_scene():
    fine, coarse = render(ONE, 128).astype(float), render(ONE, 32)
    shrunk = fine.reshape(32, 4, 32, 4, 3).mean(axis=(1, 3))
    assert np.abs(shrunk - coarse).max() <= 255 / 16  # one of 16 samples along an edge


def test_edges_are_antialiased():
    mask = render_masks(Scene.of(("large red circle", 0.5, 0.5)), 64)[0]
    assert ((mask > 0.1) & (mask < 0.9)).sum() > 30


@pytest.mark.parametrize("size", [8, 32, 64, 300])
def test_masks_and_colours_compose_to_the_picture(size):
    source = Shapes(count=20)
    for index in range(len(source)):
        scene = source.scene(index)
        masks = render_masks(scene, size)
        expected = (1 - masks.sum(0))[..., None] * BACKGROUND_VALUES[scene.background]
        for item, mask in zip(scene.items, masks, strict=True):
            expected = expected + mask[..., None] * COLOUR_VALUES[item.colour]
        assert np.abs(expected - source.picture(index, size)).max() <= 1.01


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [32, 64, 300])
def test_boxes_fit_masks_tightly(shape, size):
    scene = Scene.of((f"large red {shape}", 0.37, 0.58), (f"small blue {shape}", 0.8, 0.2))
    for item, mask in zip(scene.items, render_masks(scene, size), strict=True):
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        drawn = [rows[0], columns[0], rows[-1] + 1, columns[-1] + 1]
        np.testing.assert_allclose(np.array(box(item)) * size, drawn, atol=1.3)


def test_later_objects_cover_earlier_ones():
    scene = Scene.of(("large red square", 0.5, 0.5), ("small blue circle", 0.5, 0.5))
    masks = render_masks(scene, 64)
    assert masks[:, 32, 32].tolist() == [0, 1]
    assert masks.sum(0).max() <= 1
    assert render(scene, 64)[32, 32].tolist() == COLOUR_VALUES[2].tolist()


@pytest.mark.parametrize(("y", "x"), [(0.0, 0.0), (1.0, 0.5), (0.5, 1.3), (-2.0, 0.5)])
def test_objects_beyond_the_edge_are_cut_off(y, x):
    scene = Scene.of(("large red square", y, x))
    assert render(scene, 32).shape == (32, 32, 3)
    assert render_masks(scene, 32).sum() < (0.21 * 2 * 32) ** 2
    assert all(0 <= edge <= 1 for edge in box(scene.items[0]))


def test_small_shapes_differ_at_32_pixels():
    scenes = [Scene.of((f"small red {shape}", 0.5, 0.5)) for shape in SHAPES]
    masks = [render_masks(scene, 32)[0] for scene in scenes]
    assert min(np.abs(a - b).sum() for a, b in combinations(masks, 2)) > 5


def test_triangle_star_and_heart_stand_upright():
    for shape in ("triangle", "star", "heart"):
        mask = render_masks(Scene.of((f"large red {shape}", 0.5, 0.5)), 128)[0]
        np.testing.assert_allclose(mask, mask[:, ::-1], atol=0.07)
    rows = {s: render_masks(Scene.of((f"large red {s}", 0.5, 0.5)), 128)[0] for s in SHAPES}
    assert rows["triangle"][:64].sum() < rows["triangle"][64:].sum()
    assert rows["heart"][:64].sum() > rows["heart"][64:].sum()
    assert rows["star"][40].sum() < rows["star"][58].sum()


@pytest.mark.parametrize("size", [7, 1025, 64.0, "64"])
def test_sizes_out_of_range_are_refused(size):
    with pytest.raises(ValueError, match="Received: size="):
        render(ONE, size)
