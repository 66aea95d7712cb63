"""Records of what operators decide about notifiers."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from fairlead.domain.values import Value


class NotifierAction(StrEnum):
    """What an operator may have done about a notifier, or about what it is owed."""

    ENABLE = "enable"
    DISABLE = "disable"
    REPLAY = "replay"
    DISCARD = "discard"


class NotifierDecided(Value):
    """An operator's word about a notifier; without *event_ids* a replay is of its dead letters.

    It is carried out once it is durable; said again it does no more.
    """

    KIND: ClassVar[str] = "notifier_decided"
    VERSION: ClassVar[int] = 1
    action: NotifierAction
    notifier: str
    event_ids: tuple[str, ...]
    by: str
    note: str
