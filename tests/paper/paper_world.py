"""The paper venue as a world for the exchange conformance class: in process, or behind a socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.clock import Clock
from fairlead.ports.exchange import (
    AdjustmentKind,
    ExchangeCapabilities,
    Fence,
    OrderType,
    TimeInForce,
)
from fairlead.testing import SeededLoop, VirtualClock
from fairlead.testing.conformance.exchange_world import Ability
from fairlead_paper.address import address_of
from fairlead_paper.client import PaperClient
from fairlead_paper.desk import Desk
from fairlead_paper.fault_kinds import FaultKind
from fairlead_paper.fault_link import FaultyLink
from fairlead_paper.latency_link import LatencyLink
from fairlead_paper.link import InProcessLink, Link, LinkListener, NotSent
from fairlead_paper.messages import Adjust, Ledger, Place, Reply, Request, Taken, Welcome
from fairlead_paper.opening import open_desk
from fairlead_paper.records import FeeIn, Locking, PublicTrade
from fairlead_paper.server import VenueServer
from fairlead_paper.settings import LatencySettings, VenueSettings
from fairlead_paper.socket_link import SocketLink

SYMBOL = "BTC/USDT"
TIMEOUT_NS = 5_000_000_000
TOKEN = "a token"  # noqa: S105 - opens nothing but a venue of this test

FAULT_OF: Mapping[Ability, FaultKind] = {
    Ability.LOSE_REQUEST: FaultKind.LOST_REQUEST,
    Ability.LOSE_ANSWER: FaultKind.LOST_ANSWER,
    Ability.GARBLE_ANSWER: FaultKind.GARBAGE_ANSWER,
    Ability.DELAY_REQUEST: FaultKind.EXPIRED_REQUEST,
    Ability.FAIL_READ: FaultKind.LOST_ANSWER,
    Ability.LIMIT: FaultKind.RATE_LIMITED,
    Ability.BREAK_STREAM: FaultKind.DISCONNECT,
}


class ScriptedPlan:
    """A fault plan that does what a test scripted: each kind after letting some chances pass."""

    def __init__(self) -> None:
        self.enabled = True
        self.script: dict[FaultKind, int] = {}

    def draw(self, kinds: Iterable[FaultKind]) -> FaultKind | None:
        """Return the scripted fault whose turn has come."""
        for kind in kinds:
            left = self.script.get(kind)
            if left == 0:
                del self.script[kind]
                return kind
            if left is not None:
                self.script[kind] = left - 1
        return None

    def between(self, kind: FaultKind, low: int, high: int) -> int:
        """Return the middle."""
        del kind
        return (low + high) // 2


class CountingLink:
    """Passes everything on and counts the orders that the venue was asked to place and took."""

    def __init__(self, inner: Link, taken: dict[str, int]) -> None:
        self._inner = inner
        self._taken = taken

    async def open(self, listener: LinkListener) -> Welcome:
        """Pass on."""
        return await self._inner.open(listener)

    async def close(self) -> None:
        """Pass on."""
        await self._inner.close()

    async def ask(self, request: Request) -> Reply:
        """Pass on and count."""
        reply = await self._inner.ask(request)
        if isinstance(request, Place) and isinstance(reply, Taken):
            client_order_id = request.order.client_order_id
            self._taken[client_order_id] = self._taken.get(client_order_id, 0) + 1
        return reply

    def tell_fault(self, kind: str) -> None:
        """Pass on."""
        self._inner.tell_fault(kind)


ClientClass = Callable[[Link, Clock, ExchangeCapabilities], PaperClient]


class PaperWorld:
    """The venue in process, on virtual time, with every fault at hand."""

    symbol = SYMBOL
    resting_price = Decimal("99000.0")
    quantity = Decimal("0.001")
    unaffordable_quantity = Decimal(1_000)
    abilities = frozenset(Ability)
    look_up_reads = 3

    def __init__(
        self,
        fence: Fence = Fence.DEADLINE,
        make: ClientClass = PaperClient,
        *,
        price_source: bool = True,
        locking: Locking = Locking.PER_ORDER,
        fee_in: FeeIn = FeeIn.QUOTE,
    ) -> None:
        self.fence = fence
        self.make = make
        self.price_source = price_source
        self.plan = ScriptedPlan()
        self.clock = self.make_clock()
        self.clients: list[PaperClient] = []
        self.taken: dict[str, int] = {}
        self.ids = 0
        self.locking = locking
        settings = VenueSettings(
            fence=fence,
            fill_page_size=2,
            locking=locking,
            fee_in=fee_in,
            queue_ahead_trades=Decimal(0),  # so that what reaches an order fills it, as the rules expect
            slippage_ticks=0,
            balances={"USDT": Decimal(100_000), "BTC": Decimal(1)},
        )
        self.desk: Desk = open_desk(settings, self.now_ns)
        self.desk.trade(PublicTrade(SYMBOL, Decimal("100000.0"), Decimal("0.5"), self.now_ns()))

    def make_clock(self) -> Clock:
        """Return the clock of everything in this world."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SeededLoop)
        return VirtualClock(loop)

    def link(self) -> Link:
        """Return a link to the venue."""
        inner = CountingLink(InProcessLink(self.desk, "main"), self.taken)
        return FaultyLink(inner, lambda _session: self.plan, self.clock, TIMEOUT_NS)

    async def client(self) -> PaperClient:
        """Return a new client of the account, not connected."""
        capabilities = ExchangeCapabilities(
            simulated=True,
            fence=self.fence,
            horizon_ns=60_000_000_000,
            price_source=self.price_source,
            order_types=frozenset(OrderType),
            times_in_force=frozenset(TimeInForce),
            post_only=True,
            modify=True,
            adoption=True,
            balances=True,
            ledger=True,
            reduce_only=self.locking is Locking.NONE,
            locks_balance=self.locking is Locking.PER_ORDER,
        )
        client = self.make(self.link(), self.clock, capabilities)
        self.clients.append(client)
        return client

    def client_order_id(self) -> str:
        """Return a fresh id."""
        self.ids += 1
        return f"{self.ids:032x}"

    def now_ns(self) -> int:
        """Return the time."""
        return self.clock.wall_ns()

    async def trade(self, price: Decimal, quantity: Decimal) -> None:
        """Let others trade."""
        self.desk.trade(PublicTrade(self.symbol, price, quantity, self.now_ns()))
        await self.settle()

    async def orders_at_venue(self, client_order_id: str) -> int:
        """Return how often the venue took an order with the id."""
        return self.taken.get(client_order_id, 0)

    def inject(self, ability: Ability, after: int = 0) -> None:
        """Script a fault."""
        self.plan.script[FAULT_OF[ability]] = after

    async def adjust(self, asset: str, amount: Decimal) -> None:
        """Have a deposit or a withdrawal."""
        kind = AdjustmentKind.DEPOSIT if amount > 0 else AdjustmentKind.WITHDRAWAL
        assert isinstance(self.desk.handle("main", Adjust(asset, amount, kind)), Ledger)

    async def settle(self) -> None:
        """Let everything that is ready run."""
        await self.clock.sleep_ns(1_000)

    async def advance_ns(self, duration_ns: int) -> None:
        """Let virtual time pass."""
        await self.clock.sleep_ns(duration_ns)

    async def close(self) -> None:
        """Disconnect everybody."""
        for client in self.clients:
            await client.disconnect()
        self.desk.close()


class DistantWorld(PaperWorld):
    """The venue at the end of a way that takes time; the links are put together as the plugin does."""

    latency = LatencySettings(request_ms=30, answer_ms=20, stream_ms=40, jitter_ms=10, seed=11)

    def link(self) -> Link:
        """Return a link to the venue."""
        inner = CountingLink(InProcessLink(self.desk, "main", self.clock), self.taken)
        slow = LatencyLink(inner, self.latency, self.clock)
        return FaultyLink(slow, lambda _session: self.plan, self.clock, TIMEOUT_NS)

    async def settle(self) -> None:
        """Let everything that is on its way arrive."""
        await self.clock.sleep_ns(100_000_000)


class SocketWorld(PaperWorld):
    """The venue behind a real socket, in the same loop; its time is real plus what a test adds."""

    abilities = frozenset({Ability.ADJUST})

    def __init__(self, fence: Fence = Fence.DEADLINE, make: ClientClass = PaperClient) -> None:
        self.ahead_ns = 0
        super().__init__(fence, make)
        self.server = VenueServer(self.desk, TOKEN)
        self.address = ""
        self.serving: asyncio.Task[None] | None = None

    def make_clock(self) -> Clock:
        """Return real time."""
        return SystemClock()

    def now_ns(self) -> int:
        """Return the time, ahead of the real one by what the test let pass."""
        return self.clock.wall_ns() + self.ahead_ns

    def link(self) -> Link:
        """Return a socket link."""
        inner = SocketLink(address_of(self.address), TOKEN, "main", self.clock, TIMEOUT_NS)
        return CountingLink(inner, self.taken)

    async def start(self) -> None:
        """Begin to serve."""
        listening = asyncio.Event()

        def announce(address: str) -> None:
            self.address = address
            listening.set()

        serving = self.server.serve(address_of("127.0.0.1:0"), announce)
        self.serving = asyncio.get_running_loop().create_task(serving)
        await listening.wait()

    async def settle(self) -> None:
        """Wait for an answer on every connection: what was written before it has arrived then."""
        await self.clock.sleep_ns(0)
        for client in self.clients:
            with contextlib.suppress(NotSent):  # who is not connected has nothing to settle
                await client.venue_state()

    async def advance_ns(self, duration_ns: int) -> None:
        """Let the venue's time pass at once."""
        self.ahead_ns += duration_ns

    async def close(self) -> None:
        """Stop the server too."""
        for client in self.clients:
            await client.disconnect()
        self.server.stop()
        if self.serving is not None:
            await self.serving
