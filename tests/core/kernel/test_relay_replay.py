"""What an operator has told again: an event by its id, told long ago or never, or dead letters of a time."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fairlead.errors import InvalidInput, UnknownName
from fairlead.kernel.outbox.events import sequence_of
from fairlead.ports.notices import DELIVERED, DeliveryOutcome, DeliverySettings, Notice
from fairlead.ports.searches import Search
from fairlead.testing.memory_store import MemoryStore
from fairlead.testing.scripted_notifier import AGAIN, NEVER, ScriptedNotifier
from tests.core.kernel.bench import Bench, on_bench
from tests.core.kernel.notifier_words import say

SECOND = 1_000


async def told(bench: Bench, notifier: ScriptedNotifier, kind: str) -> list[str]:
    """Return the ids of the notices of a kind that were told, after a while."""
    await bench.pass_ms(3 * SECOND)
    return [notice.event_id for notice in notifier.told if notice.kind == kind]


def count_of(answer: object) -> object:
    """Return how many deliveries an answer says it was about."""
    assert isinstance(answer, Mapping)
    return answer["count"]


def test_an_event_that_was_told_at_once_is_told_again() -> None:
    """It has no row, and the mark has passed it: the same notice comes once more, also after a restart."""

    async def main(bench: Bench) -> None:
        await bench.hold("1", "100")
        (fill,) = await told(bench, notifier, "order_filled")
        (before,) = [notice for notice in notifier.told if notice.event_id == fill]
        assert count_of(await say(bench, "replay", fill)) == 1
        assert await told(bench, notifier, "order_filled") == [fill, fill]
        await bench.restart()
        position = f"{fill}-position"
        assert count_of(await say(bench, "replay", fill, position)) == 2
        assert await told(bench, notifier, "order_filled") == [fill, fill, fill]
        assert [each.event_id for each in notifier.told].count(position) == 2
        assert all(notice == before for notice in notifier.told if notice.event_id == fill)
        assert {str(row["state"]) for row in await bench.store.rows("deliveries")} == {"delivered"}

    notifier = ScriptedNotifier()
    on_bench(main, notifiers=[notifier])


def test_dead_letters_of_a_time_are_replayed_and_no_others() -> None:
    """The bounds are the times at which letters got their rows: from the first on, before the second."""
    answer = [NEVER]

    async def script(_notice: Notice, _attempt: int) -> DeliveryOutcome:
        return answer[0]

    async def main(bench: Bench) -> None:
        moments = []
        for price in ("97", "98", "99"):
            moments.append(str(bench.clock.wall_ns()))
            await bench.working("buy", "1", price)
            await bench.pass_ms(10 * SECOND)
        dead = [row for row in await bench.store.rows("deliveries") if row["state"] == "dead"]
        second = [row for row in dead if int(moments[1]) <= int(str(row["created_ns"])) < int(moments[2])]
        assert 0 < len(second) < len(dead)
        answer[0] = DELIVERED
        nothing = await say(bench, "replay", since_ns=str(bench.clock.wall_ns()))
        assert count_of(nothing) == 0
        between = await say(bench, "replay", since_ns=moments[1], until_ns=moments[2])
        assert count_of(between) == len(second)
        await bench.pass_ms(3 * SECOND)
        said = [notice.event_id for notice in notifier.told if notice.kind != "notifier_decided"]
        assert sorted(said) == sorted(str(row["event_id"]) for row in second)
        rest = await say(bench, "replay", until_ns=moments[1])
        assert 0 < int(str(count_of(rest))) < len(dead) - len(second)
        with pytest.raises(InvalidInput, match="no whole number of nanoseconds"):
            await say(bench, "replay", since_ns="yesterday")

    notifier = ScriptedNotifier(script=script)
    on_bench(main, notifiers=[notifier])


@pytest.mark.parametrize("event_id", ["9f86d081-1000000", "9f86d081-0", "9f86d081-1-position", "17", "x-1"])
def test_an_event_that_never_was_is_refused(event_id: str) -> None:
    """An id of another shape, of no record, or of a fact that the record does not have: nothing is done."""

    async def main(bench: Bench) -> None:
        await bench.working()
        await bench.pass_ms(3 * SECOND)
        before = len(notifier.told)
        with pytest.raises(UnknownName, match="is not known"):
            await say(bench, "replay", event_id)
        await bench.pass_ms(3 * SECOND)
        assert len(notifier.told) == before

    notifier = ScriptedNotifier()
    on_bench(main, notifiers=[notifier])


@pytest.mark.parametrize(
    ("event_id", "sequence"),
    [
        ("9f86d081-17", 17),
        ("9f86d081-17-position", 17),
        ("9f86d081-0", None),
        ("9f86d081-017", None),
        ("9F-17", None),
        ("17", None),
        (f"9f-{'9' * 19}", None),
    ],
)
def test_an_id_says_the_sequence_of_its_record(event_id: str, sequence: int | None) -> None:
    """What no kernel wrote says nothing."""
    assert sequence_of(event_id) == sequence


@pytest.mark.parametrize("action", ["discard", "replay"])
def test_a_word_about_what_waits_in_memory_is_kept(action: str) -> None:
    """A circuit is open, and what was read has no row yet: it is given up, or told once and counted once."""
    healthy = [False]

    async def script(_notice: Notice, _attempt: int) -> DeliveryOutcome:
        return DELIVERED if healthy[0] else AGAIN

    async def main(bench: Bench) -> None:
        for price in range(90, 100):
            await bench.working("buy", "1", str(price))
        await bench.pass_ms(2 * SECOND)
        rows = {str(row["event_id"]) for row in await bench.store.rows("deliveries")}
        facts = [row.event_id for row in bench.disk.outbox if row.kind == "order_accepted"]
        waiting = [event_id for event_id in facts if event_id not in rows]
        first, second = waiting[-1], waiting[-2]
        assert count_of(await say(bench, action, first)) == 1
        healthy[0] = True
        await bench.pass_ms(600 * SECOND)
        told = [notice.event_id for notice in notifier.told]
        assert told.count(first) == (action == "replay")
        assert told.count(second) == 1
        assert {part: problem for part, _, problem in bench.kernel.health()}["outbox"] == ""
        (courier,) = bench.kernel._parts.relay.couriers.values()
        assert courier.owing.waiting == 0

    notifier = ScriptedNotifier(script=script, delivery=DeliverySettings(retry_pauses_ms=(1_000,) * 50))
    on_bench(main, notifiers=[notifier])


def test_a_replay_during_a_search_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """The courier searches for rows of a subject when an operator replays another of it: both are told."""
    answer = [NEVER]
    during: list[str] = []

    async def script(_notice: Notice, _attempt: int) -> DeliveryOutcome:
        return answer[0]

    async def main(bench: Bench) -> None:
        await bench.working()
        await bench.pass_ms(3 * SECOND)
        order = [row for row in bench.disk.outbox if row.kind.startswith("order_")]
        first, second = (row.event_id for row in order)
        search = MemoryStore.search

        async def slow(store: MemoryStore, table: str, wanted: Search) -> object:
            found = await search(store, table, wanted)
            if during and ("subject", order[0].subject) in wanted.equal:
                await say(bench, "replay", during.pop())
            return found

        monkeypatch.setattr(MemoryStore, "search", slow)
        answer[0] = DELIVERED
        during.append(second)
        await say(bench, "replay", first)
        await bench.pass_ms(60 * SECOND)
        assert not during
        assert {first, second} <= {notice.event_id for notice in notifier.told}

    notifier = ScriptedNotifier(script=script)
    on_bench(main, notifiers=[notifier])
