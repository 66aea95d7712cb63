"""An endpoint that is told what happened, as a simulated world has it: it lives on when its kernels die.

The program gets an `EndpointClient`, a `Notifier` whose notices travel as requests to the venue do: what
has left arrives, also when the program dies meanwhile, and its answer reaches only a program that is still
alive. A `NoticeFate` decides what becomes of each attempt.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import attrs

from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.ports.notices import DELIVERED, DeliveryOutcome, DeliverySettings, DeliveryVerdict, Notice
from fairlead.testing.generation import Generation
from fairlead.testing.memory_store import MemoryDisk
from fairlead.testing.simulation import World

SENT = "endpoint.deliver.sent"
TOLD = "endpoint.deliver.told"
ANSWERED = "endpoint.deliver.answered"
ENDPOINT_POINTS = (SENT, TOLD, ANSWERED)
"""Places inside one attempt where a program may die: under way, told without an answer, answered unseen."""
ENDPOINT_DELIVERY = DeliverySettings(
    retry_pauses_ms=(50, 100, 200, *(400,) * 60),
    attempt_timeout_ms=100,
    subjects_at_once=4,
    circuit_failures=3,
    circuit_pause_ms=200,
)
"""As a real endpoint's, in the times of a life of seconds; with so many attempts, only a refusal is final."""
_WAY_MIN_NS = NANOSECONDS_PER_MILLISECOND
_WAY_MAX_NS = 12 * NANOSECONDS_PER_MILLISECOND


@attrs.frozen(kw_only=True)
class NoticeFate:
    """What becomes of one attempt. Times are nanoseconds; None means drawn from the world's seed.

    *is_down*: nobody listens, so the attempt fails and nothing arrives. Otherwise the notice arrives and the
    endpoint gives its *answer*; only what it answers with `DELIVERED` was told. The answer may be lost.
    """

    is_down: bool = False
    answer: DeliveryOutcome = DELIVERED
    answer_lost: bool = False
    request_ns: int | None = None
    answer_ns: int | None = None


HEARD = NoticeFate()
DecideNotice = Callable[[Notice, int], NoticeFate]


class Endpoint:
    """The world's end: hears notices, answers as its *fate* says, and remembers all of it.

    *attempts* are the notices that arrived, each with the number of its attempt, *told* those that it took,
    both in order. *tried* counts the attempts that left for each notice, *refused* holds those it turned
    away for good, *unfounded* what it heard that was not in the journal when it heard it.
    """

    def __init__(
        self,
        world: World,
        disk: MemoryDisk,
        fate: DecideNotice = lambda _notice, _attempt: HEARD,
        *,
        delivery: DeliverySettings = ENDPOINT_DELIVERY,
        name: str = "endpoint",
    ) -> None:
        self.name = name
        self.delivery = delivery
        self.world = world
        self.attempts: list[tuple[Notice, int]] = []
        self.told: list[Notice] = []
        self.tried: Counter[str] = Counter()
        self.refused: set[str] = set()
        self.unfounded: list[str] = []
        self._fate = fate
        self._disk = disk
        self._durable: dict[str, tuple[str, str, int]] = {}
        self._read = 0
        self._stream = world.streams.of("line to the endpoint")

    def client(self, generation: Generation) -> EndpointClient:
        """Return the notifier to give to the program."""
        return EndpointClient(self, generation)

    def carry(self, notice: Notice, attempt: int, answer: asyncio.Future[DeliveryOutcome]) -> None:
        """Send a notice on its way; from here on it belongs to the world."""
        self.tried[notice.event_id] += 1
        fate = self._fate(notice, attempt)
        arrive = self._turn_away if fate.is_down else self._arrive
        self._after(fate.request_ns, lambda: arrive(notice, attempt, fate, answer))

    def _turn_away(
        self, _notice: Notice, _attempt: int, _fate: NoticeFate, answer: asyncio.Future[DeliveryOutcome]
    ) -> None:
        if not answer.done():
            answer.set_exception(ConnectionRefusedError("nobody listens"))
            answer.exception()  # whoever asked may be dead, and then nobody looks at it

    def _arrive(
        self, notice: Notice, attempt: int, fate: NoticeFate, answer: asyncio.Future[DeliveryOutcome]
    ) -> None:
        self.attempts.append((notice, attempt))
        if not self._is_founded(notice):
            self.unfounded.append(f"{notice.event_id} ({notice.kind}) was told and is not in the journal")
        if fate.answer.verdict is DeliveryVerdict.DELIVERED:
            self.told.append(notice)
            self.world.crash_points.reached(TOLD)
        elif fate.answer.verdict is DeliveryVerdict.NEVER:
            self.refused.add(notice.event_id)
        if not fate.answer_lost:
            self._after(fate.answer_ns, lambda: _answer(answer, fate.answer))

    def _is_founded(self, notice: Notice) -> bool:
        """Tell whether an outbox row is durable now that says the same of what, of whom and where."""
        rows = self._disk.outbox
        for row in rows[self._read :]:
            self._durable[row.event_id] = (row.kind, row.subject, row.sequence)
        self._read = len(rows)
        return self._durable.get(notice.event_id) == (notice.kind, notice.subject, notice.sequence)

    def _after(self, way_ns: int | None, what: Callable[[], None]) -> None:
        """Do something when the way is over; a timer of the world, which no crash of the program touches."""
        drawn_ns = self._stream.randrange(_WAY_MIN_NS, _WAY_MAX_NS)
        clock = self.world.clock
        clock.call_at_ns(clock.monotonic_ns() + (drawn_ns if way_ns is None else way_ns), what)


class EndpointClient:
    """The program's end: a `Notifier` of one generation that wants every notice."""

    def __init__(self, endpoint: Endpoint, generation: Generation) -> None:
        self.name = endpoint.name
        self.delivery = endpoint.delivery
        self._endpoint = endpoint
        self._generation = generation

    def wants(self, _notice: Notice) -> bool:
        """See `Notifier.wants`: all of them."""
        return True

    async def deliver(self, notice: Notice, attempt: int) -> DeliveryOutcome:
        """See `Notifier.deliver`."""
        points = self._endpoint.world.crash_points
        self._generation.check()
        answer: asyncio.Future[DeliveryOutcome] = asyncio.get_running_loop().create_future()
        self._endpoint.carry(notice, attempt, answer)
        points.reached(SENT)
        outcome = await answer
        self._generation.check()
        points.reached(ANSWERED)
        return outcome

    async def close(self) -> None:
        """See `Notifier.close`; there is nothing to give back."""


def _answer(answer: asyncio.Future[DeliveryOutcome], outcome: DeliveryOutcome) -> None:
    """Let an answer reach who still waits for it."""
    if not answer.done():
        answer.set_result(outcome)
