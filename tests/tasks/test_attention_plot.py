import numpy as np
import pytest
from PIL import Image

import keras_t2i
from keras_t2i.models import CaptionAttention
from keras_t2i.tasks import paint_files

PICTURE = np.zeros((2, 2, 3), np.uint8)
PICTURE[0, 0] = (255, 0, 0)


def of(words, *maps):
    maps = np.array(maps, "float32").reshape(len(words), 2, 2)
    return CaptionAttention(tuple(words), {2: maps, 1: maps.mean(axis=(1, 2), keepdims=True)})


@pytest.fixture
def drawn(monkeypatch):
    """What is laid out: (pictures, labels) of each row."""
    from keras_t2i.tasks import attention_plot

    rows = []

    def note(pictures, labels, *, side):
        rows.append((pictures[""], list(labels)))
        return Image.new("RGB", (10 * len(labels), 20), "white")

    monkeypatch.setattr(attention_plot, "labelled_grid", note)
    return rows


def test_a_row_shows_the_picture_and_each_word(drawn):
    attention = of(["red", "sky"], [1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 1.0, 1.0])
    image = keras_t2i.plot_attention(PICTURE, attention, side=2)
    ((pictures, labels),) = drawn
    assert labels == ["red sky", "red 25%", "sky 75%"]
    np.testing.assert_array_equal(pictures[0], PICTURE)
    assert image.size == (30, 20)


def test_hand_computed_colours(drawn):
    attention = of(["red", "sky"], [0.5, 0.25, 0.0, 0.0], [0.0, 0.0, 0.0, 0.5])
    keras_t2i.plot_attention(PICTURE, attention, side=2)
    _, red, sky = drawn[0][0]
    # Lightness of pure red is 0.299 x 255 = 76.2; the strongest attention covers 85 %.
    cover = np.array([255.0, 120.0, 0.0])
    np.testing.assert_array_equal(red[0, 0], np.rint(0.15 * 76.245 + 0.85 * cover))
    np.testing.assert_array_equal(red[0, 1], np.rint(0.5 * 0.85 * cover))
    np.testing.assert_array_equal(red[1], np.zeros((2, 3)))
    np.testing.assert_array_equal(sky[0, 0], [76, 76, 76])


def test_maps_are_enlarged_smoothly_and_pictures_in_squares(drawn):
    attention = of(["red"], [1.0, 0.0, 1.0, 0.0])
    keras_t2i.plot_attention(PICTURE, attention, side=9)
    picture, red = drawn[0][0]
    assert picture.shape == (8, 8, 3)
    np.testing.assert_array_equal(picture[:4, :4], np.broadcast_to([255, 0, 0], (4, 4, 3)))
    row = red[7, :, 0].astype(int)  # below, where the picture is black
    assert (np.diff(row) <= 0).all()
    assert len(np.unique(row)) > 3


@pytest.mark.parametrize(("side", "reduced"), [(4, 4), (3, 2), (1, 1)])
def test_large_pictures_are_reduced_by_a_whole_number(drawn, side, reduced):
    large = PICTURE.repeat(2, axis=0).repeat(2, axis=1)
    keras_t2i.plot_attention(large, of(["red"], [1.0, 0.0, 0.0, 0.0]), side=side)
    picture, red = drawn[0][0]
    assert picture.shape == red.shape == (reduced, reduced, 3)
    expected = PICTURE.mean(axis=(0, 1)) if reduced == 1 else [255, 0, 0]
    np.testing.assert_allclose(picture[0, 0], expected, atol=1)


def test_a_large_picture_takes_the_room_of_a_small_one():
    attention = of(["red"], [1.0] * 4)
    sizes = [
        keras_t2i.plot_attention(np.zeros((size, size, 3), np.uint8), attention).size
        for size in (64, 128, 256, 512)
    ]
    assert len(set(sizes)) == 1


def test_a_word_that_nothing_looks_at_stays_grey(drawn):
    keras_t2i.plot_attention(PICTURE, of(["red", "a"], [1.0] * 4, [0.0] * 4), side=2)
    assert (np.ptp(drawn[0][0][2].astype(int), axis=-1) == 0).all()


def test_the_most_attended_words_alone(drawn):
    attention = of(["a", "red", "sky"], [0.3] * 4, [0.7, 0.0, 0.0, 0.0], [0.0, 0.7, 0.7, 0.7])
    keras_t2i.plot_attention(PICTURE, attention, most=1)
    assert drawn[0][1] == ["a red sky", "sky 52%"]


def test_the_finest_stage_unless_told(drawn):
    attention = of(["red", "sky"], [1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 1.0, 1.0])
    keras_t2i.plot_attention(PICTURE, attention, stage=1, side=2)
    assert np.unique(drawn[0][0][1].reshape(4, 3)[1:], axis=0).shape == (1, 3)  # flat
    with pytest.raises(ValueError, match=r"`stage` must be one of \[2, 1\].*Received: stage=64"):
        keras_t2i.plot_attention(PICTURE, attention, stage=64)


def test_several_pictures_are_rows_below_each_other():
    attention = [of(["red"], [1.0] * 4), of(["a", "sky"], [0.5] * 4, [0.5] * 4)]
    both = keras_t2i.plot_attention(np.stack([PICTURE] * 2), attention)
    alone = [keras_t2i.plot_attention(PICTURE, one) for one in attention]
    assert both.size == (alone[1].width, alone[0].height + alone[1].height)
    pixels = np.asarray(both)
    np.testing.assert_array_equal(pixels[: alone[0].height, : alone[0].width], alone[0])
    np.testing.assert_array_equal(pixels[alone[0].height :], alone[1])


@pytest.mark.parametrize("pictures", [PICTURE[None].repeat(2, 0), PICTURE, PICTURE[:0][None][:0]])
def test_as_many_pictures_as_captions(pictures):
    attention = [of(["red"], [1.0] * 4)] if len(pictures) else []
    with pytest.raises(ValueError, match="`pictures` must be uint8"):
        keras_t2i.plot_attention(pictures, attention)


@pytest.mark.parametrize(
    ("picture", "received"),
    [
        (PICTURE.astype("float32"), r"float32 \(1, 2, 2, 3\)"),
        (PICTURE[..., :1], r"uint8 \(1, 2, 2, 1\)"),
    ],
)
def test_pictures_are_bytes_of_three_colours(picture, received):
    with pytest.raises(ValueError, match=f"must be uint8.*Received: pictures {received}, 1 att"):
        keras_t2i.plot_attention(picture, of(["red"], [1.0] * 4))


@pytest.mark.parametrize("most", [None, 3])
def test_without_words_there_is_the_picture_alone(drawn, most):
    keras_t2i.plot_attention(PICTURE, of([]), most=most, stage=2)
    assert drawn[0][1] == [""]


def test_at_least_one_word():
    with pytest.raises(ValueError, match="`most` must be positive.*Received: most=0"):
        keras_t2i.plot_attention(PICTURE, of(["red"], [1.0] * 4), most=0)


def test_painted_files_come_with_the_drawing_of_their_attention(attending, tmp_path):
    model = attending.painter
    painted = paint_files(
        model,
        ["a red circle", "red"],
        tmp_path / "out",
        seed=3,
        attention=tmp_path / "new" / "a.png",
    )
    assert painted.attention == tmp_path / "new" / "a.png"
    pictures, attention = model.generate(
        ["a red circle", "red"], seed=[3, 3], return_attention=True
    )
    with Image.open(painted.attention) as found:
        expected = keras_t2i.plot_attention(pictures, attention)
        np.testing.assert_allclose(np.asarray(found).astype(int), expected, atol=1)
    assert paint_files(model, "red", tmp_path / "b.png").attention is None


def test_what_cannot_be_drawn_is_told_before_anything_is_painted(attending, smallest, tmp_path):
    model, out = attending.painter, tmp_path / "a.png"
    for path in (out, tmp_path / "maps.jpg"):
        with pytest.raises(ValueError, match=r"`attention` must name a .png file, another"):
            paint_files(model, "red", out, attention=path)
    with pytest.raises(ValueError, match=r"look at words.*Received: model of type SmallestGAN"):
        paint_files(smallest.painter, "red", out, attention=tmp_path / "maps.png")
    (tmp_path / "maps.png").write_bytes(b"")
    with pytest.raises(FileExistsError, match=r"maps.png"):
        paint_files(model, "red", out, attention=tmp_path / "maps.png")
    assert not out.exists()
