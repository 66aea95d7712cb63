"""Structured logs: what a log line of the kernel says in fields, as JSON or plain text.

Everything goes through the standard `logging`, to the logger ``fairlead`` unless the kernel was given
another. No handler is installed and no level set: that is the embedding application's. `log_handler` makes
one that writes a line for each record.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import TextIO

from fairlead.domain.events import Event, FillBooked, OrderChanged, PositionChanged
from fairlead.domain.records import AnomalyNoted, Record, TradingStateChanged
from fairlead.errors import UnknownName
from fairlead.plugins.redaction import REDACTION, redacted

FIELDS = "fairlead_fields"
"""The attribute of a log record that holds its fields."""


class LogFormat(StrEnum):
    """How a line looks: one JSON object, or text with the fields at its end."""

    JSON = "json"
    PLAIN = "plain"


class LineFormatter(logging.Formatter):
    """Formats a record as one line, without any secret; control characters are escapes."""

    def __init__(self, style: LogFormat) -> None:
        super().__init__()
        self._format = style

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        told = (
            self.formatException(record.exc_info)
            if record.exc_info and not record.exc_text
            else record.exc_text
        )
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **fields_of(record),
            **({"error": told} if told else {}),
        }
        if self._format is LogFormat.JSON:
            return redacted(json.dumps(line, ensure_ascii=True, default=str))
        head = f"{line.pop('time')} {line.pop('level')} {line.pop('logger')}: {line.pop('message')}"
        text = " ".join([head, *(f"{name}={value}" for name, value in line.items())])
        return redacted(text.encode("unicode_escape").decode() if not text.isprintable() else text)


def fields_of(record: logging.LogRecord) -> Mapping[str, object]:
    """Return the fields of a log record of the kernel; none for any other."""
    found = getattr(record, FIELDS, {})
    return found if isinstance(found, Mapping) else {}


def log_handler(style: LogFormat | str = LogFormat.JSON, stream: TextIO | None = None) -> logging.Handler:
    """Return a handler that writes a line for each record, to stderr unless a stream is given.

    ::

        logging.getLogger("fairlead").addHandler(log_handler("json"))
        logging.getLogger("fairlead").setLevel(logging.INFO)

    Raises `UnknownName` for a format that there is not.
    """
    if style not in set(LogFormat):
        raise UnknownName("style", str(style), tuple(known.value for known in LogFormat))
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(LineFormatter(LogFormat(style)))
    handler.addFilter(REDACTION)
    return handler


class EventLog:
    """Writes a line for each durable event, with owner, order, symbol and sequence as fields."""

    def __init__(self, logger: logging.Logger, account: str) -> None:
        self._logger = logger
        self._account = account

    def __call__(self, event: Event) -> None:
        """Write the line of one event."""
        record = event.fill if isinstance(event, FillBooked) else getattr(event, "record", None)
        level = logging.WARNING if isinstance(record, AnomalyNoted) else logging.INFO
        if self._logger.isEnabledFor(level):
            fields = {"account": self._account, "sequence": event.sequence, **_fields(event, record)}
            self._logger.log(level, "%s", _message(event, record), extra={FIELDS: fields})


def _fields(event: Event, record: Record | None) -> dict[str, str]:
    if isinstance(event, OrderChanged | FillBooked):
        order = event.order
        return {
            "owner": order.owner,
            "order": order.client_order_id,
            "symbol": order.symbol,
            "status": order.status,
        }
    if isinstance(event, PositionChanged):
        position = event.position
        return {"book": position.book, "symbol": position.symbol, "quantity": format(position.quantity, "f")}
    if isinstance(record, AnomalyNoted):
        return {"anomaly": record.anomaly.value, "subject": record.subject}
    return {}


def _message(event: Event, record: Record | None) -> str:
    if isinstance(event, PositionChanged):
        return "position changed"
    if isinstance(record, TradingStateChanged):
        return f"trading is {record.state.value}: {record.reason}"
    if isinstance(record, AnomalyNoted):
        return f"anomaly {record.anomaly.value}: {record.detail}"
    return "" if record is None else record.KIND.replace("_", " ")
