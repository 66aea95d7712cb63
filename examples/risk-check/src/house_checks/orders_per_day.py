"""How many orders of a symbol a trading day may see; the one too many locks the symbol until the day ends.

The check keeps a value: what it counted, as text that the kernel journals in the same commit as the order.
A kernel that was killed and started again therefore counts on from where it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import attrs
import msgspec

from fairlead.ports.risk import (
    ALLOW,
    Deny,
    Fact,
    Judgement,
    Lock,
    LockPlaced,
    OrderInitialized,
    RiskRequest,
    RiskView,
    TradingDayBegan,
)
from house_checks import __version__

_NAME = "orders_per_day"
_CODE = "ORDERS_PER_DAY"


class Counted(msgspec.Struct):
    """The day's approved orders by symbol, and until when each symbol is locked, nanoseconds UTC."""

    orders: dict[str, int] = {}
    locked_until_ns: dict[str, int] = {}


@attrs.frozen
class OrdersPerDay:
    """Locks a symbol until the trading day ends when one order more than *limit* is asked for.

    Orders that add exposure count from their approval on; denied ones, reductions and changes do not. The
    lock stays even if the limit is raised meanwhile. The kernel's ``trading_day`` says when a day begins.
    """

    limit: int
    name: str = attrs.field(default=_NAME, init=False)
    version: str = attrs.field(default=__version__, init=False)
    stateless: ClassVar[bool] = False

    @property
    def limits(self) -> Mapping[str, int]:
        """Return the limit, in orders."""
        return {"orders_per_day": self.limit}

    def initial(self) -> str:
        """Return a day without orders."""
        return _dumped(Counted())

    def fold(self, value: str, fact: Fact) -> str:
        """Count approved orders, begin anew with each day, and note the own locks."""
        if isinstance(fact, TradingDayBegan):
            counted = _loaded(value)
            held = {name: end for name, end in counted.locked_until_ns.items() if end > fact.began_ns}
            return _dumped(Counted(locked_until_ns=held))
        if isinstance(fact, OrderInitialized) and fact.approved and not fact.reduces:
            counted = _loaded(value)
            counted.orders[fact.symbol] = counted.orders.get(fact.symbol, 0) + 1
            return _dumped(counted)
        if isinstance(fact, LockPlaced) and fact.check == _NAME:
            counted = _loaded(value)
            counted.locked_until_ns[fact.scope] = fact.until_ns
            return _dumped(counted)
        return value

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:
        """Compare the day's orders with the limit; one that is live already was counted when approved."""
        if request.reduces or request.live_order_id:
            return ALLOW
        counted, symbol = _loaded(value), request.symbol
        until_ns = counted.locked_until_ns.get(symbol, 0)
        if view.now_ns < until_ns:
            return Deny(
                _CODE, f"{symbol} is locked until the trading day ends.", (("until_ns", str(until_ns)),)
            )
        orders = counted.orders.get(symbol, 0)
        if orders < self.limit:
            return ALLOW
        return Lock(
            symbol,
            None,
            view.trading_day[1],
            _CODE,
            f"{orders} orders of {symbol} were sent today, of {self.limit} allowed; "
            "the symbol is locked until the trading day ends.",
        )


def _loaded(value: str) -> Counted:
    return msgspec.json.decode(value, type=Counted) if value else Counted()


def _dumped(counted: Counted) -> str:
    return msgspec.json.encode(counted).decode()
