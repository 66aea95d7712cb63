"""The blocking kernel: calls from any thread, real threads and a real loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from fairlead import BlockingKernel, Kernel, KernelSettings, Proposal, TradingState
from fairlead.domain.events import Event, FillBooked, OrderChanged
from fairlead.errors import ExchangeFault, NotRunning, NumberRefused, UnknownName, WrongThread
from fairlead.kernel.loop_thread import LoopThread
from fairlead.testing.memory_store import MemoryDisk, MemoryStore
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.core.kernel.bench import BTC, Yes, instrument, quiet_logger


class Venue(ScriptedExchange):
    """A scripted venue that can be moved from another thread: what is said is said in the kernel's loop."""

    def __init__(self) -> None:
        super().__init__([instrument()])
        self.loop: asyncio.AbstractEventLoop | None = None

    async def connect(self, sink: Any) -> None:  # noqa: ANN401 - the port's sink
        """See `ExchangeClient.connect`."""
        self.loop = asyncio.get_running_loop()
        await super().connect(sink)

    def move(self, how: Callable[[], object]) -> None:
        """Let something happen at the venue, now and in the loop that the kernel lives in."""
        assert self.loop is not None
        self.loop.call_soon_threadsafe(how)


PATIENT: dict[str, Any] = {
    "check_budget_ms": 60_000,
    "check_hang_ms": 120_000,
    "order_deadline_ms": 60_000,
    "approval_ttl_ms": 60_000,
}
"""Real threads on a machine that is busy with other things: a thread that gets no turn for 50 ms must not
look like a check that is too slow, nor one without a turn for seconds like an order past its deadline."""


def kernel_on(venue: ScriptedExchange, disk: MemoryDisk | None = None, **settings: Any) -> Kernel:  # noqa: ANN401 - fields of several types
    """Return a kernel that was not started."""
    return Kernel(
        KernelSettings(account="blocking", **{**PATIENT, **settings}),
        exchange=venue,
        store=MemoryStore(disk or MemoryDisk()),
        checks=[Yes()],
        logger=quiet_logger(),
    )


@contextmanager
def started(venue: Venue) -> Iterator[BlockingKernel]:
    """Start a blocking kernel on the venue; afterwards no thread of it is left."""
    before = threading.active_count()
    with BlockingKernel(kernel_on(venue)) as kernel:
        yield kernel
    assert threading.active_count() == before


def wish(quantity: str = "1") -> Proposal:
    """Return a limit order's proposal."""
    return Proposal.buy(BTC, quantity=quantity, limit_price="100")


def test_an_order_is_executed_filled_and_found() -> None:
    """Every reading answers as the asynchronous kernel does, from the caller's thread."""
    venue = Venue()
    with started(venue) as kernel:
        bot = kernel.session(owner="bot")
        assert bot.owner == "bot"
        result = bot.execute(wish(), idempotency_key="k1")
        assert (result.status, result.denied, result.unresolved) == ("ACCEPTED", False, False)
        assert result.order.client_order_id == result.client_order_id
        assert result.summary().startswith("ACCEPTED: buy 1 BTC/USDT")
        assert result.reasons == ""
        assert result.elapsed_ns > 0
        assert [order.client_order_id for order in kernel.orders(live_only=True)] == [result.client_order_id]
        venue.move(lambda: venue.trade(result.client_order_id, "1", "100"))
        assert result.closed(timeout_ms=10_000).status == "FILLED"
        position = bot.position(BTC)
        assert position is not None
        assert position.quantity == Decimal(1)
        assert kernel.position(BTC, "bot") == position
        assert kernel.positions() == (position,)
        assert {balance.asset for balance in kernel.balances()} == {"BTC", "USDT"}
        found = kernel.order(result.client_order_id)
        assert found is not None
        assert bot.find_order(result.client_order_id) == kernel.find_order(result.client_order_id) == found
        assert bot.execute(wish(), idempotency_key="k1").client_order_id == result.client_order_id


def test_orders_are_canceled_and_the_operator_is_heard() -> None:
    """Commands answer with their typed results; errors of the kernel are raised to the caller."""
    venue = Venue()
    with started(venue) as kernel:
        bot = kernel.session(owner="bot")
        result = bot.execute(wish())
        assert bot.cancel(result.client_order_id).accepted
        assert result.closed(timeout_ms=10_000).status == "CANCELED"
        assert kernel.set_trading_state(TradingState.HALTED, reason="by hand").accepted
        assert (kernel.trading_state, kernel.trading_reason) == (TradingState.HALTED, "by hand")
        assert bot.execute(wish()).denied
        assert kernel.reconcile().matched == 0
        assert {state for _, state, _ in kernel.health()} == {"running"}
        with pytest.raises(NumberRefused):
            bot.execute(Proposal.buy(BTC, quantity="0.00001"))
        with pytest.raises(UnknownName):
            bot.cancel("0" * 32)


def test_orders_are_changed_from_another_thread() -> None:
    """Modify, replace and the wait for what comes of a change answer as they do in the kernel's own loop."""
    venue = Venue()
    with started(venue) as kernel:
        bot = kernel.session(owner="bot")
        name = bot.execute(wish()).client_order_id
        changed = bot.modify_order(name, quantity="2", idempotency_key="k")
        assert changed.code == "MODIFIED"
        assert bot.modify_order(name, quantity="2", idempotency_key="k") == changed
        assert bot.change_settled(changed.change_id, timeout_ms=10_000) == changed
        replaced = bot.replace_order(name, quantity="3")
        assert replaced.code == "REPLACED"
        order = kernel.order(replaced.new_order_id)
        assert order is not None
        assert order.replaces == name
        assert order.quantity == 3


def test_a_wait_that_is_given_up_gives_up_nothing_else() -> None:
    """A timeout ends the wait for an order's end; the order works on, and can be waited for again."""
    venue = Venue()
    with started(venue) as kernel:
        result = kernel.session(owner="bot").execute(wish())
        with pytest.raises(TimeoutError):
            result.closed(timeout_ms=1)
        assert venue.cancels == []
        venue.move(lambda: venue.trade(result.client_order_id, "1", "100"))
        assert result.closed().status == "FILLED"


@pytest.mark.requirement("TEST-1")
def test_three_threads_trade_at_once() -> None:
    """Commands from several threads are one after the other in the kernel: every intent, one order."""
    venue = Venue()
    with started(venue) as kernel:

        def trade(owner: str) -> list[str]:
            bot = kernel.session(owner=owner)
            return [bot.execute(wish()).client_order_id for _ in range(20)]

        with ThreadPoolExecutor(3) as pool:
            names = [name for made in pool.map(trade, ("a", "b", "c")) for name in made]
        assert len(set(names)) == len(venue.submits) == 60
        assert sorted(names) == sorted(request.client_order_id for request in venue.submits)


def test_events_are_read_with_for() -> None:
    """A stream ends when it is closed; it hands out what the kernel gave out, in order."""
    venue = Venue()
    with started(venue) as kernel, kernel.events(OrderChanged, FillBooked) as events:
        result = kernel.session(owner="bot").execute(wish())
        venue.move(lambda: venue.trade(result.client_order_id, "1", "100"))
        result.closed(timeout_ms=10_000)
        kinds = []
        for event in events:
            kinds.append(type(event).__name__)
            if isinstance(event, OrderChanged) and event.order.is_closed:
                events.close()
        assert kinds == ["OrderChanged", "OrderChanged", "OrderChanged", "FillBooked", "OrderChanged"]


def test_the_kernels_own_thread_is_refused() -> None:
    """A callback that calls the blocking kernel is told so instead of waiting for itself for ever."""
    venue = Venue()
    refused: list[str] = []
    inner = kernel_on(venue)
    with BlockingKernel(inner) as kernel:

        def ask(_event: Event) -> None:
            for call in (kernel.orders, kernel.stop):
                try:
                    call()
                except WrongThread as error:
                    refused.append(error.fix)

        inner.events.subscribe(ask, FillBooked)
        result = kernel.session(owner="bot").execute(wish())
        venue.move(lambda: venue.trade(result.client_order_id, "1", "100"))
        result.closed(timeout_ms=10_000)
        assert kernel.health()  # a turn later the callback has run
    assert refused == ["In callbacks, hand the work to another thread."] * 2


def test_a_failed_start_leaves_no_thread() -> None:
    """What stands against a start is raised to the caller, and nothing runs behind it."""
    venue = Venue()
    venue.will_fail("connect")
    before = threading.active_count()
    kernel = BlockingKernel(kernel_on(venue))
    with pytest.raises((ExchangeFault, ConnectionResetError)):
        kernel.start()
    assert threading.active_count() == before
    with pytest.raises(NotRunning):
        kernel.start()


def test_positions_are_closed_from_another_thread() -> None:
    """cancel_all, close_position and flatten answer as they do in the kernel's own loop; stop reports."""
    venue = Venue()
    kernel = BlockingKernel(kernel_on(venue))
    kernel.start()
    bot = kernel.session(owner="bot")
    result = bot.execute(wish())
    assert bot.cancel_all("BTC/USDT").names == (result.client_order_id,)
    assert result.closed(timeout_ms=60_000).status == "CANCELED"
    assert bot.close_position("BTC/USDT").code.value == "ALREADY_FLAT"
    assert bot.flatten().is_flat
    report = kernel.stop()
    assert report is not None
    assert report.policy == "cancel_entries"


def test_stopping_wakes_whoever_waits() -> None:
    """A thread that waits for an order's end is told that the kernel stopped; later calls are refused."""
    venue = Venue()
    kernel = BlockingKernel(kernel_on(venue, on_stop="leave"))
    kernel.stop()  # harmless
    kernel.start()
    result = kernel.session(owner="bot").execute(wish())
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(result.closed)
        while not inner_waits(kernel):
            pass
        kernel.stop()
        with pytest.raises(NotRunning):
            waiting.result()
    kernel.stop()
    with pytest.raises(NotRunning):
        kernel.orders()


def inner_waits(kernel: BlockingKernel) -> bool:
    """Tell whether someone waits for an order in the kernel."""
    return bool(kernel._kernel._parts.engine.awaited)


def test_a_loop_that_ends_leaves_nobody_waiting() -> None:
    """Whatever a thread waits for when the loop ends, canceled or never begun: it is told."""
    thread = LoopThread("test")
    with pytest.raises(NotRunning):
        thread.wait_for(nothing)
    thread.stop()  # never started: harmless
    thread.start()
    reached = threading.Event()

    async def for_ever() -> None:
        reached.set()
        await asyncio.get_running_loop().create_future()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(thread.wait_for, for_ever)
        reached.wait()
        thread.stop()
        with pytest.raises(NotRunning, match="stopped meanwhile"):
            waiting.result()
    assert not thread.is_running
    thread.stop()  # over: harmless


async def nothing() -> None:
    """Do nothing."""


def test_a_wait_that_the_loop_never_saw_is_ended_with_it() -> None:
    """The thread's last act is to end the waits that are left, but not those that ended by themselves."""
    thread = LoopThread("test")
    open_wait: Future[None] = Future()
    canceled: Future[None] = Future()
    canceled.cancel()
    canceled.set_running_or_notify_cancel()
    thread._waits = {open_wait: None, canceled: None}
    thread.start()
    thread.stop()
    with pytest.raises(NotRunning):
        open_wait.result()
    assert canceled.cancelled()


def test_the_past_is_read_and_remarked_from_another_thread() -> None:
    """What an owner did is found and annotated as in the kernel's own loop."""
    venue = Venue()
    with started(venue) as kernel:
        bot = kernel.session(owner="bot")
        name = bot.execute(wish()).client_order_id
        assert bot.annotate(name, note="kept", add_tags=["slow"]).accepted
        assert [order.client_order_id for order in bot.orders(tag="slow")] == [name]
        assert bot.episodes() == ()
        venue.move(lambda: venue.trade(name, "1", "100"))
        bot.execute(wish(), idempotency_key="later")
        assert bot.annotate_episode(BTC, 1, add_tags=["first"]).accepted
        assert [episode.tags for episode in bot.episodes()] == [("first", "slow")]
