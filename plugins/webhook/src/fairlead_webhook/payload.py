"""The body that a receiver gets: a CloudEvents 1.0 event in JSON, with `timestamp` of Standard Webhooks.

The same notice makes the same bytes, on every attempt and every machine: keys are sorted, all characters
are ASCII, and what does not fit is cut by rule.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from importlib.resources import files
from typing import Any

from fairlead.errors import InvalidInput
from fairlead.ports.clock import NANOSECONDS_PER_SECOND
from fairlead.ports.notices import Notice
from fairlead_webhook.signing import check_id

SCHEMA = "urn:fairlead:webhook:1"
SCHEMA_FILE = "webhook-1.schema.json"

# fixed: part of the documented format; ids, prices and times are shorter than any of these
CUTS = ((4_096, 256), (1_024, 64), (256, 16), (128, 4))
"""Steps of cutting: longest text in characters, longest list in entries."""

# fixed: part of the documented format
CUT_PATHS_MAX = 20
ELLIPSIS = "…"

_HARMLESS = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
"""Written as escapes, so that a body that lands in a page is no markup; a JSON reader sees no difference."""


class BodyRefused(InvalidInput):
    """A notice of which no body can be made; the same each time."""


def body_of(notice: Notice, bytes_max: int) -> str:
    """Return the body, at most *bytes_max* long, all ASCII. Raises `BodyRefused` or `TextRefused`."""
    check_id(notice.event_id)
    whole = _told(notice.data, "data")
    text = _written(_event(notice, whole, ()))
    for longest_text, longest_list in CUTS:
        if len(text) <= bytes_max:
            return text
        paths: list[str] = []
        shorter = _cut(whole, "data", longest_text, longest_list, paths)
        text = _written(_event(notice, shorter, paths))
    if len(text) > bytes_max:
        text = _written(_event(notice, {}, ["data"]))
    if len(text) > bytes_max:
        raise BodyRefused("subject", f"too long for a body of {bytes_max} bytes")
    return text


def event_type(kind: str, version: int) -> str:
    """Return a notice's type as receivers know it: ``order_filled`` is ``fairlead.order.filled.v1``."""
    return f"fairlead.{kind.replace('_', '.', 1)}.v{version}"


def schema() -> Mapping[str, Any]:
    """Return the JSON Schema of every body, as it is shipped."""
    text = (files("fairlead_webhook") / "data" / SCHEMA_FILE).read_text(encoding="utf-8")
    return dict(json.loads(text))


def time_text(ts_ns: int) -> str:
    """Return a time as RFC 3339 writes it, UTC, with nine digits of a second."""
    seconds, nanoseconds = divmod(ts_ns, NANOSECONDS_PER_SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def _event(notice: Notice, data: object, cut: Sequence[str]) -> dict[str, object]:
    when = time_text(notice.ts_ns)
    event: dict[str, object] = {
        "specversion": "1.0",
        "id": notice.event_id,
        "source": f"/fairlead/accounts/{notice.account}",
        "type": event_type(notice.kind, notice.version),
        "subject": notice.subject,
        "time": when,
        "timestamp": when,
        "datacontenttype": "application/json",
        "dataschema": SCHEMA,
        "sequence": str(notice.sequence),
        "data": data,
    }
    if cut:
        event["cut"] = " ".join(cut[:CUT_PATHS_MAX]) + (f" {ELLIPSIS}" if len(cut) > CUT_PATHS_MAX else "")
    return event


def _written(event: Mapping[str, object]) -> str:
    return json.dumps(event, ensure_ascii=True, sort_keys=True, separators=(",", ":")).translate(_HARMLESS)


def _told(value: object, path: str) -> object:
    """Return a value as the body holds it: numbers are text, for readers that have no exact ones."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise BodyRefused(path, "a key is not text")
        return {key: _told(item, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_told(item, path) for item in value]
    raise BodyRefused(path, f"a {type(value).__name__} has no form in a body")


def _cut(value: object, path: str, longest_text: int, longest_list: int, paths: list[str]) -> object:
    """Return the value with no text and no list longer than allowed; add the paths of what was cut."""
    if isinstance(value, str) and len(value) > longest_text:
        paths.append(path)
        return value[: longest_text - 1] + ELLIPSIS
    if isinstance(value, Mapping):
        kept = dict(_first(value, longest_list))
        if len(kept) < len(value):
            paths.append(path)
        return {
            key: _cut(item, f"{path}.{key}", longest_text, longest_list, paths) for key, item in kept.items()
        }
    if isinstance(value, list):
        if len(value) > longest_list:
            paths.append(path)
        return [_cut(item, path, longest_text, longest_list, paths) for item in value[:longest_list]]
    return value


def _first(value: Mapping[str, object], longest: int) -> Iterator[tuple[str, object]]:
    """Return the first entries in the order of their keys; *data* itself has fewer than any limit."""
    yield from sorted(value.items())[: max(longest, _KEYS_MIN)]


# fixed: a notice's own fields are never cut away, only what they hold
_KEYS_MIN = 64
