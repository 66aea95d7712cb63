"""What the values of rows may be, as a last line: a kernel never writes a row that breaks one of these.

A store refuses such a row with `RowRuleBroken`; the kernel then halts, because its own state is wrong. A
SQL store states the rules as CHECK constraints (``ck_<table>_<rule>``), any other calls `broken_rule`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum

from fairlead.domain.account import AdjustmentKind
from fairlead.domain.changes import ChangeKind
from fairlead.domain.episodes import PositionSide
from fairlead.domain.order_kinds import Liquidity, OrderSide, OrderType, TimeInForce
from fairlead.domain.order_table import OrderState
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.values import Value
from fairlead.ports.tables import TABLES, Scalar, Table

__all__ = ["ROW_RULES", "RowRule", "broken_rule", "rules_of"]


class RowRule(Value):
    """One rule of a table's rows, on one column.

    With *allowed*, the column holds one of these texts. With *live_when* besides, the row's ``live`` is
    true exactly when it holds one of those. With neither, the column's number is not negative.
    """

    name: str
    table: str
    column: str
    allowed: tuple[str, ...] = ()
    live_when: tuple[str, ...] = ()


def _values(kinds: Iterable[StrEnum]) -> tuple[str, ...]:
    return tuple(kind.value for kind in kinds)


def _known(table: str, column: str, kinds: Iterable[StrEnum]) -> RowRule:
    return RowRule(f"{column}_known", table, column, _values(kinds))


def _not_negative(table: str, *columns: str) -> tuple[RowRule, ...]:
    return tuple(RowRule(f"{column}_not_negative", table, column) for column in columns)


# fixed: the words of what became of a notice
DELIVERY_STATES = ("delivered", "pending", "dead", "discarded")
_LIVE_STATES = _values(state for state in OrderState if state.is_live)

ROW_RULES: tuple[RowRule, ...] = (
    _known("orders", "side", OrderSide),
    _known("orders", "order_type", OrderType),
    _known("orders", "time_in_force", TimeInForce),
    _known("orders", "state", OrderState),
    _known("orders", "pending", PendingRequest),
    RowRule("live_as_state", "orders", "state", live_when=_LIVE_STATES),
    *_not_negative("orders", "quantity", "filled_quantity", "attempt", "pending_asked"),
    _known("fills", "side", OrderSide),
    _known("fills", "liquidity", Liquidity),
    *_not_negative("fills", "quantity", "price", "sequence"),
    *_not_negative("positions", "reserved_exit", "pending_openings", "episode"),
    _known("episodes", "side", PositionSide),
    *_not_negative("episodes", "number", "peak_quantity", "entry_quantity", "exit_quantity", "fills"),
    *_not_negative("position_snapshots", "episode", "sequence"),
    _known("adjustments", "kind", AdjustmentKind),
    _known("changes", "kind", ChangeKind),
    *_not_negative("changes", "quantity"),
    *_not_negative("closings", "exits"),
    *_not_negative("notifiers", "mark", "failures"),
    RowRule("state_known", "deliveries", "state", DELIVERY_STATES),
    RowRule("live_as_state", "deliveries", "state", live_when=("pending",)),
    *_not_negative("deliveries", "sequence", "attempts"),
)
"""Every rule, by table."""

_PLACES: Mapping[str, Mapping[str, int]] = {
    table.name: {column.name: place for place, column in enumerate(table.columns)} for table in TABLES
}
_BY_TABLE: Mapping[str, tuple[RowRule, ...]] = {
    table.name: tuple(rule for rule in ROW_RULES if rule.table == table.name) for table in TABLES
}


def rules_of(table: Table) -> tuple[RowRule, ...]:
    """Return the rules of a table's rows."""
    return _BY_TABLE.get(table.name, ())


def broken_rule(table: str, values: Sequence[Scalar]) -> str:
    """Return the name of the constraint that a fitting row of the table breaks, or ""; for stores."""
    for rule in _BY_TABLE.get(table, ()):
        value = values[_PLACES[table][rule.column]]
        if rule.live_when:
            holds = values[_PLACES[table]["live"]] is (value in rule.live_when)
        elif rule.allowed:
            holds = value in rule.allowed
        else:
            holds = isinstance(value, int | Decimal) and value >= 0
        if not holds:
            return f"ck_{table}_{rule.name}"
    return ""
