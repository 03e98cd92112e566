"""Which captions would a mirrored picture make untrue?"""

from __future__ import annotations

import re
from collections.abc import Iterable

SIDES = re.compile(r"\b(left|right)(ward|wards|most|hand|handed)?\b|clockwise", re.IGNORECASE)


def names_a_side(captions: Iterable[str]) -> bool:
    """Does any (English) caption speak of left, right or a turning direction?

    Example:

    >>> names_a_side(["a bird that looks to the left"])
    True
    """
    return any(SIDES.search(caption) for caption in captions)
