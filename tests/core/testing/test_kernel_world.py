"""The kernel's world: what travels outlives the program, what is answered reaches only the living."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from fairlead import Proposal
from fairlead.domain.instruments import Instrument
from fairlead.domain.orders import OrderStatus
from fairlead.kernel.settings import KernelSettings
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND, Clock
from fairlead.ports.exchange import ExchangeClient, OrderReport, OrderSide, Report
from fairlead.testing.crash_survey import CrashExperiment, CrashSpot
from fairlead.testing.generation import Generation
from fairlead.testing.kernel_world import KernelWorld, NotConverged
from fairlead.testing.memory_store import AFTER_DURABLE, BEFORE_DURABLE
from fairlead.testing.scripted_exchange import ScriptedExchange
from fairlead.testing.simulation_errors import GenerationDead
from fairlead.testing.wire import NORMAL, SUBMIT, TOLD_ONCE, Fate, ReportFate, Trip

BTC = "BTC/USDT"
RULES = Instrument(symbol=BTC, base="BTC", quote="USDT", price_increment="0.01", quantity_increment="0.001")
BUY = Proposal.buy(BTC, quantity="1", limit_price="100")


class Quay(KernelWorld):
    """A kernel's world with a scripted venue."""

    def __init__(
        self,
        fate: Callable[[Trip], Fate] = lambda _trip: NORMAL,
        report_fate: Callable[[Report], ReportFate] = lambda _report: TOLD_ONCE,
    ) -> None:
        self.venue = ScriptedExchange([RULES])
        settings = KernelSettings(account="test", allow_unchecked=True, request_timeout_ms=1_000)
        super().__init__(self._venue_on, settings=settings, fate=fate, report_fate=report_fate)

    def _venue_on(self, clock: Clock) -> ExchangeClient:
        del clock
        return self.venue


def submits(fate: Fate) -> Callable[[Trip], Fate]:
    """Return a fate for submits alone."""
    return lambda trip: fate if trip.method == SUBMIT else NORMAL


async def submit_one(world: Quay, generation: Generation) -> None:
    """Start a kernel and place one order."""
    async with world.kernel(generation) as kernel:
        result = await kernel.session(owner="bot").execute(BUY)
        world.acknowledge(generation, result.client_order_id)


async def only_start(world: Quay, generation: Generation) -> None:
    """Start a kernel and stop it."""
    async with world.kernel(generation):
        pass


def test_a_life_passes_the_labeled_places_in_order() -> None:
    """Intent before durable, durable, on the wire, answered: the order that every promise rests on."""
    with Quay() as world:
        outcome = world.run_generation(submit_one)
    labels = [label for label, _ in outcome.crash_points]
    sent = labels.index(f"exchange.{SUBMIT}.sent")
    assert labels[sent - 3 : sent + 2] == [
        BEFORE_DURABLE,
        AFTER_DURABLE,
        f"exchange.{SUBMIT}.before",
        f"exchange.{SUBMIT}.sent",
        f"exchange.{SUBMIT}.answered",
    ]


def test_what_has_left_arrives_although_the_program_dies() -> None:
    """A kill right after the send does not take the request off the wire."""
    with Quay() as world:
        outcome = world.run_generation(submit_one, crash_at_point=(f"exchange.{SUBMIT}.sent", 1))
        assert outcome.crashed
        assert len(world.venue.orders) == 0
        world.pass_time_ns(NANOSECONDS_PER_SECOND)
        assert len(world.venue.orders) == 1
        assert world.acknowledged == []


def test_what_has_not_left_never_arrives() -> None:
    """A kill right before the send leaves the venue without the order."""
    with Quay() as world:
        world.run_generation(submit_one, crash_at_point=(f"exchange.{SUBMIT}.before", 1))
        world.pass_time_ns(NANOSECONDS_PER_SECOND)
        assert len(world.venue.orders) == 0


def test_a_disk_outlives_its_kernel_and_is_free_for_the_next() -> None:
    """The next generation finds the order, asks the venue, and knows that it works."""
    seen: list[OrderStatus] = []

    async def look(world: Quay, generation: Generation) -> None:
        async with world.kernel(generation) as kernel:
            seen.extend(order.status for order in kernel.orders())

    with Quay() as world:
        world.run_generation(submit_one, crash_at_point=(f"exchange.{SUBMIT}.answered", 1))
        world.run_generation(look)
    assert seen == [OrderStatus.ACCEPTED]


@pytest.mark.parametrize(("fate", "placed"), [(Fate(request_lost=True), 0), (Fate(answer_lost=True), 1)])
def test_a_lost_way_leaves_the_outcome_unknown(fate: Fate, placed: int) -> None:
    """Lost on the way there, the venue has nothing; lost on the way back, it has the order."""
    statuses: list[OrderStatus] = []

    async def submit(world: Quay, generation: Generation) -> None:
        async with world.kernel(generation) as kernel:
            result = await kernel.session(owner="bot").execute(BUY)
            statuses.append(result.status)

    with Quay(submits(fate)) as world:
        world.run_generation(submit)
        assert len(world.venue.orders) == placed
    assert statuses == [OrderStatus.UNRESOLVED]


def test_ways_take_the_time_that_a_fate_says() -> None:
    """A request that takes 300 ms and an answer that takes 200 ms come back after 500 ms."""
    took: list[int] = []

    async def ask(world: Quay, generation: Generation) -> None:
        clock = world.clock_of(generation)
        client = world.wire.client(generation)
        started_ns = clock.monotonic_ns()
        await client.balances()
        took.append(clock.monotonic_ns() - started_ns)

    ms = NANOSECONDS_PER_MILLISECOND
    with Quay(lambda _trip: Fate(request_ns=300 * ms, answer_ns=200 * ms)) as world:
        world.run_generation(ask)
    assert took == [500 * ms]


class Heard:
    """A sink that writes down what arrives."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def put(self, report: Report) -> None:
        """See `ReportSink.put`."""
        assert isinstance(report, OrderReport)
        self.words.append(report.client_order_id)

    def disconnected(self, reason: str) -> None:
        """See `ReportSink.disconnected`."""
        self.words.append(reason)

    def reconnected(self) -> None:
        """See `ReportSink.reconnected`."""
        self.words.append("back")


def test_a_report_arrives_as_often_as_is_said_and_never_while_the_stream_is_cut() -> None:
    """Lost, once or twice; what is said between the cut and the mending is missed for good."""
    heard = Heard()

    async def listen(world: Quay, generation: Generation) -> None:
        clock = world.clock_of(generation)

        async def say(name: str) -> None:
            world.venue.hold(name, BTC, OrderSide.BUY, Decimal(1))
            world.venue.say(world.venue.report(name))
            await clock.sleep_ns(NANOSECONDS_PER_SECOND)

        await world.wire.client(generation).connect(heard)
        for name in ("0-lost", "1-once", "2-twice"):
            await say(name)
        world.wire.disconnected("cut")
        await say("1-missed")
        world.wire.reconnected()
        await say("1-again")

    def fate_of(report: Report) -> ReportFate:
        assert isinstance(report, OrderReport)
        return ReportFate(copies=int(report.client_order_id[0]))

    with Quay(report_fate=fate_of) as world:
        world.run_generation(listen)
    assert heard.words == ["1-once", "2-twice", "2-twice", "cut", "back", "1-again"]


def test_what_the_venue_raises_travels_back() -> None:
    """An error of the venue's client is raised in the program, and kills nothing else."""

    async def ask(world: Quay, generation: Generation) -> None:
        with pytest.raises(ConnectionResetError, match="fills_since"):
            await world.wire.client(generation).fills_since("")

    with Quay() as world:
        world.venue.will_fail("fills_since")
        world.run_generation(ask)


def test_the_dead_are_told_nothing_and_may_do_nothing() -> None:
    """After its death a client sends nothing and the bot can acknowledge nothing."""
    clients: list[tuple[Generation, ExchangeClient]] = []

    async def connect(world: Quay, generation: Generation) -> None:
        clients.append((generation, world.wire.client(generation)))

    async def act_dead(world: Quay, generation: Generation) -> None:
        del generation
        dead, client = clients[0]
        with pytest.raises(GenerationDead):
            await client.balances()
        with pytest.raises(GenerationDead):
            world.acknowledge(dead, "00")

    with Quay() as world:
        world.run_generation(connect)
        world.run_generation(act_dead)
        assert world.acknowledged == []


def test_a_kernel_that_does_not_come_to_rest_is_reported() -> None:
    """An order that nobody fills is live for ever; `converge` says so instead of waiting as long."""

    async def wait(world: Quay, generation: Generation) -> None:
        async with world.kernel(generation) as kernel:
            await kernel.session(owner="bot").execute(BUY)
            await world.converge(generation, kernel, within_ns=5 * NANOSECONDS_PER_SECOND)

    with Quay() as world, pytest.raises(NotConverged, match="after 5 s still live"):
        world.run_generation(wait)


def test_a_world_repeats_itself() -> None:
    """The same seed crashes in the same way: same steps, same digest, with a recovery behind it."""

    def digest() -> tuple[str, int]:
        with Quay() as world:
            world.run_generation(submit_one, crash_at_step=60)
            world.run_generation(only_start)
            return world.loop.trace.digest(), world.loop.trace.steps

    assert digest() == digest()


def test_an_experiment_runs_on_it() -> None:
    """`CrashExperiment` takes it as it is."""
    checked: list[int] = []

    def check(world: Quay) -> None:
        checked.append(len(world.venue.orders))

    subject = CrashExperiment(Quay, submit_one, only_start, check)
    subject.run(CrashSpot(point=(AFTER_DURABLE, 3)))
    assert checked in ([0], [1])
