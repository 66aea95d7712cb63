"""Making notices of outbox rows: the same contents at every attempt, whatever has happened since.

`data` is made of the record's own fields, of what never changes of its order, and of the figures that were
written beside the fact at its step; `catalogue` says which fields each kind has.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from fairlead.domain.numbers import text_of
from fairlead.kernel.journal.codec import decode
from fairlead.kernel.journal.figures import read_order_figures, read_position_figures
from fairlead.kernel.outbox.catalogue import HIDDEN, VERSION
from fairlead.ports.notices import Notice
from fairlead.ports.store import Envelope, OutboxRow

ORDER_FACTS = (
    "client_order_id",
    "owner",
    "book",
    "position_id",
    "symbol",
    "side",
    "order_type",
    "time_in_force",
    "currency",
)
"""What a notice says of its order that stays as it is for ever."""

POSITION_PREFIX = "position_"


def notice_of(row: OutboxRow, envelope: Envelope, account: str, order: Mapping[str, object] | None) -> Notice:
    """Return the notice of a row, with the facts of the order it is about, if it is about one.

    Raises `JournalDamaged` when the record cannot be read.
    """
    record = msgspec.to_builtins(decode(envelope), builtin_types=(Decimal,))
    data: dict[str, object] = {name: _plain(value) for name, value in record.items() if name not in HIDDEN}
    figures: dict[str, Any] = {}
    if not row.kind.startswith(POSITION_PREFIX):
        figures = read_order_figures(row.figures)
    elif row.kind != envelope.kind:
        data["position"] = read_position_figures(row.figures)
    if order is not None:
        data["order"] = {name: order[name] for name in ORDER_FACTS} | figures
    return Notice(row.event_id, row.kind, VERSION, account, row.subject, row.sequence, envelope.ts_ns, data)


def _plain(value: object) -> object:
    """Return a value of a record as what JSON can hold; decimals as plain text."""
    if isinstance(value, Decimal):
        return text_of(value)
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
