import pytest

from keras_t2i.data.paths import existing_path


def test_an_existing_path_is_returned(tmp_path):
    assert existing_path(str(tmp_path)) == tmp_path


def test_a_mistyped_path_is_answered_with_close_ones(tmp_path):
    (tmp_path / "pictures").mkdir()
    with pytest.raises(FileNotFoundError, match=r"no 'pictuers' .* Did you mean 'pictures'\?"):
        existing_path(tmp_path / "pictuers")


def test_the_mistyped_part_is_named_even_amid_the_path(tmp_path):
    (tmp_path / "pictures" / "cats").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"no 'pictues' .* Did you mean 'pictures'\?"):
        existing_path(tmp_path / "pictues" / "cats")


def test_nothing_alike_gives_no_hint(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no 'zzz' in '[^']*'\. Received"):
        existing_path(tmp_path / "zzz")
