"""The exchange port: what an exchange client implements, and the values it exchanges.

A client never decides an order's fate. It sends what it is given, once, and reports what it saw.
Reports that arrive by themselves go into the sink it was given; answers are returned. Whatever it
raises from `submit` counts as *unknown*: the order then stays unresolved until the venue's evidence
resolves it.

Numbered rules, proven by `fairlead.testing.conformance.ExchangeConformance`, are in
``docs/reference/exchange-rules.md``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

import attrs

from fairlead.domain.account import AdjustmentKind
from fairlead.domain.changes import Terms
from fairlead.domain.instruments import Instrument
from fairlead.domain.order_kinds import Liquidity, OrderSide, OrderType, TimeInForce
from fairlead.domain.prices import Quote, Trade
from fairlead.domain.values import Value
from fairlead.ports.account import LedgerEntry, LedgerKeeper, LedgerPage, VenueBalance
from fairlead.ports.components import KernelComponent
from fairlead.ports.pacing import PacingModel

# A client's author needs these too, and imports them from here: the domain is not public.
__all__ = [
    "AdjustmentKind",
    "Answer",
    "ComponentBringer",
    "ExchangeCapabilities",
    "ExchangeClient",
    "Fence",
    "FillPage",
    "FillReport",
    "Instrument",
    "LedgerEntry",
    "LedgerKeeper",
    "LedgerPage",
    "Liquidity",
    "LookUp",
    "ModifyRequest",
    "OrderFinder",
    "OrderReport",
    "OrderSide",
    "OrderTerms",
    "OrderType",
    "Outcome",
    "PositionKeeper",
    "PriceHeartbeat",
    "Quote",
    "Report",
    "ReportSink",
    "SubmitRequest",
    "Terms",
    "TimeInForce",
    "Trade",
    "VenueBalance",
    "VenuePosition",
    "VenueStatus",
]


class Fence(StrEnum):
    """What makes it certain that a request without an answer will not be executed any more.

    ``DEADLINE``: the venue refuses an order request after the deadline it carries.
    ``PERMANENT_CLIENT_ID``: the venue never takes the same client order id twice and can be asked
    by it; after the horizon an absent id is proof. ``NONE``: nothing does; only evidence or an
    operator resolves.
    """

    DEADLINE = "deadline"
    PERMANENT_CLIENT_ID = "permanent_client_id"
    NONE = "none"


@attrs.frozen(kw_only=True)
class ExchangeCapabilities:
    """What the venue can do. *horizon_ns* belongs to the permanent id fence.

    An order that needs what is not named here is denied. Where good-until-date is not offered, the
    kernel sends the order good until canceled and asks for a cancel when the time has come. *modify*
    says that it changes an order in place: then every `OrderReport` of an order alive has its *terms*,
    for by them an unanswered modify is resolved. *pacing*
    is the model of its rate limits; without one nothing is paced.
    *simulated* says that no money moves there; any other client needs ``live = true``.

    *adoption*: orders that the kernel did not send can be taken over. Reports of `open_orders`, `look_up`
    and `find` carry the order's terms, the client is an `OrderFinder`, and `cancel` works by the venue's id
    alone. *positions*: the venue keeps net positions by symbol, and the client is a `PositionKeeper`.

    *balances*: `balances` tells all that the account holds and what is locked of it, by which the opening
    inventory is recorded, what differs later is found, and what an order needs is checked. *ledger*: the
    venue lists what moved the balances besides our fills, and the client is a `LedgerKeeper`.

    *locks_balance*: an open order holds what it needs, and no other order can use that, as at a spot
    exchange; false where orders share what is held, as with margin.

    *components*: the client brings components of its own, and is a `ComponentBringer`.
    """

    fence: Fence
    horizon_ns: int = 0
    order_types: frozenset[OrderType] = frozenset({OrderType.MARKET, OrderType.LIMIT})
    times_in_force: frozenset[TimeInForce] = frozenset({TimeInForce.GTC, TimeInForce.IOC})
    post_only: bool = False
    reduce_only: bool = False
    modify: bool = False
    streams_reports: bool = True
    price_source: bool = False
    simulated: bool = False
    pacing: PacingModel | None = None
    adoption: bool = False
    positions: bool = False
    balances: bool = False
    ledger: bool = False
    locks_balance: bool = True
    components: bool = False


class Outcome(StrEnum):
    """What became of a request: decided by the client from data, ``UNKNOWN`` when in doubt."""

    ACCEPTED = "accepted"
    NOT_SENT = "not_sent"
    REFUSED = "refused"
    LIMITED = "limited"
    UNKNOWN = "unknown"


class SubmitRequest(Value):
    """An approved order on its way out.

    *deadline_ns* is when the request may no longer be taken, *expire_ns* when an order that is good
    until a date ends; both venue wall time, 0 when none. *reduces* is what the kernel found;
    *reduce_only* asks the venue to see to it too, and is set only where it offers that.
    *trailing_distance* is in price, *trailing_rate* a fraction of it; one of them for a trailing stop.
    """

    client_order_id: str
    symbol: str
    side: OrderSide
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    limit_price: Decimal | None
    reduces: bool
    deadline_ns: int
    trigger_price: Decimal | None = None
    trailing_distance: Decimal | None = None
    trailing_rate: Decimal | None = None
    expire_ns: int = 0
    post_only: bool = False
    reduce_only: bool = False
    leverage: Decimal | None = None


class ModifyRequest(Value):
    """An approved change of an order that works, on its way out.

    *client_order_id* is empty for an order that somebody else placed: the venue's id names it. *terms* are
    all of those that the order shall have afterwards, also where they stay: the quantity is the whole of the
    order, what was filled included. A price that it has not is nothing. *deadline_ns*
    is the venue wall time when the request may no longer be taken, 0 when none.
    """

    client_order_id: str
    venue_order_id: str
    symbol: str
    side: OrderSide
    order_type: OrderType
    terms: Terms
    deadline_ns: int


class Answer(Value):
    """The answer to a submit, modify or cancel; *reason* is the venue's text, *retry_after_ns* a duration.

    *names_rules*: the venue refused for one of its rules (minimum, step, tick, fee, the symbol itself), so
    those that the kernel goes by may be out of date: it reads them again.
    """

    outcome: Outcome
    venue_order_id: str = ""
    reason: str = ""
    ts_event: int = 0
    retry_after_ns: int = 0
    names_rules: bool = False


class VenueStatus(StrEnum):
    """The state of an order as the venue says it; ``TRIGGERED`` is alive, with its trigger reached."""

    LIVE = "live"
    TRIGGERED = "triggered"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"


class OrderTerms(Value):
    """What the venue says that an order is, whoever placed it; as in `SubmitRequest`."""

    side: OrderSide
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    trailing_distance: Decimal | None = None
    trailing_rate: Decimal | None = None
    expire_ns: int = 0
    post_only: bool = False
    reduce_only: bool = False
    leverage: Decimal | None = None


class OrderReport(Value):
    """What the venue says about one order. *filled_quantity* is cumulative and never booked.

    *terms* are those under which the venue holds the order, or nothing where it does not say: a change
    without an answer is resolved by them, and an order that the kernel did not send taken over.
    *names_rules* as in `Answer`, where a venue refuses an order that it had taken.
    """

    client_order_id: str
    venue_order_id: str
    symbol: str
    status: VenueStatus
    filled_quantity: Decimal
    ts_event: int
    reason: str = ""
    terms: OrderTerms | None = None
    names_rules: bool = False


class FillReport(Value):
    """One trade of ours.

    *value* is the venue's own settlement figure when it gives one: in quote, or in base for an inverse
    contract. *fee* is in *fee_currency*, whichever that is, and negative for a rebate.
    """

    client_order_id: str
    venue_order_id: str
    trade_id: str
    symbol: str
    side: OrderSide
    quantity: Decimal
    price: Decimal
    value: Decimal | None
    fee: Decimal
    fee_currency: str
    liquidity: Liquidity
    ts_event: int


class FillPage(Value):
    """A page of fill history in venue order; *cursor* covers everything up to its end."""

    fills: Sequence[FillReport]
    cursor: str
    more: bool


class LookUp(Value):
    """The answer to a look-up by client order id over open orders, closed orders and trades.

    *report* is nothing when the venue knows no such order; *complete* is false when one of the
    three places could not be read, and then an absence proves nothing.
    """

    report: OrderReport | None
    fills: Sequence[FillReport]
    complete: bool


class VenuePosition(Value):
    """The venue's net position of one symbol: *quantity* is signed, in base or contracts, 0 when flat.

    *average_price* is what the venue says it was entered at, if it does.
    """

    symbol: str
    quantity: Decimal
    average_price: Decimal | None = None


class PriceHeartbeat(Value):
    """The client's feed of prices is alive, and nothing newer happened: to a symbol, or to all it gives."""

    symbol: str = ""


Report = OrderReport | FillReport | Quote | Trade | PriceHeartbeat


class ReportSink(Protocol):
    """Where a client puts what arrives by itself; never blocks, never calls back."""

    def put(self, report: Report) -> None:
        """Queue one report for the kernel."""

    def disconnected(self, reason: str) -> None:
        """Say that the stream broke: reports may have been missed until `reconnected`."""

    def reconnected(self) -> None:
        """Say that the stream is back; the kernel reconciles."""


class ExchangeClient(Protocol):
    """One account at one venue. Methods run concurrently; each has the kernel's timeout around it.

    A read that the venue refuses for its rate limit raises `fairlead.errors.RateLimited`, so that the
    kernel's pacing learns of it; submits, modifies and cancels answer `Outcome.LIMITED`.

    A client whose venue tells its time may also have ``async def server_time(self) -> int``, in wall
    nanoseconds UTC: `fairlead doctor` then compares the clocks.
    """

    name: str
    capabilities: ExchangeCapabilities

    async def connect(self, sink: ReportSink) -> None:
        """Open the connection and begin to stream into the sink."""

    async def disconnect(self) -> None:
        """Close everything; no report is put afterwards. Harmless when not connected."""

    async def instruments(self) -> Sequence[Instrument]:
        """Return the venue's rules for every symbol that can be traded."""

    async def submit(self, request: SubmitRequest) -> Answer:
        """Send the order exactly once, whatever happens; never retry."""

    async def modify(self, request: ModifyRequest) -> Answer:
        """Ask once to change an order in place; only asked where ``capabilities.modify`` says so.

        `ACCEPTED` says that the venue holds the order under the new terms; whatever is raised counts as
        unknown. *venue_order_id* of the answer is empty, or the id that the order has from now on.
        """

    async def cancel(self, client_order_id: str, venue_order_id: str, symbol: str) -> Answer:
        """Ask to cancel. `ACCEPTED` says the request was taken; the end itself comes as a report.

        *client_order_id* is empty for an order that somebody else placed: the venue's id names it.
        """

    async def look_up(self, client_order_id: str, symbol: str) -> LookUp:
        """Look an order up by client order id in open orders, closed orders and trades."""

    async def open_orders(self) -> Sequence[OrderReport]:
        """Return every open order of the account, ours or not."""

    async def fills_since(self, cursor: str) -> FillPage:
        """Return the next page of fill history after the cursor; the empty cursor is the beginning.

        Trades of the same instant that lie on both sides of a page's border are all returned, once each.
        """

    async def balances(self) -> Mapping[str, VenueBalance]:
        """Return what is held of each asset, all of them: what is not named is not held."""


class OrderFinder(Protocol):
    """What an `ExchangeClient` with the capability *adoption* has besides."""

    async def find(self, venue_order_id: str, symbol: str) -> LookUp:
        """Look any order of the account up by the venue's id, as `look_up` does by the client's.

        Its report carries the terms. Fills are all of the order's, also those before a kernel ran.
        """


class PositionKeeper(Protocol):
    """What an `ExchangeClient` with the capability *positions* has besides."""

    async def positions(self) -> Sequence[VenuePosition]:
        """Return the net position of every symbol that is not flat; raise rather than leave one out."""


class ComponentBringer(Protocol):
    """What an `ExchangeClient` with the capability *components* has besides."""

    def components(self) -> Sequence[KernelComponent]:
        """Return the client's components, which the kernel runs like those of plugins.

        So a client that needs what the kernel knows, prices for one, reads it without calling the kernel.
        """
