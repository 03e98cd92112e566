"""What is known of one picture before it was looked at."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass
class Entry:
    """A picture's captions and what a table may say beside them.

    Attributes:
        captions: without empty ones.
        class_name: None where nobody gave one.
        split: None where nobody gave one.
        bbox: x, y, width, height in pixels.
    """

    captions: list[str] = dataclasses.field(default_factory=list)
    class_name: str | None = None
    split: str | None = None
    bbox: tuple[float, ...] | None = None
