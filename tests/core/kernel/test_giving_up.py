"""A store that opens again and still takes nothing: the kernel gives up, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from fairlead.errors import CommitUncertain, JournalUnavailable, NotRunning
from fairlead.ports.store import Batch
from fairlead.testing.memory_store import AppendFault
from tests.core.kernel.bench import BTC, Bench, on_bench

ATTEMPTS = 4
SETTINGS = {"recovery_attempts_max": ATTEMPTS, "recovery_interval_ms": 500}


def _take_nothing(_batch: Batch) -> AppendFault:
    return AppendFault.FAILS


def _take_all_but(faults: list[AppendFault], _batch: Batch) -> AppendFault | None:
    return faults.pop() if faults else None


def _kinds(batch: Batch) -> set[str]:
    return {envelope.kind for envelope in batch.envelopes}


def test_recoveries_in_a_row_are_counted_and_end() -> None:
    """A full disk may let the store open and refuse every batch: some recoveries, pauses, FAULTED."""

    async def main(bench: Bench) -> None:
        bench.faults = _take_nothing
        waiting = bench.spawn_execute()
        started_ns = bench.clock.monotonic_ns()
        while bench.kernel._parts.failure is None:
            await bench.pass_ms(10)
        assert bench.kernel._parts.recovery.count == ATTEMPTS + 1
        assert bench.clock.monotonic_ns() - started_ns >= (ATTEMPTS - 1) * 500_000_000
        await asyncio.wait((waiting,))
        assert waiting.exception() is not None
        assert ("journal", "faulted") in {(name, state) for name, state, _ in bench.kernel.health()}

    on_bench(main, settings=SETTINGS)


def test_recoveries_that_succeed_are_not_held_against_the_store() -> None:
    """A fault now and then, with batches stored in between, never adds up to giving up."""

    async def main(bench: Bench) -> None:
        for _ in range(3 * ATTEMPTS):
            bench.faults = partial(_take_all_but, [AppendFault.FAILS])
            with pytest.raises(JournalUnavailable):
                await bench.execute()
            await bench.pass_ms(1_000)
        assert bench.kernel._parts.failure is None
        assert (await bench.execute()).status == "ACCEPTED"

    on_bench(main, settings=SETTINGS)


def test_one_reconciliation_at_a_time_however_often_the_journal_fails() -> None:
    """Each recovery asks for a reconciliation; the wishes are answered by one task."""

    async def main(bench: Bench) -> None:
        bench.faults = _take_nothing
        bench.spawn_execute().add_done_callback(lambda task: task.exception())
        most = 0
        while bench.kernel._parts.failure is None:
            await bench.pass_ms(10)
            names = [task.get_name() for task in bench.kernel._parts.supervisor.tasks]
            most = max(most, names.count("fairlead:reconcile"))
        assert most == 1
        await bench.pass_ms(200_000)
        names = [task.get_name() for task in bench.kernel._parts.supervisor.tasks]
        assert "fairlead:reconcile" not in names

    on_bench(main, settings=SETTINGS)


def test_a_command_whose_answer_was_in_the_lost_batch_does_not_wait_for_ever() -> None:
    """The intent is on disk, the acceptance cannot be stored, the kernel gives up: execute says so."""

    async def main(bench: Bench) -> None:
        bench.faults = lambda batch: None if "attempt_started" in _kinds(batch) else AppendFault.FAILS
        waiting = bench.spawn_execute("buy", "1", "100", symbol=BTC)
        with pytest.raises((CommitUncertain, NotRunning)):
            async with bench.clock.timeout_ns(3_600_000_000_000):
                await waiting

    on_bench(main, settings=SETTINGS)
