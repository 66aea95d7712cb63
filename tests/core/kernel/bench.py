"""A kernel on a bench: memory store, scripted exchange, virtual time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from decimal import Decimal
from typing import Any, Self, TypedDict, TypeVar, Unpack

from fairlead import ExecutionResult, Kernel, KernelSettings, OrderView, Proposal, Session
from fairlead.domain.instruments import Instrument
from fairlead.domain.records import AnomalyNoted, OrderFilled, Record
from fairlead.kernel.core.funds import promise
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.gate.watchdog import NoWatchdog, Watchdog
from fairlead.kernel.journal.codec import decode
from fairlead.kernel.journal.verify import VerifyReport, verify_journal
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.ports.exchange import Fence, Quote, Trade
from fairlead.ports.notices import Notifier
from fairlead.ports.pacing import PacingModel
from fairlead.ports.risk import ALLOW, Fact, Judgement, RiskCheck, RiskRequest, RiskView
from fairlead.ports.store import Batch, Opened, OutboxRow, Scalar
from fairlead.testing import SeededIds, SeededLoop, SeedStreams, VirtualClock, run
from fairlead.testing.memory_store import AppendFault, MemoryDisk, MemoryStore
from fairlead.testing.scripted_exchange import ScriptedExchange

T = TypeVar("T")

BTC = "BTC/USDT"
ETH = "ETH/USDT"
OWNER = "bot"


def instrument(symbol: str = BTC, **changes: Any) -> Instrument:  # noqa: ANN401 - fields of several types
    """Return the rules of a symbol: tick 0.01, lot 0.001."""
    base, _, quote = symbol.partition("/")
    fields: dict[str, Any] = {
        "symbol": symbol,
        "base": base,
        "quote": quote,
        "price_increment": "0.01",
        "quantity_increment": "0.001",
        **changes,
    }
    return Instrument(**fields)


class Yes:
    """A check that allows everything."""

    name = "yes"
    version = "1"
    stateless = True

    def initial(self) -> str:
        """Keep no value."""
        return ""

    def fold(self, value: str, fact: Fact) -> str:  # noqa: ARG002 - the port's
        """Learn nothing."""
        return value

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:  # noqa: ARG002 - same
        """Allow."""
        return ALLOW


class WatchedStore(MemoryStore):
    """A memory store that waits for a test before each call, or fails as the test says."""

    def __init__(
        self,
        disk: MemoryDisk,
        faults: Callable[[Batch], AppendFault | None],
        before: Callable[[str], Coroutine[Any, Any, None]],
    ) -> None:
        super().__init__(disk, faults=faults)
        self.before = before

    async def append(self, batch: Batch) -> None:
        """See `Store.append`."""
        await self.before("append")
        await super().append(batch)

    async def reopen(self) -> Opened:
        """See `Store.reopen`."""
        await self.before("reopen")
        return await super().reopen()

    async def outbox(self, after_sequence: int, limit: int) -> Sequence[OutboxRow]:
        """See `Store.outbox`."""
        await self.before("outbox")
        return await super().outbox(after_sequence, limit)

    async def rows(self, table: str, *, live_only: bool = False) -> Sequence[Mapping[str, Scalar]]:
        """See `Store.rows`."""
        await self.before("rows")
        return await super().rows(table, live_only=live_only)

    async def rows_where(self, table: str, column: str, value: Scalar) -> Sequence[Mapping[str, Scalar]]:
        """See `Store.rows_where`; the test is asked after the reading, before the answer."""
        found = await super().rows_where(table, column, value)
        await self.before(f"rows_where {table}")
        return found


class Fittings(TypedDict, total=False):
    """What a test may choose about a bench."""

    fence: Fence
    horizon_ns: int
    checks: Sequence[RiskCheck]
    required_checks: Sequence[str]
    settings: dict[str, Any]
    symbols: Sequence[str]
    watchdog: Watchdog
    exchange: ScriptedExchange
    disk: MemoryDisk
    account: str
    pacing: PacingModel
    notifiers: Sequence[Notifier]


class Bench:
    """One account's disk and venue, and the kernels that live on them one after the other."""

    def __init__(self, **fittings: Unpack[Fittings]) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SeededLoop)
        self.loop = loop
        self.clock = VirtualClock(loop)
        self.fittings = fittings
        self.account = fittings.get("account", "test")
        self.disk = fittings.get("disk") or MemoryDisk()
        symbols = fittings.get("symbols", (BTC, ETH))
        self.exchange = fittings.get("exchange") or ScriptedExchange(
            [instrument(symbol) for symbol in symbols],
            fence=fittings.get("fence", Fence.DEADLINE),
            horizon_ns=fittings.get("horizon_ns", 0),
        )
        self.faults: Callable[[Batch], AppendFault | None] = lambda _batch: None
        self.before: Callable[[str], Coroutine[Any, Any, None]] = nothing_happens
        self.store: MemoryStore = self.new_store()
        self.ids = SeededIds(SeedStreams(7).of("ids"))
        self.kernel = self.new_kernel()

    def new_store(self) -> MemoryStore:
        """Return another process's access to the disk."""
        return WatchedStore(
            self.disk,
            lambda batch: self.faults(batch),  # noqa: PLW0108 - a test may change it later
            lambda method: self.before(method),  # noqa: PLW0108 - same
        )

    def new_kernel(self, **settings: Any) -> Kernel:  # noqa: ANN401 - fields of several types
        """Return a kernel that was not started, on the bench's store and venue."""
        always = {"account": self.account, "on_stop": "leave"}
        chosen = {**always, **self.fittings.get("settings", {}), **settings}
        return Kernel(
            KernelSettings(**chosen),
            exchange=self.exchange,
            store=self.store,
            checks=self.fittings.get("checks", (Yes(),)),
            required_checks=self.fittings.get("required_checks", ()),
            clock=self.clock,
            ids=self.ids,
            watchdog=self.fittings.get("watchdog") or NoWatchdog(),
            pacing=self.fittings.get("pacing"),
            notifiers=self.fittings.get("notifiers", ()),
            logger=quiet_logger(),
        )

    async def __aenter__(self) -> Self:
        await self.kernel.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kernel.stop()
        assert not self.kernel._parts.supervisor.tasks

    @property
    def bot(self) -> Session:
        """Return the bot's session with the present kernel."""
        return self.kernel.session(owner=OWNER)

    async def restart(self, **settings: Any) -> None:  # noqa: ANN401 - fields of several types
        """Stop the kernel and start another."""
        await self.kernel.stop()
        await self.start_another(**settings)

    async def start_another(self, **settings: Any) -> None:  # noqa: ANN401 - fields of several types
        """Start another kernel on the same disk and venue."""
        self.store = self.new_store()
        self.kernel = self.new_kernel(**settings)
        await self.kernel.start()

    async def die(self) -> None:
        """Kill the kernel: nothing that it still tries takes effect, and it says goodbye to nobody."""
        self.disk.lose_process()
        self.exchange.sink = None
        await self.kernel._parts.supervisor.cancel_all()
        self.kernel._parts.timers.close()

    async def pass_ms(self, milliseconds: int = 1) -> None:
        """Let virtual time pass."""
        await self.clock.sleep_ns(milliseconds * NANOSECONDS_PER_MILLISECOND)

    async def working(self, side: str = "buy", quantity: str = "1", price: str = "100", **wishes: Any) -> str:  # noqa: ANN401 - same
        """Have a limit order working at the venue; return its id."""
        result = await self.execute(side, quantity, price, **wishes)
        assert result.status == "ACCEPTED", result.summary()
        return result.client_order_id

    async def execute(
        self,
        side: str = "buy",
        quantity: str = "1",
        price: str | None = "100",
        *,
        symbol: str = BTC,
        owner: str = OWNER,
        key: str | None = None,
        pacing: str | None = None,
        wait_max_ms: int | None = None,
    ) -> ExecutionResult:
        """Have a proposal executed."""
        proposal = Proposal(symbol=symbol, side=side, quantity=quantity, limit_price=price)
        session = self.kernel.session(owner=owner)
        return await session.execute(proposal, idempotency_key=key, pacing=pacing, wait_max_ms=wait_max_ms)

    def spawn_execute(self, *arguments: Any, **wishes: Any) -> asyncio.Task[ExecutionResult]:  # noqa: ANN401 - as execute
        """Have a proposal executed in a task of its own."""
        return self.loop.create_task(self.execute(*arguments, **wishes))

    def order(self, client_order_id: str) -> OrderView:
        """Return the order, which must be there."""
        order = self.kernel.order(client_order_id)
        assert order is not None
        return order

    async def position(self, symbol: str = BTC) -> Decimal:
        """Return the bot's quantity."""
        position = self.bot.position(symbol)
        return Decimal(0) if position is None else position.quantity

    async def hold(self, quantity: str = "1", price: str = "100", symbol: str = BTC) -> None:
        """Have the bot hold a long position."""
        name = await self.working("buy", quantity, price, symbol=symbol)
        self.exchange.trade(name, quantity, price)
        await self.pass_ms()
        assert self.order(name).status == "FILLED"

    def price(self, price: str = "100", symbol: str = BTC) -> None:
        """Publish a price made now."""
        self.kernel.prices.publish(Trade(symbol, Decimal(price), Decimal(1), self.clock.wall_ns()))

    async def price_jumps(self, price: str, symbol: str = BTC) -> None:
        """Publish a price far from the last, and a little later a second that confirms it."""
        self.price(price, symbol)
        await self.pass_ms()
        self.price(price, symbol)

    def quote(self, bid: str, ask: str, symbol: str = BTC) -> None:
        """Publish a quote made now."""
        self.kernel.prices.publish(Quote(symbol, Decimal(bid), Decimal(ask), self.clock.wall_ns()))

    def records(self) -> list[Record]:
        """Return every durable record."""
        return [decode(envelope) for envelope in self.disk.envelopes]

    def anomalies(self) -> list[str]:
        """Return the kinds of the durable anomalies, in order."""
        return [record.anomaly.value for record in self.records() if isinstance(record, AnomalyNoted)]

    def fills(self) -> list[OrderFilled]:
        """Return the durable fills."""
        return [record for record in self.records() if isinstance(record, OrderFilled)]

    async def verify(self) -> VerifyReport:
        """Verify the journal against itself and the rows."""
        await self.kernel.settled()
        report = await verify_journal(self.store)
        assert report.problems == ()
        self.check_promises()
        return report

    def check_promises(self) -> None:
        """Demand that what live orders may still take is what a count of them says."""
        state, again = self.kernel._parts.engine.state, EngineState("again", "")
        for order in state.orders.values():
            if order.state.is_live:
                promise(again, order)
        assert state.promises == again.promises
        assert {key: amount for key, amount in state.promised.items() if amount} == again.promised


async def nothing_happens(_method: str) -> None:
    """Let the store do what it was asked."""


def quiet_logger() -> logging.Logger:
    """Return a logger that prints nothing."""
    logger = logging.Logger("test")  # noqa: LOG001 - not in the tree of loggers on purpose
    logger.addHandler(logging.NullHandler())
    return logger


def on_bench(main: Callable[[Bench], Coroutine[Any, Any, T]], **fittings: Unpack[Fittings]) -> T:
    """Run a test on a started bench, and verify its journal at the end."""
    return on_seeded_bench(0, main, **fittings)


def on_seeded_bench(
    seed: int, main: Callable[[Bench], Coroutine[Any, Any, T]], **fittings: Unpack[Fittings]
) -> T:
    """Run a test on a started bench with this seed, and verify its journal at the end."""

    async def whole() -> T:
        async with Bench(**fittings) as bench:
            result = await main(bench)
            if bench.kernel._parts.failure is None:
                await bench.verify()
            return result

    return run(whole, seed=seed)
