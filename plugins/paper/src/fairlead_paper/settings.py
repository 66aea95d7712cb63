"""The settings of the paper plugin: typed, checked, unknown keys refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import attrs

from fairlead.errors import SettingRefused
from fairlead.ports.exchange import Fence
from fairlead.ports.settings import structure_settings
from fairlead_paper.exact import ONE, ZERO
from fairlead_paper.fault_kinds import FaultKind
from fairlead_paper.records import Locking
from fairlead_paper.tape import SHIPPED
from fairlead_paper.venue_settings import (
    BTC_USDT,
    READS_AT_ONCE,
    RateLimitSettings,
    VenueSettings,
    VenueTime,
)

__all__ = [
    "BTC_USDT",
    "READS_AT_ONCE",
    "FaultSettings",
    "LatencySettings",
    "Mode",
    "PaperSettings",
    "RateLimitSettings",
    "VenueSettings",
    "VenueTime",
    "paper_settings",
    "placed_settings",
    "venue_settings",
]


class Mode(StrEnum):
    """Where the venue lives: in the kernel's process, or in its own, reached over a socket."""

    IN_PROCESS = "in_process"
    PROCESS = "process"


@attrs.frozen(kw_only=True)
class FaultSettings:
    """The fault plan: a seed, and for each kind the part of chances at which it fires (0 to 1)."""

    seed: int = attrs.field(default=0, metadata={"doc": "seed of the fault plan"})
    rates: Mapping[FaultKind, Decimal] = attrs.field(
        factory=dict,
        metadata={"doc": "for each kind of fault, the fraction of chances at which it fires, 0 to 1"},
    )

    def __attrs_post_init__(self) -> None:
        """Refuse rates that are no parts."""
        for kind, rate in self.rates.items():
            if not ZERO <= rate <= ONE:
                raise SettingRefused(f"faults.rates.{kind.value}", f"{rate} is not between 0 and 1")


@attrs.frozen(kw_only=True)
class LatencySettings:
    """How long the way between client and venue takes, on the kernel's clock."""

    request_ms: int = attrs.field(default=0, metadata={"doc": "from asking until the venue hears it"})
    answer_ms: int = attrs.field(default=0, metadata={"doc": "from the venue's answer until it is heard"})
    stream_ms: int = attrs.field(
        default=0, metadata={"doc": "from what happens at the venue until its report is heard"}
    )
    jitter_ms: int = attrs.field(
        default=0, metadata={"doc": "each of them takes up to this much longer, drawn from the seed"}
    )
    seed: int = attrs.field(default=0, metadata={"doc": "seed of the jitter"})

    def __attrs_post_init__(self) -> None:
        """Refuse time that runs backwards."""
        for field in ("request_ms", "answer_ms", "stream_ms", "jitter_ms"):
            if getattr(self, field) < 0:
                raise SettingRefused(f"latency.{field}", "must not be below 0")

    @property
    def longest_ms(self) -> int:
        """Return how long request and answer take together at most."""
        return self.request_ms + self.answer_ms + 2 * self.jitter_ms


@attrs.frozen(kw_only=True)
class PaperSettings:
    """The whole table ``[plugins.paper]``.

    *address* and *token_env* belong to mode ``process``, *venue* to mode ``in_process``.
    """

    name: str = attrs.field(default="paper", metadata={"doc": "the exchange client's name"})
    mode: Mode = attrs.field(
        default=Mode.IN_PROCESS,
        metadata={"doc": "where the venue lives: in the kernel's process, or in its own"},
    )
    account: str = attrs.field(default="main", metadata={"doc": "the account that trades"})
    address: str = attrs.field(
        default="", metadata={"doc": "of a venue in its own process: host:port or unix:path"}
    )
    token_env: str = attrs.field(
        default="FAIRLEAD_PAPER_TOKEN",
        metadata={"doc": "environment variable that holds the token of a venue in its own process"},
    )
    venue: VenueSettings = attrs.field(
        factory=VenueSettings, metadata={"doc": "the venue, in mode in_process"}
    )
    fence: Fence = attrs.field(
        default=Fence.DEADLINE,
        metadata={"doc": "what the client promises about requests without an answer; the venue's"},
    )
    locking: Locking = attrs.field(
        default=Locking.PER_ORDER,
        metadata={"doc": "whether the venue's open orders hold the balance they need; the venue's"},
    )
    horizon_ms: int = attrs.field(
        default=60_000, metadata={"doc": "how long an absent permanent client order id needs to be proof"}
    )
    rate_limit: RateLimitSettings | None = attrs.field(
        default=None,
        metadata={
            "doc": "what the kernel paces itself by; a venue in process has the same unless given its own"
        },
    )
    modify: bool = attrs.field(
        default=True,
        metadata={"doc": "whether the client offers to change orders in place; else they can be replaced"},
    )
    price_source: bool = attrs.field(
        default=True, metadata={"doc": "whether public trades become the kernel's prices"}
    )
    follow: Sequence[str] = attrs.field(
        default=(),
        metadata={"doc": "symbols whose market follows the prices that other sources bring to the kernel"},
    )
    request_timeout_ms: int = attrs.field(
        default=5_000, metadata={"doc": "longest wait for an answer of a venue in its own process"}
    )
    reconnect_delay_ms: int = attrs.field(
        default=200, metadata={"doc": "first pause before a broken connection is made again"}
    )
    reconnect_delay_max_ms: int = attrs.field(
        default=10_000, metadata={"doc": "the pause doubles up to this"}
    )
    latency: LatencySettings | None = attrs.field(
        default=None, metadata={"doc": "how long the way to the venue takes; no time when left out"}
    )
    faults: FaultSettings = attrs.field(factory=FaultSettings, metadata={"doc": "faults injected on purpose"})

    def __attrs_post_init__(self) -> None:
        """Refuse combinations that can never work."""
        if (self.mode is Mode.PROCESS) != bool(self.address):
            raise SettingRefused("address", "is needed in mode process, and only there")
        if self.mode is Mode.IN_PROCESS and self.fence is not self.venue.fence:
            raise SettingRefused(
                "fence", f"the venue has {self.venue.fence.value}, the client {self.fence.value}"
            )
        if self.mode is Mode.IN_PROCESS and self.locking is not self.venue.locking:
            raise SettingRefused(
                "locking", f"the venue has {self.venue.locking.value}, the client {self.locking.value}"
            )
        if self.follow and self.price_source:
            raise SettingRefused(
                "follow", "the venue gives the prices itself", fix="Set price_source = false."
            )
        if self.follow and self.mode is Mode.IN_PROCESS and self.venue.time is VenueTime.TAPE:
            raise SettingRefused("follow", "the venue lives in its tape's time, not in the world's")
        if self.latency is not None and self.latency.longest_ms >= self.request_timeout_ms:
            raise SettingRefused(
                "latency", "request and answer take as long as the request timeout, or longer"
            )
        for field in ("horizon_ms", "request_timeout_ms", "reconnect_delay_ms", "reconnect_delay_max_ms"):
            if getattr(self, field) < 1:
                raise SettingRefused(field, "must be at least 1 millisecond")

    @property
    def locks_balance(self) -> bool:
        """Tell whether an open order holds the balance that it needs."""
        return self.locking is Locking.PER_ORDER


def paper_settings(table: Mapping[str, Any]) -> PaperSettings:
    """Return the settings of a table; raise `ConfigurationRefused` with the path of what is wrong.

    In mode ``in_process`` the venue's account, fence, locking and rate limit follow the client's unless they
    are named.
    """
    values = dict(table)
    venue = values.get("venue", {})
    if isinstance(venue, Mapping):
        values["venue"] = {**_inherited(values), **venue}
    return structure_settings(PaperSettings, values, "plugins.paper")


def placed_settings(settings: PaperSettings, placed: Callable[[str], Path]) -> PaperSettings:
    """Return the settings with the venue's relative paths taken from the configuration's folder."""
    venue = settings.venue
    tape = venue.tape if venue.tape in ("", SHIPPED) else str(placed(venue.tape))
    file = str(placed(venue.file)) if venue.file else ""
    return attrs.evolve(settings, venue=attrs.evolve(venue, tape=tape, file=file))


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
    if values.get("locking") in list(Locking):
        inherited["locking"] = values["locking"]
    if isinstance(values.get("rate_limit"), Mapping):
        inherited["rate_limit"] = values["rate_limit"]
    return inherited
