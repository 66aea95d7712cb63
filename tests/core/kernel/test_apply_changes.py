"""The fold of changes of orders: what each record does to the order, the change and what is reserved."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead.domain.change_records import (
    ChangeDenied,
    ChangeEnded,
    ChangeRequested,
    ChangeUnresolved,
    ModifyLimited,
    ModifyRejected,
    ModifyStarted,
    OrderUpdated,
    ReplaceMoved,
)
from fairlead.domain.changes import ChangeKind, Terms, Wish
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.order_table import OrderEvent, OrderState
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.records import AttemptStarted, OrderAccepted, OrderEventNoted, OrderPaced, Record
from fairlead.domain.requests import Lane, RequestKind
from fairlead.domain.verdicts import Verdict
from fairlead.kernel.apply import changes as changing
from fairlead.kernel.apply.apply import apply
from fairlead.kernel.core.state import CommandEntry
from tests.core.kernel.bench import BTC
from tests.core.kernel.folding import GONE, Fold, at, moved, order

D = Decimal
MAIN = f"{BTC} main"
BUYS = f"leaves.{MAIN} buy"
MORE = Terms(D(5), D(101))
LESS = Terms(D(2), D(99))


def working(*records: Record) -> Fold:
    """Return a state with a buy of 3 BTC at 100 USDT that works, and these records after it."""
    accepted = OrderAccepted("x", "V1", OrderEvent.ACCEPTED, 8, "stream")
    return Fold(order(), AttemptStarted("x", 1, 5, 9), accepted, *records)


def wanted(
    terms: Terms = MORE, kind: ChangeKind = ChangeKind.MODIFY, key: str = "", name: str = "c"
) -> ChangeRequested:
    """Return the record of a change that somebody wants of the order x."""
    return ChangeRequested(name, kind, "x", "bot", terms, False, (), key, "digest")


def test_a_modify_reserves_the_larger_of_both_terms() -> None:
    """The venue may fill either; the wish is held beside the terms, which stay, and the key is known."""
    terms = Terms(D(5), D(101), D(98))
    assert working().changes(wanted(terms, key="key")) == {
        **moved(
            4, pending=PendingRequest.MODIFY, pending_since_ns=40, pending_asked=1, wish=Wish("c", terms)
        ),
        **at(
            "changes.c", change_id="c", kind=ChangeKind.MODIFY, client_order_id="x", by="bot", created_ns=40
        ),
        **at("changes.c", quantity=D(5), limit_price=D(101), trigger_price=D(98)),
        "changing.x": "c",
        "dirty.changes": ["c"],
        "dirty.commands": [CommandEntry("bot", "key", "digest", "c", 40, "", 4)],
        **at("commands.bot key", owner="bot", idempotency_key="key", command_digest="digest"),
        **at("commands.bot key", client_order_id="c", created_ns=40, sequence=4),
        "dirty.positions": [MAIN],
        BUYS: D(5),
        "promises.x": D(505),
        f"promised.{BTC} buy": D(505),
    }


def test_a_modify_of_less_keeps_what_is_reserved() -> None:
    """Until it is done the venue may still fill all of it."""
    changes = working().changes(wanted(LESS))
    assert not {BUYS, "dirty.positions", "dirty.commands", "promises.x"} & set(changes)
    assert changes["orders.x.wish"] == Wish("c", LESS)


def test_an_exit_that_grows_reserves_more_of_its_position() -> None:
    """What other exits may take is that much less."""
    fold = Fold(order(side=OrderSide.SELL, reduces=True), AttemptStarted("x", 1, 5, 9))
    grown = fold.changes(wanted(Terms(D(5), D(100))))
    assert (grown[f"positions.{MAIN}.reserved_exit"], grown[f"reserved_by_symbol.{BTC}"]) == (D(5), D(5))
    shrunk = fold.changes(ModifyRejected("x", "c", "REJECTED", "no"))
    assert (shrunk[f"positions.{MAIN}.reserved_exit"], shrunk[f"reserved_by_symbol.{BTC}"]) == (D(3), D(3))


def test_a_replacement_leaves_the_order_alone_until_it_is_over() -> None:
    """Its cancel follows as a record of its own; the change goes on under the new order's name."""
    fold = working()
    assert fold.changes(wanted(kind=ChangeKind.REPLACE)) == {
        **at(
            "changes.c", change_id="c", kind=ChangeKind.REPLACE, client_order_id="x", by="bot", created_ns=40
        ),
        **at("changes.c", quantity=D(5), limit_price=D(101)),
        "changing.x": "c",
        "dirty.changes": ["c"],
    }
    assert fold.changes(ReplaceMoved("x", "c", "y")) == {
        "changing.x": GONE,
        "changing.y": "c",
        "changes.c.new_order_id": "y",
        "dirty.changes": ["c"],
    }
    assert fold.changes(ChangeEnded("y", "c", "REPLACED", "done")) == {
        **at("changes.c", code="REPLACED", detail="done", closed_ns=60),
        "changing.y": GONE,
        "dirty.changes": ["c"],
    }


def test_a_denied_change_only_answers_its_repetition() -> None:
    """With the code and the reason of the first that denied it."""
    verdicts = (
        Verdict("a", "1", allowed=True, reason="fine"),
        Verdict("b", "1", False, "TOO_LARGE", "too much"),
        Verdict("c", "1", False, "CLOSED", "not now"),
    )
    denied = ChangeDenied("c", ChangeKind.MODIFY, "x", "bot", MORE, "TOO_LARGE", verdicts, "key", "digest")
    changes = working().changes(denied)
    assert changes.pop("dirty.commands") == [
        CommandEntry("bot", "key", "digest", "c", 40, '[false,"TOO_LARGE","too much",[]]', 4)
    ]
    assert all(path.startswith("commands.bot key") for path in changes)


def test_a_change_that_no_check_denied_gives_its_code_alone() -> None:
    """The kernel itself stood against it: there is no reason of a check to repeat."""
    denied = ChangeDenied("c", ChangeKind.MODIFY, "x", "bot", MORE, "ORDER_CLOSED", (), "key", "digest")
    fold = working()
    fold.changes(denied)
    assert fold.state.commands["bot", "key"].answer == '[false,"ORDER_CLOSED","",[]]'


def test_a_modify_leaves_for_the_venue() -> None:
    """From here on it may hold either terms: when it left is known by the clock that nobody sets as well."""
    fold = working(wanted(), ModifyLimited("x", "c", "too fast", 70))
    assert fold.changes(ModifyStarted("x", "c", 6, 11, 2)) == {
        **moved(6, wish=Wish("c", MORE, 6, 11, 2), look_up_ns=0, sent_monotonic_ns=1_060)
    }
    assert fold.changes(ModifyLimited("x", "c", "again", 90)) == {
        **moved(7, wish=Wish("c", MORE, 0, 0, 2), detail="again", look_up_ns=90)
    }


def test_a_modify_whose_wish_is_gone_leaves_none_behind() -> None:
    """The journal may say so of an order that ended meanwhile: it is folded like any other record."""
    fold = working()
    assert fold.changes(ModifyStarted("x", "c", 6, 11)) == moved(4, sent_monotonic_ns=1_040)


@pytest.mark.parametrize("kind", ChangeKind)
def test_a_change_without_an_answer_is_unresolved(kind: ChangeKind) -> None:
    """Whoever asked is told so; of a modify the order is looked up, of a replacement its own records say."""
    fold = working(wanted(kind=kind))
    changes = fold.changes(ChangeUnresolved("x", "c", "no answer", 70))
    order_changes = moved(5, detail="no answer", look_up_ns=70) if kind is ChangeKind.MODIFY else {}
    assert changes == {
        **order_changes,
        "changes.c.unresolved": True,
        "dirty.changes": ["c"],
    }


def ended(code: str, closed_ns: int, **fields: object) -> dict[str, object]:
    """Return what the end of the change c changes of it."""
    return {
        **at("changes.c", code=code, closed_ns=closed_ns, **fields),
        "changing.x": GONE,
        "dirty.changes": ["c"],
    }


@pytest.mark.parametrize(("venue_order_id", "left"), [("V2", {"venue_order_id": "V2"}), ("", {})])
def test_a_modify_that_was_done_is_what_the_order_has(venue_order_id: str, left: dict[str, object]) -> None:
    """Its terms and no others are reserved; a venue that gives no new id has left the old one."""
    fold = working(
        wanted(Terms(D(5), D(99))), ModifyStarted("x", "c", 6, 11), ChangeUnresolved("x", "c", "lost", 70)
    )
    done = OrderUpdated("x", "c", LESS, venue_order_id, 12, "stream")
    changes = fold.changes(done)
    assert changes == {
        **moved(7, quantity=D(2), limit_price=D(99), reference_price=D(99), wish=None, look_up_ns=0, **left),
        **at("orders.x", pending=PendingRequest.NONE, pending_since_ns=70, pending_asked=0),
        **ended("MODIFIED", 70),
        "dirty.positions": [MAIN],
        BUYS: D(2),
        "promises.x": D(198),
        f"promised.{BTC} buy": D(198),
    }


@pytest.mark.parametrize(
    ("terms", "reference"),
    [
        (Terms(D(3), D(99), D(98)), D(99)),
        (Terms(D(3), None, D(98)), D(98)),
        (Terms(D(3)), D(100)),
    ],
)
def test_terms_that_nobody_here_asked_for_are_the_orders_too(terms: Terms, reference: Decimal) -> None:
    """No change is done by them; what it is measured by is its limit, else its trigger, else what it was."""
    fold = working()
    fold.state.orders["x"].reference_price = D(100)
    changes = fold.changes(OrderUpdated("x", "", terms, "", 12, "open_orders"))
    assert "dirty.changes" not in changes
    held = fold.state.orders["x"]
    assert (held.terms, held.reference_price) == (terms, reference)
    assert held.state is OrderState.WORKING


def test_a_modify_that_was_not_done_gives_back_what_it_reserved() -> None:
    """The order has the terms that it had, and what waited to ask for others waits no more."""
    paced = [
        OrderPaced("x", kind, Lane.ENTRY, BTC, (("orders", D(1)),), 0, 1)
        for kind in (RequestKind.MODIFY, RequestKind.CANCEL)
    ]
    fold = working(wanted(), *paced, ChangeUnresolved("x", "c", "lost", 70))
    changes = fold.changes(ModifyRejected("x", "c", "REJECTED", "no"))
    assert {path: value for path, value in changes.items() if not path.startswith("pace.")} == {
        **moved(8, detail="no", wish=None, look_up_ns=0),
        **at("orders.x", pending=PendingRequest.NONE, pending_since_ns=80, pending_asked=0),
        **ended("REJECTED", 80, detail="no"),
        "dirty.positions": [MAIN],
        BUYS: D(3),
        "promises.x": D(300),
        f"promised.{BTC} buy": D(300),
    }
    assert list(fold.state.pace.waiting) == [(RequestKind.CANCEL, "x")]


def test_a_cancel_outlives_the_modify_it_took_the_place_of() -> None:
    """It stays pending, with its look-up and its count; only the wish is gone."""
    cancel = OrderEventNoted("x", OrderEvent.CANCEL_REQUESTED, "asked", look_up_ns=70)
    fold = working(wanted(), cancel)
    changes = fold.changes(ModifyRejected("x", "c", "NOT_DONE", "canceled"))
    assert not [
        path for path in changes if path.startswith("orders.x.pending") or path.endswith("look_up_ns")
    ]
    assert changes["orders.x.wish"] is None


def test_a_refused_cancel_leaves_a_modify_pending_again() -> None:
    """It is not resolved, and pending since the refusal."""
    fold = working(wanted(), OrderEventNoted("x", OrderEvent.CANCEL_REQUESTED, "asked"))
    changes = fold.changes(OrderEventNoted("x", OrderEvent.CANCEL_REFUSED, "no"))
    assert changes["orders.x.pending"] is PendingRequest.MODIFY
    assert (changes["orders.x.pending_since_ns"], changes["orders.x.pending_asked"]) == (60, 0)


def test_the_oldest_change_that_is_over_leaves_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many stay as there is room for; one under way stays, and one whose row is not written yet."""
    monkeypatch.setattr(changing, "CHANGES_KEPT_MAX", 3)
    state = Fold(*(order(name) for name in "abcdef")).state

    def begins(name: str) -> None:
        apply(state, ChangeRequested(name.upper(), ChangeKind.REPLACE, name, "bot", MORE, False, ()), 1)

    def ends(name: str) -> list[str]:
        apply(state, ChangeEnded(name, name.upper(), "NOT_REPLACED", ""), 2)
        return list(state.changes)

    for name in "abc":
        begins(name)
    ends("b")
    state.dirty.changes.clear()
    assert ends("c") == ["A", "B", "C"], "there is room for three"
    begins("d")
    state.dirty.changes["B"] = None
    assert ends("d") == ["A", "B", "C", "D"], "its row is not written yet"
    state.dirty.changes.clear()
    begins("e")
    assert ends("e") == ["A", "C", "D", "E"]
    state.dirty.changes.clear()
    begins("f")
    assert ends("f") == ["A", "D", "E", "F"]
