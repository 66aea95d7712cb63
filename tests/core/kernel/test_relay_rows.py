"""Rows of notifiers and deliveries that the store refuses, or that an earlier kernel left behind the mark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from fairlead.errors import RowRuleBroken
from fairlead.kernel.journal.loose_rows import LooseRows
from fairlead.kernel.outbox.book import Delivery, NotifierAccount
from fairlead.ports.notices import DELIVERED, DeliveryOutcome, DeliverySettings, Notice
from fairlead.ports.store import Row
from fairlead.testing.scripted_notifier import AGAIN, NEVER, ScriptedNotifier
from tests.core.kernel.bench import ETH, Bench, on_bench
from tests.core.kernel.faults import Brake
from tests.core.kernel.notifier_words import say

SECOND = 1_000
PATIENT = DeliverySettings(retry_pauses_ms=(1_000,) * 60, circuit_failures=1_000)
SPOILED = {"attempts": {"attempts": -1}, "state": {"state": "lost"}, "live": {"live": False}}


def spoil(
    monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any], which: Callable[[Delivery], bool]
) -> list[str]:
    """Make a bug: the rows of these deliveries break a rule of their table. Return the events it met."""
    sound, met = Delivery.row, list[str]()

    def row(self: Delivery, now_ns: int) -> Row:
        made = sound(self, now_ns)
        if not which(self):
            return made
        met.append(self.event_id)
        return Row.of("deliveries", {**made.named(), **wrong})

    monkeypatch.setattr(Delivery, "row", row)
    return met


def owed(bench: Bench) -> list[str]:
    """Return the ids of every durable fact but the first start, before which nobody was there."""
    return [row.event_id for row in bench.disk.outbox if row.sequence > 1]


def told(notifier: ScriptedNotifier) -> list[str]:
    """Return the ids of what a notifier was told."""
    return [notice.event_id for notice in notifier.told]


async def marks(bench: Bench) -> dict[str, int]:
    """Return the durable mark of each notifier."""
    return {str(row["name"]): int(str(row["mark"])) for row in await bench.store.rows("notifiers")}


async def rows(bench: Bench, notifier: str) -> dict[str, str]:
    """Return the state of each delivery of a notifier that has a row."""
    found = await bench.store.rows_where("deliveries", "notifier", notifier)
    return {str(row["event_id"]): str(row["state"]) for row in found}


class Failing:
    """A script that fails until it is healed."""

    def __init__(self) -> None:
        self.healed = False
        self.answer = AGAIN

    async def __call__(self, _notice: Notice, _attempt: int) -> DeliveryOutcome:
        """Try once."""
        return DELIVERED if self.healed else self.answer


@pytest.mark.parametrize("wrong", list(SPOILED.values()), ids=list(SPOILED))
def test_a_refused_row_costs_trading_nothing_and_its_notice_is_told(
    wrong: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records are committed without it, nothing recovers, one anomaly; other rows are stored; all told."""
    met = spoil(monkeypatch, wrong, lambda delivery: delivery.notifier == "bad")
    script = Failing()

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "90")
        await bench.pass_ms(200)
        begun_ns = bench.clock.monotonic_ns()
        for price in range(91, 95):
            await bench.working("buy", "1", str(price), symbol=ETH)
        assert bench.clock.monotonic_ns() - begun_ns < 10**7
        await bench.kernel.annotate(name, note="a word")
        await bench.pass_ms(3 * SECOND)
        assert met
        assert bench.kernel._parts.recovery.count == 0
        assert bench.kernel.trading_state.value == "active"
        assert bench.anomalies() == ["notice_row_refused"]
        assert await rows(bench, "bad") == {}
        assert set(await rows(bench, "well")) >= set(met)
        first = bench.disk.outbox[1].sequence
        assert (await marks(bench))["bad"] < first
        script.healed = True
        await bench.pass_ms(30 * SECOND)
        for notifier in (bad, well):
            assert sorted(told(notifier)) == sorted(owed(bench))
            assert in_order(notifier.told)
        assert set((await marks(bench)).values()) == {bench.kernel.durable_sequence}

    bad = ScriptedNotifier("bad", delivery=PATIENT, script=script)
    well = ScriptedNotifier("well", delivery=PATIENT, script=script)
    on_bench(main, notifiers=[bad, well])


def in_order(notices: Sequence[Notice]) -> bool:
    """Tell whether the notices of each subject come in the order of the journal."""
    by_subject: dict[str, list[int]] = {}
    for notice in notices:
        by_subject.setdefault(notice.subject, []).append(notice.sequence)
    return all(sequences == sorted(sequences) for sequences in by_subject.values())


def test_what_waits_behind_and_is_refused_keeps_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every other row of a long lane is refused: memory goes on holding those, and the order is kept."""
    met = spoil(monkeypatch, {"attempts": -1}, lambda delivery: delivery.sequence % 2 == 0)
    script = Failing()

    async def main(bench: Bench) -> None:
        name = await bench.working()
        await bench.pass_ms(200)
        for number in range(60):
            await bench.kernel.annotate(name, note=f"number {number}")
        await bench.pass_ms(3 * SECOND)
        assert len(set(met)) >= 30
        assert await rows(bench, "scripted")
        script.healed = True
        await bench.pass_ms(60 * SECOND)
        assert sorted(told(notifier)) == sorted(owed(bench))
        assert in_order(notifier.told)
        assert (await marks(bench))["scripted"] == bench.kernel.durable_sequence
        assert bench.anomalies() == ["notice_row_refused"]

    notifier = ScriptedNotifier(delivery=PATIENT, script=script)
    on_bench(main, notifiers=[notifier])


@pytest.mark.parametrize("answer", [AGAIN, NEVER], ids=["waits", "dead"])
def test_the_mark_does_not_pass_a_notice_whose_row_was_refused(
    answer: DeliveryOutcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel dies with the refusal in memory alone: the next one, without the bug, tells it."""
    script = Failing()
    script.answer = answer

    async def main(bench: Bench) -> None:
        with monkeypatch.context() as bug:
            met = spoil(bug, {"attempts": -1}, lambda _delivery: True)
            await bench.working()
            await bench.pass_ms(5 * SECOND)
            assert met
            await bench.die()
        script.healed = True
        await bench.start_another()
        await bench.pass_ms(5 * SECOND)
        assert set(told(notifier)) == set(owed(bench))

    notifier = ScriptedNotifier(delivery=PATIENT, script=script)
    on_bench(main, notifiers=[notifier])


def test_a_notifiers_own_row_that_is_refused_is_tried_again_at_its_interval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The mark stays where it was, telling goes on, and the store is not asked without end."""

    async def main(bench: Bench) -> None:
        appends = [0]

        async def before(method: str) -> None:
            appends[0] += method == "append"

        bench.before = before
        with monkeypatch.context() as bug:
            sound = NotifierAccount.row
            bug.setattr(NotifierAccount, "row", lambda self, now_ns: broken(sound(self, now_ns)))
            await bench.working()
            await bench.pass_ms(10 * SECOND)
        assert 10 <= appends[0] <= 30
        assert sorted(told(notifier)) == sorted(owed(bench))
        assert (await marks(bench))["scripted"] == 1
        assert bench.anomalies() == ["notice_row_refused"]
        await bench.pass_ms(2 * SECOND)
        assert (await marks(bench))["scripted"] == bench.kernel.durable_sequence

    def broken(row: Row) -> Row:
        return Row.of("notifiers", {**row.named(), "failures": -1})

    notifier = ScriptedNotifier()
    on_bench(main, notifiers=[notifier])


def account(name: str, mark: int = 1) -> Row:
    """Return a notifier's row."""
    return NotifierAccount(name, mark).row(1)


def delivery(name: str, sequence: int) -> Row:
    """Return a delivery's row."""
    return Delivery(name, sequence, f"e-{sequence}", "order_event", "order").row(1)


def test_suspects_come_one_by_one_and_a_mark_goes_with_what_it_counts_on() -> None:
    """Only the row at fault is dropped, and its notifier's mark; a failed commit keeps the rest."""
    loose, heard = LooseRows(), list[Sequence[Row]]()
    given = [account("a"), delivery("a", 1), delivery("a", 2), account("b"), delivery("b", 1)]
    loose.add(given, heard.append)
    assert loose.take() == given
    loose.refused()
    assert loose.take() == [delivery("a", 1)]
    loose.refused()
    assert loose.take() == [delivery("a", 2)]
    loose.done()
    assert loose.take() == [delivery("b", 1)]
    newer = account("b", 7)
    loose.add([newer])
    loose.put_back()
    assert heard == []
    assert loose.take() == [delivery("b", 1), newer]
    loose.done()
    assert heard == [[delivery("a", 1)]]
    assert not loose


def test_a_discarded_notice_is_not_told_by_a_kernel_that_reads_past_it_again() -> None:
    """A row behind the mark counts after a kernel's death: what it says is over is over, and told once."""
    stuck, refused = set[str](), set[str]()

    async def main(bench: Bench) -> None:
        async def script(notice: Notice, _attempt: int) -> DeliveryOutcome:
            if notice.subject in stuck:  # holds the mark back
                await bench.pass_ms(10**9)
            return NEVER if notice.subject in refused else DELIVERED

        notifier.script = script
        slow = await bench.working("buy", "1", "90")
        other = await bench.working("buy", "1", "91", symbol=ETH)
        await bench.pass_ms(2 * SECOND)
        stuck.add(slow)
        refused.add(other)
        await bench.kernel.annotate(slow, note="a word")
        await bench.kernel.annotate(other, note="a word")
        await bench.pass_ms(3 * SECOND)
        (dead,) = [each for each, state in (await rows(bench, "scripted")).items() if state == "dead"]
        await say(bench, "discard", dead)
        sequence = next(row.sequence for row in bench.disk.outbox if row.event_id == dead)
        assert (await marks(bench))["scripted"] < sequence
        await bench.die()
        stuck.clear()
        refused.clear()
        await bench.start_another()
        await bench.pass_ms(60 * SECOND)
        assert set(told(notifier)) == set(owed(bench)) - {dead}
        assert (await rows(bench, "scripted"))[dead] == "discarded"
        assert bench.kernel._parts.relay.couriers["scripted"].owing.waiting == 0

    notifier = ScriptedNotifier(delivery=DeliverySettings(attempt_timeout_ms=10**8, circuit_failures=1_000))
    on_bench(main, notifiers=[notifier], settings={"notify_on_stop_ms": 0})


def test_a_pause_without_end_is_a_time_that_a_store_can_hold() -> None:
    """A notifier's own settings may ask for any pause; no row of it is refused, and trading goes on."""
    endless = 10**30

    async def main(bench: Bench) -> None:
        await bench.working()
        await bench.pass_ms(3 * SECOND)
        found = await bench.store.rows("deliveries")
        assert {row["next_at_ns"] for row in found if row["attempts"]} == {2**63 - 1}
        (row,) = await bench.store.rows("notifiers")
        assert row["circuit_until_ns"] == 2**63 - 1

    settings = DeliverySettings(retry_pauses_ms=(endless,), circuit_failures=1, circuit_pause_ms=endless)
    on_bench(main, notifiers=[ScriptedNotifier(delivery=settings, script=Failing())])


def test_a_row_that_was_stored_before_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused later takes nothing back: the mark stays ahead, and after a death the old row tells."""
    script = Failing()
    slow = DeliverySettings(retry_pauses_ms=(4_000,) * 60, circuit_failures=1_000)

    async def main(bench: Bench) -> None:
        with monkeypatch.context() as bug:
            met = spoil(bug, {"attempts": -1}, lambda delivery: delivery.attempts > 1)
            await bench.working()
            await bench.pass_ms(20 * SECOND)
            assert met
            assert (await marks(bench))["scripted"] == bench.kernel.durable_sequence
            assert set(await rows(bench, "scripted")) >= set(met)
            await bench.die()
        script.healed = True
        await bench.start_another()
        await bench.pass_ms(5 * SECOND)
        assert sorted(told(notifier)) == sorted(owed(bench))

    notifier = ScriptedNotifier(delivery=slow, script=script)
    on_bench(main, notifiers=[notifier])


def test_a_record_whose_rows_are_refused_still_ends_the_journal() -> None:
    """Only rows that no record stands for are given up: with wrong rows of its own the kernel halts."""

    async def main(bench: Bench) -> None:
        async def before(method: str) -> None:
            if method == "append":
                raise RowRuleBroken("ck_orders_state_known")

        await bench.pass_ms(5 * SECOND)
        bench.before = before
        with pytest.raises(RowRuleBroken):
            await bench.execute()
        assert {part: state for part, state, _ in bench.kernel.health()}["journal"] == "faulted"

    on_bench(main, notifiers=[ScriptedNotifier()])


def test_records_that_share_a_batch_with_a_refused_row_are_committed_without_it() -> None:
    """An order's records and a bad row gather behind a slow commit: it goes out, the row is dropped."""
    heard: list[Sequence[Row]] = []

    async def main(bench: Bench) -> None:
        brake = Brake(bench)
        first = bench.spawn_execute("buy", "1", "90")
        await bench.pass_ms()
        bad = Row.of("deliveries", {**delivery("scripted", 1).named(), "attempts": -1})
        bench.kernel._parts.journal.add_rows([bad], heard.append)
        second = bench.spawn_execute("buy", "1", "91")
        await bench.pass_ms()
        brake.release()
        assert {(await first).status, (await second).status} == {"ACCEPTED"}
        assert heard == [[bad]]
        assert bench.kernel._parts.recovery.count == 0
        assert bench.disk.tables.by_name["deliveries"].all() == []

    on_bench(main)
