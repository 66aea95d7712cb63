"""What was never said stands as nothing: no text, no figure, not so, unknown; and what does not is listed.

A new order has spent no attempt, a fresh state holds no lock, a command that names no note has
none. Whoever builds one of these values, or restores it from a row of an earlier version, leans on that.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import attrs
import msgspec

import fairlead.domain
from fairlead import kernel
from fairlead.domain.instruments import ContractKind
from fairlead.domain.order_kinds import OrderType, TimeInForce
from fairlead.domain.order_table import OrderState
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.price_points import Unusable
from fairlead.domain.trading_state import TradingState
from fairlead.kernel.decide.drafts import Room

ROOMS = ("apply", "core", "decide", "engine", "gate", "journal", "venue")

SAID: dict[tuple[str, str], object] = {
    # A spot market, where nothing else is said, settled as finely as any.
    ("Contract", "multiplier"): 1,
    ("Instrument", "settlement_decimals"): 8,
    ("Instrument", "contract"): ContractKind.LINEAR,
    ("Instrument", "contract_multiplier"): 1,
    # A market order that stands until it is filled or canceled.
    ("Proposal", "order_type"): OrderType.MARKET,
    ("Proposal", "time_in_force"): TimeInForce.GTC,
    # The first try; records of the first version do not tell.
    ("ModifyStarted", "number"): 1,
    # Words for where things begin.
    ("Order", "state"): OrderState.INITIALIZED,
    ("Order", "pending"): PendingRequest.NONE,
    ("EngineState", "trading"): TradingState.DISABLED,
    ("EngineState", "trading_reason"): "the kernel has not been started",
    ("Draft", "room"): Room.NONE,
    ("Draft", "unpriced"): Unusable.MISSING,
    # Before any time that a clock tells.
    ("Order", "changed_monotonic_ns"): -1,
    ("Order", "sent_monotonic_ns"): -1,
    ("PricePoint", "told_stale_ns"): -1,
    ("EngineState", "read_monotonic_ns"): -1,
    ("EngineState", "forgotten_monotonic_ns"): -1,
    # A trading day is one of UTC.
    ("TradingDay", "timezone"): "UTC",
    ("TradingDay", "at"): "00:00",
    # A client that does not say otherwise tells of the past what will not change.
    ("LedgerRead", "settled"): True,
    ("FillsRead", "settled"): True,
}


def classes_of(*packages: ModuleType) -> Iterator[type]:
    """Yield every class that a module of these packages defines."""
    for package in packages:
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            module = import_module(found.name)
            for _, each in sorted(vars(module).items()):
                if isinstance(each, type) and each.__module__ == module.__name__:
                    yield each


def defaults_of(cls: type[Any]) -> dict[str, object]:
    """Return what each field of such a class holds where it is not given, unless another field decides."""
    if attrs.has(cls):
        fields = {each.name: each.default for each in attrs.fields(cls) if each.default is not attrs.NOTHING}
        plain = {name: each for name, each in fields.items() if not isinstance(each, attrs.Factory)}  # type: ignore[arg-type]  # a class at run time
        made = {
            name: each.factory() for name, each in fields.items() if name not in plain and not each.takes_self
        }
        return {**plain, **made}
    if issubclass(cls, msgspec.Struct):
        found = [each for each in msgspec.structs.fields(cls) if not each.required]
        return {
            each.name: each.default if each.default is not msgspec.NODEFAULT else each.default_factory()
            for each in found
        }
    defaults: dict[str, object] = getattr(cls, "_field_defaults", {})
    return defaults


def is_nothing(value: object) -> bool:
    """Tell whether a value says nothing, by itself or with all that it holds."""
    if isinstance(value, tuple):
        return all(is_nothing(each) for each in value)
    if attrs.has(type(value)):
        return all(is_nothing(getattr(value, name)) for name in defaults_of(type(value)))
    return not value


def test_what_was_never_said_stands_as_nothing() -> None:
    """Every default in the core is empty, zero, false or unknown, or it is one of the list above."""
    rooms = [import_module(f"{kernel.__name__}.{room}") for room in ROOMS]
    said = {
        (cls.__name__, name): value
        for cls in classes_of(fairlead.domain, *rooms)
        for name, value in defaults_of(cls).items()
        if not is_nothing(value)
    }
    assert said == SAID
