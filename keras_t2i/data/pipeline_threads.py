"""The threads of tf.data that call Python, and the end of the program."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable
from typing import Any


class PipelineThreads:
    """Brings the calls of tf.data's threads to rest before Python ends.

    A pipeline fills its buffers behind the program's back. If Python ends while one of these
    threads waits to call it, the process hangs.
    """

    def __init__(self) -> None:
        self.leaving, self.running, self.last = False, 0, 0.0
        self.lock = threading.Lock()
        atexit.register(self.rest)

    def call(self, make: Callable[[], Any], otherwise: Any) -> Any:
        """What `make` gives or, once the program ends, at once what nobody will look at."""
        with self.lock:
            self.running += 1
        try:
            return otherwise if self.leaving else make()
        finally:
            with self.lock:
                self.running -= 1
                self.last = time.monotonic()

    def rest(self) -> None:
        """Wait until no thread calls any more: buffers are full within a few quick calls."""
        self.leaving = True
        patience = time.monotonic() + 10
        while time.monotonic() < patience and (self.running or time.monotonic() < self.last + 0.1):
            time.sleep(0.01)


threads = PipelineThreads()
