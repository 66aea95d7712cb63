"""Inputs about notifiers."""

from __future__ import annotations

from fairlead.domain.notifier_records import NotifierAction
from fairlead.domain.values import Value


class DecideNotifier(Value):
    """An operator decides about a notifier, or about what it is owed."""

    action: NotifierAction
    notifier: str
    event_ids: tuple[str, ...]
    by: str
    note: str
    command_id: int = 0
