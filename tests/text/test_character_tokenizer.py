import pytest
import tensorflow as tf

from keras_t2i.text import CharacterTokenizer
from keras_t2i.text.character_tokenizer import ALPHABET


def test_alphabet_has_the_published_columns():
    assert len(ALPHABET) == 70
    tokenizer = CharacterTokenizer()
    assert tokenizer.length == 201
    assert tokenizer.vocabulary_size == 71
    columns = {"a": 1, "z": 26, "0": 27, "9": 36, ",": 38, "'": 44, "\\": 47, "`": 58, " ": 70}
    for character, column in columns.items():
        assert tokenizer(tf.constant([character]))[0, 0] == column


def test_the_later_column_of_the_hyphen_counts():
    assert ALPHABET[36] == ALPHABET[59] == "-"
    assert CharacterTokenizer(length=1).tokenize("-").tolist() == [[60]]


def test_capitals_are_put_in_lower_case():
    tokenizer = CharacterTokenizer(length=3)
    assert tokenizer.tokenize("ABz").tolist() == [[1, 2, 26]]


def test_unknown_characters_keep_their_place_as_zeros():
    tokenizer = CharacterTokenizer(length=5)
    assert tokenizer.tokenize("a鸟bé").tolist() == [[1, 0, 2, 0, 0]]
    assert tokenizer.token_counts(tf.constant(["a鸟bé"])).numpy().tolist() == [4]


def test_another_alphabet_can_be_given():
    tokenizer = CharacterTokenizer(["", "鸟", "a"], length=2)
    assert tokenizer.tokenize("a鸟").tolist() == [[2, 1]]


@pytest.mark.parametrize("vocabulary", [["a", "b"], ["", "ab"], ["", ""]])
def test_bad_alphabets_are_refused(vocabulary):
    with pytest.raises(ValueError, match="single characters"):
        CharacterTokenizer(vocabulary)
