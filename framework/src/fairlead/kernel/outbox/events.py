"""The ids of events: what they say of themselves."""

from __future__ import annotations

import re

# fixed: the account's tag, the sequence of the record, and for a second fact of the same record its kind
_EVENT_ID = re.compile(r"[0-9a-f]+-([1-9][0-9]{0,17})(-[a-z]+)?", re.ASCII)


def sequence_of(event_id: str) -> int | None:
    """Return the sequence of the record that an event tells of; nothing for what is no event's id."""
    found = _EVENT_ID.fullmatch(event_id)
    return int(found[1]) if found else None
