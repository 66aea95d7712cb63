"""A risk view made by hand, for tests of risk checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fairlead.domain.ledger import Position
from fairlead.domain.numbers import ZERO


class FakeRiskView:
    """A `RiskView` over the positions and counts that it was given.

    *live_orders* maps a symbol to how many of its orders are not closed; *now_ns* is wall time.
    """

    def __init__(
        self,
        positions: Iterable[Position] = (),
        live_orders: Mapping[str, int] | None = None,
        now_ns: int = 0,
    ) -> None:
        self._positions = {(position.symbol, position.book): position for position in positions}
        self._live_orders = dict(live_orders or {})
        self._now_ns = now_ns

    @property
    def now_ns(self) -> int:
        """Return wall time of this step, nanoseconds UTC."""
        return self._now_ns

    def position(self, symbol: str, book: str) -> Position | None:
        """Return the position of the key, or nothing when it never had one."""
        return self._positions.get((symbol, book))

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

    def __repr__(self) -> str:
        positions = list(self._positions.values())
        return f"FakeRiskView(positions={positions}, live_orders={self._live_orders}, now_ns={self._now_ns})"


def _is_closing(position: Position) -> bool:
    return position.pending_openings == 0 and position.quantity != ZERO and not position.available_exit > ZERO
