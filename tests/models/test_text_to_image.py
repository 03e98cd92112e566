"""What a system offers once it is made."""

from __future__ import annotations

import numpy as np
import pytest

from keras_t2i import progress_line
from keras_t2i.data import Shapes
from keras_t2i.models import ContrastiveGAN, TextToImage, text_to_image
from keras_t2i.testing import SmallestGAN


@pytest.fixture(scope="module")
def model(smallest):
    return smallest.painter


def test_for_source_takes_its_vocabulary_from_the_captions():
    source = Shapes(count=5)
    with pytest.warns(UserWarning, match="captions were truncated to 7 tokens"):
        model = SmallestGAN.for_source(source, length=7, width=2)
    words = {word for caption in source.all_captions() for word in caption.lower().split()}
    assert {word.strip(".,?!") for word in words} <= set(model.tokenizer.vocabulary)
    assert model.tokenizer.length == 7
    assert model.width == 2


def test_captions_of_other_languages_are_painted(model):
    pictures = model.generate(["小鸟", "عصفور", "🐦", "a"], seed=[0] * 4)
    assert pictures.shape == (4, 8, 8, 3)


@pytest.mark.parametrize(
    "seed", [5, np.int64(5), np.array([5, 6]), [5, 6], (np.int32(5), 6), -3, 2**63 - 2, -(2**63)]
)
def test_seeds_may_be_any_integers(model, seed):
    assert model.generate(["a", "b"], seed=seed).shape == (2, 8, 8, 3)


@pytest.mark.parametrize("seed", [2**63, -(2**63) - 1, [0, 2**64], 2**63 - 1])
def test_seeds_beyond_64_bits_are_refused(model, seed):
    with pytest.raises(ValueError, match=r"64 bits.*Received: seed="):
        model.generate(["a", "b"], seed=seed)


@pytest.mark.parametrize("seed", [1.0, "1", [1, None], True, [False, True], np.array([0.5, 1])])
def test_seeds_of_other_types_are_refused(model, seed):
    with pytest.raises(TypeError, match="`seed` must be an integer"):
        model.generate(["a", "b"], seed=seed)


@pytest.mark.parametrize("seed", [[1], [1, 2, 3], [[1, 2]]])
def test_one_seed_for_each_caption(model, seed):
    with pytest.raises(ValueError, match=r"one for each caption.*captions=2"):
        model.generate(["a", "b"], seed=seed)


def test_truncation_of_integers_and_arrays_of_numpy(model):
    one, other = (model.generate("a", seed=1, truncation=t) for t in (1, np.float32(1.0)))
    np.testing.assert_array_equal(one, other)


def test_pictures_follow_the_weights(smallest):
    model = SmallestGAN(smallest.painter.tokenizer)
    before = model.generate("a red circle", seed=1)
    model.set_weights(smallest.start)
    assert not np.array_equal(before, model.generate("a red circle", seed=1))


def test_a_short_list_paints_silently(model, capsys):
    model.generate(["a"] * 3, seed=0)
    assert capsys.readouterr().err == ""


def test_a_progress_line_appears_only_where_painting_takes_long(model, capsys, monkeypatch):
    monkeypatch.setattr(text_to_image, "CHUNK", 2)
    monkeypatch.setattr(progress_line, "PATIENCE", 0.0)
    monkeypatch.setattr(progress_line, "REPEAT", 0.0)
    model.generate(["a"] * 5, seed=0)
    written = capsys.readouterr().err
    assert written.count("\n") == 3
    assert "painted 2/5 pictures" in written
    assert written.endswith("/s\n")
    model.generate(["a"] * 5, seed=0, progress=False)
    model.generate(["a"] * 2, seed=0)  # done with its first chunk
    assert capsys.readouterr().err == ""


def test_chunks_do_not_change_pictures(model, monkeypatch):
    captions = ["a red circle", "two squares", "a star", "a blue heart", "a"]
    whole = model.generate(captions, seed=3)
    monkeypatch.setattr(text_to_image, "CHUNK", 2)
    parts = model.generate(captions, seed=3)
    assert np.abs(whole.astype(int) - parts).max() <= 1


def test_a_preset_of_another_class_is_refused(model, tmp_path):
    model.save_to_preset(tmp_path / "bundle")
    assert type(SmallestGAN.from_preset(tmp_path / "bundle")) is SmallestGAN
    with pytest.raises(ValueError, match=r"is a SmallestGAN; load it.*class=ContrastiveGAN"):
        ContrastiveGAN.from_preset(tmp_path / "bundle")


def test_the_role_leaves_painting_to_the_system():
    with pytest.raises(NotImplementedError):
        TextToImage().paint(None, None)
