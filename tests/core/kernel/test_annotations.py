"""Annotations: what a bot says about its orders and episodes later is kept, once, and can be asked for."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead import Proposal
from fairlead.domain.command_records import EpisodeAnnotated, OrderAnnotated
from fairlead.domain.events import EpisodeRemarked, OrderChanged
from fairlead.domain.records import CommandRefused
from fairlead.domain.remarks import Annotation, Remarks, annotated, to_annotation
from fairlead.errors import InvalidInput, TextRefused, UnknownName
from tests.core.kernel.bench import BTC, Bench, on_bench
from tests.core.kernel.test_episodes import traded

LONG = "x" * 1_024


@pytest.mark.requirement("P3-5")
@pytest.mark.parametrize("when", ["working", "finished", "left memory", "restarted"])
def test_an_order_is_annotated_whenever(when: str) -> None:
    """Working or long over, in memory or not: the words are on it, in its row, and found by."""

    async def main(bench: Bench) -> None:
        if when == "working":
            name = await bench.working()
        else:
            name = await traded(bench, "buy", "1", "100")
        if when == "left memory":
            for _ in range(3):
                await traded(bench, "buy", "1", "100")
            assert bench.kernel.order(name) is None
        if when == "restarted":
            await bench.restart()
        answer = await bench.bot.annotate(
            name, note="late thought", add_tags=["reviewed"], metadata={"grade": "B"}
        )
        assert (answer.accepted, answer.code, answer.reason) == (True, "", "")
        (found,) = await bench.bot.orders(tag="reviewed", note="thought")
        assert (found.client_order_id, found.metadata) == (name, (("grade", "B"),))
        await bench.bot.annotate(
            name, remove_tags=["reviewed", "never-there"], note="", metadata={"grade": "A"}
        )
        assert await bench.bot.orders(tag="reviewed") == ()
        found_again = await bench.bot.find_order(name)
        assert found_again is not None
        assert (found_again.note, found_again.tags, found_again.metadata) == ("", (), (("grade", "A"),))
        await bench.restart()
        assert (await bench.bot.find_order(name)) == found_again

    on_bench(main, settings={"closed_orders_max": 2})


def test_an_order_that_works_does_not_leave_memory_for_an_annotation() -> None:
    """Memory lets go of the oldest orders that are over, and never of one that may still fill."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        assert (await bench.bot.annotate(name, note="watch this one")).accepted
        for _ in range(4):
            await traded(bench, "buy", "1", "100")
        assert bench.order(name).status == "ACCEPTED"
        assert (await bench.bot.cancel(name)).accepted

    on_bench(main, settings={"closed_orders_max": 2})


@pytest.mark.requirement("P3-5")
@pytest.mark.parametrize("when", ["open", "over", "restarted"])
def test_an_episode_is_annotated_whenever(when: str) -> None:
    """An open episode, one that has left memory, one of an earlier kernel: the words are in its row."""

    async def main(bench: Bench) -> None:
        seen: list[EpisodeRemarked] = []
        await traded(bench, "buy", "1", "100")
        if when != "open":
            await traded(bench, "sell", "1", "100")
        if when == "restarted":
            await bench.restart()
        bench.kernel.events.subscribe(seen.append, EpisodeRemarked)
        answer = await bench.bot.annotate_episode(BTC, 1, note="a lesson", add_tags=["late", "late"])
        assert answer.accepted
        (found,) = await bench.bot.episodes(tag="late")
        assert (found.note, found.tags) == ("a lesson", ("late",))
        assert [(event.by, event.episode.note) for event in seen] == [("bot", "a lesson")]
        running = bench.bot.episode(BTC)
        assert (running is not None) == (when == "open")
        assert running is None or running.note == "a lesson"
        row = bench.disk.outbox[-1]
        await bench.working(price="90")
        assert len(bench.kernel._parts.engine.state.episodes) == (when == "open")
        assert (row.kind, row.subject) == ("episode_annotated", f"{BTC} bot")

    on_bench(main)


def test_saying_it_again_says_the_same() -> None:
    """A repetition changes nothing and records nothing; under a key, also after a restart."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        for _ in range(3):
            assert (await bench.bot.annotate(name, add_tags=["a"], note="once")).accepted
        notes = [record for record in bench.records() if isinstance(record, OrderAnnotated)]
        assert [(record.note, record.by) for record in notes] == [("once", "bot")]
        await bench.bot.annotate(name, note="first", idempotency_key="k")
        await bench.bot.annotate(name, note="second")
        await bench.restart()
        assert (await bench.bot.annotate(name, note="first", idempotency_key="k")).accepted
        assert bench.order(name).note == "second"
        with pytest.raises(InvalidInput, match="was used for another"):
            await bench.bot.annotate(name, note="third", idempotency_key="k")

    on_bench(main)


@pytest.mark.requirement("SEC-2")
def test_nobody_annotates_what_is_anothers() -> None:
    """Another owner's order and episode: refused and recorded, and a repetition gets the same answer."""

    async def main(bench: Bench) -> None:
        name = await traded(bench, "buy", "1", "100")
        other = bench.kernel.session(owner="other")
        for _ in range(2):
            answer = await other.annotate(name, note="mine", idempotency_key="k")
            assert (answer.accepted, answer.code) == (False, "FOREIGN_OWNER")
        answer = await other.annotate_episode(BTC, 1, book="bot", note="mine")
        assert (answer.accepted, answer.code) == (False, "FOREIGN_OWNER")
        assert bench.order(name).note == ""
        refused = [record for record in bench.records() if isinstance(record, CommandRefused)]
        said = [(record.command, record.by, record.subject) for record in refused]
        assert said == [("annotate", "other", name), ("annotate", "other", f"{BTC} bot  1")]
        assert not [record for record in bench.records() if isinstance(record, EpisodeAnnotated)]

    on_bench(main)


def test_more_than_is_kept_is_refused() -> None:
    """With what is there already it would be more than 32 tags or entries: refused, nothing changed."""

    async def main(bench: Bench) -> None:
        tags = [f"t{number}" for number in range(32)]
        proposal = Proposal.buy(
            BTC, quantity="1", limit_price="100", tags=tags, metadata=dict.fromkeys(tags, LONG)
        )
        name = (await bench.bot.execute(proposal)).client_order_id
        for saying in ({"add_tags": ["more"]}, {"metadata": {"more": "x"}}):
            wanted: Any = saying
            answer = await bench.bot.annotate(name, **wanted)
            assert (answer.accepted, answer.code) == (False, "TOO_MANY_REMARKS")
            assert "32" in answer.reason
        swap = await bench.bot.annotate(
            name, add_tags=["more"], remove_tags=["t0"], metadata={"more": LONG}, remove_metadata=["t0"]
        )
        assert swap.accepted
        order = bench.order(name)
        assert len(order.tags) == len(order.metadata) == 32
        assert "more" in order.tags
        assert "t0" not in order.tags

    on_bench(main)


@pytest.mark.parametrize(
    ("saying", "refusal"),
    [
        ({}, InvalidInput),
        ({"add_tags": [], "metadata": {}}, InvalidInput),
        ({"colour": "red"}, UnknownName),
        ({"note": LONG + "x"}, TextRefused),
        ({"note": "two\nlines"}, TextRefused),
        ({"note": 5}, TextRefused),
        ({"add_tags": "one"}, TextRefused),
        ({"add_tags": ["two words"]}, TextRefused),
        ({"add_tags": [f"t{number}" for number in range(33)]}, TextRefused),
        ({"metadata": {"a": LONG + "x"}}, TextRefused),
        ({"remove_metadata": "a"}, TextRefused),
        ({"remove_metadata": [5]}, TextRefused),
        ({"add_tags": ["a"], "remove_tags": ["a"]}, InvalidInput),
        ({"metadata": {"a": "b"}, "remove_metadata": ["a"]}, InvalidInput),
    ],
)
def test_words_of_the_wrong_shape_or_size_are_refused(
    saying: dict[str, Any], refusal: type[Exception]
) -> None:
    """Nothing is recorded; the error says what is taken."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        before = len(bench.records())
        with pytest.raises(refusal):
            await bench.bot.annotate(name, **saying)
        assert len(bench.records()) == before

    on_bench(main)


def test_what_there_never_was_cannot_be_annotated() -> None:
    """An order or an episode that nobody knows: `UnknownName`."""

    async def main(bench: Bench) -> None:
        with pytest.raises(UnknownName):
            await bench.bot.annotate("0" * 32, note="x")
        with pytest.raises(UnknownName):
            await bench.bot.annotate_episode(BTC, 1, note="x")

    on_bench(main)


def test_an_annotated_order_tells_its_subscribers() -> None:
    """An `OrderChanged` carries the record."""

    async def main(bench: Bench) -> None:
        seen: list[OrderChanged] = []
        name = await bench.working()
        bench.kernel.events.subscribe(seen.append, OrderChanged)
        await bench.bot.annotate(name, note="x")
        assert [(type(event.record), event.order.note) for event in seen] == [(OrderAnnotated, "x")]

    on_bench(main)


def test_an_annotation_twice_is_as_once() -> None:
    """Applied to its own result it changes nothing."""
    wanted = to_annotation(note="n", add_tags=["b", "a"], remove_tags=["c"], metadata={"k": "v"})
    once = annotated(Remarks("old", ("c", "d"), (("k", "old"), ("z", "1"))), wanted)
    assert once == Remarks("n", ("a", "b", "d"), (("k", "v"), ("z", "1")))
    assert annotated(once, wanted) == once
    assert annotated(once, Annotation()) == once
