import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_t2i.metrics.extractors.resize import RESIZES, resize_pictures

SIZES = {"up": ((9, 13), 20), "down": ((40, 31), 12), "same": ((16, 16), 16)}


@pytest.fixture(params=SIZES)
def case(request, made):
    (height, width), side = SIZES[request.param]
    return request.param, made.picture(f"resize_{request.param}", height, width), side


def by_pil(picture, side, kind, *, floats):
    if not floats:
        return np.asarray(Image.fromarray(picture).resize((side, side), kind), np.float32)
    bands = [Image.fromarray(picture[..., n].astype(np.float32)) for n in range(3)]
    return np.stack([np.asarray(band.resize((side, side), kind)) for band in bands], axis=-1)


@pytest.mark.parametrize(
    "method",
    ["half_pixel_bilinear", "align_corners_bilinear", "torch_bicubic", "antialias_bilinear"],
)
@pytest.mark.parametrize("direction", ["up", "down"])
def test_equals_torch(made, recorded, method, direction):
    (height, width), side = SIZES[direction]
    picture = made.picture(f"resize_{direction}", height, width)
    found = resize_pictures(picture, side, method=method)
    # Levels reach 255, in single precision; torch rounds its antialias weights.
    np.testing.assert_allclose(found, recorded[f"{method}_{direction}"], atol=2e-4)


@pytest.mark.parametrize(
    ("method", "options"),
    [("tf1_bilinear", {}), ("align_corners_bilinear", {"align_corners": True})],
)
def test_equals_tensorflow_1(case, method, options):
    _, picture, side = case
    expected = tf.compat.v1.image.resize_bilinear(picture, (side, side), **options)
    np.testing.assert_allclose(
        resize_pictures(picture, side, method=method), expected.numpy(), atol=1e-3
    )


@pytest.mark.parametrize(
    ("method", "antialias"), [("half_pixel_bilinear", False), ("antialias_bilinear", True)]
)
def test_equals_tensorflow_2(case, method, antialias):
    _, picture, side = case
    expected = tf.image.resize(picture, (side, side), antialias=antialias)
    np.testing.assert_allclose(
        resize_pictures(picture, side, method=method), expected.numpy(), atol=1e-3
    )


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("antialias_bilinear", Image.Resampling.BILINEAR),
        ("antialias_bicubic", Image.Resampling.BICUBIC),
    ],
)
def test_equals_pil_on_floats(case, method, kind):
    _, picture, side = case
    expected = by_pil(picture[0], side, kind, floats=True)
    np.testing.assert_allclose(
        resize_pictures(picture, side, method=method)[0], expected, atol=2e-4
    )


@pytest.mark.parametrize(
    ("method", "kind"),
    [("pil_bilinear", Image.Resampling.BILINEAR), ("pil_bicubic", Image.Resampling.BICUBIC)],
)
def test_equals_pil_on_levels(case, method, kind):
    _, picture, side = case
    expected = by_pil(picture[0], side, kind, floats=False)
    np.testing.assert_array_equal(resize_pictures(picture, side, method=method)[0], expected)


def test_all_ways_differ(made):
    picture = made.picture("resize_down", 40, 31)
    found = {name: resize_pictures(picture, 12, method=name) for name in RESIZES}
    names = sorted(found)
    for number, name in enumerate(names):
        for other in names[number + 1 :]:
            assert np.abs(found[name] - found[other]).max() > 0.01, (name, other)


@pytest.mark.parametrize("method", RESIZES)
def test_a_picture_of_the_right_size_stays_as_it_is(made, method):
    picture = made.picture("same", 16, 16)
    np.testing.assert_allclose(resize_pictures(picture, 16, method=method), picture, atol=1e-4)


@pytest.mark.parametrize("method", RESIZES)
def test_one_colour_stays_one_colour(method):
    picture = np.full((1, 9, 7, 3), 200, np.uint8)
    np.testing.assert_allclose(resize_pictures(picture, 5, method=method), 200.0, atol=1e-3)


def test_unknown_ways_are_errors():
    with pytest.raises(ValueError, match="must be one of.*method='bilinear'"):
        resize_pictures(np.zeros((1, 4, 4, 3), np.uint8), 2, method="bilinear")
