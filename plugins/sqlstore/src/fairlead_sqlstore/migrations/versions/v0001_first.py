"""The first tables.

Written out, not taken from `fairlead_sqlstore.tables`: those move on, a migration never changes once it was
released.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from fairlead_sqlstore.exact_decimal import ExactDecimal

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "journal",
    "outbox",
    "store_state",
    "orders",
    "fills",
    "positions",
    "episodes",
    "position_snapshots",
    "balances",
    "inventory",
    "adjustments",
    "commands",
    "closings",
    "changes",
    "settings",
)


def upgrade() -> None:
    """Create everything."""
    create_journal()
    create_orders()
    create_holdings()
    create_position_history()
    create_snapshots()
    create_closings()
    create_changes()
    create_small_tables()


def downgrade() -> None:
    """Drop everything."""
    for name in reversed(TABLES):
        op.drop_table(name)


def create_journal() -> None:
    """Create the journal, the outbox and the one row that says whose store it is."""
    op.create_table(
        "journal",
        row_id("sequence"),
        *integers("ts_ns"),
        *texts("kind"),
        *integers("version"),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_journal")),
    )
    op.create_table(
        "outbox",
        row_id("position"),
        *texts("event_id"),
        *integers("sequence"),
        *texts("kind", "subject"),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_outbox")),
        sa.UniqueConstraint("event_id", name=op.f("uq_outbox_event_id")),
    )
    op.create_index(op.f("ix_outbox_sequence"), "outbox", ["sequence"])
    op.create_table(
        "store_state",
        row_id("id"),
        *texts("account"),
        *integers("epoch"),
        *texts("holder"),
        *integers("head_sequence"),
        sa.Column("head_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store_state")),
        sa.CheckConstraint("id = 1", name=op.f("ck_store_state_one_row")),
    )


def create_orders() -> None:
    """Create orders and fills."""
    op.create_table(
        "orders",
        *texts("client_order_id", "owner", "book", "symbol", "side", "order_type", "time_in_force", "state"),
        *decimals("quantity"),
        *decimals("limit_price", "reference_price", nullable=True),
        flag("reduces"),
        *texts(
            "currency", "idempotency_key", "metadata", "pending", "venue_order_id", "detail", "denial_code"
        ),
        flag("triggered"),
        *decimals("filled_quantity", "filled_value", "fees"),
        *integers("attempt", "not_before_ns", "deadline_ns", "look_up_ns", "pending_since_ns"),
        *integers("pending_asked", "created_ns", "updated_ns", "closed_ns"),
        flag("live"),
        *decimals(
            "trigger_price", "trailing_distance", "trailing_rate", "max_slippage", "leverage", nullable=True
        ),
        *integers("expire_ns"),
        flag("post_only"),
        flag("reduce_only"),
        *texts("note", "tags", "sizing", "other_fees", "contract", "position_id"),
        flag("adopted"),
        *texts("wish", "replaces"),
        sa.PrimaryKeyConstraint("client_order_id", name=op.f("pk_orders")),
    )
    op.create_index(op.f("ix_orders_live"), "orders", ["live"])
    op.create_index(op.f("ix_orders_venue_order_id"), "orders", ["venue_order_id"])
    op.create_table(
        "fills",
        *texts("client_order_id", "trade_id", "symbol", "book", "side"),
        *decimals("quantity", "price", "value", "fee"),
        *texts("fee_currency", "currency", "liquidity", "digest", "source"),
        *integers("ts_event", "sequence"),
        *texts("position_id"),
        *integers("episode"),
        flag("flipped"),
        sa.PrimaryKeyConstraint("client_order_id", "trade_id", name=op.f("pk_fills")),
    )


def create_holdings() -> None:
    """Create positions, balances and what they come of besides fills."""
    op.create_table(
        "positions",
        *texts("symbol", "book", "position_id", "currency"),
        *decimals("quantity", "cost", "realized_pnl", "fees"),
        *integers("episode", "opened_ns", "closed_ns", "pending_openings"),
        *decimals("reserved_exit"),
        *texts("other_fees", "contract"),
        flag("live"),
        sa.PrimaryKeyConstraint("symbol", "book", "position_id", name=op.f("pk_positions")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_positions_live"), "positions", ["live"])
    op.create_table(
        "balances",
        *texts("asset"),
        *decimals("total"),
        sa.PrimaryKeyConstraint("asset", name=op.f("pk_balances")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "inventory",
        *texts("asset"),
        *decimals("opening", "adjustments"),
        sa.PrimaryKeyConstraint("asset", name=op.f("pk_inventory")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "adjustments",
        *texts("entry_id", "kind", "asset"),
        *decimals("amount"),
        *integers("ts_event"),
        *texts("note"),
        *integers("sequence"),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_adjustments")),
        sqlite_with_rowid=False,
    )


def create_position_history() -> None:
    """Create episodes."""
    op.create_table(
        "episodes",
        *texts("symbol", "book", "position_id"),
        *integers("number"),
        *texts("owner", "side", "currency"),
        *decimals("peak_quantity", "entry_quantity", "entry_value", "exit_quantity", "exit_value"),
        *decimals("realized_pnl", "fees"),
        *texts("other_fees", "contract", "note", "tags", "metadata"),
        *integers("fills", "opened_ns", "closed_ns"),
        flag("live"),
        sa.PrimaryKeyConstraint("symbol", "book", "position_id", "number", name=op.f("pk_episodes")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_episodes_live"), "episodes", ["live"])


def create_snapshots() -> None:
    """Create the snapshots of positions."""
    op.create_table(
        "position_snapshots",
        *texts("symbol", "book", "position_id"),
        *integers("ts_ns", "episode"),
        *texts("currency"),
        *decimals("quantity", "cost", "realized_pnl", "fees"),
        *decimals("price", "unrealized_pnl", nullable=True),
        *integers("price_age_ns"),
        flag("price_usable"),
        *integers("sequence"),
        sa.PrimaryKeyConstraint("symbol", "book", "position_id", "ts_ns", name=op.f("pk_position_snapshots")),
        sqlite_with_rowid=False,
    )


def create_closings() -> None:
    """Create closings."""
    op.create_table(
        "closings",
        *texts("closing_id", "asked_by", "symbol", "book"),
        flag("operator"),
        flag("cancel_entries"),
        flag("cancel_exits"),
        *decimals("limit_price", nullable=True),
        *decimals("held"),
        *texts("exit_order_id", "code", "detail"),
        *decimals("quantity_left", "realized_pnl", "fees"),
        *integers("exits", "due_ns", "episode", "created_ns", "closed_ns"),
        flag("live"),
        *texts("position_id"),
        sa.PrimaryKeyConstraint("closing_id", name=op.f("pk_closings")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_closings_live"), "closings", ["live"])


def create_changes() -> None:
    """Create changes."""
    op.create_table(
        "changes",
        *texts("change_id", "kind", "client_order_id", "asked_by"),
        *decimals("quantity"),
        *decimals("limit_price", "trigger_price", nullable=True),
        flag("shrinks"),
        *texts("new_order_id"),
        flag("unresolved"),
        *texts("code", "detail"),
        *integers("created_ns", "closed_ns"),
        flag("live"),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_changes")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_changes_live"), "changes", ["live"])


def create_small_tables() -> None:
    """Create commands and settings."""
    op.create_table(
        "commands",
        *texts("owner", "idempotency_key", "command_digest", "client_order_id"),
        *integers("created_ns"),
        *texts("answer"),
        sa.PrimaryKeyConstraint("owner", "idempotency_key", name=op.f("pk_commands")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_commands_idempotency_key"), "commands", ["idempotency_key"])
    op.create_table(
        "settings",
        *texts("name", "value"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_settings")),
        sqlite_with_rowid=False,
    )


def row_id(name: str) -> sa.Column[Any]:
    """Return a 64-bit key column; on SQLite it is the row id itself."""
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False)


def texts(*names: str) -> list[sa.Column[Any]]:
    """Return text columns."""
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def integers(*names: str) -> list[sa.Column[Any]]:
    """Return 64-bit integer columns."""
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]


def decimals(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    """Return columns of exact decimals."""
    return [sa.Column(name, ExactDecimal(), nullable=nullable) for name in names]


def flag(name: str) -> sa.Column[Any]:
    """Return a column of true and false."""
    return sa.Column(name, sa.Boolean(), nullable=False)
