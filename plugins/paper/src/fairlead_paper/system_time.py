"""The wall clock of a venue that runs in its own process: the only place of this package that reads one."""

from __future__ import annotations

import time


def wall_ns() -> int:
    """Return nanoseconds since the Unix epoch, UTC."""
    return time.time_ns()
