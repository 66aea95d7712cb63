"""Named places inside an input or output call at which a crash can be planned."""

from __future__ import annotations

from collections.abc import Callable

from fairlead.testing.generation import CURRENT_GENERATION


class CrashPoints:
    """The wrappers around ports announce where they are; an armed place kills the program right there.

    Crashes between steps cannot split what happens inside one call: "written, not yet synced" exists only
    inside. So the wrapper of a store calls `reached("store.append.before_durable")` between the two.
    """

    def __init__(self, crash: Callable[[str], None]) -> None:
        self._crash = crash
        self._armed: tuple[str, int] | None = None
        self._counts: dict[str, int] = {}
        self._hits: list[tuple[str, int]] = []

    @property
    def hits(self) -> tuple[tuple[str, int], ...]:
        """The places reached since `start_counting`, each as (label, how many times by then)."""
        return tuple(self._hits)

    def start_counting(self) -> None:
        """Count from zero again and disarm, as at the start of a generation."""
        self._armed = None
        self._counts.clear()
        self._hits.clear()

    def arm(self, label: str, nth: int = 1) -> None:
        """Crash when that place is reached for the nth time from the start of counting."""
        if nth <= self._counts.get(label, 0):
            raise ValueError(f"{label} number {nth} is over; it was reached {self._counts[label]} times")
        self._armed = (label, nth)

    def reached(self, label: str) -> None:
        """Say that the code is at this place; when it is armed, crash.

        Then `GenerationDead` is raised if the caller belongs to the program that died. A caller that belongs
        to the world (a venue, say) goes on.
        """
        nth = self._counts[label] = self._counts.get(label, 0) + 1
        self._hits.append((label, nth))
        if self._armed == (label, nth):
            self._armed = None
            self._crash(f"{label} number {nth}")
            generation = CURRENT_GENERATION.get()
            if generation is not None:
                generation.check()
