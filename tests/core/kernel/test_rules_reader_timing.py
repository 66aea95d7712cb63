"""When the venue's rules are read, and what a reading changes: schedule, refusals, failures, recoveries."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fairlead import KernelSettings
from fairlead.domain.instruments import Instrument
from fairlead.domain.requests import RequestKind
from fairlead.errors import ExchangeFault
from fairlead.kernel.core.inputs import TroubleSeen
from fairlead.kernel.core.rule_inputs import RulesDiffer
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.venue.rules_reader import RULES_TIMER, RulesReader
from fairlead.testing import SeededLoop, VirtualClock, run
from tests.core.kernel.bench import BTC, ETH, instrument, quiet_logger

SECOND_NS = 1_000_000_000
SETTINGS = KernelSettings(
    account="test",
    rules_interval_ms=600_000,
    rules_pause_ms=60_000,
    look_up_interval_ms=1_000,
    look_up_interval_max_ms=5_000,
)
ODD: Any = "odd"


class World:
    """A reader, its timer, and the client that it asks; *armed* is for how many seconds the timer was set."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SeededLoop)
        self.clock = VirtualClock(loop)
        self.state = EngineState("test", "0a0a0a0a")
        self.suspended = False
        self.rebuilds = 0
        self.journal = SimpleNamespace(has_ended=False, settled=self.settled)
        self.answers: list[object] = []
        self.armed: list[float] = []
        self.due: dict[str, Callable[[], None]] = {}
        self.spawned: list[tuple[str, asyncio.Future[None]]] = []
        self.taken: list[RulesDiffer | TroubleSeen] = []
        self.told: list[str] = []
        self.lines: list[str] = []
        self.on_settled: list[Callable[[], None]] = []
        logger = quiet_logger()
        logger.addFilter(lambda line: self.lines.append(line.getMessage()) or True)  # type: ignore[func-returns-value]  # that it returns nothing is the point
        each = cast("Any", self)
        self.reader = RulesReader(each, self.clock, each, each, each, SETTINGS, logger)
        self.reader.spawn = lambda name, work: self.spawned.append((name, asyncio.ensure_future(work)))
        self.reader.take = self.taken.append

    async def admit(self, request: RequestKind) -> None:
        """See `Admission.admit`."""
        self.told.append(f"admit {request.value}")

    async def answer(self, request: RequestKind, question: Awaitable[Any]) -> Any:  # noqa: ANN401 - as there
        """See `Admission.answer`: every question was admitted before."""
        assert self.told.pop() == f"admit {request.value}"
        await self.pass_s(1)
        return await question

    async def instruments(self) -> Sequence[Instrument]:
        """See `ExchangeClient.instruments`."""
        self.told.append("instruments")
        answer: Any = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return cast("Sequence[Instrument]", answer)

    async def settled(self) -> None:
        """See `Journal.settled`."""
        if self.on_settled:
            self.on_settled.pop(0)()

    def name(self, name: str, due: Callable[[], None]) -> None:
        """See `Timers.name`."""
        self.due[name] = due

    def wake_in(self, name: str, duration_ns: int) -> None:
        """See `Timers.wake_in`."""
        assert name == RULES_TIMER
        self.armed.append(duration_ns / SECOND_NS)

    async def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        await self.clock.sleep_ns(int(seconds * SECOND_NS))

    async def read(self) -> None:
        """Let the timer come back, and the reading end."""
        self.due[RULES_TIMER]()
        await self.spawned[-1][1]


def in_world(main: Callable[[World], Awaitable[None]]) -> None:
    """Run a test with a reader that has read the rules of BTC once."""

    async def whole() -> None:
        world = World()
        world.answers = [[instrument(BTC)]]
        world.state.withdrawn = {"OLD": "gone"}
        await world.reader.read_first()
        assert (world.state.instruments, world.state.withdrawn) == ({BTC: instrument(BTC)}, {})
        assert (world.told, world.armed, world.taken) == (["instruments"], [], [])
        world.told.clear()
        await main(world)

    run(whole)


def test_rules_are_read_at_their_interval() -> None:
    """From the start on, and an interval after each reading that passed; nothing that is the same is told."""

    async def main(world: World) -> None:
        world.reader.start()
        assert world.armed == [600.0]
        world.answers = [[instrument(BTC)]]
        await world.read()
        assert [name for name, _ in world.spawned] == ["rules"]
        assert (world.armed, world.taken, world.lines, world.told) == (
            [600.0, 600.0],
            [],
            [],
            ["instruments"],
        )

    in_world(main)


def test_rules_that_differ_are_gone_by_at_once_and_told() -> None:
    """Those of a symbol that is no longer listed stay for what is left of it, and are marked as withdrawn."""

    async def main(world: World) -> None:
        world.reader.start()
        changed = instrument(ETH, price_increment="0.1")
        world.answers = [[changed]]
        await world.read()
        assert world.state.instruments == {BTC: instrument(BTC), ETH: changed}
        assert list(world.state.withdrawn) == [BTC]
        (told,) = world.taken
        assert isinstance(told, RulesDiffer)
        assert told.reason == "on schedule"
        assert {change.symbol for change in told.changes} == {BTC, ETH}
        assert world.lines == [f"The venue's rules changed ('on schedule'): {BTC}, {ETH}"]

    in_world(main)


@pytest.mark.parametrize(("age_s", "wait_s"), [(0, 60.0), (20, 40.0), (60, 0.0), (100, -40.0)])
def test_a_refusal_has_them_read_but_not_with_every_one(age_s: int, wait_s: float) -> None:
    """A rest after the last reading began, then at once; the reason is told with what changed."""

    async def main(world: World) -> None:
        world.reader.start()
        world.answers = [[instrument(BTC)], [instrument(BTC, price_increment="0.1")]]
        await world.read()
        await world.pass_s(age_s)
        world.armed.clear()
        world.reader.refused("tick")
        assert world.armed == [wait_s - 1]  # the reading took a second
        await world.read()
        (told,) = world.taken
        assert isinstance(told, RulesDiffer)
        assert told.reason == "the venue refused: tick"
        world.answers = [[instrument(BTC)]]
        await world.read()
        assert getattr(world.taken[1], "reason", "") == "on schedule"

    in_world(main)


def test_the_rest_counts_from_the_very_first_reading() -> None:
    """A refusal right after the start must not have the rules read again at once."""

    async def main(world: World) -> None:
        world.reader.start()
        world.armed.clear()
        world.reader.refused("tick")
        assert world.armed == [59.0]

    in_world(main)


def test_a_refusal_before_anything_was_read_rests_from_the_making_on() -> None:
    """The clock of the process began long before it."""

    async def main() -> None:
        world = World()
        world.reader.start()
        await world.pass_s(5)
        world.reader.refused("tick")
        assert world.armed == [600.0, 55.0]

    run(main)


@pytest.mark.parametrize("how", ["never started", "stopped", "ended"])
def test_a_reader_that_does_not_run_reads_nothing(how: str) -> None:
    """Neither on schedule nor after a refusal, before the start, after the stop, and without a journal."""

    async def main(world: World) -> None:
        if how != "never started":
            world.reader.start()
        if how == "stopped":
            world.reader.stop()
        world.journal.has_ended = how == "ended"
        world.armed.clear()
        world.due[RULES_TIMER]()
        assert world.spawned == []
        world.reader.refused("tick")
        assert len(world.armed) == (how == "ended")

    in_world(main)


def test_one_reading_is_made_at_a_time() -> None:
    """One that is due meanwhile is made after a rest: what is being read may be older than the refusal."""

    async def main(world: World) -> None:
        world.reader.start()
        world.answers = [[instrument(BTC)]] * 2
        world.due[RULES_TIMER]()
        world.due[RULES_TIMER]()
        assert (len(world.spawned), world.armed) == (1, [600.0, 60.0])
        await world.spawned[0][1]
        await world.read()
        assert len(world.spawned) == 2

    in_world(main)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (RuntimeError("odd"), "RuntimeError"),
        ([], "ExchangeFault"),
        ([instrument(BTC), ODD], "ExchangeFault"),
        ([ODD], "ExchangeFault"),
    ],
)
def test_a_reading_that_fails_leaves_the_old_rules_and_is_made_again_later_and_later(
    answer: object, problem: str
) -> None:
    """An anomaly once in a row, a line of the log each time; the pause grows to its limit."""

    async def main(world: World) -> None:
        world.reader.start()
        for _ in range(2):
            world.armed.clear()
            world.taken.clear()
            world.lines.clear()
            world.answers = [answer] * 5
            for _ in range(5):
                await world.read()
            assert world.state.instruments == {BTC: instrument(BTC)}
            assert world.armed == [2.0, 4.0, 5.0, 5.0, 5.0]
            assert world.taken == [TroubleSeen("rules_not_read", "rules", problem)]
            assert len(world.lines) == 5
            assert all(line.endswith(problem) for line in world.lines)
            world.answers = [[instrument(BTC)]]
            await world.read()
            assert world.armed[5:] == [600.0]

    in_world(main)


def test_the_reason_of_a_reading_that_failed_is_that_of_the_next_one() -> None:
    """Unless a refusal came meanwhile: its reason is the newer one."""

    async def main(world: World) -> None:
        world.reader.start()
        for newer in ("", "lot"):
            world.taken.clear()
            world.reader.refused("tick")
            world.answers = [ExchangeFault("no answer"), [instrument(BTC, price_increment="0.1")]]
            world.due[RULES_TIMER]()
            await world.pass_s(0.5)
            if newer:
                world.state.instruments = {BTC: instrument(BTC)}
                world.reader.refused(newer)
            await world.spawned[-1][1]
            await world.read()
            told = world.taken[-1]
            assert isinstance(told, RulesDiffer)
            assert told.reason == f"the venue refused: {newer or 'tick'}"

    in_world(main)


@pytest.mark.parametrize(("suspended", "times"), [(False, 3), (True, 1)])
def test_a_recovery_that_took_it_back_has_it_told_again(suspended: bool, times: int) -> None:  # noqa: FBT001 - a case
    """Until it is durable; a suspended engine keeps what it was told for afterwards."""

    async def main(world: World) -> None:
        def rebuilt() -> None:
            world.rebuilds += 1

        world.reader.start()
        world.suspended = suspended
        world.on_settled = [rebuilt, rebuilt]
        world.answers = [[instrument(BTC, price_increment="0.1")]]
        await world.read()
        assert len(world.taken) == times
        assert len(world.lines) == 1

    in_world(main)


def test_a_reader_without_a_kernel_around_it_starts_nothing() -> None:
    """What it would spawn is closed, and what it would tell goes nowhere."""

    async def main() -> None:
        world = World()
        each = cast("Any", world)
        reader = RulesReader(each, world.clock, each, each, each, SETTINGS, quiet_logger())
        reader.start()
        world.due[RULES_TIMER]()
        reader.take(TroubleSeen("a", "b", "c"))
        assert world.told == []

    run(main)
