"""The time that passes, whatever a test makes of the clock.

A test may freeze time (freezegun, time-machine). Waiting for another transaction must end all the
same, so this clock is taken before any test runs, and kept where nothing replaces it.
"""

from __future__ import annotations

import time


class Clock:
    """The real clock."""

    now = staticmethod(time.monotonic)
    """Seconds, counted from somewhere; never frozen."""

    @classmethod
    def is_frozen(cls) -> bool:
        """Whether others, an event loop's timers among them, see a clock that a test replaced."""
        return time.monotonic is not cls.now
