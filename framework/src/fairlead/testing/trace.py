"""What happened in a run: a digest that proves it was the same run, and the end of it as text."""

from __future__ import annotations

import hashlib
import platform
from collections import deque
from collections.abc import Mapping

import attrs

EVENTS_KEPT = 50


@attrs.frozen
class FailureReport:
    """What is needed to see and to repeat a failure."""

    seed: int
    options: Mapping[str, object]
    step: int
    time_us: int
    digest: str
    events: tuple[str, ...]
    waiting: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the report for people; the first line holds what repeats the run."""
        options = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        lines = [
            f"simulation: seed={self.seed}, {options}, Python {platform.python_version()}",
            f"stopped at step {self.step}, time {self.time_us / 1_000_000:.6f} s, digest {self.digest}",
        ]
        if self.waiting:
            lines += ["tasks not finished:", *(f"  {task}" for task in self.waiting)]
        lines += [f"last {len(self.events)} events:", *(f"  {event}" for event in self.events)]
        return "\n".join(lines)


class Trace:
    """Counts steps, digests every event and keeps the last ones."""

    def __init__(self) -> None:
        self.steps = 0
        self._hash = hashlib.sha256()
        self._last: deque[tuple[int, int, str]] = deque(maxlen=EVENTS_KEPT)

    def step(self, time_us: int, label: str) -> None:
        """Record one step of the loop."""
        self.steps += 1
        self.note(time_us, label)

    def note(self, time_us: int, text: str) -> None:
        """Record anything else that a second run of the same seed must do too."""
        self._hash.update(f"{self.steps} {time_us} {text}\n".encode("utf-8", "backslashreplace"))
        self._last.append((self.steps, time_us, text))

    def digest_also(self, data: bytes) -> None:
        """Let the digest cover what a run left behind, too."""
        self._hash.update(data)

    def digest(self) -> str:
        """Return the digest of everything so far, in 32 hexadecimal digits."""
        return self._hash.hexdigest()[:32]

    def last_events(self) -> tuple[str, ...]:
        """Return the last events, oldest first."""
        return tuple(f"#{step} {time_us / 1_000_000:.6f}s {text}" for step, time_us, text in self._last)
