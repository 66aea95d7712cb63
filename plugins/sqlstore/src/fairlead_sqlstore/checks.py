"""The rules of rows as conditions of SQLite, where a decimal is text in plain notation."""

from __future__ import annotations

from decimal import Decimal

from fairlead.ports.row_rules import RowRule
from fairlead.ports.store import TABLES

_KINDS = {(table.name, column.name): column.kind for table in TABLES for column in table.columns}


def condition_of(rule: RowRule) -> str:
    """Return what is true of every row that keeps the rule."""
    if rule.live_when:
        return f"live = ({rule.column} IN ({_listed(rule.live_when)}))"
    if rule.allowed:
        return f"{rule.column} IN ({_listed(rule.allowed)})"
    if _KINDS[rule.table, rule.column] is Decimal:
        return f"{rule.column} NOT GLOB '-*[1-9]*'"  # text: a sign and a digit that counts; -0 is 0
    return f"{rule.column} >= 0"


def _listed(texts: tuple[str, ...]) -> str:
    return ", ".join(f"'{text}'" for text in texts)
