"""The seeded loop: virtual time, order, and failures that stop the run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial

import pytest

from fairlead.ports.clock import NANOSECONDS_PER_SECOND
from fairlead.testing.interleaving import InterleavingName
from fairlead.testing.seeded_loop import SeededLoop
from fairlead.testing.seeded_run import run, run_on
from fairlead.testing.simulation_errors import (
    Crashed,
    Deadlock,
    Livelock,
    OutsideSimulation,
    Overtime,
    StrayFailure,
)
from fairlead.testing.virtual_clock import VirtualClock

INTERLEAVINGS: tuple[InterleavingName, ...] = ("fifo", "uniform", "priority")
HOUR_NS = 3_600 * NANOSECONDS_PER_SECOND


def clock() -> VirtualClock:
    """Return a clock on the running loop."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SeededLoop)
    return VirtualClock(loop)


async def yield_once() -> None:
    """Let other tasks run."""
    await clock().sleep_ns(0)


async def order_of_two(steps: int = 5) -> str:
    """Return in which order two tasks of so many steps each took their steps."""
    order: list[str] = []

    async def walk(name: str) -> None:
        for _ in range(steps):
            order.append(name)
            await yield_once()

    async with asyncio.TaskGroup() as group:
        group.create_task(walk("a"))
        group.create_task(walk("b"))
    return "".join(order)


def test_an_hour_takes_two_hundred_steps_at_most() -> None:
    """Waiting costs steps, not time: sixty waits of a minute are a few steps each."""
    loop = SeededLoop(1)

    async def main() -> int:
        virtual = clock()
        start_ns = virtual.monotonic_ns()
        for _ in range(60):
            await virtual.sleep_ns(HOUR_NS // 60)
        return virtual.monotonic_ns() - start_ns

    assert run_on(loop, main) == HOUR_NS
    assert loop.trace.steps <= 200


def test_time_keeps_its_precision_for_a_year_of_odd_waits() -> None:
    """No timer is ever not quite due, which would make a loop on a real clock's resolution spin."""
    year_ns = 365 * 24 * HOUR_NS

    async def main() -> int:
        virtual = clock()
        start_ns = virtual.monotonic_ns()
        await virtual.sleep_ns(year_ns)
        for wait_ns in (1, 999, 1_001, 333_333_333):
            await virtual.sleep_ns(wait_ns)
        return virtual.monotonic_ns() - start_ns

    assert run(main) == year_ns + 1_000 + 1_000 + 2_000 + 333_334_000


def test_timers_of_one_instant_run_in_the_order_they_were_set() -> None:
    """Timers due in the same microsecond keep their order, whatever their number."""
    called: list[int] = []

    async def main() -> None:
        virtual = clock()
        due_ns = virtual.monotonic_ns() + NANOSECONDS_PER_SECOND
        for number in range(50):
            virtual.call_at_ns(due_ns, partial(called.append, number))
        await virtual.sleep_ns(2 * NANOSECONDS_PER_SECOND)

    run(main)
    assert called == list(range(50))


def test_many_canceled_timers_do_not_stay_in_memory() -> None:
    """Timeouts that were not needed are given back long before they are due."""
    loop = SeededLoop(1)

    async def main() -> int:
        virtual = clock()
        for _ in range(10_000):
            virtual.call_at_ns(HOUR_NS, lambda: None).cancel()
        return len(loop._timers._entries)

    assert run_on(loop, main) < 300


@pytest.mark.parametrize("interleaving", INTERLEAVINGS)
def test_plain_callbacks_stay_in_order(interleaving: InterleavingName) -> None:
    """Callbacks given to `call_soon` never overtake each other, whatever tasks are around them."""
    for seed in range(50):
        called: list[int] = []

        async def main(called: list[int] = called) -> None:
            loop = asyncio.get_running_loop()
            async with asyncio.TaskGroup() as group:
                for number in range(10):
                    group.create_task(yield_once())
                    loop.call_soon(called.append, number)
            while len(called) < 10:
                await yield_once()

        run(main, seed=seed, interleaving=interleaving)
        assert called == list(range(10))


@pytest.mark.parametrize("interleaving", ["uniform", "priority"])
def test_a_task_overtakes_a_callback_but_a_callback_never_a_task(interleaving: InterleavingName) -> None:
    """A step of a task may run before an older callback; code builds on the reverse never happening."""
    seen: set[str] = set()

    async def callback_first() -> str:
        order: list[str] = []
        asyncio.get_running_loop().call_soon(order.append, "callback")

        async def step() -> None:
            order.append("task")

        await asyncio.create_task(step())
        while len(order) < 2:
            await yield_once()
        return order[0]

    async def task_first() -> str:
        order: list[str] = []

        async def step() -> None:
            order.append("task")

        task = asyncio.create_task(step())
        asyncio.get_running_loop().call_soon(order.append, "callback")
        await task
        while len(order) < 2:
            await yield_once()
        return order[0]

    for seed in range(40):
        seen.add(run(callback_first, seed=seed, interleaving=interleaving))
        assert run(task_first, seed=seed, interleaving=interleaving) == "task"
    assert seen == {"callback", "task"}


def test_canceling_a_task_from_a_callback_is_not_taken_for_a_step() -> None:
    """`call_soon(task.cancel)` is bound to a task and still keeps its place among the callbacks."""
    for seed in range(30):
        order: list[str] = []

        async def main(order: list[str] = order) -> None:
            loop = asyncio.get_running_loop()
            task = loop.create_task(asyncio.Event().wait())
            task.add_done_callback(lambda _: order.append("canceled"))
            loop.call_soon(order.append, "before")
            loop.call_soon(task.cancel)
            with pytest.raises(asyncio.CancelledError):
                await task

        run(main, seed=seed)
        assert order == ["before", "canceled"]


def test_fifo_is_the_order_of_stock_asyncio() -> None:
    """The plain mode takes the same steps as asyncio's own loop, which makes it a control for the others."""

    async def program() -> list[str]:
        order: list[str] = []
        queue: asyncio.Queue[int] = asyncio.Queue(2)
        lock = asyncio.Lock()
        loop = asyncio.get_running_loop()

        async def produce(name: str) -> None:
            for number in range(5):
                await queue.put(number)
                order.append(f"{name} put {number}")
                loop.call_soon(order.append, f"{name} called {number}")

        async def consume() -> None:
            for _ in range(10):
                async with lock:
                    order.append(f"got {await queue.get()}")

        async with asyncio.TaskGroup() as group:
            group.create_task(produce("a"))
            group.create_task(consume())
            group.create_task(produce("b"))
        return order

    assert run(program, interleaving="fifo") == asyncio.run(program())


def test_interleavings_differ_by_seed() -> None:
    """A hundred seeds explore many orders, each policy has orders of its own, and fifo has one."""
    orders = {
        name: {run(order_of_two, seed=seed, interleaving=name) for seed in range(100)}
        for name in INTERLEAVINGS
    }
    assert len(orders["uniform"]) > 50
    assert len(orders["priority"]) >= 2
    assert orders["fifo"] == {"ababababab"}
    assert "aaaaabbbbb" in orders["priority"]
    assert "bbbbbaaaaa" in orders["priority"]


async def lose_an_update() -> int:
    """Return a balance to which two tasks added 1 with a read, an await and a write: 2 unless they race."""
    balance = 0

    async def deposit(work_before: int) -> None:
        nonlocal balance
        for _ in range(work_before):
            await yield_once()
        read = balance
        await yield_once()
        balance = read + 1

    async with asyncio.TaskGroup() as group:
        group.create_task(deposit(0))
        group.create_task(deposit(4))
    return balance


def test_a_planted_race_hides_in_stock_order_and_is_found_by_seeds() -> None:
    """The lost update never shows in asyncio's own order; a few dozen seeds of either policy find it."""
    assert run(lose_an_update, interleaving="fifo") == 2
    assert asyncio.run(_on_stock_loop()) == 2
    for name in ("uniform", "priority"):
        balances = [run(lose_an_update, seed=seed, interleaving=name) for seed in range(60)]
        assert 1 in balances
        assert 2 in balances


async def _on_stock_loop() -> int:
    """Do as `lose_an_update`, where no virtual clock can be had."""
    balance = 0
    gate = asyncio.Queue[None]()

    async def deposit(work_before: int) -> None:
        nonlocal balance
        for _ in range(work_before + 1):
            gate.put_nowait(None)
            await gate.get()
        read = balance
        balance = read + 1

    async with asyncio.TaskGroup() as group:
        group.create_task(deposit(0))
        group.create_task(deposit(4))
    return balance


def test_a_far_switch_is_found_by_priorities_much_more_often() -> None:
    """A bug that needs one task to stand still through forty steps of another is what priorities are for."""

    async def starve() -> bool:
        done = False
        slow_saw_done = False

        async def slow() -> None:
            nonlocal slow_saw_done
            slow_saw_done = done

        async def fast() -> None:
            nonlocal done
            for _ in range(40):
                await yield_once()
            done = True

        async with asyncio.TaskGroup() as group:
            group.create_task(slow())
            group.create_task(fast())
        return slow_saw_done

    found = {
        name: sum(run(starve, seed=seed, interleaving=name) for seed in range(100)) for name in INTERLEAVINGS
    }
    assert found["fifo"] == 0
    assert found["uniform"] == 0
    assert found["priority"] > 25


def test_priorities_do_not_starve_what_a_polling_task_waits_for() -> None:
    """A task that polls by yielding falls behind in the end, so the run ends under every seed."""

    async def poll() -> bool:
        done = asyncio.Event()

        async def finish() -> None:
            await yield_once()
            done.set()

        task = asyncio.create_task(finish())
        while not done.is_set():
            await yield_once()
        await task
        return True

    assert all(run(poll, seed=seed, interleaving="priority") for seed in range(50))


def test_a_deadlock_is_reported_with_who_waits_where() -> None:
    """Two tasks that hold what the other wants stop the run at once, and the report names both."""

    async def main() -> None:
        first, second = asyncio.Lock(), asyncio.Lock()

        async def take(one: asyncio.Lock, other: asyncio.Lock) -> None:
            async with one:
                await yield_once()
                async with other:
                    pass

        async with asyncio.TaskGroup() as group:
            group.create_task(take(first, second))
            group.create_task(take(second, first))

    with pytest.raises(Deadlock) as caught:
        run(main, interleaving="fifo")
    report = caught.value.__notes__[0]
    assert "seed=0, interleaving='fifo'" in report
    assert report.count("take: Lock.acquire, line ") == 2


def test_a_task_that_spins_is_a_livelock() -> None:
    """Waiting for time by yielding stops the run with an error instead of hanging the test."""

    async def main() -> None:
        virtual = clock()
        while virtual.monotonic_ns() < HOUR_NS:
            await virtual.sleep_ns(0)

    with pytest.raises(Livelock):
        run(main, livelock_steps=1_000)


def test_waiting_for_ever_beside_a_ticking_timer_passes_the_time_limit() -> None:
    """A lost wake-up is found even when a heartbeat keeps the loop from being idle."""
    loop = SeededLoop(1, time_limit_us=60_000_000)

    async def main() -> None:
        async def beat() -> None:
            while True:
                await clock().sleep_ns(NANOSECONDS_PER_SECOND)

        task = asyncio.create_task(beat())
        await asyncio.Event().wait()
        await task

    with pytest.raises(Overtime):
        run_on(loop, main)


def test_a_failing_callback_stops_the_run() -> None:
    """What asyncio would only log is raised, with the cause and the report."""

    def fail() -> None:
        raise ValueError("planted")

    async def main() -> None:
        asyncio.get_running_loop().call_soon(fail)
        await clock().sleep_ns(HOUR_NS)

    with pytest.raises(StrayFailure, match="planted") as caught:
        run(main)
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize("keep", [True, False])
def test_a_task_that_fails_unseen_stops_the_run(keep: bool) -> None:  # noqa: FBT001 - a case of the test
    """A failed task that nobody awaited is found, whether somebody still holds it or not."""
    kept: list[asyncio.Task[None]] = []

    async def fail() -> None:
        raise ValueError("planted")

    async def main() -> None:
        task = asyncio.create_task(fail())
        if keep:
            kept.append(task)
        await clock().sleep_ns(HOUR_NS)

    with pytest.raises(StrayFailure, match="planted"):
        run(main)


def test_a_failure_of_the_program_carries_the_report() -> None:
    """An ordinary failed assertion can be repeated from its notes alone."""

    async def main() -> None:
        await yield_once()
        raise AssertionError("planted")

    with pytest.raises(AssertionError, match="planted") as caught:
        run(main, seed=77)
    assert len(caught.value.__notes__) == 1
    assert "seed=77" in caught.value.__notes__[0]
    assert "main" in caught.value.__notes__[0]


def test_the_report_holds_the_last_fifty_events() -> None:
    """A long run keeps the end of its story, notes of the test included."""
    loop = SeededLoop(5)

    async def main() -> None:
        for number in range(100):
            loop.note(f"sent {number}")
            await yield_once()

    run_on(loop, main)
    events = loop.report().events
    assert len(events) == 50
    assert any("sent 99" in event for event in events)
    assert not any("sent 10" in event for event in events)


def test_crash_at_a_step_stops_before_that_step() -> None:
    """Step N is not made; the steps before it are, and the crash says where it was."""
    for step in range(1, 8):
        made: list[int] = []

        async def main(made: list[int] = made) -> None:
            for number in range(1, 100):
                made.append(number)
                await yield_once()

        with pytest.raises(Crashed, match=f"before step {step}"):
            run(main, crash_at_step=step)
        assert made == list(range(1, step))


def test_leftover_tasks_are_canceled_and_may_clean_up() -> None:
    """As with `asyncio.run`, tasks left over when the main one returns get to run their `finally` blocks."""
    cleaned: list[str] = []

    async def linger() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await yield_once()
            cleaned.append("cleaned")

    async def main() -> None:
        for _ in range(3):
            asyncio.get_running_loop().create_task(linger())
        await clock().sleep_ns(1)

    run(main)
    assert cleaned == ["cleaned"] * 3


def test_a_real_thread_is_outside() -> None:
    """A call from another thread cannot be repeated, so it is refused in that thread."""
    refused: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def call() -> None:
            try:
                loop.call_soon_threadsafe(lambda: None)
            except OutsideSimulation as error:
                refused.append(str(error))

        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
        loop.call_soon_threadsafe(refused.append, "same thread")
        await yield_once()

    run(main)
    assert len(refused) == 2
    assert refused[1] == "same thread"


@pytest.mark.parametrize(
    "reach",
    [
        lambda loop: loop.create_connection(object, "localhost", 1),
        lambda loop: loop.getaddrinfo("localhost", 1),
        lambda loop: loop.subprocess_exec(object, "true"),
        lambda loop: loop.add_signal_handler(2, print),
        lambda loop: loop.add_reader(0, print),
        lambda loop: loop.sock_recv(object(), 1),
    ],
)
def test_the_real_world_is_outside(reach: Callable[[asyncio.AbstractEventLoop], object]) -> None:
    """Sockets, names, processes and signals raise as soon as they are touched."""

    async def main() -> None:
        with pytest.raises(OutsideSimulation):
            reach(asyncio.get_running_loop())

    run(main)


def test_every_method_that_reaches_outside_is_refused() -> None:
    """No method that stock loops leave to their subclasses is forgotten: none is just not implemented."""
    abstract = {
        name
        for name in dir(asyncio.AbstractEventLoop)
        if not name.startswith("_")
        and getattr(SeededLoop, name, None) is getattr(asyncio.AbstractEventLoop, name)
    }
    assert abstract == set()


def test_an_unknown_interleaving_is_refused() -> None:
    """A misspelled policy does not fall back to another one."""
    with pytest.raises(ValueError, match="'fifo', 'uniform' and 'priority'"):
        SeededLoop(1, interleaving="random")  # type: ignore[arg-type]  # what is refused


def test_a_canceled_callback_does_not_run() -> None:
    """Taking back what is ready already is possible, as with stock loops, and costs no step."""
    called: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        handle = loop.call_soon(called.append, "canceled")
        loop.call_soon(called.append, "kept")
        handle.cancel()
        await clock().sleep_ns(1_000)

    run(main, interleaving="fifo")
    assert called == ["kept"]


def test_an_interrupt_from_the_keyboard_goes_straight_out() -> None:
    """A developer who presses Ctrl-C in the middle of a run gets out of it, also out of executor work."""

    def press() -> None:
        raise KeyboardInterrupt

    async def main() -> None:
        await asyncio.get_running_loop().run_in_executor(None, press)

    with pytest.raises(KeyboardInterrupt):
        run(main)


def test_a_closed_loop_refuses_work() -> None:
    """After a run nothing can be put on its loop by mistake."""
    loop = SeededLoop(1)
    run_on(loop, yield_once)
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_soon(print)


def test_an_interruption_in_the_past_is_refused() -> None:
    """A crash that could never happen is an error, not a run without a crash."""
    loop = SeededLoop(1)

    async def main() -> None:
        await yield_once()
        loop.interrupt_at_step(1, lambda: None)

    with pytest.raises(ValueError, match="is over"):
        run_on(loop, main)
