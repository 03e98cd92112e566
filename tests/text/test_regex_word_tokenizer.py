import pytest
import tensorflow as tf

from keras_t2i.text import RegexWordTokenizer

VOCABULARY = ["<end>", "bird", "a", "red", "nave", "with_tail", "s"]


@pytest.mark.parametrize(
    ("caption", "ids"),
    [
        ("A red bird.", [2, 3, 1]),
        ("bird's red-a", [1, 6, 3, 2]),
        ("WITH_TAIL", [5]),
        ("naïve", [4]),
        ("red\ufffd\ufffdbird", [3, 1]),
        ("red 鸟 bird", [3, 1]),
    ],
)
def test_words_are_split_as_published(caption, ids):
    tokenizer = RegexWordTokenizer(VOCABULARY, length=5)
    assert tokenizer(tf.constant([caption])).numpy().tolist() == [ids + [0] * (5 - len(ids))]


def test_unknown_words_are_dropped_before_truncation():
    tokenizer = RegexWordTokenizer(VOCABULARY, length=2)
    captions = tf.constant(["purple red green bird a"])
    assert tokenizer(captions).numpy().tolist() == [[3, 1]]
    assert tokenizer.token_counts(captions).numpy().tolist() == [3]


def test_tokenize_names_the_dropped_words():
    tokenizer = RegexWordTokenizer(VOCABULARY)
    with pytest.warns(UserWarning, match="left out: green, purple") as caught:
        ids = tokenizer.tokenize(["a purple bird", "a green, purple bird"])
    assert len(caught) == 1
    assert ids[:, :3].tolist() == [[2, 1, 0], [2, 1, 0]]


@pytest.mark.parametrize("unknown", ["drop", "error"])
def test_a_caption_without_known_words_is_refused(unknown):
    with pytest.raises(ValueError, match=r"captions\[1\]='一只鸟'"):
        RegexWordTokenizer(VOCABULARY, unknown=unknown).tokenize(["a bird", "一只鸟"])


def test_unknown_words_can_be_errors_eagerly_and_in_graphs():
    tokenizer = RegexWordTokenizer(VOCABULARY, length=3, unknown="error")
    with pytest.raises(ValueError, match=r"unknown words \['purple'\]"):
        tokenizer.tokenize("a purple bird")
    with pytest.raises(tf.errors.InvalidArgumentError, match="outside of the vocabulary"):
        tokenizer(tf.constant(["a purple bird"]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="outside of the vocabulary"):
        tf.function(tokenizer)(tf.constant(["a purple bird"]))
    assert tf.function(tokenizer)(tf.constant(["a bird"])).numpy().tolist() == [[2, 1, 0]]
    assert tokenizer.tokenize("a bird").tolist() == [[2, 1, 0]]
    assert tokenizer.get_config()["unknown"] == "error"


def test_unknown_choices_are_checked():
    with pytest.raises(ValueError, match="unknown='guess'"):
        RegexWordTokenizer(VOCABULARY, unknown="guess")
