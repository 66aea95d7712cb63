"""What a risk check is asked and what it may answer."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from fairlead.domain.instruments import Instrument
from fairlead.domain.ledger import Position
from fairlead.domain.money import Converted, NoRate
from fairlead.domain.order_kinds import OrderSide, OrderType
from fairlead.domain.prices import Price
from fairlead.domain.values import Value


class RiskRequest(Value):
    """One order that the gate is asked about; valid during the call only.

    *price* is the limit price, or what a market order would pay by a fresh price, or nothing when there
    is none; *reduces* was computed by the kernel and is never taken from the bot. *leverage* is what the
    order asks for, nothing when it asks for none. *live_order_id* names the order when it is live already,
    and is asked about because it changes or waited: the view is without it, a check's value is not.
    """

    owner: str
    symbol: str
    book: str
    side: OrderSide
    order_type: OrderType
    quantity: Decimal
    price: Decimal | None
    reduces: bool
    instrument: Instrument
    position_id: str = ""
    leverage: Decimal | None = None
    live_order_id: str = ""


class RiskView(Protocol):
    """What a check may look at: positions with pending orders and reserved quantity, read-only."""

    @property
    def now_ns(self) -> int:
        """Wall time of this step, nanoseconds UTC."""

    def position(self, symbol: str, book: str, position_id: str = "") -> Position | None:
        """Return the position of the key, or nothing when it never had one. Do not change it.

        *position_id* is that of a hedging position, and empty for the netting one of the book.
        """

    def exposed_positions(self, symbol: str | None = None, *, subtract_closing: bool = False) -> int:
        """Count keys with an open position or a pending opening order, of one symbol or of all.

        With *subtract_closing*, keys whose whole quantity is reserved by live reducing orders, and
        that no pending order may open again, are left out.
        """

    def live_orders(self, symbol: str | None = None) -> int:
        """Count orders that are not closed, of one symbol or of all."""

    def net_quantity(self, symbol: str) -> Decimal:
        """Return what all positions of a symbol come to, over books and hedging positions, signed."""

    def reserved_exit(self, symbol: str) -> Decimal:
        """Return what live reducing orders of a symbol may still take off positions, over all of them."""

    @property
    def reporting_currency(self) -> str:
        """Return the currency in which limits are counted over all symbols, empty when none is set."""

    @property
    def trading_day(self) -> tuple[int, int]:
        """Return when the present trading day began and when it ends, nanoseconds UTC."""

    def price(self, symbol: str) -> Price | None:
        """Return what is known of the symbol's price, with its age; rest on it only when it is *usable*."""

    def convert(self, amount: Decimal, currency: str, *, exposure: bool = False) -> Converted | NoRate:
        """Return what an amount is worth in the reporting currency, never in our favour.

        What we own is valued low and what we owe high; with *exposure*, for a size at risk, high. A
        `NoRate` names the pair that is missing or stale: deny on it.
        """


class Allow(Value):
    """The check has nothing against the order."""


class Deny(Value):
    """The check refuses the order.

    *code* is an upper-case reason code; *reason* one sentence; *figures* name what was compared.
    """

    code: str
    reason: str
    figures: tuple[tuple[str, str], ...] = ()


class Lock(Value):
    """The check refuses the order and locks new exposure for a while.

    *scope* is a symbol, or ``*`` for all; *side* is one side, or nothing for both; *until_ns* is
    wall time.
    """

    scope: str
    side: OrderSide | None
    until_ns: int
    code: str
    reason: str


Judgement = Allow | Deny | Lock
ALLOW = Allow()


class Verdict(Value):
    """One check's answer as it is journaled."""

    check: str
    version: str
    allowed: bool
    code: str = ""
    reason: str = ""
    figures: tuple[tuple[str, str], ...] = ()
