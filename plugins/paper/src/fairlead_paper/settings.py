"""The settings of the paper plugin: typed, checked, unknown keys refused."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

import attrs

from fairlead.errors import ConfigurationRefused, FairleadError, InvalidInput
from fairlead.ports.exchange import Fence, Instrument
from fairlead_paper.exact import ONE, ZERO, decimal_of, text_of
from fairlead_paper.fault_kinds import FaultKind

Value = TypeVar("Value")
Record = TypeVar("Record", bound=attrs.AttrsInstance)

_NOT_DONE = "The paper venue did not start."


class Mode(StrEnum):
    """Where the venue lives: in the kernel's process, or in its own, reached over a socket."""

    IN_PROCESS = "in_process"
    PROCESS = "process"


class VenueTime(StrEnum):
    """Whose time the venue lives in: the clock's, or that of the tape, which stands still between trades."""

    CLOCK = "clock"
    TAPE = "tape"


BTC_USDT = Instrument(
    symbol="BTC/USDT",
    base="BTC",
    quote="USDT",
    price_increment=Decimal("0.1"),
    quantity_increment=Decimal("0.00000001"),
    minimum_quantity=Decimal("0.00005"),
    minimum_cost=Decimal("0.5"),
    settlement_decimals=8,
    maker_fee_rate=Decimal("0.0025"),
    taker_fee_rate=Decimal("0.004"),
)
"""The rules that Kraken had for BTC/USDT when the shipped tape was recorded; the default instrument."""


@attrs.frozen(kw_only=True)
class VenueSettings:
    """What makes the venue: needed by whoever runs it, in process or as a server.

    A venue file remembers them (all but *file* and *synchronous*), and is refused with others.
    """

    account: str = "main"
    balances: Mapping[str, Decimal] = attrs.field(factory=lambda: {"USDT": Decimal(100_000)})
    instruments: Sequence[Instrument] = (BTC_USDT,)
    fence: Fence = Fence.DEADLINE
    participation: Decimal = ONE
    fill_page_size: int = 100
    time: VenueTime = VenueTime.CLOCK
    tape: str = ""
    tape_symbol: str = "BTC/USDT"
    file: str = ""
    synchronous: str = "full"

    def __attrs_post_init__(self) -> None:
        """Refuse what can never work."""
        if not ZERO < self.participation <= ONE:
            raise _refused("participation", f"{self.participation} is not above 0 and at most 1")
        if self.fill_page_size < 1:
            raise _refused("fill_page_size", "must be at least 1")
        if self.time is VenueTime.TAPE and not self.tape:
            raise _refused("time", "the tape's time needs a tape")
        for asset, total in self.balances.items():
            if total < ZERO:
                raise _refused(f"balances.{asset}", f"{text_of(total)} is below zero")


@attrs.frozen(kw_only=True)
class FaultSettings:
    """The fault plan: a seed, and for each kind the part of chances at which it fires (0 to 1)."""

    seed: int = 0
    rates: Mapping[FaultKind, Decimal] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        """Refuse rates that are no parts."""
        for kind, rate in self.rates.items():
            if not ZERO <= rate <= ONE:
                raise _refused(f"faults.rates.{kind.value}", f"{rate} is not between 0 and 1")


@attrs.frozen(kw_only=True)
class PaperSettings:
    """The whole table ``[plugins.paper]``.

    *address* (``host:port`` or ``unix:path``) and *token_env*, the environment variable that holds
    the token, belong to mode ``process``; *venue* to mode ``in_process``. *horizon_ms* is how long
    an absent permanent client order id needs to be proof.
    """

    name: str = "paper"
    mode: Mode = Mode.IN_PROCESS
    account: str = "main"
    address: str = ""
    token_env: str = "FAIRLEAD_PAPER_TOKEN"  # noqa: S105 - the name of a variable, not a token
    venue: VenueSettings = attrs.field(factory=VenueSettings)
    fence: Fence = Fence.DEADLINE
    horizon_ms: int = 60_000
    price_source: bool = True
    request_timeout_ms: int = 5_000
    reconnect_delay_ms: int = 200
    reconnect_delay_max_ms: int = 10_000
    faults: FaultSettings = attrs.field(factory=FaultSettings)

    def __attrs_post_init__(self) -> None:
        """Refuse combinations that can never work."""
        if (self.mode is Mode.PROCESS) != bool(self.address):
            raise _refused("address", "is needed in mode process, and only there")
        if self.mode is Mode.IN_PROCESS and self.fence is not self.venue.fence:
            raise _refused("fence", f"the venue has {self.venue.fence.value}, the client {self.fence.value}")
        for field in ("horizon_ms", "request_timeout_ms", "reconnect_delay_ms", "reconnect_delay_max_ms"):
            if getattr(self, field) < 1:
                raise _refused(field, "must be at least 1 millisecond")


def paper_settings(table: Mapping[str, Any]) -> PaperSettings:
    """Return the settings of a table; raise `ConfigurationRefused` with the path of what is wrong.

    In mode ``in_process`` the venue's account and fence follow the client's unless they are named.
    """
    values = dict(table)
    venue = values.get("venue", {})
    if isinstance(venue, Mapping):
        inherited = {key: values[key] for key in ("account", "fence") if key in values}
        values["venue"] = {**inherited, **venue}
    return _structured(PaperSettings, values, "plugins.paper", _PAPER)


def venue_settings(table: Mapping[str, Any], path: str) -> VenueSettings:
    """Return the settings of a venue, as `paper_settings` does."""
    return _structured(VenueSettings, table, path, _VENUE)


_Reader = Callable[[Any, str], Any]


def _structured(kind: type[Record], table: object, path: str, readers: Mapping[str, _Reader]) -> Record:
    entries = _table(table, path)
    for key in entries:
        if key not in readers:
            near = difflib.get_close_matches(str(key), readers, n=1)
            known = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(readers)}."
            raise ConfigurationRefused(f"{path}.{key}: not a known setting.", fix=known)
    for field in attrs.fields(kind):
        if field.init and field.default is attrs.NOTHING and field.name not in entries:
            raise _refused(f"{path}.{field.name}", "is missing")
    values = {key: readers[key](value, f"{path}.{key}") for key, value in entries.items()}
    try:
        return kind(**values)
    except InvalidInput as error:
        raise ConfigurationRefused(f"{path}: {error}", not_done=_NOT_DONE) from error


def _table(value: object, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _refused(path, "must be a table")
    return value


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise _refused(path, f"must be text, not {type(value).__name__}")
    return value


def _whole(value: object, path: str) -> int:
    if type(value) is not int:
        raise _refused(path, f"must be a whole number, not {type(value).__name__}")
    return value


def _truth(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise _refused(path, "must be true or false")
    return value


def _decimal(value: object, path: str) -> Decimal:
    if type(value) is Decimal and value.is_finite():
        return value
    if type(value) is int:
        return Decimal(value)
    if isinstance(value, str):
        try:
            return decimal_of(value, path)
        except InvalidInput as error:
            raise ConfigurationRefused(str(error), not_done=_NOT_DONE) from error
    raise _refused(path, f'write the number as text, such as "0.05", not as {type(value).__name__}')


def _choice(kind: type[Value]) -> _Reader:
    def read(value: object, path: str) -> Value:
        try:
            return kind(value)  # type: ignore[call-arg]
        except ValueError as error:
            raise _refused(path, str(error)) from error

    return read


def _decimals(value: object, path: str) -> dict[str, Decimal]:
    return {
        _text(key, path): _decimal(number, f"{path}.{key}") for key, number in _table(value, path).items()
    }


def _instruments(value: object, path: str) -> tuple[Instrument, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise _refused(path, "must be a list of at least one table")
    return tuple(
        entry
        if isinstance(entry, Instrument)
        else _structured(Instrument, entry, f"{path}.{index}", _INSTRUMENT)
        for index, entry in enumerate(value)
    )


def _rates(value: object, path: str) -> dict[FaultKind, Decimal]:
    kind = _choice(FaultKind)
    return {kind(key, f"{path}.{key}"): rate for key, rate in _decimals(value, path).items()}


def _faults(value: object, path: str) -> FaultSettings:
    if isinstance(value, FaultSettings):
        return value
    return _structured(FaultSettings, value, path, {"seed": _whole, "rates": _rates})


def _venue(value: object, path: str) -> VenueSettings:
    return value if isinstance(value, VenueSettings) else venue_settings(_table(value, path), path)


def _refused(path: str, problem: str) -> FairleadError:
    return ConfigurationRefused(f"{path}: {problem}.", not_done=_NOT_DONE)


_INSTRUMENT: dict[str, _Reader] = {
    "symbol": _text,
    "base": _text,
    "quote": _text,
    **dict.fromkeys(
        (
            "price_increment",
            "quantity_increment",
            "minimum_quantity",
            "maximum_quantity",
            "minimum_cost",
            "maker_fee_rate",
            "taker_fee_rate",
        ),
        _decimal,
    ),
    "settlement_decimals": _whole,
    "reductions_exempt_from_minimum": _truth,
}
_VENUE: dict[str, _Reader] = {
    "account": _text,
    "balances": _decimals,
    "instruments": _instruments,
    "fence": _choice(Fence),
    "participation": _decimal,
    "fill_page_size": _whole,
    "time": _choice(VenueTime),
    "tape": _text,
    "tape_symbol": _text,
    "file": _text,
    "synchronous": _text,
}
_PAPER: dict[str, _Reader] = {
    "name": _text,
    "mode": _choice(Mode),
    "account": _text,
    "address": _text,
    "token_env": _text,
    "venue": _venue,
    "fence": _choice(Fence),
    "horizon_ms": _whole,
    "price_source": _truth,
    "request_timeout_ms": _whole,
    "reconnect_delay_ms": _whole,
    "reconnect_delay_max_ms": _whole,
    "faults": _faults,
}
