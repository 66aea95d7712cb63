"""What folding one record changes in a state: a flat table of every field that is another one afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from decimal import Decimal
from typing import Any

import attrs

from fairlead.domain.contracts import Contract
from fairlead.domain.instruments import ContractKind
from fairlead.domain.order_kinds import Liquidity, OrderSide, OrderType, TimeInForce
from fairlead.domain.reconcile_records import PositionCorrected
from fairlead.domain.records import OrderFilled, OrderInitialized, Record
from fairlead.kernel.apply.apply import apply
from fairlead.kernel.core.state import CommandEntry, Dirty, EngineState
from fairlead.ports.store import Row
from tests.core.kernel.bench import BTC

GONE = "gone"
"""Stands for what is not there any more."""

REFERENCES = {"changing": "change_id", "closing": "closing_id"}
"""Dictionaries whose values are found elsewhere as well: their id is told, not what they have."""

CONTRACT = Contract(ContractKind.LINEAR, Decimal(10))

D = Decimal
Changes = dict[str, object]


def order(name: str = "x", /, **terms: object) -> OrderInitialized:
    """Return the record of an approved order: a buy of 3 BTC at 100 USDT in the book main, or as wished."""
    fields: dict[str, object] = {
        "client_order_id": name,
        "owner": "bot",
        "book": "main",
        "symbol": BTC,
        "side": OrderSide.BUY,
        "order_type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "quantity": D(3),
        "limit_price": D(100),
        "reference_price": None,
        "reduces": False,
        "currency": "USDT",
        "idempotency_key": "",
        "command_digest": "",
        "metadata": (),
        "approved": True,
        "denial_code": "",
        "verdicts": (),
    }
    return OrderInitialized(**{**fields, **terms})  # type: ignore[arg-type]  # fields of several types


def fill_row(trade: str, sequence: int, episode: int, digest: str, **values: object) -> list[Row]:
    """Return the row of a trade like that of `fill`, with these values."""
    fields: dict[str, object] = {
        "client_order_id": "x",
        "trade_id": trade,
        "symbol": BTC,
        "book": "main",
        "side": "buy",
        "quantity": D(1),
        "price": D(100),
        "value": D(100),
        "fee": D("0.5"),
        "fee_currency": "USDT",
        "currency": "USDT",
        "liquidity": "maker",
        "digest": digest,
        "source": "stream",
        "ts_event": 77,
        "sequence": sequence,
        "position_id": "",
        "episode": episode,
        "flipped": False,
    }
    return [Row.of("fills", {**fields, **values})]  # type: ignore[dict-item]  # each is a scalar


class Fold:
    """A state that records are folded into, one after the other; the *n*th at 10 * n ns."""

    def __init__(self, *records: Record) -> None:
        """Begin with a state of these records, of which every row was written."""
        self.state = EngineState("test", "00000000")
        for record in records:
            self.changes(record)

    def changes(self, record: Record) -> Changes:
        """Fold one record; return each field that changed with its new value, `GONE` when it is no more.

        Of something new only what is not empty, zero or false is told; the sequence is left out. The
        monotonic time of the step is 1,000 more than its wall time, the time of the budgets 2,000 more.
        """
        state = self.state
        state.dirty = Dirty()
        ts_ns = 10 * (state.sequence + 1)
        state.monotonic_ns, state.pace.now_ns = 1_000 + ts_ns, 2_000 + ts_ns
        before = dict(_fields(state, ""))
        apply(state, record, ts_ns)
        after = dict(_fields(state, ""))
        assert after.pop("sequence") == 1 + before.pop("sequence")  # type: ignore[operator]  # a number
        pairs = ((path, before.get(path, GONE), after.get(path, GONE)) for path in {**before, **after})
        return {
            path: now for path, then, now in pairs if now != then and not (_is_none(then) and _is_none(now))
        }


def _is_none(value: object) -> bool:
    return value == GONE or not value


def _fields(thing: object, path: str) -> Iterator[tuple[str, object]]:
    """Yield every public field with its path; a dictionary without values is a list of its keys."""
    cls: Any = type(thing)
    if attrs.has(cls):
        for field in attrs.fields(cls):
            if not field.name.startswith("_"):
                yield from _fields(getattr(thing, field.name), f"{path}.{field.name}" if path else field.name)
    elif path in REFERENCES:
        assert isinstance(thing, dict)
        yield from (
            (f"{path}.{_word(key)}", getattr(value, REFERENCES[path])) for key, value in thing.items()
        )
    elif isinstance(thing, dict) and (not thing or any(value is not None for value in thing.values())):
        for key, value in thing.items():
            yield from _fields(value, f"{path}.{_word(key)}")
    else:
        yield path, [_word(key) for key in thing] if isinstance(thing, dict) else copy(thing)


def _word(key: object) -> str:
    return " ".join(_word(each) for each in key if each) if isinstance(key, tuple) else str(key)


def at(path: str, /, **fields: object) -> Changes:
    """Return these fields of what is at the path."""
    return {f"{path}.{name}": value for name, value in fields.items()}


def moved(number: int, name: str = "x", /, **fields: object) -> Changes:
    """Return what every record about an order changes of it, as the *number*th record, and these fields."""
    return {
        "dirty.orders": [name],
        **at(f"orders.{name}", updated_ns=10 * number, changed_monotonic_ns=1_000 + 10 * number, **fields),
    }


def fill(name: str = "x", trade: str = "T1", /, **terms: object) -> OrderFilled:
    """Return the record of a fill: 1 BTC bought at 100 USDT for 0.5 USDT, or as wished."""
    fields: dict[str, object] = {
        "client_order_id": name,
        "venue_order_id": "V1",
        "trade_id": trade,
        "side": OrderSide.BUY,
        "quantity": D(1),
        "price": D(100),
        "value": D(100),
        "fee": D("0.5"),
        "base": "BTC",
        "quote": "USDT",
        "settlement_decimals": 2,
        "liquidity": Liquidity.MAKER,
        "ts_event": 77,
        "source": "stream",
    }
    return OrderFilled(**{**fields, **terms})  # type: ignore[arg-type]  # fields of several types


def sold(**terms: object) -> OrderFilled:
    """Return the record of a sale of the order y."""
    return fill(
        "y",
        "S1",
        **{"venue_order_id": "V2", "side": OrderSide.SELL, "value": D(110), "ts_event": 88, **terms},
    )


def corrected(**terms: object) -> PositionCorrected:
    """Return the record of a correction: 1 BTC more than our books, at 100 USDT, or as wished."""
    fields: dict[str, object] = {
        "symbol": BTC,
        "book": "main",
        "side": OrderSide.BUY,
        "quantity": D(1),
        "price": D(100),
        "value": D(100),
        "base": "BTC",
        "quote": "USDT",
        "settlement_decimals": 2,
        "ours": D(0),
        "at_venue": D(1),
        "owner": "operator",
        "note": "counted",
        "ts_event": 66,
    }
    return PositionCorrected(**{**fields, **terms})  # type: ignore[arg-type]  # fields of several types


def remembered(subject: str, answer: str, created_ns: int, sequence: int) -> Changes:
    """Return what remembering a command of the bot's with a key changes."""
    entry = CommandEntry("bot", "key", "digest", subject, created_ns, answer, sequence)
    fields = {name: value for name in entry.__slots__ if (value := getattr(entry, name, None))}
    return {**at("commands.bot key", **fields), "dirty.commands": [entry]}
