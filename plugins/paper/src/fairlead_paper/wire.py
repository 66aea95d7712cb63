"""The protocol of a venue in its own process: one JSON object per line, decimals as text.

Client to server: ``{"id": 7, "ask": "place", ...}``; the first one is ``hello`` with the token.
Server to client: ``{"id": 7, "say": "taken", ...}`` as the answer to 7, and ``{"report": "fill", ...}``
for what comes by itself. Whatever does not fit exactly raises `Unreadable`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from cattrs import Converter
from cattrs.errors import ForbiddenExtraKeysError, StructureHandlerNotFoundError

from fairlead.errors import ExchangeFault, InvalidInput
from fairlead.ports.exchange import FillReport, OrderReport, Quote, Report, Trade
from fairlead_paper import messages as say
from fairlead_paper.exact import decimal_of, text_of
from fairlead_paper.wire_values import teach_values

# fixed: far above the longest answer there is, and what one line may cost
LINE_BYTES_MAX = 1 << 20
"""Longest line that either side takes."""

_ASKS: dict[str, type] = {
    "hello": say.Hello,
    "place": say.Place,
    "modify": say.Modify,
    "cancel": say.Cancel,
    "find": say.Find,
    "read_open": say.ReadOpen,
    "read_fills": say.ReadFills,
    "read_balances": say.ReadBalances,
    "read_ledger": say.ReadLedger,
    "read_rules": say.ReadRules,
    "advance": say.Advance,
    "adjust": say.Adjust,
    "show_book": say.ShowBook,
    "feed_trade": say.FeedTrade,
    "feed_quote": say.FeedQuote,
    "move_time": say.MoveTime,
    "read_trades": say.ReadTrades,
    "read_state": say.ReadState,
    "note_fault": say.NoteFault,
    "shutdown": say.Shutdown,
}
_SAYS: dict[str, type] = {
    "welcome": say.Welcome,
    "taken": say.Taken,
    "refused": say.Refused,
    "limited": say.Limited,
    "orders": say.Orders,
    "fills": say.Fills,
    "holdings": say.Holdings,
    "ledger": say.Ledger,
    "rules": say.Rules,
    "played": say.Played,
    "state": say.State,
}
_REPORTS: dict[str, type] = {"order": OrderReport, "fill": FillReport, "trade": Trade, "quote": Quote}
_NAMES = {kind: name for table in (_ASKS, _SAYS, _REPORTS) for name, kind in table.items()}


class Unreadable(ExchangeFault):
    """A line that is not of this protocol."""


def _exactly(value: object, kind: type) -> object:
    """Take a whole number or truth value as it is; the converter's own way would round 1.5 to 1."""
    if type(value) is not kind:
        raise TypeError(f"{kind.__name__} expected, not {type(value).__name__}")
    return value


def _text(value: object, kind: type) -> object:
    """Take text as text, or as the name of a choice; never what only can be made into text."""
    if type(value) is not str:
        raise TypeError(f"text expected, not {type(value).__name__}")
    return kind(value)


def _exact_text(value: object) -> str:
    if type(value) is not Decimal:
        raise TypeError(f"a {type(value).__name__} is no Decimal")
    return text_of(value)


def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True, detailed_validation=False)
    converter.register_structure_hook(int, _exactly)
    converter.register_structure_hook(bool, _exactly)
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook(Decimal, lambda value, _kind: decimal_of(value, "number"))
    converter.register_unstructure_hook(Decimal, _exact_text)
    teach_values(converter)
    return converter


_CONVERTER = _converter()


def encode_request(number: int, request: say.Request) -> bytes:
    """Return the line of a request."""
    return _line({"id": number, "ask": _NAMES[type(request)]}, request)


def encode_reply(number: int, reply: say.Reply) -> bytes:
    """Return the line of an answer."""
    return _line({"id": number, "say": _NAMES[type(reply)]}, reply)


def encode_report(report: Report) -> bytes:
    """Return the line of a report."""
    return _line({"report": _NAMES[type(report)]}, report)


def decode_request(line: bytes) -> tuple[int, say.Request]:
    """Return number and request of a line."""
    content = _object(line)
    request: say.Request = _structured(content, "ask", _ASKS)
    return _number(content), request


def request_number(line: bytes) -> int:
    """Return the number of a request that is otherwise unreadable; raise `Unreadable` when it has none."""
    return _number(_object(line))


def decode_answer(line: bytes) -> tuple[int, say.Reply] | Report:
    """Return a report, or number and content of an answer."""
    content = _object(line)
    if "report" in content:
        report: Report = _structured(content, "report", _REPORTS)
        return report
    number = _number(content)
    try:
        reply: say.Reply = _structured(content, "say", _SAYS)
    except Unreadable as error:
        raise UnreadableAnswer(number, str(error)) from error
    return number, reply


class UnreadableAnswer(Unreadable):
    """An answer whose number could be read, but not its content."""

    def __init__(self, number: int, what: str) -> None:
        self.number = number
        super().__init__(what)


def _line(head: dict[str, Any], value: object) -> bytes:
    try:
        head.update(_CONVERTER.unstructure(value))
        return json.dumps(head, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
    except (TypeError, ValueError, AttributeError) as error:
        raise Unreadable(f"This cannot be written: {error}.") from error


def _object(line: bytes) -> dict[str, Any]:
    try:
        content = json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise Unreadable("The line is not JSON.") from error
    if not isinstance(content, dict):
        raise Unreadable("The line is not a JSON object.")
    return content


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its pairs; one with a key twice says two things, and is believed in neither."""
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a key is there twice")
    return content


def _number(content: Mapping[str, Any]) -> int:
    number = content.get("id")
    if type(number) is not int:
        raise Unreadable("The line has no number.")
    return number


def _structured(content: Mapping[str, Any], key: str, kinds: Mapping[str, type]) -> Any:  # noqa: ANN401
    name = content.get(key)
    kind = kinds.get(name) if isinstance(name, str) else None
    if kind is None:
        raise Unreadable(f"The line has no known {key!r}.")
    body = {field: value for field, value in content.items() if field not in {"id", key}}
    try:
        return _CONVERTER.structure(body, kind)
    except (TypeError, ValueError, KeyError, AttributeError, InvalidInput, ForbiddenExtraKeysError) as error:
        raise Unreadable(f"The content of {name!r} does not fit: {error}.") from error
    except StructureHandlerNotFoundError as error:  # pragma: no cover - a field of ours without a hook
        raise Unreadable(str(error)) from error
