"""Which terms of an order go together: one table, read at the door and by the reference page.

An order has an order type, a time in force and a sizing; each of them is a row. A cell says whether
a term must be given, may be given, or is refused in that row. A proposal is legal when it is legal
in its three rows. Tests build a proposal for every cell.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache

from fairlead.domain.order_kinds import OrderType, TimeInForce
from fairlead.errors import InvalidInput

SIZES = ("quantity", "notional", "risk", "target")
TWICE = (("trailing_distance", "trailing_rate"), ("stop_loss", "stop_loss_rate"))
"""Two ways to say one distance: at most one of each pair is given; its column is named in `_COLUMN`."""

_COLUMN = {"trailing_distance": "trailing", "trailing_rate": "trailing", "stop_loss_rate": "stop_loss"}


class Need(StrEnum):
    """What a cell of the table says about a term."""

    MUST = "must"
    MAY = "may"
    NO = "no"


# fmt: off
_BY_TYPE = ("limit_price", "trigger_price", "trailing", "max_slippage", "post_only",
            "gtc", "ioc", "fok", "gtd")
_BY_TIME = ("expire_ns", "post_only")
_BY_SIZE = ("side", "stop_loss", "trigger_price", "trailing")
ROWS: dict[str, tuple[tuple[str, ...], str]] = {
    OrderType.MARKET:            (_BY_TYPE, "no   no   no   may  no   may  no   no   no"),
    OrderType.LIMIT:             (_BY_TYPE, "must no   no   no   may  may  may  may  may"),
    OrderType.STOP:              (_BY_TYPE, "no   must no   no   no   may  no   no   may"),
    OrderType.STOP_LIMIT:        (_BY_TYPE, "must must no   no   no   may  no   no   may"),
    OrderType.TAKE_PROFIT:       (_BY_TYPE, "no   must no   no   no   may  no   no   may"),
    OrderType.TAKE_PROFIT_LIMIT: (_BY_TYPE, "must must no   no   no   may  no   no   may"),
    OrderType.TRAILING_STOP:     (_BY_TYPE, "no   no   must no   no   may  no   no   may"),
    TimeInForce.GTC:             (_BY_TIME, "no   may"),
    TimeInForce.IOC:             (_BY_TIME, "no   no"),
    TimeInForce.FOK:             (_BY_TIME, "no   no"),
    TimeInForce.GTD:             (_BY_TIME, "must may"),
    "quantity":                  (_BY_SIZE, "must no   may  may"),
    "notional":                  (_BY_SIZE, "must no   may  may"),
    "risk":                      (_BY_SIZE, "must must may  no"),
    "target":                    (_BY_SIZE, "no   no   no   no"),
}
# fmt: on

TABLE: dict[tuple[str, str], Need] = {
    (row, column): Need(cell)
    for row, (columns, cells) in ROWS.items()
    for column, cell in zip(columns, cells.split(), strict=True)
}

FIELD_OF_COLUMN: dict[str, str] = {
    "trailing": "trailing_distance",
    **{item.value: "time_in_force" for item in TimeInForce},
}
"""The field that an error names, where it is not called like its column."""

FIX: dict[str, str] = {
    "limit_price": "An order of type limit, stop_limit or take_profit_limit has a limit price.",
    "trigger_price": "A stop, stop_limit, take_profit or take_profit_limit order has a trigger price.",
    "trailing_distance": "An order of type trailing_stop has a trailing distance or rate.",
    "max_slippage": "Only a market order takes it; every other has its own price.",
    "post_only": "Only a limit order that may rest, good until canceled or a date, can be post-only.",
    "time_in_force": "Take ioc and fok for limit orders, gtd for any but a market order, else leave it out.",
    "expire_ns": 'It belongs to time_in_force "gtd": a moment in wall nanoseconds UTC.',
    "side": "Use Proposal.buy or Proposal.sell; Proposal.to_target has none, for its side is computed.",
    "stop_loss": "It belongs to a size by risk, which it bounds.",
}
"""What to do about each field."""

Complaint = tuple[str, str, str]


# fixed: more than there are combinations of terms
@lru_cache(maxsize=4_096)
def complaint(order_type: OrderType, time_in_force: TimeInForce, given: frozenset[str]) -> Complaint | None:
    """Return (field, problem, fix) of the first term that does not go with the others, or nothing.

    *given* names the fields that were given, side and size among them.
    """
    sizes = [name for name in SIZES if name in given]
    if len(sizes) != 1:
        names = f"both {' and '.join(sizes)} were" if sizes else "none was"
        fix = "Pass quantity in base currency, notional in quote currency, risk with a stop, or a target."
        return "quantity", f"exactly one of {', '.join(SIZES)} is due, {names} given", fix
    for one, other in TWICE:
        if one in given and other in given:
            return other, f"{one} says the same in another way", "Pass one of the two."
    columns = {_COLUMN.get(name, name) for name in given} | {time_in_force.value}
    for row in (order_type.value, time_in_force.value, sizes[0]):
        found = _row_complaint(row, columns)
        if found is not None:
            return found
    return None


def _row_complaint(row: str, columns: set[str]) -> Complaint | None:
    who = f"an order sized by {row}" if row in SIZES else f"a {row} order"
    for column in ROWS[row][0]:
        need = TABLE[row, column]
        if (column in columns) is (need is Need.MUST) or need is Need.MAY:
            continue
        field = FIELD_OF_COLUMN.get(column, column)
        what = f"{who} takes none" if field != "time_in_force" else f"{who} cannot be {column}"
        return field, what if need is Need.NO else f"{who} needs one", FIX[field]
    return None


def check_terms(order_type: OrderType, time_in_force: TimeInForce, given: frozenset[str]) -> None:
    """Raise `InvalidInput` with the field and the fix unless the terms go together."""
    found = complaint(order_type, time_in_force, given)
    if found is not None:
        field, problem, fix = found
        raise InvalidInput(field, problem, fix=fix)
