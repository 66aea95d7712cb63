"""The journal batch by batch: what one holds, when it is given out, and what a fault takes back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from fairlead.domain.records import CursorMoved
from fairlead.errors import RowRuleBroken, StoreFault
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.journal.codec import seal
from fairlead.kernel.journal.journal import Entry, Journal, SealedBatch
from fairlead.kernel.journal.outputs import StepOutput
from fairlead.ports.store import Batch, JournalHead, OutboxRow, Row
from fairlead.testing import SeededLoop, VirtualClock, run
from fairlead.testing.conformance.store_batches import sample_row

HEAD = JournalHead(4, b"fourth")
COMMIT_MS = 5


class Disk:
    """A store that keeps batches, and may wait for a test or raise before it does."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.happens: list[Callable[[Batch], Awaitable[None]]] = []

    async def append(self, batch: Batch) -> None:
        """See `Store.append`."""
        if self.happens:
            await self.happens.pop(0)(batch)
        self.batches.append(batch)


class World:
    """A journal that runs, with everything that it gives out."""

    def __init__(self, steps_max: int = 3) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SeededLoop)
        self.clock = VirtualClock(loop)
        self.disk = Disk()
        self.given: list[StepOutput] = []
        self.faults: list[tuple[SealedBatch, Exception]] = []
        self.commits = 0
        self.journal = Journal(
            self.disk,  # type: ignore[arg-type]  # of a store it only appends
            self.clock,
            commit_timeout_ns=COMMIT_MS * 1_000_000,
            batch_steps_max=steps_max,
            release=self.given.append,
            on_fault=self.on_fault,
        )
        self.state = EngineState("test", "0a0a0a0a")
        self.state.epoch = 9
        self.journal.follow(self.state, HEAD)
        self.journal.on_committed = self.committed
        self.sequence = HEAD.sequence

    def committed(self) -> None:
        """Count the commits that held records."""
        self.commits += 1

    async def on_fault(self, sealed: SealedBatch, error: Exception) -> None:
        """Note a fault; the recovery goes on from the head that it finds."""
        self.faults.append((sealed, error))

    def step(self) -> tuple[list[Entry], list[OutboxRow], StepOutput]:
        """Add a step of one record and one outbox row that changes one row; return what was added."""
        self.sequence += 1
        entries: list[Entry] = [(self.sequence, self.sequence * 10, CursorMoved("fills", str(self.sequence)))]
        outbox = [OutboxRow(f"e{self.sequence}", self.sequence, "cursor_moved", "kernel")]
        output = StepOutput(self.sequence, [], [], [])
        self.state.network = f"net{self.sequence}"
        self.state.dirty.settings["network"] = None
        self.journal.add(entries, outbox, output)
        return entries, outbox, output

    async def pass_ms(self, milliseconds: int = 1) -> None:
        """Let time pass."""
        await self.clock.sleep_ns(milliseconds * 1_000_000)


def in_world(main: Callable[[World], Awaitable[None]], *, steps_max: int = 3, runs: bool = True) -> None:
    """Run a test with a journal that commits when the test lets time pass."""

    async def whole() -> None:
        world = World(steps_max)
        running = asyncio.ensure_future(world.journal.run()) if runs else None
        await main(world)
        if running is not None:
            running.cancel()
            await asyncio.wait([running])

    run(whole)


def network(text: str) -> Row:
    """Return the row that each step changes."""
    return Row("settings", ("network", text))


def told(name: str = "phone", **values: Any) -> Row:  # noqa: ANN401 - any column
    """Return a row that no record stands for."""
    return sample_row("notifiers", name=name, **values)


def raises(error: BaseException) -> Callable[[Batch], Awaitable[None]]:
    """Return what raises instead of storing."""

    async def happens(_batch: Batch) -> None:
        raise error

    return happens


def test_a_batch_is_everything_that_gathered_and_follows_the_head() -> None:
    """Whole steps in their order, the rows as they are at its end, once, chained on what is durable."""

    async def main(world: World) -> None:
        steps = [world.step() for _ in range(2)]
        assert (world.given, world.journal.is_idle, world.journal.durable_sequence) == ([], False, 4)
        await world.pass_ms()
        entries = [entry for step in steps for entry in step[0]]
        envelopes = seal(entries, HEAD.hash)
        outbox = [row for step in steps for row in step[1]]
        rows = [network("net6")]
        first = Batch(9, 5, 6, HEAD.hash, envelopes[-1].hash, envelopes, rows, outbox)
        assert world.disk.batches == [first]
        assert world.given == [step[2] for step in steps]
        assert world.journal.head == JournalHead(6, envelopes[-1].hash)
        assert (world.journal.durable_sequence, world.journal.batches, world.commits) == (6, 1, 1)
        assert world.journal.is_idle
        assert world.state.dirty.settings == {}
        world.step()
        await world.pass_ms()
        second = world.disk.batches[1]
        assert (second.first_sequence, second.last_sequence) == (7, 7)
        assert (second.previous_hash, second.rows) == (envelopes[-1].hash, [network("net7")])
        assert (world.journal.batches, world.commits) == (2, 2)

    in_world(main)


def test_what_has_no_record_is_given_out_at_once_unless_something_is_pending() -> None:
    """An answer from memory must not overtake what it rests on; it needs no commit of its own."""

    async def main(world: World) -> None:
        free, behind = StepOutput(4, [], [], []), StepOutput(5, [], [], [])
        world.journal.add([], [], free)
        assert world.given == [free]
        assert world.journal.is_idle
        _, _, output = world.step()
        world.journal.add([], [], behind)
        assert world.given == [free]
        await world.pass_ms()
        assert world.given == [free, output, behind]
        assert len(world.disk.batches) == 1

    in_world(main)


def test_what_waits_alone_without_a_record_writes_nothing() -> None:
    """The commit before it went on without it: it is given out, and no empty batch is stored."""

    async def main(world: World) -> None:
        async def behind(_batch: Batch) -> None:
            world.journal.add([], [], StepOutput(5, [], [], []))

        world.disk.happens = [behind]
        world.step()
        await world.pass_ms()
        assert len(world.given) == 2
        assert (len(world.disk.batches), world.journal.batches, world.commits) == (1, 1, 1)

    in_world(main)


def test_a_full_batch_holds_new_commands_until_it_is_taken() -> None:
    """At the setting it is full and not before; whoever waits for room goes on with the commit."""

    async def main(world: World) -> None:
        assert not world.journal.is_full
        await world.journal.room()
        for number in range(1, 4):
            world.step()
            assert world.journal.is_full is (number == 3)
        waiting = asyncio.ensure_future(world.journal.room())
        await world.pass_ms()
        assert waiting.done()
        assert not world.journal.is_full

    in_world(main)


@pytest.mark.parametrize("how", ["follow", "discard", "end"])
def test_room_comes_with_whatever_takes_the_steps_back(how: str) -> None:
    """Nobody waits for room in a batch that will never be committed."""

    async def main(world: World) -> None:
        outputs = [world.step()[2] for _ in range(3)]
        entries, gathered = world.journal.gathered
        assert ([entry[0] for entry in entries], gathered) == ([5, 6, 7], outputs)
        assert world.journal.is_full
        waiting = asyncio.ensure_future(world.journal.room())
        await world.pass_ms()
        assert not waiting.done()
        if how == "follow":
            world.journal.follow(EngineState("test", "1"), JournalHead(8, b"eighth"))
            assert world.journal.head == JournalHead(8, b"eighth")
        elif how == "discard":
            assert world.journal.discard() == outputs
        else:
            world.journal.end(StoreFault("gone"))
        assert not world.journal.is_full
        assert world.journal.gathered == ([], [])
        await world.pass_ms()
        assert waiting.done()

    in_world(main, runs=False)


def test_rows_alone_are_a_batch_that_leaves_the_head_where_it_is() -> None:
    """No record stands for them: nothing is folded, nothing else is written, and whoever asked is told."""

    async def main(world: World) -> None:
        heard: list[Sequence[Row]] = []
        world.state.dirty.settings["network"] = None
        world.journal.add_rows([told(), told(mark=7)], heard.append)
        assert not world.journal.is_idle
        await world.pass_ms()
        assert world.disk.batches == [Batch(9, 5, 4, HEAD.hash, HEAD.hash, (), [told(mark=7)], ())]
        assert (heard, world.journal.head, world.journal.batches, world.commits) == ([[]], HEAD, 1, 0)
        assert list(world.state.dirty.settings) == ["network"]

    in_world(main)


def test_rows_join_the_next_batch_behind_its_own() -> None:
    """They are its last ones, so that they can be left away; no rows and nobody to tell is nothing."""

    async def main(world: World) -> None:
        world.journal.add_rows([])
        assert world.journal.is_idle
        world.step()
        world.journal.add_rows([told()])
        await world.pass_ms()
        (batch,) = world.disk.batches
        assert batch.rows == [network("net5"), told()]
        heard: list[Sequence[Row]] = []
        world.journal.add_rows([], heard.append)
        await world.pass_ms()
        assert (heard, len(world.disk.batches)) == ([[]], 1)

    in_world(main)


def test_a_row_that_the_store_refuses_goes_and_its_batch_stays() -> None:
    """The records are stored without it, given out, and whoever asked hears which row was refused."""

    async def main(world: World) -> None:
        heard: list[Sequence[Row]] = []
        world.disk.happens = [raises(RowRuleBroken("a rule"))]
        world.step()
        world.state.dirty.settings["adopts"] = None
        world.journal.add_rows([told()], heard.append)
        await world.pass_ms()
        (batch,) = world.disk.batches
        assert (batch.rows, batch.last_sequence) == ([network("net5"), Row("settings", ("adopts", ""))], 5)
        assert (heard, world.faults, len(world.given)) == ([[told()]], [], 1)
        world.disk.happens = [raises(RowRuleBroken("a rule"))]
        world.journal.add_rows([told("other")], heard.append)
        await world.pass_ms()
        assert heard[1:] == [[told("other")]]
        assert len(world.disk.batches) == 1
        assert world.journal.head.sequence == 5

    in_world(main)


@pytest.mark.parametrize(
    "error", [RowRuleBroken("a rule"), StoreFault("gone"), SystemExit(3), ValueError("odd")]
)
def test_a_commit_that_fails_gives_nothing_out_and_leads_to_a_recovery(error: BaseException) -> None:
    """It gets the batch with its entries and outputs; what no record stands for waits again."""

    async def main(world: World) -> None:
        world.disk.happens = [raises(error)]
        entries, _, output = world.step()
        await world.pass_ms()
        ((sealed, fault),) = world.faults
        assert (sealed.entries, sealed.outputs) == (entries, [output])
        assert sealed.batch is not None
        assert sealed.batch.last_sequence == 5
        assert isinstance(fault, StoreFault) if isinstance(error, SystemExit) else fault is error
        assert (world.given, world.journal.head, world.journal.batches, world.commits) == ([], HEAD, 0, 0)

    in_world(main)


def test_rows_of_a_failed_commit_are_written_after_the_recovery() -> None:
    """Twice does no harm; whoever asked hears of them once they are stored."""

    async def main(world: World) -> None:
        heard: list[Sequence[Row]] = []
        world.disk.happens = [raises(StoreFault("gone"))]
        world.journal.add_rows([told()], heard.append)
        await world.pass_ms()
        assert len(world.faults) == 1
        assert heard == [[]]
        assert [batch.rows for batch in world.disk.batches] == [[told()]]

    in_world(main)


def test_a_commit_that_hangs_is_a_fault_at_its_time_limit() -> None:
    """Nobody knows whether it took effect: the recovery finds out."""

    async def main(world: World) -> None:
        async def hangs(_batch: Batch) -> None:
            await world.pass_ms(60_000)

        world.disk.happens = [hangs]
        world.step()
        await world.pass_ms(COMMIT_MS - 1)
        assert world.faults == []
        await world.pass_ms(2)
        assert [type(error) for _, error in world.faults] == [TimeoutError]

    in_world(main)


def test_a_step_that_broke_commits_nothing_more_and_recovers() -> None:
    """With what broke it, before what was gathered; nobody sees quiet in between."""

    async def main(world: World) -> None:
        await world.pass_ms()
        broke = ValueError("half-way")
        world.journal.break_off(broke)
        assert not world.journal.is_idle
        await world.pass_ms()
        ((sealed, fault),) = world.faults
        assert (sealed.batch, sealed.outputs, sealed.entries, fault) == (None, [], [], broke)
        assert world.journal.is_idle
        assert world.disk.batches == []

    in_world(main)


def test_a_journal_that_ended_takes_nothing_more() -> None:
    """No step, no row; whoever waits for quiet goes on, and whoever wants to be sure hears why not."""

    async def main(world: World) -> None:
        assert not world.journal.has_ended
        world.step()
        world.journal.end(StoreFault("gone"))
        assert world.journal.has_ended
        world.journal.add([], [], StepOutput(9, [], [], []))
        world.step()
        world.journal.add_rows([told()])
        await world.pass_ms()
        await world.journal.quiet()
        assert (world.disk.batches, world.given, world.journal.gathered) == ([], [], ([], []))
        with pytest.raises(StoreFault, match="gone"):
            await world.journal.settled()

    in_world(main)


def test_quiet_is_when_everything_is_given_out() -> None:
    """Not while a commit is under way, and not while the next batch waits behind it."""

    async def main(world: World) -> None:
        async def slowly(_batch: Batch) -> None:
            await world.pass_ms(2)

        world.disk.happens = [slowly, slowly]
        world.step()
        waits = [asyncio.ensure_future(wait()) for wait in (world.journal.quiet, world.journal.settled)]
        await world.pass_ms()
        world.step()
        await world.pass_ms(2)
        assert len(world.given) == 1
        assert not any(wait.done() for wait in waits)
        await world.pass_ms(2)
        assert len(world.given) == 2
        assert all(wait.done() for wait in waits)

    in_world(main)


def test_a_new_journal_is_at_the_beginning_of_everything() -> None:
    """No record, no batch, nothing pending, room for steps, and not ended."""

    async def main(world: World) -> None:
        journal = Journal(
            world.disk,  # type: ignore[arg-type]  # as above
            world.clock,
            commit_timeout_ns=1,
            batch_steps_max=1,
            release=world.given.append,
            on_fault=world.on_fault,
        )
        assert (journal.head, journal.durable_sequence, journal.batches) == (JournalHead(0, b""), 0, 0)
        assert (journal.is_idle, journal.is_full, journal.has_ended) == (True, False, False)
        assert journal.gathered == ([], [])

    in_world(main, runs=False)
