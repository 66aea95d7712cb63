"""The world of the crash scenarios: a paper venue whose market goes on whether or not a kernel lives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import attrs

from fairlead import ChangeResult
from fairlead.kernel.settings import KernelSettings, OnStop
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, Clock
from fairlead.ports.exchange import (
    ExchangeCapabilities,
    ExchangeClient,
    Instrument,
    OrderSide,
    OrderType,
    Report,
    SubmitRequest,
    TimeInForce,
)
from fairlead.ports.store import Batch
from fairlead.testing.interleaving import InterleavingName
from fairlead.testing.kernel_world import KernelWorld
from fairlead.testing.memory_store import AppendFault
from fairlead.testing.wire import NORMAL, TOLD_ONCE, Fate, ReportFate, Trip
from fairlead_paper import messages as say
from fairlead_paper.client import PaperClient
from fairlead_paper.desk import Desk
from fairlead_paper.link import InProcessLink
from fairlead_paper.rate_limit import Throttle, model_of
from fairlead_paper.records import PublicTrade, VenueRules
from fairlead_paper.settings import RateLimitSettings
from fairlead_paper.venue import Venue
from fairlead_riskhooks.minimum_size import MinimumSize
from tests.simulation.invariants import BY_HAND, Problems, durable_problems

ACCOUNT = "main"
SYMBOL = "BTC/USDT"
OPENING = {"USDT": Decimal(100_000), "BTC": Decimal(10)}
BTC_USDT = Instrument(
    symbol=SYMBOL,
    base="BTC",
    quote="USDT",
    price_increment=Decimal("0.1"),
    quantity_increment=Decimal("0.01"),
    minimum_quantity=Decimal("0.1"),
    minimum_cost=Decimal(5),
    settlement_decimals=8,
    maker_fee_rate=Decimal("0.0025"),
    taker_fee_rate=Decimal("0.004"),
)
SETTINGS = KernelSettings(
    account=ACCOUNT,
    on_stop=OnStop.LEAVE,
    request_timeout_ms=400,
    order_deadline_ms=1_500,
    deadline_margin_ms=200,
    look_up_interval_ms=200,
    look_up_interval_max_ms=2_000,
    commit_timeout_ms=300,
    history_overlap_ms=20,
    recovery_interval_ms=50,
)

TRADES = (("101", "0.30"), ("100", "0.37"), ("100", "0.23"))
"""What others trade, over and over: price and volume. A buy at 100 fills in parts."""

PAUSES_MS = (90, 110, 22)
"""The pause before each of them. The third follows so soon that a cancel sent on the second races it."""


RULES = VenueRules(fill_page_size=2)


@attrs.frozen
class Place:
    """What a venue is like: rules, what is traded there, its rate limit, what it offers other than usual."""

    rules: VenueRules = RULES
    instruments: Sequence[Instrument] = (BTC_USDT,)
    offers: Mapping[str, Any] = attrs.field(factory=dict)
    rate_limit: RateLimitSettings | None = None


PLACE = Place()


def _with_headroom(limit: RateLimitSettings) -> RateLimitSettings:
    """Return what the kernel keeps to: requests take 1 to 20 ms, so the venue sees them closer together."""
    return attrs.evolve(limit, capacity=limit.capacity - 1)


class MarketWorld(KernelWorld):
    """A kernel's world with the paper venue and a market that never stops.

    After every crash, and at the end, what is durable is compared with what the venue has (`problems`):
    the promises that hold at every instant, not only after recovery.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        fate: Callable[[Trip], Fate] = lambda _trip: NORMAL,
        report_fate: Callable[[Report], ReportFate] = lambda _report: TOLD_ONCE,
        append_fault: Callable[[Batch], AppendFault | None] | None = None,
        settings: KernelSettings = SETTINGS,
        place: Place = PLACE,
        expected: frozenset[str] = frozenset(),
        interleaving: InterleavingName = "uniform",
    ) -> None:
        """*expected* are the kinds of anomaly that the story brings with it."""
        self.place = place
        self.venue = Venue(place.rules, place.instruments)
        self.venue.open_account(ACCOUNT, OPENING)
        self.desk: Desk | None = None
        limit = place.rate_limit
        self.throttle = Throttle(limit)
        self.pacing = None if limit is None else model_of(_with_headroom(limit))
        self.problems: Problems = []
        self.answered: dict[str, ChangeResult] = {}
        self.heard: list[tuple[Any, object]] = []
        """What a bot had asked for, and what it was told then."""
        self._by_hand = ""
        self.expected_anomalies = expected
        self.forgotten: set[str] = set()
        super().__init__(
            self._open_venue,
            settings=settings,
            checks=(MinimumSize(),),
            seed=seed,
            interleaving=interleaving,
            fate=fate,
            report_fate=report_fate,
            append_fault=append_fault,
        )
        self.spawn(self._trade_on())

    def fail_commits(self, fault: Callable[[Batch], AppendFault | None]) -> None:
        """Let commits of every kernel made from here on go as the function says."""
        self._append_fault = fault

    def after_crash(self) -> None:
        """Leave what was durable, and look at it before anybody recovers it."""
        super().after_crash()
        self.problems.extend(durable_problems(self.disk, self.venue, ACCOUNT, self.acknowledged))

    def place_by_hand(self, price: str = "100", quantity: str = "0.80") -> str:
        """Let somebody else have an order of the account, once in this world; return the venue's id of it."""
        assert self.desk is not None
        if not self._by_hand:
            now_ns = self.venue_clock.wall_ns()
            request = SubmitRequest(
                BY_HAND,
                SYMBOL,
                OrderSide.BUY,
                OrderType.LIMIT,
                TimeInForce.GTC,
                Decimal(quantity),
                Decimal(price),
                False,
                now_ns + 1_000 * NANOSECONDS_PER_MILLISECOND,
            )
            taken = self.desk.handle(ACCOUNT, say.Place(request))
            assert isinstance(taken, say.Taken)
            self._by_hand = taken.venue_order_id
        return self._by_hand

    def _open_venue(self, clock: Clock) -> ExchangeClient:
        self.desk = Desk(self.venue, clock.wall_ns, throttle=self.throttle)
        link = InProcessLink(self.desk, ACCOUNT)
        capabilities = ExchangeCapabilities(
            fence=self.place.rules.fence,
            price_source=True,
            modify=True,
            simulated=True,
            pacing=self.pacing,
            adoption=True,
            balances=True,
        )
        capabilities = attrs.evolve(capabilities, **self.place.offers)
        return PaperClient(link, clock, capabilities)

    async def _trade_on(self) -> None:
        while True:
            for (price, volume), pause_ms in zip(TRADES, PAUSES_MS, strict=True):
                await self.clock.sleep_ns(pause_ms * NANOSECONDS_PER_MILLISECOND)
                assert self.desk is not None
                for symbol in self.venue.markets:
                    self.desk.trade(
                        PublicTrade(symbol, Decimal(price), Decimal(volume), self.venue_clock.wall_ns())
                    )
