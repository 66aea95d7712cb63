"""The relay when things go wrong around it: records that cannot be read, stores that fail, a bug."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import cast

import pytest
from msgspec.structs import replace

from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.reconcile_records import PositionCorrected
from fairlead.errors import CommitUncertain
from fairlead.kernel.journal.codec import seal
from fairlead.kernel.journal.figures import read_position_figures
from fairlead.kernel.outbox.attempt import attempted
from fairlead.kernel.outbox.book import Delivery, DeliveryState, NotifierAccount
from fairlead.kernel.outbox.notices import notice_of
from fairlead.kernel.outbox.owing import Owing
from fairlead.kernel.outbox.reading import OutboxReader, Owed
from fairlead.kernel.replay_clock import ReplayClock
from fairlead.ports.notices import DELIVERED, DeliveryOutcome, DeliverySettings, Notice
from fairlead.ports.store import GENESIS_HASH, Envelope, OutboxRow, Row, Scalar, Store
from fairlead.testing.memory_store import AppendFault
from fairlead.testing.scripted_notifier import AGAIN, ScriptedNotifier
from tests.core.kernel.bench import BTC, Bench, on_bench
from tests.core.kernel.faults import LONG_MS, fail_from
from tests.core.kernel.notifier_words import say

SECOND = 1_000
QUICK = DeliverySettings(retry_pauses_ms=(1_000, 2_000), attempt_timeout_ms=500, circuit_failures=1_000)
CORRECTED = PositionCorrected(
    BTC, "book", OrderSide.BUY, Decimal(1), Decimal(2), Decimal(2), "BTC", "USDT", 8, Decimal(0), Decimal(1),
    "bot", "found", 7,
)  # fmt: skip


async def again(_notice: Notice, _attempt: int) -> DeliveryOutcome:
    """Fail, and say that it may do better later."""
    return AGAIN


async def states(bench: Bench) -> dict[str, tuple[str, str]]:
    """Return state and detail of every delivery that has a row."""
    rows = await bench.store.rows("deliveries")
    return {str(row["event_id"]): (str(row["state"]), str(row["detail"])) for row in rows}


def sealed() -> tuple[OutboxRow, Envelope]:
    """Return the row and the record of a corrected position."""
    (envelope,) = seal([(1, 5, CORRECTED)], GENESIS_HASH)
    return OutboxRow("e-1", 1, envelope.kind, "kernel"), envelope


class Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler.emit`."""
        self.said.append(record.getMessage())


class OneRecord:
    """A store with one fact in its outbox, whose record may be gone or damaged."""

    def __init__(self, row: OutboxRow, envelopes: Sequence[Envelope]) -> None:
        self._row = row
        self._envelopes = envelopes

    async def outbox(self, after_sequence: int, limit: int) -> Sequence[OutboxRow]:
        """See `Store.outbox`."""
        return [self._row][:limit] if after_sequence < self._row.sequence else []

    async def envelopes(self, after_sequence: int, limit: int) -> Sequence[Envelope]:
        """See `Store.envelopes`."""
        return [each for each in self._envelopes if each.sequence > after_sequence][:limit]

    async def rows_where(self, table: str, column: str, value: Scalar) -> Sequence[Mapping[str, Scalar]]:
        """See `Store.rows_where`."""
        del table, column, value
        return []


def test_figures_that_were_not_written_are_none() -> None:
    """A row of an older kernel has no figures; nothing is made up for it."""
    assert read_position_figures("") == {}


def test_a_corrected_position_tells_its_own_figures() -> None:
    """Its record says everything; no figures of a fill stand beside it."""
    row, envelope = sealed()
    notice = notice_of(row, envelope, "main", None)
    assert (notice.kind, notice.data["at_venue"]) == ("position_corrected", "1")
    assert "position" not in notice.data


def test_an_attempt_ends_with_the_kernel_that_stops() -> None:
    """A cancellation counts as a failure, unless it is the kernel's own end."""

    async def canceled(_notice: Notice, _attempt: int) -> DeliveryOutcome:
        raise asyncio.CancelledError

    notifier = ScriptedNotifier(script=canceled)
    notice = Notice("e-1", "anomaly", 1, "main", "kernel", 1, 1, {})
    assert asyncio.run(attempted(notifier, notice, 1, lambda: False)).detail.startswith("CancelledError")

    class Nonsense(ScriptedNotifier):
        async def deliver(self, notice: Notice, attempt: int) -> DeliveryOutcome:
            del notice, attempt
            return cast("DeliveryOutcome", "fine")

    outcome = asyncio.run(attempted(Nonsense(), notice, 1, lambda: False))
    assert outcome.detail == "it answered with 'fine' instead of an outcome"
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(attempted(notifier, notice, 1, lambda: True))


def owing_of(written: list[Row]) -> Owing:
    """Return what a notifier is owed, which writes into the list."""
    return Owing(
        NotifierAccount("scripted", 0),
        ReplayClock(1),
        logging.getLogger("quiet"),
        write=lambda rows, _durable: written.extend(rows),
        written=lambda _written: None,
        interval_ns=1,
        lane_max=5,
    )


def fact(number: int) -> Owed:
    """Return a fact about one order."""
    row = OutboxRow(f"e-{number}", number, "order_event", "order")
    return Owed(row, Notice(row.event_id, row.kind, 1, "main", row.subject, number, number, {}))


def test_a_dead_letter_that_is_tried_again_comes_before_what_waits() -> None:
    """Whatever memory holds of its subject gets a row, so that the store's order is the order of telling."""
    written: list[Row] = []
    owing = owing_of(written)
    owing.take(fact(2))
    owing.take(fact(3))
    dead = Delivery("scripted", 1, "e-1", "order_event", "order", DeliveryState.DEAD)
    assert owing.revive(dead)
    owing.write()
    rows = [each.named() for each in written if each.table == "deliveries"]
    assert [(row["event_id"], row["state"]) for row in rows] == [
        (name, "pending") for name in ("e-1", "e-2", "e-3")
    ]
    assert owing.waiting == 3


def test_one_of_several_that_wait_is_given_up() -> None:
    """The one that was named goes, and its neighbour stays."""
    owing = owing_of([])
    owing.take(fact(1))
    owing.take(fact(2))
    assert owing.discard(Delivery("scripted", 2, "e-2", "order_event", "order"))
    (lane,) = owing.lanes
    assert [item.owed.row.event_id for item in lane.items] == ["e-1"]


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda _envelope: [], "its record is not in the journal"),
        (lambda envelope: [replace(envelope, payload=b"{")], "its record cannot be read"),
    ],
    ids=["gone", "damaged"],
)
def test_a_record_that_cannot_be_read_is_a_dead_letter(
    damage: Callable[[Envelope], list[Envelope]], problem: str
) -> None:
    """Nobody is told what cannot be known; it is a dead letter, with why, and nothing waits behind it."""
    row, envelope = sealed()
    written: list[Row] = []
    reader = OutboxReader(cast("Store", OneRecord(row, damage(envelope))), "main")

    async def owed() -> list[Owed]:
        page, after = await reader.page(0, 1, 10)
        assert after == 1
        return page

    (found,) = asyncio.run(owed())
    assert found.notice is None
    owing = owing_of(written)
    owing.take(found)
    assert (owing.dead, owing.waiting, owing.held) == (1, 0, 1)
    owing.write()
    (delivery,) = [each.named() for each in written if each.table == "deliveries"]
    assert delivery["state"] == "dead"
    assert str(delivery["detail"]).startswith(problem)


def test_a_store_that_cannot_be_read_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing read costs a pause and a line in the log; everything is told afterwards."""
    notifier = ScriptedNotifier()

    async def main(bench: Bench) -> None:
        reads, outbox = [0], bench.store.outbox

        async def failing(after_sequence: int, limit: int) -> Sequence[OutboxRow]:
            reads[0] += 1
            if reads[0] <= 2:
                raise OSError("the disk is away")
            return await outbox(after_sequence, limit)

        monkeypatch.setattr(bench.store, "outbox", failing)
        name = await bench.working()
        assert notifier.told == []
        await bench.pass_ms(60 * SECOND)
        assert reads[0] > 2
        assert name in {notice.subject for notice in notifier.told}

    on_bench(main, notifiers=[notifier])


def test_a_row_whose_fact_is_gone_is_a_dead_letter() -> None:
    """What waits to be tried again and is in no outbox any more is not tried for ever."""
    slow = DeliverySettings(retry_pauses_ms=(9_000, 9_000), circuit_failures=1_000)
    notifier = ScriptedNotifier(delivery=slow, script=again)

    async def main(bench: Bench) -> None:
        await bench.working()
        await bench.pass_ms(3 * SECOND)
        waiting = [event_id for event_id, (state, _) in (await states(bench)).items() if state == "pending"]
        assert waiting
        bench.disk.outbox[:] = [row for row in bench.disk.outbox if row.event_id != waiting[0]]
        await bench.restart()
        await bench.pass_ms(10 * SECOND)
        assert (await states(bench))[waiting[0]] == ("dead", "it is no longer in the outbox")

    on_bench(main, notifiers=[notifier])


def test_a_waiting_notice_is_discarded_or_tried_at_once() -> None:
    """An operator's word reaches what memory holds: it goes away, or is tried again now."""
    slow = DeliverySettings(retry_pauses_ms=(3_600_000,), attempt_timeout_ms=500, circuit_failures=1_000)
    healthy = [False]

    async def script(_notice: Notice, _attempt: int) -> DeliveryOutcome:
        return DELIVERED if healthy[0] else AGAIN

    notifier = ScriptedNotifier(delivery=slow, script=script)

    async def main(bench: Bench) -> None:
        async def counted(action: str, event: str) -> object:
            answer = await say(bench, action, event)
            assert isinstance(answer, Mapping)
            return answer["count"]

        await bench.working("buy", "1", "90")
        await bench.working("buy", "1", "91")
        await bench.pass_ms(2 * SECOND)
        tried = [notice.event_id for notice, _ in notifier.attempts]
        assert len(tried) == len(set(tried)) >= 2
        healthy[0] = True
        assert await counted("discard", tried[0]) == 1
        assert await counted("replay", tried[1]) == 1
        await bench.pass_ms(2 * SECOND)
        found = await states(bench)
        assert found[tried[0]][0] == "discarded"
        assert found[tried[1]][0] == "delivered"
        assert tried[0] not in {notice.event_id for notice in notifier.told}

    on_bench(main, notifiers=[notifier])


def test_a_notice_on_its_way_is_not_discarded() -> None:
    """While an attempt is under way nobody can say that it was given up; the answer counts nothing."""
    begun: list[str] = []

    async def main(bench: Bench) -> None:
        released = asyncio.Event()

        async def held(notice: Notice, _attempt: int) -> DeliveryOutcome:
            begun.append(notice.event_id)
            if begun.count(notice.event_id) > 1:
                await released.wait()
            return AGAIN

        notifier.script = held
        await bench.working()
        await bench.pass_ms(6 * SECOND)
        again_tried = begun[-1]
        assert begun.count(again_tried) > 1
        said = await say(bench, "discard", again_tried)
        assert isinstance(said, Mapping)
        assert said["count"] == 0
        released.set()

    patient = DeliverySettings(
        retry_pauses_ms=(4_000, 4_000), attempt_timeout_ms=60_000, circuit_failures=1_000
    )
    notifier = ScriptedNotifier(delivery=patient)
    on_bench(main, notifiers=[notifier])


@pytest.mark.parametrize("how", ["raises", "hangs"])
def test_a_notifier_that_does_not_close_holds_nobody_up(how: str) -> None:
    """The kernel stops within its time, and says which notifier it was."""

    class Sticky(ScriptedNotifier):
        async def close(self) -> None:
            if how == "raises":
                raise OSError("it is gone already")
            await asyncio.get_running_loop().create_future()

    async def main(bench: Bench) -> None:
        lines = Lines()
        bench.kernel._logger.addHandler(lines)
        await bench.kernel.stop()
        assert any(line.startswith("Notifier scripted") and "close" in line for line in lines.said)
        bench.fittings["notifiers"] = []
        await bench.start_another()

    on_bench(main, notifiers=[Sticky()])


def test_a_bug_of_the_relay_costs_one_notifier() -> None:
    """A courier that breaks is disabled with the reason, health says so, and orders go on."""
    notifier, other = ScriptedNotifier(), ScriptedNotifier("other")

    async def main(bench: Bench) -> None:
        courier = bench.kernel._parts.relay.couriers["scripted"]

        def broken() -> int:
            raise RuntimeError("a bug")

        courier._next_ns = broken  # type: ignore[method-assign]  # the bug
        name = await bench.working()
        await bench.pass_ms(2 * SECOND)
        assert courier.account.disabled
        problem = {part: text for part, _, text in bench.kernel.health()}["outbox"]
        assert "the relay broke: RuntimeError" in problem
        assert name in {notice.subject for notice in other.told}

    on_bench(main, notifiers=[notifier, other])


def test_the_component_recovers_with_its_notifier() -> None:
    """Degraded while a circuit is open, running again after a success."""
    healthy = [False]

    async def script(_notice: Notice, _attempt: int) -> DeliveryOutcome:
        return DELIVERED if healthy[0] else AGAIN

    brittle = DeliverySettings(
        retry_pauses_ms=(1_000,) * 50, attempt_timeout_ms=500, circuit_failures=2, circuit_pause_ms=5_000
    )

    async def main(bench: Bench) -> None:
        def state() -> str:
            return {part: state for part, state, _ in bench.kernel.health()}["outbox"]

        await bench.working()
        await bench.pass_ms(10 * SECOND)
        assert state() == "degraded"
        healthy[0] = True
        await bench.pass_ms(60 * SECOND)
        await bench.working("buy", "1", "90")
        await bench.pass_ms(2 * SECOND)
        assert state() == "running"

    on_bench(main, notifiers=[ScriptedNotifier(delivery=brittle, script=script)])


def test_who_only_fails_is_disabled_in_the_end() -> None:
    """After `disable_after_ms` without a success nothing is tried any more, and all of it stays owed."""
    weary = DeliverySettings(
        retry_pauses_ms=(1_000,) * 50, attempt_timeout_ms=500, circuit_failures=1_000, disable_after_ms=5_000
    )
    notifier = ScriptedNotifier(delivery=weary, script=again)

    async def main(bench: Bench) -> None:
        await bench.working()
        await bench.pass_ms(30 * SECOND)
        problem = {part: text for part, _, text in bench.kernel.health()}["outbox"]
        assert "it has failed for 5000 ms without a success" in problem
        tries = len(notifier.attempts)
        await bench.pass_ms(60 * SECOND)
        assert len(notifier.attempts) == tries
        assert {state for state, _ in (await states(bench)).values()} == {"pending"}

    on_bench(main, notifiers=[notifier])


def test_nothing_to_write_makes_no_batch() -> None:
    """Rows that no record stands for come with a batch; having none of them is no reason for one."""

    async def main(bench: Bench) -> None:
        journal = bench.kernel._parts.journal
        await journal.settled()
        journal.add_rows([])
        assert journal.is_idle

    on_bench(main)


def test_a_journal_that_was_given_up_leaves_nothing_to_write() -> None:
    """A kernel whose store is lost stops; what notifiers are owed is where the last commit left it."""
    notifier = ScriptedNotifier(delivery=QUICK, script=again)

    async def main(bench: Bench) -> None:
        await bench.working()

        async def before(method: str) -> None:
            if method == "reopen":
                raise OSError("gone")

        bench.before = before
        fail_from(bench, 1, AppendFault.FAILS)
        wait = bench.spawn_execute()
        await bench.pass_ms(LONG_MS)
        with pytest.raises(CommitUncertain, match="could not be reopened"):
            await wait
        assert {part: state for part, state, _ in bench.kernel.health()}["journal"] == "faulted"

    on_bench(main, notifiers=[notifier])
