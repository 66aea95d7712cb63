"""What a reconciler has around it: a venue, a door, a policy and a history, moved by a test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

from fairlead import OrderSide
from fairlead.domain.order_table import OrderState
from fairlead.domain.reconciliation import (
    BalanceEntry,
    DriftedPolicy,
    Found,
    ReconcileEntry,
)
from fairlead.domain.requests import RequestKind
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.journal.rows import order_from_row
from fairlead.kernel.venue.monitoring import StreamWatch
from fairlead.kernel.venue.reconciler import Reconciler
from fairlead.ports.exchange import (
    FillPage,
    FillReport,
    Liquidity,
    LookUp,
    OrderReport,
    VenuePosition,
    VenueStatus,
)
from fairlead.testing import SeededLoop, VirtualClock, run
from fairlead.testing.conformance.store_batches import sample_row
from tests.core.kernel.bench import BTC

OVERLAP_NS = 10_000_000_000
ODD: Any = "odd"


class Asked:
    """Around a part of the reconciler: *told* is who was asked, in order, each question admitted before."""

    clock: VirtualClock
    told: list[str]
    on_asked: dict[str, Callable[[], None]]

    def asked(self, what: str) -> None:
        """Note that somebody was asked, and let happen what happens then."""
        self.told.append(what)
        self.on_asked.get(what, lambda: None)()

    async def admit(self, request: RequestKind, symbol: str = "") -> None:
        """See `Admission.admit`."""
        self.told.append(f"admit {request.value} {symbol}")

    async def answer(self, request: RequestKind, question: Awaitable[Any], symbol: str = "") -> Any:  # noqa: ANN401 - as there
        """See `Admission.answer`: every question was admitted before."""
        assert self.told.pop() == f"admit {request.value} {symbol}"
        told = await question
        await self.clock.sleep_ns(1_000_000)
        return told


class World(Asked):
    """A venue, a door and everything around a reconciler, moved by a test; *told* is who was asked."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SeededLoop)
        self.clock = VirtualClock(loop)
        self.state = EngineState("test", "00000000")
        self.pages: dict[str, FillPage] = {}
        self.listed: list[Any] = []
        self.found: dict[str, object] = {}
        self.told: list[str] = []
        self.taken: list[object] = []
        self.on_taken: Callable[[object], None] = lambda _given: None
        self.on_asked: dict[str, Callable[[], None]] = {}
        self.policy: dict[str, ReconcileEntry] = {}
        self.rebuilds = 3
        self.eviction = nullcontext()
        settings = SimpleNamespace(
            drifted_policy=DriftedPolicy.REDUCE,
            drift_tolerance_steps=0,
            ns={"balances_interval": 1}.__getitem__,
        )
        self.rules = SimpleNamespace(settings=settings, history_overlap_ns=OVERLAP_NS, market=None)
        self.capabilities = SimpleNamespace(positions=False, balances=False, ledger=False)
        self.journal = SimpleNamespace(settled=self.settled)
        self.watch = StreamWatch(self.clock, streams=True)
        self.drifts: list[tuple[str, Decimal, Decimal]] = []
        self.counts = (0, 0, 0)
        self.differing: tuple[BalanceEntry, ...] = ()
        each = cast("Any", self)
        self.reconciler = Reconciler(each, self.clock, each, each, each, self.watch, each)

    def order(self, name: str, state: str = "working", **values: Any) -> None:  # noqa: ANN401 - any column
        """Let there be an order."""
        row = sample_row("orders", client_order_id=name, symbol=BTC, state=state, venue_order_id=f"v{name}")
        self.state.orders[name] = order_from_row({**row.named(), **values}, ())

    def ends(self, name: str) -> None:
        """Let an order be over."""
        self.state.orders[name].state = OrderState.CANCELED

    async def fills_since(self, cursor: str) -> FillPage:
        """See `ExchangeClient.fills_since`."""
        self.asked(f"fills {cursor}".rstrip())
        return self.pages.get(cursor, FillPage((), cursor, more=False))

    async def open_orders(self) -> Sequence[OrderReport]:
        """See `ExchangeClient.open_orders`."""
        self.asked("open orders")
        return self.listed

    async def look_up(self, name: str, symbol: str) -> object:
        """See `ExchangeClient.look_up`."""
        self.asked(f"look up {name} {symbol}")
        return self.found.get(name, LookUp(None, (), complete=True))

    async def positions(self) -> Sequence[VenuePosition]:
        """See `PositionKeeper.positions`."""
        return [VenuePosition(BTC, Decimal(7))]

    async def follow_policy(self, report: OrderReport) -> ReconcileEntry:
        """See `ForeignOrders.follow_policy`."""
        self.asked(f"policy {report.client_order_id}")
        return self.policy[report.client_order_id]

    async def ensure_held(self, report: OrderReport | FillReport) -> None:
        """See `Inbox.ensure_held`."""
        self.told.append(f"load {getattr(report, 'client_order_id', report)}")

    async def ensure_known(self, name: str) -> None:
        """See `Inbox.ensure_known`."""
        self.told.append(f"load {name}")

    async def settled(self) -> None:
        """See `Journal.settled`."""
        self.asked("settled")

    def process(self, given: object) -> None:
        """See `Engine.process`."""
        self.taken.append(given)
        self.on_taken(given)

    async def compare(self) -> tuple[list[tuple[str, Decimal, Decimal]], int]:
        """See `NetPositions.compare`."""
        self.asked("positions")
        return self.drifts, self.counts[0]

    async def read(self, take: object, *, scheduled: bool) -> tuple[int, int]:
        """See `Account.read`."""
        assert take is not None
        self.asked("account, on schedule" if scheduled else "account")
        return self.counts[1], self.counts[2]

    def alone(self) -> None:
        """Let positions and account be what the test says."""
        self.reconciler._net = cast("Any", self)
        self.reconciler.account = cast("Any", self)


def listed(name: str, symbol: str = BTC) -> OrderReport:
    """Return what the venue lists of an open order."""
    return OrderReport(name, f"v{name}", symbol, VenueStatus.LIVE, Decimal(0), 1)


def fill(name: str, trade_id: str, ts_event: int = 1) -> FillReport:
    """Return a trade."""
    return FillReport(
        name, f"v{name}", trade_id, BTC, OrderSide.BUY, Decimal(1), Decimal(100), None, Decimal(0), "USDT",
        Liquidity.TAKER, ts_event,
    )  # fmt: skip


def entry(found: Found, name: str, concluded: str) -> ReconcileEntry:
    """Return an entry of a report."""
    return ReconcileEntry(found, name, f"v{name}", BTC, concluded)


def in_world(main: Callable[[World], Awaitable[None]]) -> None:
    """Run a test in a world of its own."""

    async def whole() -> None:
        await main(World())

    run(whole)


def world_with_rebuilds(main: Callable[[World], Awaitable[None]]) -> None:
    """Run a part of a reconciliation that is under way."""

    async def begun(world: World) -> None:
        world.reconciler._rebuilds = world.rebuilds
        await main(world)

    in_world(begun)
