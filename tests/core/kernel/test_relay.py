"""The relay in a kernel: notifiers are told everything, at least once, in order, and never hurt trading."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest

from fairlead.domain.notifier_records import NotifierDecided
from fairlead.errors import ConfigurationRefused, UnknownName
from fairlead.ports.notices import DELIVERED, DeliveryOutcome, DeliverySettings, Notice
from fairlead.testing.memory_store import AppendFault
from fairlead.testing.scripted_notifier import AGAIN, GONE, NEVER, ScriptedNotifier
from tests.core.kernel.bench import BTC, ETH, Bench, on_bench
from tests.core.kernel.notifier_words import NOTE, say

SECOND = 1_000
QUICK = DeliverySettings(retry_pauses_ms=(1_000, 2_000), attempt_timeout_ms=500, circuit_failures=1_000)


def owed(bench: Bench, after: int = 0) -> list[str]:
    """Return the ids of every durable fact behind a sequence, in order."""
    return [row.event_id for row in bench.disk.outbox if row.sequence > after]


def ids(notices: Sequence[Notice]) -> list[str]:
    """Return the ids of notices."""
    return [notice.event_id for notice in notices]


def health(bench: Bench) -> str:
    """Return what the kernel says is amiss with notifiers."""
    return {part: problem for part, _, problem in bench.kernel.health()}["outbox"]


def about(notice: Notice, what: str) -> dict[str, Any]:
    """Return what a notice says of its order or its position."""
    found = notice.data[what]
    assert isinstance(found, dict)
    return found


async def mark(bench: Bench, name: str = "scripted") -> dict[str, Any]:
    """Return the row of a notifier."""
    (row,) = await bench.store.rows_where("notifiers", "name", name)
    return dict(row)


async def deliveries(bench: Bench) -> list[tuple[str, str, int]]:
    """Return every delivery that has a row: event, state, attempts."""
    rows = await bench.store.rows("deliveries")
    return [(str(row["event_id"]), str(row["state"]), int(str(row["attempts"]))) for row in rows]


def in_order(notices: Sequence[Notice]) -> bool:
    """Tell whether the notices of each subject come in the order of the journal."""
    by_subject: dict[str, list[int]] = defaultdict(list)
    for notice in notices:
        by_subject[notice.subject].append(notice.sequence)
    return all(sequences == sorted(sequences) for sequences in by_subject.values())


def test_every_durable_fact_is_told_once_and_in_order() -> None:
    """Everything in the outbox behind the first start arrives, once each; the mark then says so durably."""
    notifier = ScriptedNotifier()

    async def main(bench: Bench) -> None:
        first = int((await mark(bench))["mark"])
        await bench.hold("2", "100", BTC)
        await bench.working("buy", "1", "50", symbol=ETH)
        await bench.pass_ms(3 * SECOND)
        assert sorted(ids(notifier.told)) == sorted(owed(bench, first))
        assert len(notifier.told) >= 8
        assert in_order(notifier.told)
        assert (await mark(bench))["mark"] == bench.kernel.durable_sequence
        assert await deliveries(bench) == []

    on_bench(main, notifiers=[notifier])
    assert notifier.closed == 1


def test_a_notice_says_how_its_order_stood_at_its_step() -> None:
    """A notice read after the order moved on has the state and the fills of its own step, not later ones."""
    notifier = ScriptedNotifier()

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "2", "100")
        bench.exchange.trade(name, "0.5", "100")
        bench.exchange.trade(name, "1.5", "100")
        await bench.pass_ms(SECOND)
        orders = [about(notice, "order") for notice in notifier.told if notice.kind == "order_filled"]
        facts = {"symbol": BTC, "side": "buy", "owner": "bot", "client_order_id": name, "quantity": "2"}
        assert [(order["state"], order["filled_quantity"], order["filled_value"]) for order in orders] == [
            ("working", "0.5", "50.00000000"),
            ("filled", "2.0", "200.00000000"),
        ]
        assert all(facts.items() <= order.items() for order in orders)
        positions = [about(notice, "position") for notice in notifier.told if "position" in notice.data]
        assert [position["quantity"] for position in positions] == ["0.5", "2.0"]
        assert all(position["symbol"] == BTC and position["episode"] == 1 for position in positions)

    on_bench(main, notifiers=[notifier])


def test_who_is_new_is_not_told_the_past_and_who_comes_back_misses_nothing() -> None:
    """A notifier begins at the head; a kernel without it changes nothing about what it is owed."""
    first, second = ScriptedNotifier("first"), ScriptedNotifier("second")

    async def main(bench: Bench) -> None:
        await bench.hold("1", "100")
        await bench.pass_ms(2 * SECOND)
        told = len(first.told)
        bench.fittings["notifiers"] = [second]
        head = bench.kernel.durable_sequence
        await bench.restart()
        await bench.hold("1", "100")
        await bench.pass_ms(2 * SECOND)
        assert min(notice.sequence for notice in second.told) > head
        bench.fittings["notifiers"] = [first, second]
        await bench.restart()
        await bench.pass_ms(2 * SECOND)
        assert len(first.told) > told
        assert sorted(set(ids(first.told)), key=owed(bench).index) == [
            each for each in owed(bench) if int(each.split("-")[1]) >= first.told[0].sequence
        ]

    on_bench(main, notifiers=[first])


@pytest.mark.parametrize(
    "how", ["hangs", "raises", "exits", "swallows", "cancels itself", "answers nonsense"]
)
@pytest.mark.requirement("ERR-3")
def test_a_failing_notifier_affects_only_itself(how: str) -> None:
    """Orders run as without it, the other notifier is told everything, and the kernel stops in time."""

    async def script(_notice: Notice, _attempt: int) -> DeliveryOutcome:
        if how == "raises":
            raise ValueError("no")
        if how == "exits":
            raise SystemExit
        if how == "answers nonsense":
            return "done"  # type: ignore[return-value]  # that is the point
        if how == "cancels itself":
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if how != "swallows" or released.is_set():
                    raise

    async def main(bench: Bench) -> None:
        await bench.hold("1", "100")
        await bench.pass_ms(20 * SECOND)
        begun = bench.clock.monotonic_ns()
        await bench.hold("1", "100")
        assert bench.clock.monotonic_ns() - begun < 10 * 10**6
        await bench.pass_ms(2 * SECOND)
        assert sorted(ids(well.told)) == sorted(owed(bench, well.told[0].sequence - 1))
        assert bench.kernel.trading_state.value == "active"
        assert bench.anomalies() == []
        assert bad.attempts
        assert bad.told == []
        assert await deliveries(bench)
        assert all(state in ("pending", "dead") for _, state, _ in await deliveries(bench))
        released.set()

    released = asyncio.Event()
    bad = ScriptedNotifier("bad", delivery=QUICK, script=script)
    well = ScriptedNotifier("well")
    on_bench(main, notifiers=[bad, well])


def test_a_failing_subject_holds_up_nobody_else_and_keeps_its_order() -> None:
    """The notices of one order fail thrice; those of the other pass meanwhile, and none overtakes another."""
    failing: set[str] = set()

    async def script(notice: Notice, attempt: int) -> DeliveryOutcome:
        return AGAIN if notice.subject in failing and attempt < 3 else DELIVERED

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        failing.add(name)
        bench.exchange.trade(name, "1", "100")
        await bench.pass_ms(200)
        other = await bench.working("buy", "1", "99", symbol=ETH)
        await bench.pass_ms(200)
        assert [notice.kind for notice in notifier.told if notice.subject == other]
        assert "order_filled" not in {notice.kind for notice in notifier.told if notice.subject == name}
        await bench.pass_ms(30 * SECOND)
        assert sorted(ids(notifier.told)) == sorted(owed(bench, notifier.told[0].sequence - 1))
        assert in_order(notifier.told)
        assert {state for _, state, _ in await deliveries(bench)} == {"delivered"}
        assert (await mark(bench))["mark"] == bench.kernel.durable_sequence

    notifier = ScriptedNotifier(delivery=QUICK, script=script)
    on_bench(main, notifiers=[notifier])


def test_attempts_come_after_their_pauses_and_end_with_a_dead_letter() -> None:
    """Each pause is between half and whole of the schedule's; after the last one the notice is dead."""
    times: list[int] = []

    async def main(bench: Bench) -> None:
        async def script(notice: Notice, _attempt: int) -> DeliveryOutcome:
            if notice.kind != "order_accepted":
                return DELIVERED
            times.append(bench.clock.monotonic_ns() // 10**6)
            return AGAIN

        notifier.script = script
        await bench.working()
        await bench.pass_ms(10 * SECOND)
        assert len(times) == 3
        assert 500 <= times[1] - times[0] <= 1_001
        assert 1_000 <= times[2] - times[1] <= 2_001
        assert [(state, attempts) for _, state, attempts in await deliveries(bench)] == [("dead", 3)]
        assert "1 dead letters" in health(bench)

    notifier = ScriptedNotifier(delivery=QUICK)
    on_bench(main, notifiers=[notifier])


def test_never_is_dead_at_once_and_gone_disables() -> None:
    """A refusal for good costs one notice; a receiver that is gone is told nothing more, which is noted."""
    answer = [NEVER]

    async def script(_notice: Notice, _attempt: int) -> DeliveryOutcome:
        return answer[0]

    async def main(bench: Bench) -> None:
        await bench.working()
        await bench.pass_ms(2 * SECOND)
        assert {state for _, state, _ in await deliveries(bench)} == {"dead"}
        answer[0] = GONE
        await bench.working("buy", "1", "99")
        await bench.pass_ms(2 * SECOND)
        tries = len(notifier.attempts)
        await bench.working("buy", "1", "98")
        await bench.pass_ms(60 * SECOND)
        assert len(notifier.attempts) == tries
        assert bench.anomalies() == ["notifier_disabled"]
        row = await mark(bench)
        assert (row["disabled"], row["reason"]) == (True, "nobody lives here")
        assert bench.kernel.trading_state.value == "active"
        answer[0] = DELIVERED
        await bench.restart()
        await bench.pass_ms(2 * SECOND)
        assert len(notifier.attempts) == tries
        bench.kernel._parts.relay.couriers["scripted"].enable()
        await bench.pass_ms(2 * SECOND)
        assert not [state for _, state, _ in await deliveries(bench) if state == "pending"]
        assert (await mark(bench))["mark"] == bench.kernel.durable_sequence

    notifier = ScriptedNotifier(delivery=QUICK, script=script)
    on_bench(main, notifiers=[notifier])


def test_a_circuit_that_is_open_lets_one_notice_try() -> None:
    """After five failures nothing is tried for half a minute, then one; a success lets the rest follow."""
    healthy = [False]

    async def script(_notice: Notice, _attempt: int) -> DeliveryOutcome:
        return DELIVERED if healthy[0] else AGAIN

    async def main(bench: Bench) -> None:
        for price in range(90, 100):
            await bench.working("buy", "1", str(price))
        await bench.pass_ms(2 * SECOND)
        tries = len(notifier.attempts)
        assert tries <= 5 + 7  # those under way when it opened end
        await bench.pass_ms(25 * SECOND)
        assert len(notifier.attempts) == tries
        await bench.pass_ms(8 * SECOND)
        assert len(notifier.attempts) == tries + 1
        assert "circuit open" in health(bench)
        healthy[0] = True
        await bench.pass_ms(600 * SECOND)
        first = min(notice.sequence for notice, _ in notifier.attempts)
        assert sorted(set(ids(notifier.told))) == sorted(owed(bench, first - 1))
        assert health(bench) == ""

    notifier = ScriptedNotifier(script=script)
    on_bench(main, notifiers=[notifier])


@pytest.mark.parametrize(
    "fault", [AppendFault.FAILS, AppendFault.UNCERTAIN_STORED, AppendFault.UNCERTAIN_LOST]
)
def test_only_what_is_durable_is_told(fault: AppendFault) -> None:
    """A commit fails or is uncertain: each notice that is told is in the journal, and all there are told."""
    notifier = ScriptedNotifier()

    async def main(bench: Bench) -> None:
        await bench.hold("1", "100")
        pending = [True]
        bench.faults = lambda _batch: fault if pending and pending.pop() else None
        task = bench.spawn_execute("buy", "1", "99")
        await bench.pass_ms(60 * SECOND)
        await asyncio.wait([task])
        task.exception()
        told = {notice.event_id: notice for notice in notifier.told}
        assert set(told) <= set(owed(bench))
        assert sorted(told) == sorted(owed(bench, notifier.told[0].sequence - 1))
        assert in_order(notifier.told)
        assert (await mark(bench))["mark"] == bench.kernel.durable_sequence

    on_bench(main, notifiers=[notifier])


def test_a_kernel_that_dies_between_telling_and_marking_tells_again_the_same() -> None:
    """What was told and not marked comes again with the same id and the same contents."""
    notifier = ScriptedNotifier()

    async def main(bench: Bench) -> None:
        await bench.pass_ms(3 * SECOND)
        await bench.hold("1", "100")
        await bench.pass_ms(200)  # told, and the mark is written only after a second
        before = list(notifier.told)
        marked = int((await mark(bench))["mark"])
        assert [notice for notice in before if notice.sequence > marked]
        await bench.die()
        await bench.start_another()
        await bench.pass_ms(3 * SECOND)
        again = {notice.event_id: notice for notice in notifier.told[len(before) :]}
        for notice in before:
            if notice.sequence > marked:
                assert again[notice.event_id] == notice

    on_bench(main, notifiers=[notifier])


def test_memory_holds_a_bound_of_notices_however_many_are_queued() -> None:
    """A flood of one subject that fails, and fifty others: memory stays in its bound, and all arrive."""
    failing = [True]
    most = [0]

    async def main(bench: Bench) -> None:
        courier = bench.kernel._parts.relay.couriers["scripted"]

        async def script(notice: Notice, _attempt: int) -> DeliveryOutcome:
            most[0] = max(most[0], courier.owing.held)
            await bench.pass_ms(1)
            return AGAIN if failing[0] and notice.subject == name else DELIVERED

        notifier.script = script
        name = await bench.working("buy", "1", "10")
        for number in range(300):
            await bench.kernel.annotate(name, note=f"number {number}")
        for price in range(11, 61):
            await bench.working("buy", "1", str(price))
        await bench.pass_ms(20 * SECOND)
        others = [notice for notice in notifier.told if notice.subject != name]
        assert len({notice.subject for notice in others}) >= 50
        failing[0] = False
        await bench.pass_ms(600 * SECOND)
        assert most[0] <= 20 + 1  # the facts of one record come together
        assert set(ids(notifier.told)) == set(owed(bench, notifier.attempts[0][0].sequence - 1))
        assert in_order(notifier.told)
        assert (await mark(bench))["mark"] == bench.kernel.durable_sequence

    notifier = ScriptedNotifier(
        delivery=DeliverySettings(retry_pauses_ms=(1_000,) * 60, circuit_failures=1_000)
    )
    on_bench(main, notifiers=[notifier], settings={"notices_held_max": 20})


def test_a_wish_that_raises_is_asked_once_and_everything_is_told() -> None:
    """Who cannot say what it wants is told all: too much is noticed, too little is not."""
    asked: list[str] = []

    def wanted(notice: Notice) -> bool:
        asked.append(notice.event_id)
        raise ValueError

    async def main(bench: Bench) -> None:
        await bench.working()
        await bench.pass_ms(2 * SECOND)
        assert len(asked) == 1
        assert sorted(ids(notifier.told)) == sorted(owed(bench, notifier.told[0].sequence - 1))

    notifier = ScriptedNotifier(wanted=wanted)
    on_bench(main, notifiers=[notifier])


def test_what_is_not_wanted_is_passed_over() -> None:
    """Only wanted notices are tried; the mark passes the others."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        await bench.pass_ms(2 * SECOND)
        assert {notice.kind for notice in notifier.told} == {"order_filled"}
        assert (await mark(bench))["mark"] == bench.kernel.durable_sequence

    notifier = ScriptedNotifier(wanted=lambda notice: notice.kind == "order_filled")
    on_bench(main, notifiers=[notifier])


def test_a_notice_that_grew_too_old_is_a_dead_letter() -> None:
    """With an expiry, what waited longer is not told but kept as dead."""
    failing = [True]

    async def script(_notice: Notice, _attempt: int) -> DeliveryOutcome:
        return AGAIN if failing[0] else DELIVERED

    async def main(bench: Bench) -> None:
        await bench.working()
        await bench.pass_ms(4 * SECOND)
        failing[0] = False
        await bench.pass_ms(20 * SECOND)
        assert {state for _, state, _ in await deliveries(bench)} == {"dead"}
        assert notifier.told == []

    notifier = ScriptedNotifier(
        script=script,
        delivery=DeliverySettings(
            retry_pauses_ms=(9_000, 9_000), expires_after_ms=3_000, circuit_failures=1_000
        ),
    )
    on_bench(main, notifiers=[notifier])


def test_two_notifiers_of_one_name_are_refused() -> None:
    """What is owed is kept under the name, so a kernel with a doubled one is not made."""

    async def main(bench: Bench) -> None:
        bench.fittings["notifiers"] = [ScriptedNotifier(), ScriptedNotifier()]
        with pytest.raises(ConfigurationRefused, match="Two notifiers are called 'scripted'"):
            bench.new_kernel()

    on_bench(main)


def test_an_operators_word_is_recorded_and_done() -> None:
    """Disabled, enabled, replayed and discarded over the control commands: each is a record with its note."""
    answer = [NEVER]

    async def script(_notice: Notice, _attempt: int) -> DeliveryOutcome:
        return answer[0]

    async def main(bench: Bench) -> None:
        await bench.working()
        await bench.pass_ms(2 * SECOND)
        dead = [event_id for event_id, _, _ in await deliveries(bench)]
        assert len(dead) >= 3
        assert await say(bench, "discard", dead[0]) == {
            "accepted": True,
            "code": "",
            "reason": "",
            "count": 1,
        }
        assert await say(bench, "discard", dead[0]) == {
            "accepted": True,
            "code": "",
            "reason": "",
            "count": 0,
        }
        await say(bench, "disable")
        answer[0] = DELIVERED
        await say(bench, "replay")
        await bench.pass_ms(2 * SECOND)
        assert notifier.told == []
        assert health(bench).startswith(f"notifier scripted: disabled: {NOTE}")
        await say(bench, "enable")
        await bench.pass_ms(2 * SECOND)
        assert set(dead[1:]) <= set(ids(notifier.told))
        assert dead[0] not in ids(notifier.told)
        assert {state for _, state, _ in await deliveries(bench)} == {"delivered", "discarded"}
        said = [record for record in bench.records() if isinstance(record, NotifierDecided)]
        actions = ["discard", "discard", "disable", "replay", "enable"]
        assert [record.action.value for record in said] == actions
        assert {(record.by, record.note) for record in said} == {("operator", NOTE)}
        assert health(bench) == ""
        with pytest.raises(UnknownName, match="nobody"):
            await say(bench, "enable", notifier="nobody")
        with pytest.raises(UnknownName, match="x-1"):
            await say(bench, "replay", "x-1")

    notifier = ScriptedNotifier(delivery=QUICK, script=script)
    on_bench(main, notifiers=[notifier])
