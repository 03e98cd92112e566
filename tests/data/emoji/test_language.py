import pytest

from keras_t2i.data.emoji.language import article, captions, join, natural_name


@pytest.mark.parametrize(
    ("name", "natural"),
    [
        ("grinning face", "grinning face"),
        ("flag: France", "flag of France"),
        ("keycap: 1", "keycap 1"),
        ("one o’clock", "one o'clock"),  # noqa: RUF001
        ("woman: red hair", "woman with red hair"),
        ("man: bald", "bald man"),
        ("farmer: medium skin tone", "farmer with medium skin tone"),
        ("man: dark skin tone, bald", "bald man with dark skin tone"),
        ("man: dark skin tone, white hair", "man with dark skin tone and white hair"),
        ("family: man, woman, boy", "family of man, woman and boy"),
        ("person: light skin tone, beard", "person with light skin tone and beard"),
    ],
)
def test_names_lose_their_colons(name, natural):
    assert natural_name(name) == natural


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("cat", "a"),
        ("eye", "an"),
        ("unicorn", "a"),
        ("unimpressed face", "an"),
        ("hourglass", "an"),
        ("one o'clock", "a"),
        ("OK hand", "an"),
        ("UFO", "a"),
        ("SOS button", "an"),
        ("T-Rex", "a"),
    ],
)
def test_articles_follow_the_sound(phrase, expected):
    assert article(phrase) == expected


def test_joining_puts_an_and_before_the_last():
    assert [join(list("abc")[:n]) for n in (1, 2, 3)] == ["a", "a and b", "a, b and c"]


def test_captions_hold_name_and_keywords_without_repeating_the_name():
    found = captions("woman swimming", ["man", "freestyle", "swim", "swimming", "sport", "water"])
    assert found == [
        "woman swimming",
        "a woman swimming emoji",
        "woman swimming: freestyle, swim, sport",
        "woman swimming emoji, water",
        "woman swimming, water",
        "freestyle, swim, sport, water, woman swimming",
    ]


def test_without_keywords_the_name_stands_alone():
    assert captions("eject button", []) == ["eject button", "an eject button emoji"]
    assert captions("eject button", ["eject", "button"]) == captions("eject button", [])
