"""One line on stderr that says how far a long piece of work is."""

from __future__ import annotations

import sys
import time

PATIENCE = 3.0  # seconds before it appears


class ProgressLine:
    """Shows what is done, out of how much, and how fast; only once it has taken a while.

    Args:
        total: pieces of the work.
        wanted: True shows it from the start, False never; None when a few seconds have passed.
        doing: what is said, with the fields `done`, `total` and `rate` (pieces a second).

    Example:
        >>> line = ProgressLine(1000, None, doing="painted {done}/{total} pictures, {rate:.0f}/s")
        >>> line.advance(64)
    """

    def __init__(self, total: int, wanted: bool | None, *, doing: str) -> None:
        self.total, self.wanted, self.doing = total, wanted, doing
        self.done, self.start, self.shown = 0, time.monotonic(), False

    def advance(self, count: int) -> None:
        """So many more pieces are done."""
        self.done += count
        spent = time.monotonic() - self.start
        due = spent > PATIENCE and self.done < self.total
        if self.wanted is False or not (self.shown or self.wanted or due):
            return
        self.shown = True
        rate = self.done / max(spent, 1e-9)
        said = self.doing.format(done=self.done, total=self.total, rate=rate)
        sys.stderr.write(f"\r{said}" + ("\n" if self.done >= self.total else ""))
        sys.stderr.flush()
