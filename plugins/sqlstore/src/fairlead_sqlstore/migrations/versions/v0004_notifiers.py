"""What notifiers are owed: how a fact stood at its step, how far each was told, what is tried again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column to the outbox, and two tables."""
    op.add_column("outbox", sa.Column("figures", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "notifiers",
        text("name"),
        integer("mark"),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        text("reason"),
        *map(integer, ("failures", "failing_since_ns", "circuit_until_ns", "updated_ns")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_notifiers")),
        not_negative("notifiers", "mark"),
        not_negative("notifiers", "failures"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "deliveries",
        text("notifier"),
        integer("sequence"),
        *map(text, ("event_id", "kind", "subject", "state")),
        *map(integer, ("attempts", "next_at_ns")),
        text("detail"),
        *map(integer, ("created_ns", "updated_ns")),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("notifier", "sequence", "event_id", name=op.f("pk_deliveries")),
        sa.CheckConstraint(
            "state IN ('delivered', 'pending', 'dead', 'discarded')", name=op.f("ck_deliveries_state_known")
        ),
        sa.CheckConstraint("live = (state IN ('pending'))", name=op.f("ck_deliveries_live_as_state")),
        not_negative("deliveries", "sequence"),
        not_negative("deliveries", "attempts"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_deliveries_notifier_live_subject"), "deliveries", ["notifier", "live", "subject"]
    )


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("deliveries")
    op.drop_table("notifiers")
    op.drop_column("outbox", "figures")


def text(name: str) -> sa.Column[str]:
    """Return a text column."""
    return sa.Column(name, sa.Text(), nullable=False)


def integer(name: str) -> sa.Column[int]:
    """Return a column of 64-bit integers."""
    return sa.Column(name, sa.BigInteger(), nullable=False)


def not_negative(table: str, column: str) -> sa.CheckConstraint:
    """Return the check that a column's integers are not negative."""
    return sa.CheckConstraint(f"{column} >= 0", name=op.f(f"ck_{table}_{column}_not_negative"))
