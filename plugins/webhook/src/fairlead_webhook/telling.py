"""What `fairlead webhook` prints: one line per event, for people or for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairlead_webhook.listening import Heard

# fixed: a matter of layout; --json has all of it
TYPE_WIDTH = 24
FIELDS_WIDTH = 120
_PREFIX = "fairlead."
_DAY_END, _SECOND_END = 11, 19


def line_of(heard: Heard) -> str:
    """Return one line: the answer, the time, the type, the subject, and what the event says of it."""
    if heard.event is None:
        return _printable(f"{heard.status.value}  {heard.problem}")
    event = heard.event
    time, kind, subject = (str(event.get(name, "-")) for name in ("time", "type", "subject"))
    fields = "  ".join(_fields(event.get("data")))
    if len(fields) > FIELDS_WIDTH:
        fields = f"{fields[: FIELDS_WIDTH - 1]}…"
    parts = (
        str(heard.status.value),
        time[_DAY_END:_SECOND_END] or "-",
        kind.removeprefix(_PREFIX).ljust(TYPE_WIDTH),
        subject,
        fields,
    )
    return _printable("  ".join(parts).rstrip())


def json_line(told: Heard | Mapping[str, object]) -> str:
    """Return one JSON object on one line, all ASCII."""
    if not isinstance(told, Mapping):
        told = {"status": told.status.value, "event": told.event, "problem": told.problem or None}
    return json.dumps(told, sort_keys=True, ensure_ascii=True)


def _fields(data: object) -> Iterator[str]:
    """Yield what is one word or number of the event's own data."""
    for key, value in data.items() if isinstance(data, Mapping) else ():
        if isinstance(value, str | bool) and value != "":
            yield f"{key}={value}"


def _printable(text: str) -> str:
    """Return the text with everything that a terminal would obey written as an escape."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
