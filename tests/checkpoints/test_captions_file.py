import os
import pickle

import pytest

from keras_t2i.checkpoints import read_vocabulary

WORDS = {0: "<end>", 1: "red", 2: "bird"}
CONTENT = [[[1, 2], [2]], [[2, 1]], WORDS, {word: number for number, word in WORDS.items()}]


def write(path, content, protocol=2):
    path.write_bytes(pickle.dumps(content, protocol))
    return path


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("container", [list, tuple])
def test_words_stand_in_the_order_of_their_ids(tmp_path, protocol, container):
    found = read_vocabulary(write(tmp_path / "captions.pickle", container(CONTENT), protocol))
    assert found == ("<end>", "red", "bird")


def test_byte_strings_of_python_2_are_words(tmp_path):
    # As Python 2 writes [[], [], {0: '<end>', 1: 'red'}, {}] at protocol 2, and at 0.
    two = b"\x80\x02]q\x00(]q\x01]q\x02}q\x03(K\x00U\x05<end>q\x04K\x01U\x03redq\x05u}q\x06e."
    zero = b"(lp0\n(lp1\na(lp2\na(dp3\nI0\nS'<end>'\np4\nsI1\nS'red'\np5\nsa(dp6\na."
    for content in (two, zero):
        (tmp_path / "old.pickle").write_bytes(content)
        assert read_vocabulary(tmp_path / "old.pickle") == ("<end>", "red")


@pytest.mark.parametrize("function", [os.system, eval, exec, __import__, pickle.loads])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_file_that_calls_a_function_is_refused_and_not_run(tmp_path, harmful, function, protocol):
    mark = tmp_path / "harm"
    call = harmful(function, f"touch {mark}" if function is os.system else f"open({str(mark)!r})")
    path = write(tmp_path / "captions.pickle", [*CONTENT[:3], {"harm": call}], protocol)
    with pytest.raises(ValueError, match=rf"{function.__name__}, which is not needed for captions"):
        read_vocabulary(path)
    assert not mark.exists()


def test_no_opcode_reaches_a_function(crafted, tmp_path):
    (tmp_path / "captions.pickle").write_bytes(crafted)
    with pytest.raises(ValueError, match="captions.pickle"):
        read_vocabulary("captions.pickle")
    assert [path.name for path in tmp_path.iterdir()] == ["captions.pickle"]


@pytest.mark.parametrize(
    "content",
    [
        3,
        [1, 2],
        [[], [], {}, {}],
        [[], [], {0: "a", 2: "b"}, {}],
        [[], [], {0: 1}, {}],
        {"a": 1},
    ],
)
def test_other_content_is_an_error(tmp_path, content):
    with pytest.raises(ValueError, match="other.pickle"):
        read_vocabulary(write(tmp_path / "other.pickle", content))


def test_the_words_take_no_more_memory_than_the_file(tmp_path, peak_of):
    # One caption that the file names 200 times, which takes two bytes each time.
    caption = list(range(10_000))
    path = write(tmp_path / "captions.pickle", [[caption] * 200, *CONTENT[1:]])
    assert path.stat().st_size < 50_000
    assert peak_of(lambda: read_vocabulary(path)) < 2**21


def test_large_numbers_of_remembered_objects_take_no_memory(tmp_path, peak_of):
    # LONG_BINPUT 2**23: a list of so many would have 128 MB.
    path = tmp_path / "captions.pickle"
    path.write_bytes(b"\x80\x02Nr\x00\x00\x80\x000" + pickle.dumps(CONTENT, 2)[2:])
    assert peak_of(lambda: read_vocabulary(path)) < 2**21


def test_damaged_and_missing_files_are_errors(tmp_path):
    whole = pickle.dumps(CONTENT, 2)
    for length in (0, 1, 10, len(whole) - 1):
        (tmp_path / "cut.pickle").write_bytes(whole[:length])
        with pytest.raises(ValueError, match="cut.pickle"):
            read_vocabulary(tmp_path / "cut.pickle")
    with pytest.raises(FileNotFoundError):
        read_vocabulary(tmp_path / "none.pickle")
