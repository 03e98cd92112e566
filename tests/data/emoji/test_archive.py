import numpy as np
import pytest

from keras_t2i.data.emoji.archive import FOLDER, cut_sheet, load_lines, load_pictures, make_sheet


def test_a_sheet_is_cut_into_the_pictures_it_was_made_of():
    pictures = np.random.default_rng(0).integers(0, 256, (50, 64, 64, 3), dtype=np.uint8)
    sheet = make_sheet(pictures)
    assert sheet.shape == (2 * 64, 48 * 64, 3)
    np.testing.assert_array_equal(cut_sheet(sheet)[:50], pictures)
    assert (cut_sheet(sheet)[50:] == 255).all()


def test_there_is_a_line_for_every_picture():
    toned = [line["skin_tone"] is not None for line in load_lines()]
    assert toned == sorted(toned)
    assert len(load_pictures(toned=False)) == toned.count(False) == 1854
    assert len(load_pictures(toned=True)) == toned.count(True) == 1520


def test_pictures_are_loaded_once_and_cannot_be_changed():
    assert load_pictures(toned=False) is load_pictures(toned=False)
    with pytest.raises(ValueError, match="read-only"):
        load_pictures(toned=False)[0] = 0


def test_all_embedded_files_take_less_than_8_megabytes_and_carry_their_licence():
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 8e6
    licence = (FOLDER / "LICENSE").read_text(encoding="utf-8")
    for words in ("Copyright (c) Microsoft", "@lobehub/fluent-emoji-3d 1.1.0", "emojibase", "CLDR"):
        assert words in licence
