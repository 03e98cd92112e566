"""Captions from an emoji's name and keywords."""

from __future__ import annotations

import re
from collections.abc import Sequence

TONE = " skin tone"
ADJECTIVES = ("bald",)
SOUNDS_LIKE_CONSONANT = ("one", "uni", "eu", "us", "ut")
SOUNDS_LIKE_VOWEL = ("hour", "honest")
SPELLED_WITH_VOWEL = "AEFHILMNORSX"  # an ATM, an SOS
PEOPLE = frozenset({"man", "men", "woman", "women", "person", "people"})


def captions(name: str, tags: Sequence[str]) -> list[str]:
    """Natural captions of one emoji, the plain name first; a pure function of its arguments.

    Args:
        name: the name in Unicode's CLDR, such as "grinning face" or "flag: France".
        tags: its keywords. Those that the name holds already, and words for people (CLDR gives
            "man" to "woman swimming"), are left out of the captions.

    Returns:
        two to six captions without repetitions.

    Example:

    >>> captions("grinning face", ["cheerful", "cheery", "face", "grin"])[:3]
    ['grinning face', 'a grinning face emoji', 'grinning face: cheerful, cheery, grin']
    """
    plain = natural_name(name)
    known = set(_words(plain)) | PEOPLE
    new = [tag for tag in tags if not known.issuperset(_words(tag))]
    found = [plain, f"{article(plain)} {plain} emoji"]
    if new:
        found.append(f"{plain}: {', '.join(new[:3])}")
        found.append(f"{plain} emoji, {new[-1]}")
    if len(new) > 3:
        found.append(f"{plain}, {join(new[3:6])}")
    if len(new) > 1:
        found.append(", ".join([*new[-4:], plain]))
    return list(dict.fromkeys(found))


def natural_name(name: str) -> str:
    """A CLDR name without its colon: "flag: France" becomes "flag of France"."""
    head, colon, rest = name.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").partition(": ")
    if not colon:
        return head
    if head == "keycap":
        return f"{head} {rest}"
    details = rest.split(", ")
    looks = [each for each in details if each.endswith((TONE, " hair", "beard"))]
    adjectives = [each for each in details if each in ADJECTIVES]
    whom = [each for each in details if each not in looks + adjectives]
    named = " ".join([*adjectives, head])
    if whom:
        named += f" of {join(whom)}"
    return f"{named} with {join(looks)}" if looks else named


def article(phrase: str) -> str:
    """ "a" or "an", by the sound that the phrase begins with."""
    first = phrase.split()[0]
    if len(first) > 1 and first.isupper():
        return "an" if first[0] in SPELLED_WITH_VOWEL else "a"
    first = first.lower()
    if first.startswith(SOUNDS_LIKE_VOWEL):
        return "an"
    if first.startswith(SOUNDS_LIKE_CONSONANT) and not first.startswith("unim"):
        return "a"
    return "an" if first[0] in "aeiou" else "a"


def join(parts: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower()) or [text]
