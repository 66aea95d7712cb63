"""What rows may hold, as constraints: a last line behind the kernel's own checks.

SQLite cannot add a constraint to a table, so each table is made anew and its rows copied; a row that breaks
one ends the upgrade, and the file stays as it was.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Check = tuple[str, str]


def known(column: str, texts: str) -> Check:
    """Return the check that a column holds one of these texts."""
    listed = ", ".join(f"'{text}'" for text in texts.split())
    return f"{column}_known", f"{column} IN ({listed})"


def amounts(*columns: str) -> list[Check]:
    """Return the checks that decimals, which are text, are not negative."""
    return [(f"{column}_not_negative", f"{column} NOT GLOB '-*[1-9]*'") for column in columns]


def counts(*columns: str) -> list[Check]:
    """Return the checks that integers are not negative."""
    return [(f"{column}_not_negative", f"{column} >= 0") for column in columns]


CHECKS: dict[str, list[Check]] = {
    "orders": [
        known("side", "buy sell"),
        known("order_type", "market limit stop stop_limit take_profit take_profit_limit trailing_stop"),
        known("time_in_force", "gtc ioc fok gtd"),
        known(
            "state",
            "initialized denied approved submitted unresolved working filled canceled expired rejected "
            "not_sent not_placed",
        ),
        known("pending", "none cancel modify"),
        ("live_as_state", "live = (state IN ('approved', 'submitted', 'unresolved', 'working'))"),
        *amounts("quantity", "filled_quantity"),
        *counts("attempt", "pending_asked"),
    ],
    "fills": [
        known("side", "buy sell"),
        known("liquidity", "maker taker"),
        *amounts("quantity", "price"),
        *counts("sequence"),
    ],
    "positions": [*amounts("reserved_exit"), *counts("pending_openings", "episode")],
    "episodes": [
        known("side", "long short"),
        *counts("number"),
        *amounts("peak_quantity", "entry_quantity", "exit_quantity"),
        *counts("fills"),
    ],
    "position_snapshots": counts("episode", "sequence"),
    "adjustments": [
        known(
            "kind",
            "deposit withdrawal funding rollover reward dust_conversion liquidation fill_correction "
            "correction",
        )
    ],
    "changes": [known("kind", "modify replace"), *amounts("quantity")],
    "closings": counts("exits"),
}
"""By table: the name of each constraint, and what is true of every row."""

WITH_ROW_IDS = ("orders", "fills")


def upgrade() -> None:
    """Add the constraints."""
    for table, checks in CHECKS.items():
        options = {} if table in WITH_ROW_IDS else {"sqlite_with_rowid": False}
        with op.batch_alter_table(table, recreate="always", table_kwargs=options) as batch:
            for name, condition in checks:
                batch.create_check_constraint(op.f(f"ck_{table}_{name}"), condition)


def downgrade() -> None:
    """Take the constraints away: a table that is made anew without them has none."""
    for table in reversed(CHECKS):
        options = {} if table in WITH_ROW_IDS else {"sqlite_with_rowid": False}
        with op.batch_alter_table(table, recreate="always", table_kwargs=options):
            pass
