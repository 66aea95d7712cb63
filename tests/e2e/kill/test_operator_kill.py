"""An operator's word is kept or was never given, wherever the process is killed."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fairlead.domain.records import Record
from fairlead.kernel.journal.codec import decode
from fairlead.kernel.journal.verify import verify_journal
from fairlead.kernel.system_clock import SystemClock
from fairlead.ports.clock import NANOSECONDS_PER_SECOND
from fairlead.ports.exchange import OrderSide, OrderType, SubmitRequest, TimeInForce
from fairlead_sqlstore.store import SqlStore
from tests.e2e.kill.arena import Arena
from tests.e2e.kill.operator_child import AFTER_COMMIT, BEFORE_COMMIT, SYMBOL

CHILD = Path(__file__).with_name("operator_child.py")
BY_HAND = "by-hand"


async def records_in(arena: Arena) -> list[Record]:
    """Return every durable record, once the journal was verified."""
    async with SqlStore.reader(arena.database) as reader:
        verified = await verify_journal(reader)
        assert verified.problems == ()
        return [decode(envelope) for envelope in await reader.envelopes(0, 100_000)]


async def killed_child(arena: Arena, **options: Any) -> str:  # noqa: ANN401 - what its JSON can say
    """Let a child kill itself; return the line that it said before, if any."""
    told = {"database": str(arena.database), "address": arena.address, **options}
    child = await arena._spawn(str(CHILD), json.dumps(told))
    assert child.stdout is not None
    said = (await child.stdout.read()).decode().strip()
    await arena.death_of(child, str(options["label"]))
    return said


async def child(arena: Arena, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - same
    """Let a child give its word in peace, and return what came of it."""
    told = {"database": str(arena.database), "address": arena.address, **options}
    process = await arena._spawn(str(CHILD), json.dumps(told))
    said, _ = await process.communicate()
    assert process.returncode == 0, arena._complaints()
    answer: dict[str, Any] = json.loads(said.splitlines()[-1])
    return answer


async def _adoption(arena: Arena, label: str) -> None:
    await arena.open_venue()
    try:
        await _adopted(arena, label)
    finally:
        await arena.close_venue()


async def _adopted(arena: Arena, label: str) -> None:
    market = arena._market
    assert market is not None
    request = SubmitRequest(
        BY_HAND,
        SYMBOL,
        OrderSide.BUY,
        OrderType.LIMIT,
        TimeInForce.GTC,
        Decimal(5),
        Decimal(150_000),
        False,
        SystemClock().wall_ns() + 60 * NANOSECONDS_PER_SECOND,
    )
    placed = await market.submit(request)
    venue_order_id = placed.venue_order_id
    assert venue_order_id, placed.reason
    await market.advance(3)  # it fills in part before anybody takes it over
    await killed_child(arena, word="adopt", subject=venue_order_id, label=label)
    kinds = [record.KIND for record in await records_in(arena)]
    assert kinds.count("order_adopted") == (label == AFTER_COMMIT)
    assert ("order_filled" in kinds) is (label == AFTER_COMMIT)  # with its fills, or not at all
    answer = await child(arena, word="adopt", subject=venue_order_id)
    assert answer["accepted"]
    assert answer["adopted"]
    assert answer["code"] == ("ALREADY_ADOPTED" if label == AFTER_COMMIT else "")
    assert answer["status"] in ("CANCELED", "FILLED")
    kinds = [record.KIND for record in await records_in(arena)]
    assert kinds.count("order_adopted") == 1
    fills = (await market.find(venue_order_id, SYMBOL)).fills
    assert len(fills) == kinds.count("order_filled") > 0
    assert sum(fill.quantity for fill in fills) == Decimal(answer["filled"])


@pytest.mark.parametrize("label", [BEFORE_COMMIT, AFTER_COMMIT])
def test_a_kill_around_an_adoption_takes_over_whole_or_not_at_all(short_folder: Path, label: str) -> None:
    """Order and fills are durable together; said again after the kill, it is taken over once."""
    asyncio.run(_adoption(Arena(short_folder, seed=1), label))


async def _resolution(arena: Arena, label: str) -> None:
    await arena.open_venue()
    try:
        await _resolved(arena, label)
    finally:
        await arena.close_venue()


async def _resolved(arena: Arena, label: str) -> None:
    order = await killed_child(arena, word="resolve", label=label)
    answer = await child(arena, word="resolve", subject=order)
    assert answer["status"] == "NOT_PLACED"
    if label == BEFORE_COMMIT:
        assert answer["accepted"]
    else:
        assert (answer["accepted"], answer["code"]) == (False, "NOT_UNRESOLVED")
    events = [record for record in await records_in(arena) if record.KIND == "order_event"]
    assert sum(getattr(record, "event", "") == "resolved_by_operator" for record in events) == 1
    async with SqlStore.reader(arena.database) as reader:
        [position] = await reader.rows("positions")
    assert position["pending_openings"] == 0


@pytest.mark.parametrize("label", [BEFORE_COMMIT, AFTER_COMMIT])
def test_a_kill_around_a_resolution_keeps_it_or_leaves_the_order_unresolved(
    short_folder: Path, label: str
) -> None:
    """The word is durable with the freed reservation, or was never given and can be given again."""
    asyncio.run(_resolution(Arena(short_folder, seed=1), label))


SAID = {
    "annotate": ("order_annotated", {"status": "ACCEPTED", "note": "checked by hand"}, ""),
    "bury": ("order_event", {"status": "CANCELED"}, "NOT_MISSING"),
    "accept": ("position_corrected", {"held": "0.5"}, "NO_DRIFT"),
}
"""The record of each word, what holds once it was given, and the code of the same word given again."""


async def _said(arena: Arena, word: str) -> None:
    kind, holds, code_again = SAID[word]

    async def times_said() -> int:
        records = [record for record in await records_in(arena) if kind == record.KIND]
        if kind != "order_event":
            return len(records)
        return sum(getattr(record, "cause", "").startswith("missing at the venue") for record in records)

    await arena.open_venue()
    try:
        await killed_child(arena, word=word, label=BEFORE_COMMIT)
        assert await times_said() == 0
        await killed_child(arena, word=word, label=AFTER_COMMIT)
        assert await times_said() == 1
        answer = await child(arena, word=word)
        assert answer["code"] == code_again
        assert {name: answer[name] for name in holds} == holds
        assert await times_said() == 1
    finally:
        await arena.close_venue()


@pytest.mark.parametrize("word", SAID)
def test_a_kill_around_a_word_keeps_it_or_leaves_it_to_be_given_again(short_folder: Path, word: str) -> None:
    """A note, the end of an order that the venue lost, a corrected position: on record once, or not yet."""
    asyncio.run(_said(Arena(short_folder, seed=1), word))
