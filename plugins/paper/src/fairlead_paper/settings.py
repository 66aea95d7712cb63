"""The settings of the paper plugin: typed, checked, unknown keys refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any

import attrs

from fairlead.errors import NumberRefused, SettingRefused
from fairlead.ports.exchange import Fence, Instrument
from fairlead.ports.settings import structure_settings
from fairlead_paper.exact import ONE, ZERO, decimal_of, multiply, text_of
from fairlead_paper.fault_kinds import FaultKind

READS_AT_ONCE = 3
"""A look-up asks for open orders, closed orders and trades."""


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
class RateLimitSettings:
    """How much an account may ask for: *capacity* at once, and *per_second* comes back.

    *order*, *cancel* and *read* are what a request costs; *cancel_young* what the cancel costs of an
    order younger than *young_ms*. Questions about the tape are free.
    """

    capacity: Decimal
    per_second: Decimal
    order: Decimal = ONE
    cancel: Decimal = ONE
    cancel_young: Decimal = ONE
    young_ms: int = 5_000
    read: Decimal = ZERO

    def __attrs_post_init__(self) -> None:
        """Refuse what can never work."""
        for field in ("capacity", "per_second"):
            if getattr(self, field) <= ZERO:
                raise SettingRefused(field, "must be above 0")
        for field in ("order", "cancel", "cancel_young", "read"):
            if not ZERO <= getattr(self, field) <= self.capacity:
                raise SettingRefused(field, f"must be from 0 to the capacity, {text_of(self.capacity)}")
        if multiply(self.read, Decimal(READS_AT_ONCE)) > self.capacity:
            raise SettingRefused("read", "a look-up reads three times, which is more than the capacity")
        if self.cancel_young < self.cancel:
            raise SettingRefused("cancel_young", "must not be below cancel")
        if self.young_ms < 1:
            raise SettingRefused("young_ms", "must be at least 1 millisecond")


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
    rate_limit: RateLimitSettings | None = None
    time: VenueTime = VenueTime.CLOCK
    tape: str = ""
    tape_symbol: str = "BTC/USDT"
    file: str = ""
    synchronous: str = "full"

    def __attrs_post_init__(self) -> None:
        """Refuse what can never work."""
        if not ZERO < self.participation <= ONE:
            raise SettingRefused("participation", f"{self.participation} is not above 0 and at most 1")
        if self.fill_page_size < 1:
            raise SettingRefused("fill_page_size", "must be at least 1")
        if self.time is VenueTime.TAPE and not self.tape:
            raise SettingRefused("time", "the tape's time needs a tape")
        if not self.instruments:
            raise SettingRefused("instruments", "must be a list of at least one table")
        for asset, total in self.balances.items():
            _check_balance(asset, total)


@attrs.frozen(kw_only=True)
class FaultSettings:
    """The fault plan: a seed, and for each kind the part of chances at which it fires (0 to 1)."""

    seed: int = 0
    rates: Mapping[FaultKind, Decimal] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        """Refuse rates that are no parts."""
        for kind, rate in self.rates.items():
            if not ZERO <= rate <= ONE:
                raise SettingRefused(f"faults.rates.{kind.value}", f"{rate} is not between 0 and 1")


@attrs.frozen(kw_only=True)
class PaperSettings:
    """The whole table ``[plugins.paper]``.

    *address* (``host:port`` or ``unix:path``) and *token_env*, the environment variable that holds
    the token, belong to mode ``process``; *venue* to mode ``in_process``. *horizon_ms* is how long
    an absent permanent client order id needs to be proof. *rate_limit* is what the kernel paces itself by;
    in mode ``in_process`` the venue has the same unless it is given its own.
    """

    name: str = "paper"
    mode: Mode = Mode.IN_PROCESS
    account: str = "main"
    address: str = ""
    token_env: str = "FAIRLEAD_PAPER_TOKEN"  # noqa: S105 - the name of a variable, not a token
    venue: VenueSettings = attrs.field(factory=VenueSettings)
    fence: Fence = Fence.DEADLINE
    horizon_ms: int = 60_000
    rate_limit: RateLimitSettings | None = None
    price_source: bool = True
    request_timeout_ms: int = 5_000
    reconnect_delay_ms: int = 200
    reconnect_delay_max_ms: int = 10_000
    faults: FaultSettings = attrs.field(factory=FaultSettings)

    def __attrs_post_init__(self) -> None:
        """Refuse combinations that can never work."""
        if (self.mode is Mode.PROCESS) != bool(self.address):
            raise SettingRefused("address", "is needed in mode process, and only there")
        if self.mode is Mode.IN_PROCESS and self.fence is not self.venue.fence:
            raise SettingRefused(
                "fence", f"the venue has {self.venue.fence.value}, the client {self.fence.value}"
            )
        for field in ("horizon_ms", "request_timeout_ms", "reconnect_delay_ms", "reconnect_delay_max_ms"):
            if getattr(self, field) < 1:
                raise SettingRefused(field, "must be at least 1 millisecond")


def paper_settings(table: Mapping[str, Any]) -> PaperSettings:
    """Return the settings of a table; raise `ConfigurationRefused` with the path of what is wrong.

    In mode ``in_process`` the venue's account, fence and rate limit follow the client's unless they
    are named.
    """
    values = dict(table)
    venue = values.get("venue", {})
    if isinstance(venue, Mapping):
        values["venue"] = {**_inherited(values), **venue}
    return structure_settings(PaperSettings, values, "plugins.paper")


def venue_settings(table: Mapping[str, Any], path: str) -> VenueSettings:
    """Return the settings of a venue, as `paper_settings` does."""
    return structure_settings(VenueSettings, table, path)


def _inherited(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the venue takes over: only what can be right, so that nothing is refused twice."""
    inherited: dict[str, Any] = {}
    if isinstance(values.get("account"), str):
        inherited["account"] = values["account"]
    if values.get("fence") in list(Fence):
        inherited["fence"] = values["fence"]
    if isinstance(values.get("rate_limit"), Mapping):
        inherited["rate_limit"] = values["rate_limit"]
    return inherited


def _check_balance(asset: str, total: Decimal) -> None:
    if total < ZERO:
        raise SettingRefused(f"balances.{asset}", f"{text_of(total)} is below zero")
    try:
        decimal_of(text_of(total), f"balances.{asset}")
    except NumberRefused as error:  # the venue file could not keep it
        raise SettingRefused(error.field, error.problem, fix=error.fix) from error
