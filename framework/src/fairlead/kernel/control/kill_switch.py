"""The kill switch file: when it appears the kernel halts, whoever made it and however."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fairlead.ports.clock import Clock


class KillSwitch:
    """Looks for a file at an interval, and says so once each time it has appeared.

    Taking the file away resumes nothing: that is an operator's command.
    """

    def __init__(
        self, path: Path, clock: Clock, *, interval_ns: int, on_pulled: Callable[[Path], None]
    ) -> None:
        self._path = path
        self._clock = clock
        self._interval_ns = interval_ns
        self._on_pulled = on_pulled
        self._was_there = False

    def look(self) -> None:
        """Look now. A file that cannot be looked at counts as there: a switch fails to the safe side."""
        try:
            there = self._path.exists()
        except OSError:
            there = True
        if there and not self._was_there:
            self._on_pulled(self._path)
        self._was_there = there

    async def watch(self) -> None:
        """Look at every interval until canceled."""
        while True:
            await self._clock.sleep_ns(self._interval_ns)
            self.look()
