import pytest
import tensorflow as tf
import tensorflow_text as tf_text

from keras_t2i.text import WordTokenizer
from keras_t2i.text.word_tokenizer import split_words


def words_of(caption: str) -> list[str]:
    return [word.decode() for word in split_words(tf.constant([caption])).to_list()[0]]


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("A small RED circle.", ["a", "small", "red", "circle"]),
        ("ruby-throated bird's wing", ["ruby", "throated", "bird", "s", "wing"]),
        ("32px, 1,000.5 + $5", ["32", "px", "1", "000", "5", "+", "$", "5"]),
        ("\uff21\uff22 \ufb01ne Straße İ", ["ab", "fine", "strasse", "i"]),
        ("e\u0301te\u0301", ["été"]),
        ("красный КРУГ", ["красный", "круг"]),
        ("一只红色的鸟。小鸟", list("一只红色的鸟小鸟")),
        ("赤い丸 サークル", ["赤", "い", "丸", "サ", "ー", "ク", "ル"]),
        ("빨간 원", ["빨간", "원"]),
        ("วงกลม", ["ว", "ง", "ก", "ล", "ม"]),
        ("สีฟ้า", ["สี", "ฟ้", "า"]),
        ("हिन्दी भाषा।", ["हिन्दी", "भाषा"]),
        ("دائرة حمراء", ["دائرة", "حمراء"]),
        ("كَبِيرَة كـــبيرة", ["كبيرة", "كبيرة"]),
        ("עיגול אדום", ["עיגול", "אדום"]),
        ("a🎉🚀b", ["a", "🎉", "🚀", "b"]),
        ("👩‍👩‍👧 👍🏽 ❤️ 1️⃣", ["👩", "👩", "👧", "👍", "🏽", "❤", "1"]),
        ("🇩🇪🇫🇷", ["🇩🇪", "🇫🇷"]),
        ("blueμπλε青3Dदो", ["blue", "μπλε", "青", "3", "d", "दो"]),
        ("tab\tline\nnull\x00space\u3000\u2028end", ["tab", "line", "null", "space", "end"]),
        ("?! … —", []),
        ("", []),
    ],
)
def test_words_of_many_languages(caption, words):
    assert words_of(caption) == words


SCRIPTS = {
    "Latin": "größe",
    "Greek": "μεγάλο",
    "Cyrillic": "їжак",
    "Armenian": "կարմիր",
    "Hebrew": "עיגול",
    "Arabic": "دائرة",
    "Thaana": "ރަތް",
    "Devanagari": "हिन्दी",
    "Bengali": "লাল",
    "Tamil": "சிவப்பு",
    "Telugu": "ఎరుపు",
    "Hangul": "빨간",
    "Georgian": "წითელი",
    "Ethiopic": "ቀይ",
    "Bopomofo": "ㄅㄆㄇ",
    "digits": "123",
}


@pytest.mark.parametrize("first", SCRIPTS)
def test_words_end_where_the_script_tokenizer_of_tf_text_ends_them(first):
    captions = tf.constant([SCRIPTS[first] + second for second in SCRIPTS.values()])
    bare = tf.strings.regex_replace(captions, r"\p{Inherited}", "")
    expected = tf_text.UnicodeScriptTokenizer().tokenize(tf_text.case_fold_utf8(bare))
    assert split_words(captions).to_list() == expected.to_list()


def test_a_pass_over_a_dataset_sets_up_a_small_graph():
    tokenizer = WordTokenizer.from_captions(["a"])
    graph = tf.function(tokenizer).get_concrete_function(tf.TensorSpec((None,), tf.string)).graph
    assert len(graph.get_operations()) < 250


def test_punctuation_and_case_do_not_matter():
    tokenizer = WordTokenizer.from_captions(["a circle"])
    expected = tokenizer.tokenize("a circle").tolist()
    for caption in ("a circle.", "A Circle!", "  a\u00a0 circle ?", "“a” circle"):
        assert tokenizer.tokenize(caption).tolist() == expected


def test_every_caption_has_at_least_one_id():
    tokenizer = WordTokenizer.from_captions(["a"], length=3)
    ids = tokenizer(tf.constant(["!!!", "", "🎉 한", "a", b"\xff\xfe"]))
    assert ids.numpy().tolist() == [[1, 0, 0], [1, 0, 0], [1, 1, 0], [2, 0, 0], [1, 0, 0]]
    assert tokenizer.token_counts(tf.constant(["!!!", "a a"])).numpy().tolist() == [1, 2]


def test_bytes_that_are_no_utf8_separate_words():
    tokenizer = WordTokenizer.from_captions(["a bird"], length=3)
    assert tokenizer(tf.constant([b"a\xffbird"])).numpy().tolist() == [[2, 3, 0]]


def test_vocabulary_is_sorted_by_frequency_then_code_point():
    tokenizer = WordTokenizer.from_captions(["b a", "c a", "b, C!"])
    assert tokenizer.vocabulary == ["", "[UNK]", "a", "b", "c"]
    tokenizer = WordTokenizer.from_captions(["b a", "c a", "d"], max_tokens=4)
    assert tokenizer.vocabulary == ["", "[UNK]", "a", "b"]
    tokenizer = WordTokenizer.from_captions((c for c in ["b a", "c a"]), min_count=2, length=5)
    assert tokenizer.vocabulary == ["", "[UNK]", "a"]
    assert tokenizer.length == 5


def test_vocabulary_of_more_captions_than_a_chunk():
    tokenizer = WordTokenizer.from_captions(f"word{i} x" for i in range(5000))
    assert tokenizer.vocabulary[2:4] == ["word", "x"]
    assert tokenizer.vocabulary_size == 2 + 2 + 5000


def test_vocabulary_of_no_captions_is_the_specials():
    assert WordTokenizer.from_captions(["...", ""]).vocabulary == ["", "[UNK]"]
    assert WordTokenizer.from_captions([]).tokenize("a").tolist() == [[1] + [0] * 31]


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [
        (["a", "b"], "must begin with"),
        ([""], "must begin with"),
        (["[UNK]", ""], "must begin with"),
        (["", "[UNK]", "a", "b", "a"], r"repeated words \['a'\]"),
    ],
)
def test_bad_vocabularies_are_refused(vocabulary, message):
    with pytest.raises(ValueError, match=message):
        WordTokenizer(vocabulary)


def test_bad_arguments_of_from_captions_are_refused():
    with pytest.raises(ValueError, match="max_tokens=1"):
        WordTokenizer.from_captions(["a"], max_tokens=1)
    with pytest.raises(TypeError, match="not one string"):
        WordTokenizer.from_captions("a bird")
