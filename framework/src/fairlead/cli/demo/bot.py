"""The demo's bot: three small strategies in one symbol, each in a book of its own.

It is written to be read, not to earn: after fees it loses. It keeps nothing that it could not find again:
prices come from the market's history, everything else from the kernel. So it can be killed anywhere.

It tries some things on purpose, to show that the kernel and not the bot has to be right about them:

- it sizes by the strength of its signal and by how lively the market is, and lets the risk checks say what
  is too small;
- all three strategies may want a position, though only two are allowed at once;
- after a restart it decides again on the last trade. Every proposal carries a key made of the trade's index
  on the tape, so a decision that was made before the kill is answered with its first order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from decimal import Decimal

import attrs

from fairlead.domain.orders import OrderView
from fairlead.domain.proposals import Proposal
from fairlead.kernel.kernel import Kernel
from fairlead.kernel.results import ExecutionResult

SYMBOL = "BTC/USDT"
OWNER = "demo"
MEMORY = 60
"""Trades that the bot looks back."""

PAUSE = 10
"""Trades between two decisions of the same strategy to enter."""

BASIS_POINTS = Decimal(10_000)
NS_PER_MINUTE = 60_000_000_000

TREND, DIP, BREAKOUT = "trend", "dip", "breakout"
TREND_NOTIONAL_PER_POINT = Decimal(400)
TREND_NOTIONAL_MAX = Decimal(6_000)
DIP_QUANTITY = Decimal("0.03")
DIP_LIVELY_POINTS = Decimal(16)
DIP_DISTANCE = Decimal("0.0002")
DIP_PATIENCE = 30
DIP_PROFIT = Decimal("0.0008")
DIP_HOLDING_NS = 45 * NS_PER_MINUTE
BREAKOUT_QUANTITY = Decimal("0.02")

Execute = Callable[[Proposal, str], Awaitable[ExecutionResult | None]]


@attrs.frozen
class Tick:
    """One trade of the tape: its index there, its price, and when it happened."""

    index: int
    price: Decimal
    ts_ns: int


class Bot:
    """Decides on every trade; *execute* is the session's, with an acknowledgement written behind it."""

    def __init__(self, kernel: Kernel, execute: Execute) -> None:
        self._kernel = kernel
        self._session = kernel.session(owner=OWNER)
        self._execute = execute
        self._instrument = kernel.instruments[SYMBOL]
        self._prices: deque[Decimal] = deque(maxlen=MEMORY)

    def learn(self, tick: Tick) -> None:
        """Take a trade into the history without deciding on it."""
        self._prices.append(tick.price)

    async def on_trade(self, tick: Tick) -> None:
        """Decide on one trade."""
        self.learn(tick)
        if len(self._prices) < MEMORY:
            return
        await self._trend(tick)
        await self._dip(tick)
        await self._breakout(tick)

    async def finish(self) -> None:
        """Cancel whatever still works at the venue; positions stay as they are."""
        for order in self._kernel.orders(live_only=True):
            await self._session.cancel(order.client_order_id)

    # -- the strategies ------------------------------------------------------------------------

    async def _trend(self, tick: Tick) -> None:
        """Follow the sign of fast mean less slow mean, with a size that grows with their distance."""
        if tick.index % PAUSE or self._working(TREND, tick):
            return
        prices = list(self._prices)
        slow, fast = _mean(prices), _mean(prices[-PAUSE:])
        strength = (fast - slow) / slow * BASIS_POINTS
        held = self._held(TREND)
        if strength > 0 and not held:
            notional = min(strength * TREND_NOTIONAL_PER_POINT, TREND_NOTIONAL_MAX)
            await self._propose(
                tick, TREND, "enter", Proposal.buy, notional=notional.quantize(Decimal("0.01"))
            )
        elif strength < 0 and held:
            await self._propose(tick, TREND, "leave", Proposal.sell, quantity=held)

    async def _dip(self, tick: Tick) -> None:
        """Rest a bid a little below the market and, once it is filled, an offer a little above."""
        working = self._working(DIP, tick)
        held = self._held(DIP)
        position = self._session.position(SYMBOL, DIP)
        is_overdue = position is not None and tick.ts_ns - position.opened_ns > DIP_HOLDING_NS
        for order in working:
            is_old = (tick.index - _index_of(order)) % DIP_PATIENCE == 0
            if order.limit_price is not None and (is_old or (order.reduces and is_overdue)):
                await self._session.cancel(order.client_order_id)
        if working:
            return
        quantity = self._dip_quantity()
        if not held and quantity and tick.index % PAUSE == PAUSE // 2:
            price = self._on_grid(tick.price * (1 - DIP_DISTANCE))
            await self._propose(tick, DIP, "bid", Proposal.buy, quantity=quantity, limit_price=price)
        elif held and is_overdue:
            await self._propose(tick, DIP, "give-up", Proposal.sell, quantity=held)
        elif held and position is not None and position.average_entry_price is not None:
            price = self._on_grid(position.average_entry_price * (1 + DIP_PROFIT))
            await self._propose(tick, DIP, "offer", Proposal.sell, quantity=held, limit_price=price)

    def _dip_quantity(self) -> Decimal:
        """Return the size of a bid: the full one when prices move, less the quieter they are."""
        prices = list(self._prices)[-PAUSE:]
        distance = (max(prices) - min(prices)) / prices[-1] * BASIS_POINTS
        quantity = DIP_QUANTITY * min(distance / DIP_LIVELY_POINTS, Decimal(1))
        return quantity.quantize(self._instrument.quantity_increment)

    async def _breakout(self, tick: Tick) -> None:
        """Buy the highest price of the last trades, and sell the lowest of half as many."""
        if self._working(BREAKOUT, tick):
            return
        prices = list(self._prices)
        held = self._held(BREAKOUT)
        is_high = tick.price >= max(prices) and tick.price > prices[-2]
        if is_high and not held:
            await self._propose(tick, BREAKOUT, "enter", Proposal.buy, quantity=BREAKOUT_QUANTITY)
        elif held and tick.price <= min(prices[MEMORY // 2 :]):
            await self._propose(tick, BREAKOUT, "leave", Proposal.sell, quantity=held)

    # -- what the kernel knows -----------------------------------------------------------------

    def _working(self, book: str, tick: Tick) -> list[OrderView]:
        """Return the book's live orders that earlier trades led to; those of this one are decided again."""
        orders = self._kernel.orders(live_only=True)
        return [order for order in orders if order.book == book and _index_of(order) < tick.index]

    def _held(self, book: str) -> Decimal | None:
        """Return what may be sold of the book's position; less than the venue's minimum stays as dust."""
        position = self._session.position(SYMBOL, book)
        if position is None or position.quantity < self._instrument.minimum_quantity:
            return None
        return position.quantity

    def _on_grid(self, price: Decimal) -> Decimal:
        return price.quantize(self._instrument.price_increment)

    async def _propose(
        self, tick: Tick, book: str, why: str, make: Callable[..., Proposal], **wishes: Decimal
    ) -> None:
        proposal = make(SYMBOL, book=book, metadata={"tape": str(tick.index), "why": why}, **wishes)
        await self._execute(proposal, f"tape-{tick.index}-{book}-{why}")


def _mean(prices: list[Decimal]) -> Decimal:
    return sum(prices, Decimal(0)) / len(prices)


def _index_of(order: OrderView) -> int:
    """Return the index of the trade that led to the order."""
    return int(dict(order.metadata)["tape"])
