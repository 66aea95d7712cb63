"""An exchange client whose venue does exactly what a test says, and nothing else.

The venue behind it holds orders and trades; a script decides what becomes of each request: it arrives
or is lost, is answered or not. So every way in which the two sides can come to know different things
can be played, in any order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Unpack

from fairlead.domain.instruments import Instrument
from fairlead.domain.numbers import add, to_decimal
from fairlead.domain.order_kinds import Liquidity, OrderSide
from fairlead.ports.exchange import (
    Answer,
    Fence,
    FillPage,
    FillReport,
    LedgerEntry,
    LedgerPage,
    LookUp,
    ModifyRequest,
    OrderReport,
    Outcome,
    Report,
    ReportSink,
    SubmitRequest,
    VenuePosition,
    VenueStatus,
)
from fairlead.ports.pacing import PacingModel
from fairlead.testing.scripted_offers import Offers, capabilities_of
from fairlead.testing.scripted_orders import VenueOrder

SubmitScript = Callable[["ScriptedExchange", SubmitRequest], Awaitable[Answer]]
ModifyScript = Callable[["ScriptedExchange", ModifyRequest], Awaitable[Answer]]
CancelScript = Callable[["ScriptedExchange", str], Awaitable[Answer]]
LookUpScript = Callable[["ScriptedExchange", str], Awaitable[LookUp]]


_ALIVE = (VenueStatus.LIVE, VenueStatus.TRIGGERED)


async def accepts(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
    """The order arrives and is acknowledged."""
    return Answer(Outcome.ACCEPTED, venue_order_id=exchange.place(request).venue_order_id)


async def loses_request(_exchange: ScriptedExchange, _request: SubmitRequest) -> Answer:
    """The order never arrives, and nobody says so."""
    raise ConnectionResetError("the request was lost")


async def loses_answer(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
    """The order arrives, and its acknowledgement is lost."""
    exchange.place(request)
    raise ConnectionResetError("the answer was lost")


async def hangs(_exchange: ScriptedExchange, _what: object) -> Answer:
    """Nothing comes back, ever."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nobody answers this")


def answers(
    outcome: Outcome, reason: str = "", retry_after_ns: int = 0, *, names_rules: bool = False
) -> SubmitScript:
    """Nothing is placed, and the venue or the client says so."""

    async def script(_exchange: ScriptedExchange, _request: SubmitRequest) -> Answer:
        return Answer(outcome, reason=reason, retry_after_ns=retry_after_ns, names_rules=names_rules)

    return script


async def accepts_cancel(exchange: ScriptedExchange, client_order_id: str) -> Answer:
    """The cancel is taken; the order ends and the end is reported."""
    exchange.end(client_order_id, VenueStatus.CANCELED)
    return Answer(Outcome.ACCEPTED)


async def takes_cancel(_exchange: ScriptedExchange, _client_order_id: str) -> Answer:
    """The cancel is taken and nothing else is heard yet."""
    return Answer(Outcome.ACCEPTED)


def refuses_cancel(reason: str, outcome: Outcome = Outcome.REFUSED, retry_after_ns: int = 0) -> CancelScript:
    """The cancel is not done, with this outcome."""

    async def script(_exchange: ScriptedExchange, _client_order_id: str) -> Answer:
        return Answer(outcome, reason=reason, retry_after_ns=retry_after_ns)

    return script


async def modifies(exchange: ScriptedExchange, request: ModifyRequest) -> Answer:
    """The order is changed, unless it is over or more was filled already, and that is acknowledged."""
    refusal = exchange.change(request)
    return Answer(Outcome.REFUSED if refusal else Outcome.ACCEPTED, reason=refusal)


async def finds(exchange: ScriptedExchange, client_order_id: str) -> LookUp:
    """A look-up that could read everything."""
    return exchange.found(client_order_id)


async def finds_half(_exchange: ScriptedExchange, _client_order_id: str) -> LookUp:
    """A look-up that could not read one of the three places, and found nothing in the others."""
    return LookUp(None, (), complete=False)


async def fails_to_look(_exchange: ScriptedExchange, _client_order_id: str) -> LookUp:
    """A look-up that does not come back."""
    raise ConnectionResetError("the look-up was lost")


async def looks_for_ever(_exchange: ScriptedExchange, _client_order_id: str) -> LookUp:
    """A look-up to which nothing comes back."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nobody answers this")


class ScriptedExchange:
    """An `ExchangeClient` on a venue that is moved by hand.

    Requests follow the scripts that were queued with `will_submit`, `will_modify`, `will_cancel` and
    `will_look_up` (for a modify: `fairlead.testing.modify_scripts`), then the well-behaved ones. *submits*,
    *modifies*, *cancels*, *look_ups* and *finds* hold what was asked, in order; *net* is what `positions`
    answers, *held* what `balances` does, and *ledger* what `ledger_since` pages through.
    """

    def __init__(
        self,
        instruments: Iterable[Instrument],
        *,
        fence: Fence = Fence.DEADLINE,
        horizon_ns: int = 0,
        page_size: int = 2,
        streams: bool = True,
        pacing: PacingModel | None = None,
        **offers: Unpack[Offers],
    ) -> None:
        self.name = "scripted"
        self.capabilities = capabilities_of(
            offers, fence=fence, horizon_ns=horizon_ns, streams=streams, pacing=pacing
        )
        self.rules = list(instruments)
        self.page_size = page_size
        self.submits: list[SubmitRequest] = []
        self.modifies: list[ModifyRequest] = []
        self.cancels: list[str] = []
        self.look_ups: list[str] = []
        self.finds: list[str] = []
        self.net: dict[str, VenuePosition] = {}
        self.held: dict[str, Decimal] = {}
        self.ledger: list[LedgerEntry] = []
        self.orders: dict[str, VenueOrder] = {}
        self.history: list[FillReport] = []
        self.sink: ReportSink | None = None
        self.failing: dict[str, int] = {}
        self._submit_scripts: deque[SubmitScript] = deque()
        self._modify_scripts: deque[ModifyScript] = deque()
        self._cancel_scripts: deque[CancelScript] = deque()
        self._look_up_scripts: deque[LookUpScript] = deque()
        self._placed = 0

    # -- what the test says ----------------------------------------------------------------------

    def will_submit(self, *scripts: SubmitScript) -> None:
        """Queue what becomes of the next submits."""
        self._submit_scripts.extend(scripts)

    def will_modify(self, *scripts: ModifyScript) -> None:
        """Queue what becomes of the next modifies."""
        self._modify_scripts.extend(scripts)

    def will_cancel(self, *scripts: CancelScript) -> None:
        """Queue what becomes of the next cancels."""
        self._cancel_scripts.extend(scripts)

    def will_look_up(self, *scripts: LookUpScript) -> None:
        """Queue what becomes of the next look-ups."""
        self._look_up_scripts.extend(scripts)

    def will_fail(self, method: str, times: int = 1) -> None:
        """Let the next calls of that name fail: a question, or connect."""
        self.failing[method] = times

    def place(self, request: SubmitRequest) -> VenueOrder:
        """The order arrives at the venue, now."""
        order = self.hold(request.client_order_id, request.symbol, request.side, request.quantity)
        order.request = request
        order.limit_price, order.trigger_price = request.limit_price, request.trigger_price
        return order

    def change(self, request: ModifyRequest) -> str:
        """The change arrives at the venue, now; return why it is refused, or nothing."""
        order = self.orders.get(request.client_order_id or self._named(request.venue_order_id))
        return "there is no such order" if order is None else order.change(request.terms)

    def hold(
        self,
        client_order_id: str,
        symbol: str,
        side: OrderSide,
        quantity: Decimal,
        limit_price: Decimal | None = None,
    ) -> VenueOrder:
        """Let the venue hold an order, whoever placed it."""
        self._placed += 1
        order = VenueOrder(client_order_id, f"V{self._placed}", symbol, side, quantity)
        order.limit_price = limit_price
        self.orders[client_order_id or order.venue_order_id] = order
        return order

    def trade(
        self,
        name: str,
        quantity: str,
        price: str,
        *,
        trade_id: str = "",
        fee: str = "0",
        fee_currency: str = "",
        value: str | None = None,
        said: bool = True,
    ) -> FillReport:
        """The order trades; *said* is false when the stream does not say so."""
        order = self.orders[name]
        amount = to_decimal(quantity, "quantity")
        order.filled_quantity = add(order.filled_quantity, amount)
        if order.filled_quantity >= order.quantity:
            order.status = VenueStatus.FILLED
        fill = FillReport(
            order.client_order_id,
            order.venue_order_id,
            trade_id or f"T{len(self.history) + 1}",
            order.symbol,
            order.side,
            amount,
            to_decimal(price, "price"),
            None if value is None else to_decimal(value, "value"),
            to_decimal(fee, "fee"),
            fee_currency or order.symbol.partition("/")[2],
            Liquidity.TAKER,
            len(self.history) + 1,
        )
        self.history.append(fill)
        if said:
            self.say(fill)
        return fill

    def end(self, name: str, status: VenueStatus, *, reason: str = "", said: bool = True) -> None:
        """The order ends at the venue; *said* is false when the stream does not say so."""
        order = self.orders[name]
        order.status, order.reason = status, reason
        if said:
            self.say(self.report(name))

    def trigger(self, name: str, *, said: bool = True) -> None:
        """The order's trigger is reached; *said* is false when the stream does not say so."""
        self.end(name, VenueStatus.TRIGGERED, said=said)

    def forget(self, name: str) -> None:
        """The venue no longer knows the order."""
        del self.orders[name]

    def report(self, name: str) -> OrderReport:
        """Return what the venue says about the order now."""
        order = self.orders[name]
        return OrderReport(
            order.client_order_id,
            order.venue_order_id,
            order.symbol,
            order.status,
            order.filled_quantity,
            0,
            order.reason,
            order.terms,
        )

    def say(self, *reports: Report) -> None:
        """Let the stream say this, where there is one."""
        if self.sink is not None and self.capabilities.streams_reports:
            for report in reports:
                self.sink.put(report)

    def found(self, client_order_id: str) -> LookUp:
        """Return what a look-up that reads everything finds."""
        fills = [fill for fill in self.history if fill.client_order_id == client_order_id]
        known = client_order_id in self.orders
        return LookUp(self.report(client_order_id) if known else None, fills, complete=True)

    def submits_of(self, client_order_id: str) -> int:
        """Return how often this order was sent."""
        return sum(request.client_order_id == client_order_id for request in self.submits)

    # -- the port --------------------------------------------------------------------------------

    async def connect(self, sink: ReportSink) -> None:
        """See `ExchangeClient.connect`."""
        self._fail("connect")
        self.sink = sink

    async def disconnect(self) -> None:
        """See `ExchangeClient.disconnect`."""
        self.sink = None

    async def instruments(self) -> Sequence[Instrument]:
        """See `ExchangeClient.instruments`."""
        self._fail("instruments")
        return self.rules

    async def submit(self, request: SubmitRequest) -> Answer:
        """See `ExchangeClient.submit`."""
        self.submits.append(request)
        script = self._submit_scripts.popleft() if self._submit_scripts else accepts
        return await script(self, request)

    async def modify(self, request: ModifyRequest) -> Answer:
        """See `ExchangeClient.modify`."""
        self.modifies.append(request)
        script = self._modify_scripts.popleft() if self._modify_scripts else modifies
        return await script(self, request)

    async def cancel(self, client_order_id: str, venue_order_id: str, symbol: str) -> Answer:  # noqa: ARG002 - the port's
        """See `ExchangeClient.cancel`."""
        name = client_order_id or self._named(venue_order_id)
        self.cancels.append(name)
        script = self._cancel_scripts.popleft() if self._cancel_scripts else accepts_cancel
        return await script(self, name)

    async def find(self, venue_order_id: str, symbol: str) -> LookUp:  # noqa: ARG002 - the port's
        """See `OrderFinder.find`."""
        self.finds.append(venue_order_id)
        self._fail("find")
        fills = [fill for fill in self.history if fill.venue_order_id == venue_order_id]
        name = self._named(venue_order_id)
        return LookUp(self.report(name) if name else None, fills, complete=True)

    async def positions(self) -> Sequence[VenuePosition]:
        """See `PositionKeeper.positions`."""
        self._fail("positions")
        return list(self.net.values())

    def _named(self, venue_order_id: str) -> str:
        """Return under which name the venue's order is kept, or nothing when it is not."""
        same = (name for name, order in self.orders.items() if order.venue_order_id == venue_order_id)
        return next(same, "")

    async def look_up(self, client_order_id: str, symbol: str) -> LookUp:  # noqa: ARG002 - the port's
        """See `ExchangeClient.look_up`."""
        self.look_ups.append(client_order_id)
        script = self._look_up_scripts.popleft() if self._look_up_scripts else finds
        return await script(self, client_order_id)

    async def open_orders(self) -> Sequence[OrderReport]:
        """See `ExchangeClient.open_orders`."""
        self._fail("open_orders")
        return [self.report(name) for name, order in self.orders.items() if order.status in _ALIVE]

    async def fills_since(self, cursor: str) -> FillPage:
        """See `ExchangeClient.fills_since`."""
        self._fail("fills_since")
        begin = int(cursor or 0)
        end = begin + self.page_size
        fills = self.history[begin:end]
        return FillPage(fills, str(begin + len(fills)), more=end < len(self.history))

    async def balances(self) -> Mapping[str, Decimal]:
        """See `ExchangeClient.balances`."""
        self._fail("balances")
        return dict(self.held)

    async def ledger_since(self, cursor: str) -> LedgerPage:
        """See `LedgerKeeper.ledger_since`."""
        self._fail("ledger_since")
        begin = int(cursor or 0)
        end = begin + self.page_size
        entries = self.ledger[begin:end]
        return LedgerPage(entries, str(begin + len(entries)), more=end < len(self.ledger))

    def _fail(self, method: str) -> None:
        left = self.failing.get(method, 0)
        if left:
            self.failing[method] = left - 1
            raise ConnectionResetError(f"{method} was lost")
