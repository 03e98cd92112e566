"""One line on stderr that says how far a long piece of work is."""

from __future__ import annotations

import sys
import time

PATIENCE = 3.0  # seconds before it appears
REDRAW, REPEAT = 0.5, 30.0  # seconds between two of them, on a terminal and in a log file


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
        self.done, self.start = 0, time.monotonic()
        self.shown: float | None = None

    def advance(self, count: int) -> None:
        """So many more pieces are done."""
        self.done += count
        now, ended = time.monotonic(), self.done >= self.total
        if not self._is_due(now, ended):
            return
        self.shown = now
        rate = self.done / max(now - self.start, 1e-9)
        self._write(self.doing.format(done=self.done, total=self.total, rate=rate), ended)

    def _is_due(self, now: float, ended: bool) -> bool:
        if self.wanted is False:
            return False
        if self.shown is None:
            return bool(self.wanted) or (now - self.start > PATIENCE and not ended)
        return ended or now - self.shown >= (REDRAW if sys.stderr.isatty() else REPEAT)

    def _write(self, said: str, ended: bool) -> None:
        if sys.stderr.isatty():
            said = f"\r\x1b[K{said}" + ("\n" if ended else "")
        else:
            said += "\n"
        sys.stderr.write(said)
        sys.stderr.flush()
