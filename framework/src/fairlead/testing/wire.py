"""The wire between a program that may die and a venue that lives on.

The venue's client lives in the world and is never crashed. The program gets a `WireClient`, whose
requests travel: what has left arrives, also when the program dies meanwhile; what is answered reaches
only a program that is still alive. Each way takes time drawn from the world's seed, and a `Fate` can
lose either of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

import attrs

from fairlead.domain.instruments import Instrument
from fairlead.ports.clock import Clock
from fairlead.ports.exchange import (
    Answer,
    ExchangeClient,
    FillPage,
    LedgerKeeper,
    LedgerPage,
    LookUp,
    ModifyRequest,
    OrderFinder,
    OrderReport,
    PositionKeeper,
    Report,
    ReportSink,
    SubmitRequest,
    VenueBalance,
    VenuePosition,
)
from fairlead.testing.generation import Generation
from fairlead.testing.simulation import World

_T = TypeVar("_T")

SUBMIT = "submit"
MODIFY = "modify"
CANCEL = "cancel"
LOOK_UP = "look_up"
_MICROSECOND_NS = 1_000
_WAY_MIN_US = 1_000
_WAY_MAX_US = 20_000


@attrs.frozen
class Trip:
    """One request on its way: which method of the client, about what, and the how manieth of its method.

    *subject* is what the method was given first: the `SubmitRequest` of a submit, the client order id of
    a cancel or a look-up, the cursor of a read of fills, nothing else. *number* counts from 1 over the
    life of the world.
    """

    method: str
    subject: object
    number: int


@attrs.frozen(kw_only=True)
class Fate:
    """What becomes of a trip. Times are nanoseconds; None means drawn from the world's seed.

    *incomplete* matters to a look-up alone: it answers that it found nothing and could not read everything.
    """

    request_ns: int | None = None
    answer_ns: int | None = None
    request_lost: bool = False
    answer_lost: bool = False
    incomplete: bool = False


@attrs.frozen(kw_only=True)
class ReportFate:
    """What becomes of a report of the stream: how often it comes, and when, in nanoseconds."""

    copies: int = 1
    way_ns: int | None = None


NORMAL = Fate()
TOLD_ONCE = ReportFate()
NOTHING_READ = LookUp(None, (), complete=False)


class Wire:
    """The world's end: carries requests to the venue's client, and its reports to who is connected."""

    def __init__(
        self,
        world: World,
        venue: ExchangeClient,
        fate: Callable[[Trip], Fate] = lambda _trip: NORMAL,
        report_fate: Callable[[Report], ReportFate] = lambda _report: TOLD_ONCE,
    ) -> None:
        self.venue = venue
        self.world = world
        self.is_streaming = True
        """False while the stream is broken: reports of that time are lost."""
        self._fate = fate
        self._report_fate = report_fate
        self._stream = world.streams.of("wire")
        self._counts: dict[str, int] = {}
        self._listener: WireClient | None = None
        self._venue_is_connected = False

    def client(self, generation: Generation) -> WireClient:
        """Return the exchange client to give to the program."""
        return WireClient(self, generation)

    def carry(
        self,
        method: str,
        subject: object,
        ask: Callable[[ExchangeClient], Awaitable[Any]],
        answer: asyncio.Future[Any],
    ) -> None:
        """Send a request on its way; from here on it belongs to the world."""
        number = self._counts[method] = self._counts.get(method, 0) + 1
        fate = self._fate(Trip(method, subject, number))
        self.world.spawn(self._travel(fate, ask, answer))

    async def _travel(
        self, fate: Fate, ask: Callable[[ExchangeClient], Awaitable[Any]], answer: asyncio.Future[Any]
    ) -> None:
        clock = self.world.clock
        await clock.sleep_ns(self._way_ns(fate.request_ns))
        if fate.request_lost:
            return
        try:
            result, error = await ask(self.venue), None
        except Exception as fault:  # isolation point: what the venue's client raises belongs to who asked
            result, error = None, fault
        await clock.sleep_ns(self._way_ns(fate.answer_ns))
        if fate.answer_lost or answer.done():
            return
        if error is None:
            unread = fate.incomplete and isinstance(result, LookUp)
            answer.set_result(NOTHING_READ if unread else result)
        else:
            answer.set_exception(error)
            answer.exception()  # whoever asked may be dead, and then nobody looks at it

    def _way_ns(self, given_ns: int | None) -> int:
        drawn_us = self._stream.randrange(_WAY_MIN_US, _WAY_MAX_US)
        return drawn_us * _MICROSECOND_NS if given_ns is None else given_ns

    async def attach(self, client: WireClient, venue: ExchangeClient) -> None:
        """Stream the venue's reports to this client from now on, unless its program died on the way."""
        if not self._venue_is_connected:
            await venue.connect(self)
            self._venue_is_connected = True
        if client.is_alive:
            self._listener = client

    def detach(self, client: WireClient) -> None:
        """Stream nothing more to this client."""
        if self._listener is client:
            self._listener = None

    # -- the sink of the venue's client ----------------------------------------------------------------------

    def put(self, report: Report) -> None:
        """Take a report of the venue and bring it to the program, a little later and maybe out of order."""
        if self._listener is None or not self.is_streaming:
            return
        fate = self._report_fate(report)
        for _ in range(fate.copies):
            self._listener.bring(self._way_ns(fate.way_ns), lambda sink: sink.put(report))

    def disconnected(self, reason: str) -> None:
        """Hear that the venue's stream broke: until it is back its reports are lost."""
        self.is_streaming = False
        if self._listener is not None:
            self._listener.bring(0, lambda sink: sink.disconnected(reason))

    def reconnected(self) -> None:
        """Hear that the venue's stream is back."""
        self.is_streaming = True
        if self._listener is not None:
            self._listener.bring(0, lambda sink: sink.reconnected())


class WireClient:
    """The program's end: an `ExchangeClient` of one generation, with crash points around each request.

    The points of a request are ``exchange.<method>.before`` (nothing has left), ``.sent`` (it is on the
    wire) and ``.answered`` (its answer is in the program's hands and nobody has seen it yet).
    """

    def __init__(self, wire: Wire, generation: Generation) -> None:
        self.name = wire.venue.name
        self.capabilities = wire.venue.capabilities
        self._wire = wire
        self._generation = generation
        # Its timers belong to the program, so what they bring dies with it.
        self._clock: Clock = wire.world.clock_of(generation)
        self._sink: ReportSink | None = None

    @property
    def is_alive(self) -> bool:
        """Tell whether the program that holds this end still lives."""
        return self._generation.alive

    async def connect(self, sink: ReportSink) -> None:
        """See `ExchangeClient.connect`."""
        self._sink = sink
        await self._ask("connect", None, lambda venue: self._wire.attach(self, venue))

    async def disconnect(self) -> None:
        """See `ExchangeClient.disconnect`."""
        self._sink = None
        self._wire.detach(self)

    async def instruments(self) -> Sequence[Instrument]:
        """See `ExchangeClient.instruments`."""
        return cast(
            "Sequence[Instrument]", await self._ask("instruments", None, lambda venue: venue.instruments())
        )

    async def submit(self, request: SubmitRequest) -> Answer:
        """See `ExchangeClient.submit`."""
        return await self._ask(SUBMIT, request, lambda venue: venue.submit(request))

    async def modify(self, request: ModifyRequest) -> Answer:
        """See `ExchangeClient.modify`."""
        return await self._ask(MODIFY, request, lambda venue: venue.modify(request))

    async def cancel(self, client_order_id: str, venue_order_id: str, symbol: str) -> Answer:
        """See `ExchangeClient.cancel`."""
        return await self._ask(
            CANCEL, client_order_id, lambda venue: venue.cancel(client_order_id, venue_order_id, symbol)
        )

    async def look_up(self, client_order_id: str, symbol: str) -> LookUp:
        """See `ExchangeClient.look_up`."""
        return await self._ask(LOOK_UP, client_order_id, lambda venue: venue.look_up(client_order_id, symbol))

    async def open_orders(self) -> Sequence[OrderReport]:
        """See `ExchangeClient.open_orders`."""
        return await self._ask("open_orders", None, lambda venue: venue.open_orders())

    async def fills_since(self, cursor: str) -> FillPage:
        """See `ExchangeClient.fills_since`."""
        return await self._ask("fills_since", cursor, lambda venue: venue.fills_since(cursor))

    async def balances(self) -> Mapping[str, VenueBalance]:
        """See `ExchangeClient.balances`."""
        return await self._ask("balances", None, lambda venue: venue.balances())

    async def ledger_since(self, cursor: str) -> LedgerPage:
        """See `LedgerKeeper.ledger_since`."""
        return await self._ask(
            "ledger_since", cursor, lambda venue: cast("LedgerKeeper", venue).ledger_since(cursor)
        )

    async def find(self, venue_order_id: str, symbol: str) -> LookUp:
        """See `OrderFinder.find`."""
        return await self._ask(
            "find", venue_order_id, lambda venue: cast("OrderFinder", venue).find(venue_order_id, symbol)
        )

    async def positions(self) -> Sequence[VenuePosition]:
        """See `PositionKeeper.positions`."""
        return await self._ask("positions", None, lambda venue: cast("PositionKeeper", venue).positions())

    def bring(self, delay_ns: int, what: Callable[[ReportSink], None]) -> None:
        """Let something reach the program after that time, if it then still lives and listens."""
        if self._generation.alive:
            self._clock.call_at_ns(self._clock.monotonic_ns() + delay_ns, lambda: self._deliver(what))

    def _deliver(self, what: Callable[[ReportSink], None]) -> None:
        if self._sink is not None:
            what(self._sink)

    async def _ask(self, method: str, subject: object, ask: Callable[[ExchangeClient], Awaitable[_T]]) -> _T:
        points = self._wire.world.crash_points
        self._generation.check()
        points.reached(f"exchange.{method}.before")
        answer: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._wire.carry(method, subject, ask, answer)
        points.reached(f"exchange.{method}.sent")
        result = await answer
        self._generation.check()
        points.reached(f"exchange.{method}.answered")
        return result
