"""The tables that a store keeps: rows that the kernel upserts by key. The store port gives them out."""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.values import Value

Scalar = str | int | Decimal | bool | bytes | None


class Column(Value):
    """One column of a table: its name, its Python type, and whether it may be empty."""

    name: str
    kind: type[str | int | Decimal | bool | bytes]
    optional: bool = False


class Table(Value):
    """A table of rows that the kernel upserts by key; *key* columns come first."""

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]


def _texts(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, str) for name in names)


def _integers(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, int) for name in names)


def _decimals(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, Decimal) for name in names)


ORDERS = Table(
    "orders",
    ("client_order_id",),
    (
        *_texts("client_order_id", "owner", "book", "symbol", "side", "order_type", "time_in_force", "state"),
        *_decimals("quantity"),
        Column("limit_price", Decimal, optional=True),
        Column("reference_price", Decimal, optional=True),
        Column("reduces", bool),
        *_texts(
            "currency", "idempotency_key", "metadata", "pending", "venue_order_id", "detail", "denial_code"
        ),
        Column("triggered", bool),
        *_decimals("filled_quantity", "filled_value", "fees"),
        *_integers(
            "attempt",
            "not_before_ns",
            "deadline_ns",
            "look_up_ns",
            "pending_since_ns",
            "pending_asked",
            "created_ns",
            "updated_ns",
            "closed_ns",
        ),
        Column("live", bool),
        *(
            Column(name, Decimal, optional=True)
            for name in ("trigger_price", "trailing_distance", "trailing_rate", "max_slippage", "leverage")
        ),
        *_integers("expire_ns"),
        Column("post_only", bool),
        Column("reduce_only", bool),
        *_texts("note", "tags", "sizing", "other_fees", "contract", "position_id"),
        Column("adopted", bool),
        *_texts("wish", "replaces"),
    ),
)
FILLS = Table(
    "fills",
    ("client_order_id", "trade_id"),
    (
        *_texts("client_order_id", "trade_id", "symbol", "book", "side"),
        *_decimals("quantity", "price", "value", "fee"),
        *_texts("fee_currency", "currency", "liquidity", "digest", "source"),
        *_integers("ts_event", "sequence"),
        *_texts("position_id"),
        *_integers("episode"),
        Column("flipped", bool),
    ),
)
POSITIONS = Table(
    "positions",
    ("symbol", "book", "position_id"),
    (
        *_texts("symbol", "book", "position_id", "currency"),
        *_decimals("quantity", "cost", "realized_pnl", "fees"),
        *_integers("episode", "opened_ns", "closed_ns", "pending_openings"),
        *_decimals("reserved_exit"),
        *_texts("other_fees", "contract"),
        Column("live", bool),
    ),
)
EPISODES = Table(
    "episodes",
    ("symbol", "book", "position_id", "number"),
    (
        *_texts("symbol", "book", "position_id"),
        *_integers("number"),
        *_texts("owner", "side", "currency"),
        *_decimals("peak_quantity", "entry_quantity", "entry_value", "exit_quantity", "exit_value"),
        *_decimals("realized_pnl", "fees"),
        *_texts("other_fees", "contract", "note", "tags", "metadata"),
        *_integers("fills", "opened_ns", "closed_ns"),
        Column("live", bool),
    ),
)
SNAPSHOTS = Table(
    "position_snapshots",
    ("symbol", "book", "position_id", "ts_ns"),
    (
        *_texts("symbol", "book", "position_id"),
        *_integers("ts_ns", "episode"),
        *_texts("currency"),
        *_decimals("quantity", "cost", "realized_pnl", "fees"),
        Column("price", Decimal, optional=True),
        Column("unrealized_pnl", Decimal, optional=True),
        *_integers("price_age_ns"),
        Column("price_usable", bool),
        *_integers("sequence"),
    ),
)
BALANCES = Table("balances", ("asset",), (*_texts("asset"), *_decimals("total")))
INVENTORY = Table("inventory", ("asset",), (*_texts("asset"), *_decimals("opening", "adjustments")))
"""What of an asset's balance did not come from fills."""
ADJUSTMENTS = Table(
    "adjustments",
    ("entry_id",),
    (
        *_texts("entry_id", "kind", "asset"),
        *_decimals("amount"),
        *_integers("ts_event"),
        *_texts("note"),
        *_integers("sequence"),
    ),
)
COMMANDS = Table(
    "commands",
    ("owner", "idempotency_key"),
    (
        *_texts("owner", "idempotency_key", "command_digest", "client_order_id"),
        *_integers("created_ns"),
        *_texts("answer"),
    ),
)
CLOSINGS = Table(
    "closings",
    ("closing_id",),
    (
        *_texts("closing_id", "asked_by", "symbol", "book"),
        Column("operator", bool),
        Column("cancel_entries", bool),
        Column("cancel_exits", bool),
        Column("limit_price", Decimal, optional=True),
        *_decimals("held"),
        *_texts("exit_order_id", "code", "detail"),
        *_decimals("quantity_left", "realized_pnl", "fees"),
        *_integers("exits", "due_ns", "episode", "created_ns", "closed_ns"),
        Column("live", bool),
        *_texts("position_id"),
    ),
)
CHANGES = Table(
    "changes",
    ("change_id",),
    (
        *_texts("change_id", "kind", "client_order_id", "asked_by"),
        *_decimals("quantity"),
        Column("limit_price", Decimal, optional=True),
        Column("trigger_price", Decimal, optional=True),
        Column("shrinks", bool),
        *_texts("new_order_id"),
        Column("unresolved", bool),
        *_texts("code", "detail"),
        *_integers("created_ns", "closed_ns"),
        Column("live", bool),
    ),
)
NOTIFIERS = Table(
    "notifiers",
    ("name",),
    (
        *_texts("name"),
        *_integers("mark"),
        Column("disabled", bool),
        *_texts("reason"),
        *_integers("failures", "failing_since_ns", "circuit_until_ns", "updated_ns"),
    ),
)
"""How far each notifier has been told; written by the relay, so no record stands for such a row."""
DELIVERIES = Table(
    "deliveries",
    ("notifier", "sequence", "event_id"),
    (
        *_texts("notifier"),
        *_integers("sequence"),
        *_texts("event_id", "kind", "subject", "state"),
        *_integers("attempts", "next_at_ns"),
        *_texts("detail"),
        *_integers("created_ns", "updated_ns"),
        Column("live", bool),
    ),
)
"""Notices that were not delivered at once; written by the relay, so no record stands for such a row."""
SETTINGS = Table("settings", ("name",), (*_texts("name", "value"),))
"""Kernel facts by name: trading state, cursors, risk check values, locks."""

TABLES: tuple[Table, ...] = (
    ORDERS,
    FILLS,
    POSITIONS,
    EPISODES,
    SNAPSHOTS,
    BALANCES,
    INVENTORY,
    ADJUSTMENTS,
    COMMANDS,
    CLOSINGS,
    CHANGES,
    SETTINGS,
    NOTIFIERS,
    DELIVERIES,
)

RELAY_TABLES: frozenset[str] = frozenset({"notifiers", "deliveries"})
"""Tables that are no fold of the journal: what is known there is how far somebody outside was told."""
