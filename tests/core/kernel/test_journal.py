"""The journal: nothing leaves before it is durable, and what is gathered leaves in order."""

from __future__ import annotations

import asyncio

import pytest

from fairlead.domain.events import OrderChanged
from fairlead.errors import StoreFault
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.journal.journal import Journal, SealedBatch
from fairlead.ports.store import GENESIS_HASH, JournalHead
from fairlead.testing.conformance.store_batches import sample_row
from fairlead.testing.memory_store import MemoryDisk, MemoryStore
from fairlead.testing.scripted_exchange import hangs
from tests.core.kernel.bench import Bench, on_bench
from tests.core.kernel.faults import Brake


def test_nothing_is_sent_or_said_before_it_is_durable() -> None:
    """Request, result, callback and stream wait for the commit that holds their cause."""

    async def main(bench: Bench) -> None:
        told: list[object] = []
        bench.kernel.events.subscribe(told.append)
        stream = bench.kernel.events.stream(OrderChanged)
        brake = Brake(bench)
        task = bench.spawn_execute()
        await bench.pass_ms(1_000)
        assert brake.held == 1
        assert (bench.exchange.submits, told, task.done()) == ([], [], False)
        assert len(bench.kernel.orders()) == 1  # memory runs ahead of the disk, and says so
        assert bench.kernel.sequence > bench.kernel.durable_sequence
        brake.release()
        assert (await task).status == "ACCEPTED"
        assert len(bench.exchange.submits) == 1
        assert isinstance(await anext(aiter(stream)), OrderChanged)
        assert told

    on_bench(main)


def test_a_denial_waits_for_its_commit_as_well() -> None:
    """Also what sends nothing is answered only when it is on disk: the caller may rely on the record."""

    async def main(bench: Bench) -> None:
        brake = Brake(bench)
        task = bench.spawn_execute()
        await bench.pass_ms(100)
        assert not task.done()
        brake.release()
        assert (await task).denied

    on_bench(main, required_checks=["absent"])


def test_answers_without_a_record_wait_for_the_records_before_them() -> None:
    """A repeated command is answered from memory, but not before what memory says is durable."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.will_cancel(hangs)
        brake = Brake(bench)
        first = bench.loop.create_task(bench.bot.cancel(name))
        second = bench.loop.create_task(bench.bot.cancel(name))
        await bench.pass_ms(100)
        assert (first.done(), second.done(), bench.exchange.cancels) == (False, False, [])
        brake.release()
        assert (await second).code == "ALREADY_ASKED"
        assert (await first).accepted

    on_bench(main)


def test_steps_gather_while_a_commit_is_under_way_and_go_out_in_order() -> None:
    """Group commit: what came during one commit goes into the next, and everything leaves in sequence."""

    async def main(bench: Bench) -> None:
        sequences: list[int] = []
        bench.kernel.events.subscribe(lambda event: sequences.append(event.sequence))
        before = len(bench.disk.envelopes)
        batches = bench.kernel._parts.journal.batches
        brake = Brake(bench)
        tasks = [bench.spawn_execute() for _ in range(50)]
        await bench.pass_ms()
        brake.release()
        for task in tasks:
            assert (await task).status == "ACCEPTED"
        assert len(bench.disk.envelopes) - before >= 150
        assert bench.kernel._parts.journal.batches - batches <= 10
        assert sequences == sorted(sequences)

    on_bench(main)


def test_new_commands_wait_while_too_many_steps_are_gathered() -> None:
    """A fast submitter cannot grow memory: beyond the setting, commands wait for the commit."""

    async def main(bench: Bench) -> None:
        brake = Brake(bench)
        tasks = [bench.spawn_execute() for _ in range(30)]
        await bench.pass_ms(10)
        assert len(bench.kernel.orders()) <= 11
        brake.release()
        for task in tasks:
            assert (await task).status == "ACCEPTED"

    on_bench(main, settings={"batch_steps_max": 5})


def test_a_journal_that_ended_recovers_nothing() -> None:
    """A step broke, and the journal is given up before the recovery began: none begins any more."""

    async def main(bench: Bench) -> None:
        recovered: list[Exception] = []

        async def recover(_sealed: SealedBatch, error: Exception) -> None:
            recovered.append(error)

        journal = Journal(
            MemoryStore(MemoryDisk()),
            bench.clock,
            commit_timeout_ns=1_000_000,
            batch_steps_max=1,
            release=lambda _output: None,
            on_fault=recover,
        )
        running = asyncio.ensure_future(journal.run())
        await bench.pass_ms(1)
        journal.break_off(StoreFault("A step broke."))
        journal.end(StoreFault("The store is gone."))
        await bench.pass_ms(1)
        assert recovered == []
        assert running.done()

    on_bench(main)


def journal_of(bench: Bench, store: MemoryStore, faults: list[Exception]) -> Journal:
    """Return a journal at the beginning of an empty store."""

    async def on_fault(_sealed: SealedBatch, error: Exception) -> None:
        faults.append(error)

    journal = Journal(
        store,
        bench.clock,
        commit_timeout_ns=1_000_000,
        batch_steps_max=1,
        release=lambda _output: None,
        on_fault=on_fault,
    )
    journal.follow(EngineState("test", "00000000"), JournalHead(0, GENESIS_HASH))
    return journal


def test_a_journal_that_ended_lets_everyone_go() -> None:
    """Rows that waited are not written, its task ends, and whoever waits for quiet hears why at once."""

    async def main(bench: Bench) -> None:
        faults: list[Exception] = []
        heard: list[object] = []
        disk = MemoryDisk()
        journal = journal_of(bench, MemoryStore(disk), faults)
        running = asyncio.ensure_future(journal.run())
        await bench.pass_ms(1)
        assert not running.done()
        journal.add_rows([sample_row("notifiers", name="phone")], heard.append)
        waiting = asyncio.ensure_future(journal.settled())
        gone = StoreFault("The store is gone.")
        journal.end(gone)
        await bench.pass_ms(1)
        assert running.done()
        with pytest.raises(StoreFault, match="gone"):
            await waiting
        assert (faults, heard, disk.tables.by_name["notifiers"].all()) == ([], [], [])

    on_bench(main)


def test_a_journal_that_ends_before_anything_came_ends_its_task() -> None:
    """The task that waits for something to commit is woken by the end."""

    async def main(bench: Bench) -> None:
        journal = journal_of(bench, MemoryStore(MemoryDisk()), [])
        running = asyncio.ensure_future(journal.run())
        await bench.pass_ms(1)
        journal.end(StoreFault("The store is gone."))
        await bench.pass_ms(1)
        assert running.done()

    on_bench(main)


def test_quiet_comes_with_the_end_even_if_nothing_runs_any_more() -> None:
    """The task was ended first, with rows waiting: whoever waits for quiet still hears why there is none."""

    async def main(bench: Bench) -> None:
        journal = journal_of(bench, MemoryStore(MemoryDisk()), [])
        journal.add_rows([sample_row("notifiers", name="phone")])
        assert not journal.is_idle
        journal.end(StoreFault("The store is gone."))
        assert journal.is_idle
        with pytest.raises(StoreFault, match="gone"):
            await journal.settled()

    on_bench(main)
