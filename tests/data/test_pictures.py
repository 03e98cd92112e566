import io
import pathlib
import struct

import numpy as np
import pytest
from PIL import Image

from keras_t2i.data.pictures import (
    UNREADABLE,
    box_fault,
    check_pictures,
    middle_square,
    object_box,
    read_picture,
    upright_size,
)


def encoded(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    file.seek(0)
    return file


def thirds(width=30, height=10):
    """Red, green and blue thirds from left to right."""
    picture = Image.new("RGB", (width, height), "red")
    third = width // 3
    picture.paste("lime", (third, 0, 2 * third, height))
    picture.paste("blue", (2 * third, 0, width, height))
    return picture


def test_the_middle_square_is_taken():
    square = read_picture(encoded(thirds()), 8)
    assert square.dtype == np.uint8
    np.testing.assert_array_equal(square, np.full((8, 8, 3), (0, 255, 0), np.uint8))


@pytest.mark.parametrize(
    ("size", "square"), [((30, 10), (10, 0, 20, 10)), ((5, 8), (0, 1.5, 5, 6.5))]
)
def test_the_middle_square_of_wide_and_tall_pictures(size, square):
    assert middle_square(*size) == square


def test_the_object_box_is_that_of_the_published_crops():
    assert object_box((155.0, 80.0, 194.0, 117.0), 500, 364) == (107, 0, 397, 283)
    assert object_box((10, 20, 4, 8), 100, 100) == (6, 18, 18, 30)


@pytest.mark.parametrize("bbox", [(300, 0, 10, 10), (5, 5, 0, 10), (5, 5, 10, -1)])
def test_boxes_beside_the_picture_are_refused(bbox):
    with pytest.raises(ValueError, match="`bbox` must be x, y, width, height"):
        object_box(bbox, 100, 100)
    assert "picture=100x100" in box_fault(bbox, (100, 100))


def test_the_crop_around_an_object_shows_it():
    square = read_picture(encoded(thirds(300, 100)), 8, bbox=(230, 30, 40, 40))
    np.testing.assert_array_equal(square, np.full((8, 8, 3), (0, 0, 255), np.uint8))


def test_boxes_fit_pictures_that_were_decoded_smaller():
    big = thirds(3000, 1000)
    square = read_picture(encoded(big, "JPEG", quality=95), 8, bbox=(2300, 300, 400, 400))
    assert np.abs(square.astype(int) - (0, 0, 255)).max() < 12


@pytest.mark.parametrize("kind", [1, 2])  # a byte, a letter: nothing that says a direction
def test_an_odd_exif_orientation_is_none(kind):
    entry = struct.pack("<HHI4s", 0x0112, kind, 1, b"\x06\0\0\0")
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + entry + b"\0\0\0\0"
    file = encoded(Image.new("RGB", (30, 10)), "JPEG", exif=exif)
    assert upright_size(Image.open(file)) == (30, 10)
    assert read_picture(file, 8).shape == (8, 8, 3)


def test_the_exif_orientation_is_followed():
    exif = Image.Exif()
    exif[0x0112] = 6  # turn right by 90 degrees to see it upright
    picture = Image.new("RGB", (40, 40), "red")
    picture.paste("blue", (0, 20, 40, 40))
    square = read_picture(encoded(picture, "JPEG", quality=95, exif=exif.tobytes()), 8)
    assert square[4, 0, 2] > 200  # the bottom came to the left
    assert square[4, 7, 0] > 200


def test_the_reported_size_is_the_upright_one(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 8
    path = tmp_path / "turned.jpg"
    Image.new("RGB", (40, 20)).save(path, exif=exif.tobytes())
    assert check_pictures([path]) == [((20, 40), "")]


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("L", 100, (100, 100, 100)),
        ("1", 1, (255, 255, 255)),
        ("LA", (100, 255), (100, 100, 100)),
        ("RGBA", (255, 0, 0, 0), (255, 255, 255)),
        ("RGBA", (255, 0, 0, 255), (255, 0, 0)),
        ("I;16", 25700, (100, 100, 100)),
    ],
)
def test_every_mode_becomes_rgb_on_white(mode, colour, expected):
    square = read_picture(encoded(Image.new(mode, (6, 6), colour)), 4)
    np.testing.assert_array_equal(square, np.full((4, 4, 3), expected, np.uint8))


def test_floats_from_zero_to_one_become_grey_levels():
    picture = Image.fromarray(np.full((6, 6), 0.6, np.float32))
    assert (read_picture(encoded(picture, "TIFF"), 4) == 153).all()


def test_cmyk_becomes_rgb():
    picture = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    square = read_picture(encoded(picture, "JPEG", quality=95), 4)
    assert np.abs(square.astype(int) - (255, 0, 0)).max() < 12


def test_a_palette_with_a_transparent_colour_lies_on_white():
    picture = Image.new("P", (6, 6), 1)
    picture.putpalette([255, 0, 0, 0, 255, 0])
    square = read_picture(encoded(picture, "PNG", transparency=1), 4)
    assert (square == 255).all()


def test_the_first_frame_stands_for_an_animation():
    frames = [Image.new("RGB", (6, 6), colour) for colour in ("red", "blue")]
    file = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(read_picture(file, 2)[0, 0], (255, 0, 0))


@pytest.mark.parametrize("kind", ["BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP"])
def test_every_promised_format_is_read(kind):
    square = read_picture(encoded(Image.new("RGB", (9, 9), "white"), kind), 4)
    assert (square == 255).all()


def test_a_fine_pattern_is_averaged_not_sampled():
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, ::2] = 255
    square = read_picture(encoded(Image.fromarray(pixels)), 8)
    assert np.abs(square[:, 2:-2].astype(int) - 127).max() < 12


def test_what_is_no_picture_is_unreadable():
    with pytest.raises(UNREADABLE):
        read_picture(io.BytesIO(b"this is a text"), 8)
    with pytest.raises(UNREADABLE):
        read_picture(io.BytesIO(b"%!PS-Adobe-3.0 EPSF-3.0\n"), 8)


def test_checking_names_what_is_wrong(tmp_path, write_picture):
    good = write_picture(tmp_path / "good.jpg", size=(20, 16))
    text = tmp_path / "text.jpg"
    text.write_text("a red square")
    cut = tmp_path / "cut.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    cut.write_bytes(encoded(Image.fromarray(noise), "JPEG").getvalue()[:1500])
    found = check_pictures([good, text, cut, pathlib.Path(tmp_path, "gone.jpg")])
    assert found[0] == ((20, 16), "")
    assert found[1] == (None, "no picture of a known kind")
    assert found[2][0] is None
    assert "truncated" in found[2][1]
    assert "No such file" in found[3][1]
