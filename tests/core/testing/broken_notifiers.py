"""A sound notifier with its receiver, and notifiers with one fault each, beside the rule that claims it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, cast

import attrs

from fairlead.ports.clock import NANOSECONDS_PER_SECOND, Clock
from fairlead.ports.notices import DELIVERED, DeliveryOutcome, DeliverySettings, DeliveryVerdict, Notice
from fairlead.testing.conformance.notifier import Receiver
from fairlead.testing.scripted_notifier import AGAIN, ScriptedNotifier

SECRET = "whsec_of-the-test"  # noqa: S105 - what no detail may hold


class SoundWorld(ScriptedNotifier):
    """A sound notifier that is its own world: its script is the receiver."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(script=self._receive)
        self.clock = clock
        self.how = Receiver.ACCEPTS
        self.took: list[tuple[str, object]] = []

    @property
    def notifier(self) -> SoundWorld:
        """Return itself."""
        return self

    def behave(self, how: Receiver) -> None:
        """Have the receiver behave so."""
        self.how = how

    def received(self) -> Sequence[tuple[str, object]]:
        """Return what was taken."""
        return tuple(self.took)

    async def _receive(self, notice: Notice, attempt: int) -> DeliveryOutcome:
        while self.how is Receiver.HANGS:
            await self.clock.sleep_ns(NANOSECONDS_PER_SECOND)
        if self.how is Receiver.REFUSES:
            return AGAIN
        self.took.append((notice.event_id, self.contents(notice, attempt)))
        return DELIVERED

    def contents(self, notice: Notice, attempt: int) -> object:
        """Return what the receiver is told."""
        del attempt
        return dict(notice.data)


class OddName(SoundWorld):
    """Its name is no name."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.name = "Odd Name!"


class TriesWithoutTime(SoundWorld):
    """An attempt of it may take no time at all."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.delivery = DeliverySettings(attempt_timeout_ms=0)


class WantsKnownKindsOnly(SoundWorld):
    """It raises over a kind that it does not know."""

    def wants(self, notice: Notice) -> bool:
        """Look the kind up."""
        return {"order_filled": True, "position_opened": True}[notice.kind]


class ChangesItsMind(SoundWorld):
    """It wants each notice every second time."""

    asked = 0

    def wants(self, notice: Notice) -> bool:
        """Count."""
        del notice
        self.asked += 1
        return self.asked % 2 == 0


class PlainClose(SoundWorld):
    """Its close is a plain function that happens to return something to await."""

    def close(self) -> Coroutine[Any, Any, None]:
        """Hand the work on."""
        return super().close()


class TellsBehind(SoundWorld):
    """It calls delivered what it has only put aside."""

    async def deliver(self, notice: Notice, attempt: int) -> DeliveryOutcome:
        """Put it aside."""
        del notice, attempt
        return DELIVERED if self.how is Receiver.ACCEPTS else AGAIN


class OwnIds(SoundWorld):
    """It gives each notice an id of its own."""

    def received(self) -> Sequence[tuple[str, object]]:
        """Return what was taken, numbered."""
        return tuple((f"own-{event_id}", contents) for event_id, contents in self.took)


class SaysWhichAttempt(SoundWorld):
    """It tells the attempt's number among the contents."""

    def contents(self, notice: Notice, attempt: int) -> object:
        """Add the number."""
        return {**notice.data, "attempt": attempt}


class SendsOnce(SoundWorld):
    """It remembers what it sent, and sends it no second time."""

    async def deliver(self, notice: Notice, attempt: int) -> DeliveryOutcome:
        """Send what is new."""
        if any(event_id == notice.event_id for event_id, _ in self.took):
            return DELIVERED
        return await super().deliver(notice, attempt)


class RefusedIsDelivered(SoundWorld):
    """It does not look at the receiver's answer."""

    async def deliver(self, notice: Notice, attempt: int) -> DeliveryOutcome:
        """Send, and be content."""
        await super().deliver(notice, attempt)
        return DELIVERED


class SwallowsItsCancellation(SoundWorld):
    """It goes on when it is canceled."""

    async def deliver(self, notice: Notice, attempt: int) -> DeliveryOutcome:
        """Insist."""
        for _ in range(5):
            try:
                return await super().deliver(notice, attempt)
            except asyncio.CancelledError:
                continue
        return AGAIN


class CanceledIsDelivered(SoundWorld):
    """It believes that silence is consent."""

    async def deliver(self, notice: Notice, attempt: int) -> DeliveryOutcome:
        """Send, and be content when it takes too long."""
        try:
            return await super().deliver(notice, attempt)
        except asyncio.CancelledError:
            return DELIVERED


class WritesIntoTheNotice(SoundWorld):
    """It marks the notice as sent."""

    async def deliver(self, notice: Notice, attempt: int) -> DeliveryOutcome:
        """Send, and mark."""
        outcome = await super().deliver(notice, attempt)
        cast("dict[str, object]", notice.data)["sent"] = True
        return outcome


class TellsItsSecret(SoundWorld):
    """Its detail holds the key that it signs with."""

    async def deliver(self, notice: Notice, attempt: int) -> DeliveryOutcome:
        """Say too much."""
        outcome = await super().deliver(notice, attempt)
        return attrs.evolve(outcome, detail=f"refused, signed with {SECRET}")


class TellsThePage(SoundWorld):
    """Its detail is the whole answer, of many lines."""

    async def deliver(self, notice: Notice, attempt: int) -> DeliveryOutcome:
        """Say too much."""
        await super().deliver(notice, attempt)
        verdict = DELIVERED.verdict if self.how is Receiver.ACCEPTS else DeliveryVerdict.AGAIN
        return DeliveryOutcome(verdict, "503\nService\nUnavailable")


class LeavesItsTask(SoundWorld):
    """What it started goes on after close."""

    started: asyncio.Task[None] | None = None

    async def deliver(self, notice: Notice, attempt: int) -> DeliveryOutcome:
        """Send, and start something."""
        self.started = self.started or asyncio.ensure_future(
            self.clock.sleep_ns(3_600 * NANOSECONDS_PER_SECOND)
        )
        return await super().deliver(notice, attempt)


class NeverCloses(SoundWorld):
    """It waits for the receiver for ever."""

    async def close(self) -> None:
        """Wait."""
        await self.clock.sleep_ns(3_600 * NANOSECONDS_PER_SECOND)


BROKEN: Sequence[tuple[str, type[SoundWorld]]] = (
    ("N-01", OddName),
    ("N-02", TriesWithoutTime),
    ("N-03", WantsKnownKindsOnly),
    ("N-03", ChangesItsMind),
    ("N-04", PlainClose),
    ("N-05", TellsBehind),
    ("N-05", OwnIds),
    ("N-06", SaysWhichAttempt),
    ("N-06", SendsOnce),
    ("N-07", RefusedIsDelivered),
    ("N-08", SwallowsItsCancellation),
    ("N-08", CanceledIsDelivered),
    ("N-09", WritesIntoTheNotice),
    ("N-10", TellsItsSecret),
    ("N-10", TellsThePage),
    ("N-11", LeavesItsTask),
    ("N-11", NeverCloses),
)
