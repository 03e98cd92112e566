import json
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_t2i.text import (
    BiLSTMEncoder,
    CharacterTokenizer,
    RegexWordTokenizer,
    Tokenizer,
    WordTokenizer,
    check_captions,
    load_vocabulary,
)

CAPTIONS = ["a red circle", "A blue, blue square!", "小鸟"]


def make(kind: str, length: int = 6) -> Tokenizer:
    if kind == "word":
        return WordTokenizer(WordTokenizer.from_captions(CAPTIONS).vocabulary, length=length)
    if kind == "regex":
        return RegexWordTokenizer(["<end>", "a", "red", "blue", "circle"], length=length)
    return CharacterTokenizer(length=length)


KINDS = pytest.mark.parametrize("kind", ["word", "regex", "character"])


@KINDS
def test_rows_have_the_length_and_type_of_the_contract(kind):
    tokenizer = make(kind)
    ids = tokenizer(tf.constant(["a", "a red circle a red circle"]))
    assert ids.dtype == tf.int32
    assert ids.shape == (2, 6)
    assert ids[0, 1:].numpy().tolist() == [0] * 5
    assert 0 not in ids[1].numpy()


@KINDS
def test_tokenize_equals_call(kind):
    tokenizer = make(kind, length=30)
    captions = ["a red circle", "a blue circle"]
    ids = tokenizer.tokenize(captions)
    assert isinstance(ids, np.ndarray)
    assert ids.dtype == np.int32
    np.testing.assert_array_equal(ids, tokenizer(tf.constant(captions)))
    np.testing.assert_array_equal(tokenizer.tokenize(captions[0]), ids[:1])
    np.testing.assert_array_equal(tokenizer.tokenize(np.array(captions)), ids)


@KINDS
def test_ids_point_into_the_vocabulary(kind):
    tokenizer = make(kind, length=30)
    row = tokenizer.tokenize("a red circle")[0]
    words = [tokenizer.vocabulary[i] for i in row if i]
    expected = list("a red circle") if kind == "character" else ["a", "red", "circle"]
    assert words == expected
    assert tokenizer.vocabulary_size == len(tokenizer.vocabulary)


@KINDS
def test_words_stand_beside_their_ids(kind):
    tokenizer = make(kind)
    captions = tf.constant([*CAPTIONS, "a red heron", "a \xff red".encode("latin-1"), "!"])
    words, ids = tokenizer.words(captions), tokenizer.ids(captions)
    np.testing.assert_array_equal(words.row_lengths(), ids.row_lengths())
    known = tokenizer.vocabulary
    for word, number in zip(words.flat_values.numpy(), ids.flat_values.numpy(), strict=True):
        assert word.decode() == known[number] or word.decode() not in known


def test_words_that_are_unknown_are_told_as_the_caption_has_them():
    caption = tf.constant(["A red HERON."])
    assert make("word").words(caption).to_list() == [[b"a", b"red", b"heron"]]
    assert make("regex").words(caption).to_list() == [[b"a", b"red"]]  # which it leaves out


@KINDS
def test_works_in_tf_data_maps(kind):
    tokenizer = make(kind)
    dataset = tf.data.Dataset.from_tensor_slices(["a red circle"] * 4).batch(2)
    batches = list(dataset.map(tokenizer, num_parallel_calls=2))
    expected = tokenizer(tf.constant(["a red circle"] * 2))
    assert len(batches) == 2
    np.testing.assert_array_equal(batches[1], expected)


@KINDS
def test_a_layer_made_inside_a_tf_data_map_outlives_its_graph(kind):
    made, original = [], make(kind)

    def tokenize(captions):
        made.append(type(original).from_config(original.get_config()))
        return made[0](captions)

    next(iter(tf.data.Dataset.from_tensors(["a red"]).map(tokenize)))
    assert made[0](tf.constant(["a"]))[0, 0] > 0


@KINDS
def test_config_round_trip(kind):
    tokenizer = make(kind, length=7)
    config = json.loads(json.dumps(tokenizer.get_config()))
    assert config["vocabulary"] == tokenizer.vocabulary
    assert config["length"] == 7
    copy = type(tokenizer).from_config(config)
    captions = tf.constant(["a red circle", "a blue one"])
    np.testing.assert_array_equal(copy(captions), tokenizer(captions))


@KINDS
def test_vocabulary_file_rebuilds_the_tokenizer(kind, tmp_path):
    tokenizer = make(kind)
    tokenizer.save_vocabulary(tmp_path / "vocabulary.txt")
    config = tokenizer.get_config()
    config["vocabulary"] = load_vocabulary(tmp_path / "vocabulary.txt")
    assert type(tokenizer).from_config(config).vocabulary == tokenizer.vocabulary


def test_the_vocabulary_cannot_be_changed_from_outside():
    tokenizer = make("word")
    tokenizer.vocabulary.append("new")
    assert "new" not in tokenizer.vocabulary


def test_token_counts_ignore_truncation():
    tokenizer = make("word", length=2)
    counts = tokenizer.token_counts(tf.constant(["a red circle", "a"]))
    assert counts.dtype == tf.int32
    assert counts.numpy().tolist() == [3, 1]


def test_truncation_warns_once_and_counts():
    tokenizer = make("word", length=2)
    with pytest.warns(UserWarning, match=r"^2 captions were truncated to 2 tokens\.$") as caught:
        ids = tokenizer.tokenize(["a red circle", "a red", "a blue square"])
    assert len(caught) == 1
    assert ids.shape == (3, 2)
    with pytest.warns(UserWarning, match=r"^1 caption was truncated to 2 tokens\.$"):
        tokenizer.tokenize("a red circle")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tokenizer.tokenize(["a red", "blue"])


def test_captions_that_will_be_truncated_are_counted_before_a_training():
    captions = ["a red circle", "a red"] * 5000
    with pytest.warns(UserWarning, match=r"^5000 captions were truncated to 2 tokens\.$") as caught:
        WordTokenizer.from_captions(captions, length=2)
    assert len(caught) == 1
    with pytest.warns(UserWarning, match=r"^10000 captions were truncated to 4 tokens\.$"):
        CharacterTokenizer(length=4).warn_of_truncation(iter(captions))


@pytest.mark.parametrize(
    ("captions", "error", "message"),
    [
        (["a", ""], ValueError, r"captions\[1\]=''"),
        (["a", "b", " \n"], ValueError, r"captions\[2\]="),
        (["a", 3], TypeError, r"captions\[1\]=3 of type int"),
        (["a", b"b"], TypeError, r"captions\[1\]=b'b' of type bytes"),
        ([None], TypeError, r"captions\[0\]=None"),
        (b"a", TypeError, "of type bytes"),
        (7, TypeError, "of type int"),
        ([], ValueError, "at least one caption"),
    ],
)
def test_bad_captions_are_named(captions, error, message):
    with pytest.raises(error, match=message):
        make("word").tokenize(captions)


def test_one_caption_becomes_a_list_of_one():
    assert check_captions("a bird") == ["a bird"]
    assert check_captions(("a", "b")) == ["a", "b"]


@pytest.mark.parametrize(
    ("length", "error"), [(0, ValueError), (-1, ValueError), (2.5, TypeError), (True, TypeError)]
)
def test_bad_lengths_are_refused(length, error):
    with pytest.raises(error, match=r"Received: length="):
        CharacterTokenizer(length=length)


@keras.saving.register_keras_serializable(package="keras_t2i_tests")
class Owner(keras.Model):
    """A model that owns a tokenizer, as every system does."""

    def __init__(self, tokenizer, **kwargs):
        super().__init__(**kwargs)
        self.tokenizer = tokenizer
        self.encoder = BiLSTMEncoder(tokenizer.vocabulary_size, embedding_dim=3, units=2)
        self.built = True

    def call(self, tokens):
        return self.encoder(tokens)["sentence"]

    def get_config(self):
        tokenizer = keras.saving.serialize_keras_object(self.tokenizer)
        return {**super().get_config(), "tokenizer": tokenizer}

    @classmethod
    def from_config(cls, config):
        tokenizer = keras.saving.deserialize_keras_object(config.pop("tokenizer"))
        return cls(tokenizer, **config)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@KINDS
def test_a_model_with_a_tokenizer_survives_a_keras_file(kind, tmp_path):
    model = Owner(make(kind))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    tokens = loaded.tokenizer.tokenize("a red")
    np.testing.assert_array_equal(tokens, model.tokenizer.tokenize("a red"))
    np.testing.assert_array_equal(loaded(tokens), model(tokens))


LOAD = """
import json, sys
import tensorflow as tf
import tensorflow_text
loaded = tf.saved_model.load(sys.argv[1])
assert "keras_t2i" not in sys.modules
captions = tf.constant(json.loads(sys.argv[2]))
answer = loaded.signatures["serving_default"](caption=captions)["tokens"]
print("ANSWER", json.dumps(answer.numpy().tolist()))
"""


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("route", ["module", "archive"])
def test_an_export_tokenises_in_a_process_without_this_package(route, tmp_path):
    captions = ["A red circle.", "小 zebra", "!!!"]
    owner = Owner(make("word"))
    spec = tf.TensorSpec([None], tf.string, name="caption")

    def serve(caption):
        return {"tokens": owner.tokenizer(caption)}

    if route == "module":
        function = tf.function(serve, input_signature=[spec])
        tf.saved_model.save(owner.tokenizer, str(tmp_path / "m"), {"serving_default": function})
    else:
        archive = keras.export.ExportArchive()
        archive.track(owner)
        archive.add_endpoint("serving_default", serve, input_signature=[spec])
        archive.write_out(str(tmp_path / "m"), verbose=False)
    finished = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path / "m"), json.dumps(captions)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    answer = json.loads(finished.stdout.split("ANSWER")[1])
    assert answer == owner.tokenizer(tf.constant(captions)).numpy().tolist()


def test_the_base_asks_for_split():
    with pytest.raises(NotImplementedError, match="Tokenizer must implement"):
        Tokenizer(["", "a"], length=2).ids(tf.constant(["a"]))
