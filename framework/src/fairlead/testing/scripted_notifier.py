"""A notifier that does what a test says, and remembers what it was told."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fairlead.ports.notices import DELIVERED, DeliveryOutcome, DeliverySettings, DeliveryVerdict, Notice

__all__ = ["AGAIN", "GONE", "NEVER", "ScriptedNotifier"]

AGAIN = DeliveryOutcome(DeliveryVerdict.AGAIN, "not now")  # fixed: what a test answers with
NEVER = DeliveryOutcome(DeliveryVerdict.NEVER, "not this one")  # fixed: same
GONE = DeliveryOutcome(DeliveryVerdict.GONE, "nobody lives here")  # fixed: same

Script = Callable[[Notice, int], Coroutine[Any, Any, DeliveryOutcome]]


async def _deliver(_notice: Notice, _attempt: int) -> DeliveryOutcome:
    return DELIVERED


class ScriptedNotifier:
    """A `Notifier` for tests.

    *script* is awaited for each attempt and may hang, raise or answer; *wanted* tells what it wants.
    *attempts* holds every attempt that began, as (notice, number), *told* the notices that were delivered.
    """

    def __init__(
        self,
        name: str = "scripted",
        *,
        delivery: DeliverySettings | None = None,
        script: Script = _deliver,
        wanted: Callable[[Notice], bool] = lambda _notice: True,
    ) -> None:
        self.name = name
        self.delivery = delivery or DeliverySettings()
        self.script = script
        self.wanted = wanted
        self.attempts: list[tuple[Notice, int]] = []
        self.told: list[Notice] = []
        self.under_way: list[str] = []
        """The subjects of the attempts that have not ended."""
        self.closed = 0

    def wants(self, notice: Notice) -> bool:
        """See `Notifier.wants`."""
        return self.wanted(notice)

    async def deliver(self, notice: Notice, attempt: int) -> DeliveryOutcome:
        """See `Notifier.deliver`."""
        self.attempts.append((notice, attempt))
        self.under_way.append(notice.subject)
        try:
            outcome = await self.script(notice, attempt)
        finally:
            self.under_way.remove(notice.subject)
        if outcome.verdict is DeliveryVerdict.DELIVERED:
            self.told.append(notice)
        return outcome

    async def close(self) -> None:
        """See `Notifier.close`."""
        self.closed += 1
