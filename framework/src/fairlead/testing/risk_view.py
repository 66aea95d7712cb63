"""A risk view made by hand, for tests of risk checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import reduce

from fairlead.domain.ledger import Position
from fairlead.domain.money import Converted, MoneyRules, NoRate
from fairlead.domain.numbers import ZERO, add
from fairlead.domain.prices import Price
from fairlead.domain.trading_days import TradingDay


class FakeRiskView:
    """A `RiskView` over the positions and counts that it was given.

    *live_orders* maps a symbol to how many of its orders are not closed; *now_ns* is wall time.
    *prices* are what `price` finds; *money* holds the reporting currency and the conversions; *day*
    is when a trading day begins.
    """

    def __init__(
        self,
        positions: Iterable[Position] = (),
        live_orders: Mapping[str, int] | None = None,
        now_ns: int = 0,
        *,
        prices: Iterable[Price] = (),
        money: MoneyRules | None = None,
        day: TradingDay | None = None,
    ) -> None:
        self._positions = {position.key: position for position in positions}
        self._live_orders = dict(live_orders or {})
        self._now_ns = now_ns
        self._prices = {price.symbol: price for price in prices}
        self._money = money or MoneyRules()
        self._day = day or TradingDay()

    @property
    def now_ns(self) -> int:
        """Return wall time of this step, nanoseconds UTC."""
        return self._now_ns

    def position(self, symbol: str, book: str, position_id: str = "") -> Position | None:
        """Return the position of the key, or nothing when it never had one."""
        return self._positions.get((symbol, book, position_id))

    def exposed_positions(self, symbol: str | None = None, *, subtract_closing: bool = False) -> int:
        """Count exposed keys by looking at every position: slow, and hard to get wrong."""
        return sum(
            position.is_exposed and not (subtract_closing and _is_closing(position))
            for position in self._positions.values()
            if symbol in (None, position.symbol)
        )

    def live_orders(self, symbol: str | None = None) -> int:
        """Count orders that are not closed, of one symbol or of all."""
        return sum(count for each, count in self._live_orders.items() if symbol in (None, each))

    def net_quantity(self, symbol: str) -> Decimal:
        """Return what all positions of a symbol come to, signed."""
        return self._sum(symbol, lambda position: position.quantity)

    def reserved_exit(self, symbol: str) -> Decimal:
        """Return what live reducing orders of a symbol may still take off positions."""
        return self._sum(symbol, lambda position: position.reserved_exit)

    def _sum(self, symbol: str, figure: Callable[[Position], Decimal]) -> Decimal:
        figures = (figure(each) for each in self._positions.values() if each.symbol == symbol)
        return reduce(add, figures, ZERO)

    @property
    def reporting_currency(self) -> str:
        """Return the currency in which limits are counted."""
        return self._money.reporting_currency

    @property
    def trading_day(self) -> tuple[int, int]:
        """Return when the present trading day began and when it ends, nanoseconds UTC."""
        return self._day.of(self._now_ns)

    def price(self, symbol: str) -> Price | None:
        """Return the price that was given for the symbol."""
        return self._prices.get(symbol)

    def convert(self, amount: Decimal, currency: str, *, exposure: bool = False) -> Converted | NoRate:
        """Return what an amount is worth in the reporting currency, by the rules that were given."""
        return self._money.convert(amount, currency, self.price, exposure=exposure)

    def __repr__(self) -> str:
        positions, prices = list(self._positions.values()), list(self._prices.values())
        return (
            f"FakeRiskView(positions={positions}, live_orders={self._live_orders}, now_ns={self._now_ns}, "
            f"prices={prices}, money={self._money}, day={self._day})"
        )


def _is_closing(position: Position) -> bool:
    return position.pending_openings == 0 and position.quantity != ZERO and not position.available_exit > ZERO
