"""The venue's wall clock: the only place of this package that reads one, and it is not the kernel's side."""

from __future__ import annotations

import time


def wall_ms() -> int:
    """Return milliseconds since the Unix epoch, UTC."""
    return time.time_ns() // 1_000_000
