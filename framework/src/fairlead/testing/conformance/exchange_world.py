"""What the author of an exchange client provides so that the conformance class can test it: a world."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from decimal import Decimal
from enum import Enum
from typing import Protocol, TypeVar

import attrs

from fairlead.ports.exchange import (
    ExchangeClient,
    FillReport,
    OrderReport,
    OrderSide,
    OrderType,
    Report,
    SubmitRequest,
    TimeInForce,
    Trade,
)

Value = TypeVar("Value")

PATIENCE_STEPS = 200
PATIENCE_STEP_NS = 1_000_000_000


class Ability(Enum):
    """What a world can make go wrong. A rule that needs an ability the world lacks is skipped.

    ``LOSE_REQUEST``: the request never reaches the venue. ``LOSE_ANSWER``: the venue does it, the
    answer is lost. ``GARBLE_ANSWER``: the venue does it, the answer is unreadable. ``DELAY_REQUEST``:
    the request reaches the venue only after the order's deadline. ``FAIL_READ``: a question (look-up,
    open orders, history, balances) gets no usable answer. ``LIMIT``: the venue answers that there are
    too many requests. ``BREAK_STREAM``: the stream breaks, and what is reported meanwhile is lost.
    ``ADJUST``: not by `inject`; the world has `adjust`.
    """

    LOSE_REQUEST = "lose_request"
    LOSE_ANSWER = "lose_answer"
    GARBLE_ANSWER = "garble_answer"
    DELAY_REQUEST = "delay_request"
    FAIL_READ = "fail_read"
    LIMIT = "limit"
    BREAK_STREAM = "break_stream"
    ADJUST = "adjust"


class ExchangeWorld(Protocol):
    """One venue with one account, and the powers that a test needs over it.

    *symbol* can be traded; *resting_price* is a valid price at which a buy rests, that is, below the
    market; *quantity* is a valid size of which the account can afford ten; *unaffordable_quantity* is
    valid but beyond the account's means. *abilities* says what `inject` can do; *look_up_reads* is how
    many questions a look-up asks.
    """

    symbol: str
    resting_price: Decimal
    quantity: Decimal
    unaffordable_quantity: Decimal
    abilities: frozenset[Ability]
    look_up_reads: int

    async def client(self) -> ExchangeClient:
        """Return a new client of the account, not connected."""

    def client_order_id(self) -> str:
        """Return a client order id that was never used."""

    def now_ns(self) -> int:
        """Return the venue's time."""

    async def trade(self, price: Decimal, quantity: Decimal) -> None:
        """Let others trade that quantity at that price, so that our resting orders there may fill."""

    async def orders_at_venue(self, client_order_id: str) -> int:
        """Return how many orders the venue ever took under the id, asked around the client."""

    def inject(self, ability: Ability, after: int = 0) -> None:
        """Make it happen once: to the next request to the venue, or after letting some pass."""

    async def adjust(self, asset: str, amount: Decimal) -> None:
        """Move the account's balance without a trade, as a deposit does; only with `Ability.ADJUST`."""

    async def settle(self) -> None:
        """Let everything that is on its way without a delay arrive."""

    async def advance_ns(self, duration_ns: int) -> None:
        """Let time pass for venue and clients."""

    async def close(self) -> None:
        """Clear up."""


@attrs.define
class RecordingSink:
    """A report sink that remembers everything, with what the stream said about itself."""

    reports: list[Report] = attrs.field(factory=list)
    breaks: list[str] = attrs.field(factory=list)

    def put(self, report: Report) -> None:
        """Remember the report."""
        self.reports.append(report)

    def disconnected(self, reason: str) -> None:
        """Remember the break."""
        assert isinstance(reason, str)
        self.breaks.append("disconnected")

    def reconnected(self) -> None:
        """Remember the end of the break."""
        self.breaks.append("reconnected")

    @property
    def orders(self) -> list[OrderReport]:
        """Return the order reports."""
        return [report for report in self.reports if isinstance(report, OrderReport)]

    @property
    def fills(self) -> list[FillReport]:
        """Return the fill reports."""
        return [report for report in self.reports if isinstance(report, FillReport)]

    @property
    def trades(self) -> list[Trade]:
        """Return the public trades."""
        return [report for report in self.reports if isinstance(report, Trade)]


def resting_buy(world: ExchangeWorld, *, lifetime_ns: int = 60_000_000_000) -> SubmitRequest:
    """Return a request that rests: a buy below the market, good until canceled, deadline in a minute."""
    return SubmitRequest(
        client_order_id=world.client_order_id(),
        symbol=world.symbol,
        side=OrderSide.BUY,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        quantity=world.quantity,
        limit_price=world.resting_price,
        reduces=False,
        deadline_ns=world.now_ns() + lifetime_ns,
    )


async def connected(world: ExchangeWorld) -> tuple[ExchangeClient, RecordingSink]:
    """Return a connected client and its sink."""
    client = await world.client()
    sink = RecordingSink()
    await client.connect(sink)
    await world.settle()
    return client, sink


async def outlast(world: ExchangeWorld, call: Awaitable[Value]) -> Value:
    """Await a call that may wait for its timeout: time passes until it ends."""
    task = asyncio.ensure_future(call)
    for _ in range(PATIENCE_STEPS):
        await world.settle()
        if task.done():
            break
        await world.advance_ns(PATIENCE_STEP_NS)
    if not task.done():
        task.cancel()
        await asyncio.wait((task,))
        raise AssertionError("the call did not end: every call to a venue needs a timeout of its own")
    return task.result()
