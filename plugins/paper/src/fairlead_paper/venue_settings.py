"""The settings of a venue: who trades there, by which rules, and how its market moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum

import attrs

from fairlead.errors import NumberRefused, SettingRefused
from fairlead.ports.exchange import Fence, Instrument
from fairlead_paper.exact import ONE, ZERO, decimal_of, multiply, text_of
from fairlead_paper.player import PlaySettings
from fairlead_paper.records import RATE_DIGITS_MAX, DepthRules, FeeIn, Locking

# fixed: as many questions as a look-up has
READS_AT_ONCE = 3
"""A look-up asks for open orders, closed orders and trades."""


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
    # fixed: the default of a setting, kept as one value
    minimum_quantity=Decimal("0.00005"),
    minimum_cost=Decimal("0.5"),
    settlement_decimals=8,
    maker_fee_rate=Decimal("0.0025"),
    taker_fee_rate=Decimal("0.004"),
)
"""The rules that Kraken had for BTC/USDT when the shipped tape was recorded; the default instrument."""


@attrs.frozen(kw_only=True)
class RateLimitSettings:
    """How much an account may ask for, and what each request costs."""

    capacity: Decimal = attrs.field(metadata={"doc": "what may be asked for at once, in the costs below"})
    per_second: Decimal = attrs.field(metadata={"doc": "what comes back each second"})
    order: Decimal = attrs.field(default=ONE, metadata={"doc": "cost of an order"})
    cancel: Decimal = attrs.field(default=ONE, metadata={"doc": "cost of a cancel"})
    modify: Decimal = attrs.field(default=ONE, metadata={"doc": "cost of a modify"})
    modify_young: Decimal = attrs.field(default=ONE, metadata={"doc": "cost of the modify of a young order"})
    cancel_young: Decimal = attrs.field(default=ONE, metadata={"doc": "cost of the cancel of a young order"})
    young_ms: int = attrs.field(default=5_000, metadata={"doc": "age below which an order is young"})
    read: Decimal = attrs.field(
        default=ZERO, metadata={"doc": "cost of a question; those about the tape are free"}
    )

    def __attrs_post_init__(self) -> None:
        """Refuse what can never work."""
        for field in ("capacity", "per_second"):
            if getattr(self, field) <= ZERO:
                raise SettingRefused(field, "must be above 0")
        for field in ("order", "cancel", "cancel_young", "modify", "modify_young", "read"):
            if not ZERO <= getattr(self, field) <= self.capacity:
                raise SettingRefused(field, f"must be from 0 to the capacity, {text_of(self.capacity)}")
        if multiply(self.read, Decimal(READS_AT_ONCE)) > self.capacity:
            raise SettingRefused("read", "a look-up reads three times, which is more than the capacity")
        for field in ("cancel", "modify"):
            if getattr(self, f"{field}_young") < getattr(self, field):
                raise SettingRefused(f"{field}_young", f"must not be below {field}")
        if self.young_ms < 1:
            raise SettingRefused("young_ms", "must be at least 1 millisecond")


@attrs.frozen(kw_only=True)
class VenueSettings:
    """What makes the venue: needed by whoever runs it, in process or as a server.

    A venue file remembers them (all but *file* and *synchronous*), and is refused with others.
    """

    account: str = attrs.field(
        default="main", metadata={"doc": "the account whose orders and balances the venue keeps"}
    )
    balances: Mapping[str, Decimal] = attrs.field(
        factory=lambda: {"USDT": Decimal(100_000)},
        metadata={"doc": "what the account holds at the beginning, total by asset"},
    )
    instruments: Sequence[Instrument] = attrs.field(
        default=(BTC_USDT,),
        metadata={
            "doc": "the venue's rules, one table for each symbol; those of BTC/USDT at Kraken unless given"
        },
    )
    fence: Fence = attrs.field(
        default=Fence.DEADLINE, metadata={"doc": "what the venue promises about requests without an answer"}
    )
    participation: Decimal = attrs.field(
        default=ONE,
        metadata={
            "doc": "fraction of each public trade's volume that our orders may take, above 0 and at most 1"
        },
    )
    locking: Locking = attrs.field(
        default=Locking.PER_ORDER,
        metadata={
            "doc": "whether an open order holds the balance it needs, as at a spot exchange, or none does"
        },
    )
    fee_in: FeeIn = attrs.field(
        default=FeeIn.QUOTE,
        metadata={"doc": "in which asset fees are paid: quote, base, or the one that a fill brings"},
    )
    queue_ahead: Decimal = attrs.field(
        default=ZERO, metadata={"doc": "quantity, in base, that stands before an order that begins to rest"}
    )
    queue_ahead_trades: Decimal = attrs.field(
        default=ONE,
        metadata={"doc": "the same as a multiple of the mean size of the last 20 trades; both are added"},
    )
    queue_cancels: Decimal = attrs.field(
        default=ZERO,
        metadata={"doc": "fraction of that queue which is canceled with each trade that does not reach it"},
    )
    slippage_ticks: int = attrs.field(
        default=1, metadata={"doc": "ticks that a taker pays beyond the last trade's price"}
    )
    slippage_rate: Decimal = attrs.field(
        default=ZERO,
        metadata={"doc": "the same as a fraction of the price, rounded up to the tick; instead of ticks"},
    )
    depth: DepthRules | None = attrs.field(
        default=None,
        metadata={"doc": "a book made up around the last price, which takers walk; none when left out"},
    )
    quote_quantity: Decimal = attrs.field(
        default=ZERO,
        metadata={
            "doc": "quantity, in base, behind a fed quote that does not say it; with 0 it offers nothing"
        },
    )
    play: PlaySettings | None = attrs.field(
        default=None, metadata={"doc": "how the tape plays by itself; it waits for a driver when left out"}
    )
    fill_page_size: int = attrs.field(default=100, metadata={"doc": "trades in one page of history"})
    rate_limit: RateLimitSettings | None = attrs.field(
        default=None, metadata={"doc": "how much the account may ask for; no limit when left out"}
    )
    time: VenueTime = attrs.field(
        default=VenueTime.CLOCK, metadata={"doc": "whose time the venue lives in: the clock's, or the tape's"}
    )
    tape: str = attrs.field(
        default="",
        metadata={
            "doc": 'public trades that are played: "shipped", or the path of a CSV file; none when empty'
        },
    )
    tape_symbol: str = attrs.field(default="BTC/USDT", metadata={"doc": "the symbol of the tape's trades"})
    file: str = attrs.field(
        default="",
        metadata={"doc": "SQLite file in which the venue keeps its books; none are kept when empty"},
    )
    synchronous: str = attrs.field(
        default="full", metadata={"doc": "SQLite's synchronous setting of that file"}
    )

    def __attrs_post_init__(self) -> None:
        """Refuse what can never work."""
        if not ZERO < self.participation <= ONE:
            raise SettingRefused("participation", f"{self.participation} is not above 0 and at most 1")
        self._check_queue_and_slippage()
        if self.fill_page_size < 1:
            raise SettingRefused("fill_page_size", "must be at least 1")
        if self.time is VenueTime.TAPE and not self.tape:
            raise SettingRefused("time", "the tape's time needs a tape")
        if self.play is not None and (not self.tape or self.time is VenueTime.TAPE):
            raise SettingRefused("play", 'needs a tape, and time = "clock"')
        if not self.instruments:
            raise SettingRefused("instruments", "must be a list of at least one table")
        for asset, total in self.balances.items():
            _check_balance(asset, total)

    def _check_queue_and_slippage(self) -> None:
        for field in ("queue_ahead", "queue_ahead_trades", "quote_quantity"):
            if getattr(self, field) < ZERO:
                raise SettingRefused(field, "must not be below 0")
        if not ZERO <= self.queue_cancels <= ONE:
            raise SettingRefused("queue_cancels", f"{self.queue_cancels} is not from 0 to 1")
        if self.slippage_ticks < 0:
            raise SettingRefused("slippage_ticks", "must not be below 0")
        if not ZERO <= self.slippage_rate < ONE:
            raise SettingRefused("slippage_rate", f"{self.slippage_rate} is not from 0 to below 1")
        for field in ("participation", "queue_ahead_trades", "queue_cancels", "slippage_rate"):
            if len(getattr(self, field).as_tuple().digits) > RATE_DIGITS_MAX:
                raise SettingRefused(field, f"has more than {RATE_DIGITS_MAX} digits")
        if self.slippage_ticks and self.slippage_rate:
            raise SettingRefused(
                "slippage_rate", "slippage is given in ticks already", fix="Set slippage_ticks = 0."
            )


def _check_balance(asset: str, total: Decimal) -> None:
    if total < ZERO:
        raise SettingRefused(f"balances.{asset}", f"{text_of(total)} is below zero")
    try:
        decimal_of(text_of(total), f"balances.{asset}")
    except NumberRefused as error:  # the venue file could not keep it
        raise SettingRefused(error.field, error.problem, fix=error.fix) from error
