"""The fold of commands: closings from request to end, what answers a repeated key, and who is known."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead.domain.closings import CloseCode
from fairlead.domain.command_records import (
    ClosingEnded,
    ClosingMoved,
    ClosingRequested,
    CommandTaken,
)
from fairlead.domain.records import CommandRefused, Record
from fairlead.kernel.apply import commands
from fairlead.kernel.apply.apply import apply
from tests.core.kernel.bench import BTC
from tests.core.kernel.folding import GONE, Changes, Fold, at, remembered

D = Decimal


def wanted(name: str = "k", /, **terms: object) -> ClosingRequested:
    """Return the record of a closing of 3 BTC that the bot wants, or as wished."""
    fields: dict[str, object] = {
        "closing_id": name,
        "by": "bot",
        "symbol": BTC,
        "book": "main",
        "operator": False,
        "cancel_entries": False,
        "cancel_exits": False,
        "limit_price": None,
        "held": D(3),
    }
    return ClosingRequested(**{**fields, **terms})  # type: ignore[arg-type]  # fields of several types


def test_a_closing_begins_as_it_was_wanted() -> None:
    """One closing a position at a time, under way until it has ended; its key is known."""
    terms = {
        "operator": True,
        "cancel_entries": True,
        "cancel_exits": True,
        "limit_price": D(90),
        "position_id": "one",
    }
    assert Fold().changes(wanted(**terms, idempotency_key="key", command_digest="digest")) == {
        **at(
            "closings.k", closing_id="k", by="bot", symbol=BTC, book="main", held=D(3), created_ns=10, **terms
        ),
        f"closing.{BTC} main one": "k",
        "dirty.closings": ["k"],
        **remembered("k", "", 10, 1),
    }


@pytest.mark.parametrize("wish", ["operator", "cancel_entries"])
def test_who_joins_a_closing_may_have_it_do_more(wish: str) -> None:
    """What anybody wanted of it stays wanted; the key of who joined answers with the first."""
    fold = Fold(wanted())
    joins = wanted("second", joins="k", idempotency_key="key", command_digest="digest", **{wish: True})
    assert fold.changes(joins) == {
        f"closings.k.{wish}": True,
        "dirty.closings": ["k"],
        **remembered("k", "", 20, 2),
    }
    assert fold.changes(wanted("third", joins="k")) == {"dirty.closings": ["k"]}


@pytest.mark.parametrize(
    ("begun", "joined", "changes"),
    [
        # Its own exit waits at a limit: that is given up for the new one, and canceled like any other.
        (D(90), None, {"cancel_exits": True, "limit_price": None, "exit_order_id": ""}),
        (D(90), D(80), {"cancel_exits": True, "limit_price": D(80), "exit_order_id": ""}),
        (None, D(80), {"cancel_exits": True}),  # its own exit is at the market already
    ],
)
def test_who_joins_to_cancel_exits_gives_up_a_limit(
    begun: Decimal | None, joined: Decimal | None, changes: Changes
) -> None:
    """Once: who wants the same again changes nothing of an exit that was made since."""
    fold = Fold(wanted(limit_price=begun), ClosingMoved("k", "y", 70))
    joins = wanted("second", joins="k", cancel_exits=True, limit_price=joined)
    assert fold.changes(joins) == {**at("closings.k", **changes), "dirty.closings": ["k"]}
    fold.changes(ClosingMoved("k", "z", 80))
    assert fold.changes(wanted("third", joins="k", cancel_exits=True)) == {"dirty.closings": ["k"]}
    assert fold.state.closings["k"].exit_order_id == "z"


def test_who_joins_without_that_leaves_exits_and_their_limit() -> None:
    """A limit wished for by who only joins is not the closing's."""
    fold = Fold(wanted(limit_price=D(90)), ClosingMoved("k", "y", 70))
    assert fold.changes(wanted("second", joins="k", limit_price=D(80))) == {"dirty.closings": ["k"]}


def test_a_closing_makes_one_exit_after_the_other_and_ends() -> None:
    """The exits are counted; the end says how things stood, and another closing may begin."""
    fold = Fold(wanted())
    assert fold.changes(ClosingMoved("k", "y", 70)) == {
        **at("closings.k", exit_order_id="y", exits=1, due_ns=70),
        "dirty.closings": ["k"],
    }
    assert fold.changes(ClosingMoved("k", "z", 80))["closings.k.exits"] == 2
    end = ClosingEnded("k", CloseCode.DUST_LEFT, "little", D(1), D(2), D(3), 4, 5)
    assert fold.changes(end) == {
        **at(
            "closings.k", code="DUST_LEFT", detail="little", quantity_left=D(1), realized_pnl=D(2), fees=D(3)
        ),
        **at("closings.k", episode=4, closed_ns=5),
        f"closing.{BTC} main": GONE,
        "dirty.closings": ["k"],
    }


def test_the_oldest_closing_that_is_over_leaves_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many stay as there is room for; one under way stays, and one whose row is not written yet."""
    monkeypatch.setattr(commands, "CLOSINGS_KEPT_MAX", 3)
    state = Fold().state

    def begins(name: str) -> None:
        apply(state, wanted(name, position_id=name), 1)

    def ends(name: str) -> list[str]:
        apply(state, ClosingEnded(name, CloseCode.CLOSED, "", D(0), D(0), D(0), 1, 5), 2)
        return list(state.closings)

    for name in "abc":
        begins(name)
    ends("b")
    state.dirty.closings.clear()
    assert ends("c") == ["a", "b", "c"], "there is room for three"
    begins("d")
    state.dirty.closings["b"] = None
    assert ends("d") == ["a", "b", "c", "d"], "its row is not written yet"
    state.dirty.closings.clear()
    begins("e")
    assert ends("e") == ["a", "c", "d", "e"]


@pytest.mark.parametrize(
    ("record", "subject", "answer"),
    [
        (
            CommandRefused("cancel", "bot", "x", "ALREADY_CLOSED", "over", "key", "digest"),
            "x",
            '[false,"ALREADY_CLOSED","over",[]]',
        ),
        (
            CommandTaken("cancel_all", "bot", "all", ("x", "y"), "key", "digest"),
            "all",
            '[true,"","",["x","y"]]',
        ),
    ],
)
def test_a_repeated_key_is_answered_as_the_first_time(record: Record, subject: str, answer: str) -> None:
    """The answer is kept whole, with the row that outlives a restart, and nothing else changes."""
    assert Fold().changes(record) == remembered(subject, answer, 10, 1)


@pytest.mark.parametrize(
    "record",
    [
        CommandRefused("cancel", "bot", "x", "ALREADY_CLOSED", "over"),
        CommandTaken("cancel_all", "bot", "all", ("x",)),
    ],
)
def test_a_command_without_a_key_is_not_remembered(record: Record) -> None:
    """Nobody can repeat it; two of them are two."""
    assert Fold().changes(record) == {}
