"""How `explain` tells of an order that was changed, in place or by another order."""

from __future__ import annotations

from decimal import Decimal

from fairlead.cli.story import tell
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
from fairlead.domain.changes import ChangeKind, Terms
from fairlead.domain.order_table import OrderEvent
from fairlead.domain.records import OrderEventNoted, Record
from fairlead.domain.verdicts import Verdict

NAME, NEW = "a" * 32, "b" * 32
SECOND_NS = 1_000_000_000
LOST = (
    "Nobody knows whether that was done, and it is not sent again: no answer. "
    "The venue is asked at 1970-01-01 00:00:03.000."
)
TURNED_AWAY = (
    "The venue turned the change away for its rate limit; "
    "it is tried again at 1970-01-01 00:00:03.000: slow down."
)
DRIFT = (
    "The venue holds it at a quantity of 7, which nobody here asked for: "
    "the venue's list of open orders says so."
)


def told(*records: Record) -> list[str]:
    """Return the story of these records."""
    return [line.text for line in tell(NAME, [(number, 1, record) for number, record in enumerate(records)])]


def test_a_modify_is_told_from_the_wish_to_what_came_of_it() -> None:
    """Who wanted what, what stood reserved, when it left, that nobody knew, and which evidence told."""
    wished = Terms(Decimal("2.0"), Decimal("99.50"))
    denied = Terms(Decimal(9), None, Decimal(90))
    no = Verdict("small", "1", False, "TOO_LARGE", "Too large.")
    assert told(
        ChangeDenied("c", ChangeKind.MODIFY, NAME, "bot", denied, "TOO_LARGE", (no,)),
        ChangeRequested(
            "c", ChangeKind.MODIFY, NAME, "bot", wished, False, (Verdict("small", "1", True),), "key"
        ),
        ModifyStarted(NAME, "c", SECOND_NS, 2 * SECOND_NS),
        ChangeUnresolved(NAME, "c", "no answer", 3 * SECOND_NS),
        OrderUpdated(NAME, "c", wished, "V1", 1, "look_up"),
        OrderUpdated(NAME, "", Terms(Decimal(7)), "V1", 1, "open_orders"),
        ModifyRejected(NAME, "d", "REJECTED", "too late"),
        ModifyRejected(NAME, "d", "REJECTED", ""),
        ModifyStarted(NAME, "d", SECOND_NS, 0),
        ModifyLimited(NAME, "d", "slow down", 3 * SECOND_NS),
    ) == [
        "bot wanted it changed, to a quantity of 9 triggered at 90, and was denied (TOO_LARGE).",
        "small 1 denied it, TOO_LARGE: Too large.",
        "bot wants it changed in place, to a quantity of 2 at 99.5 (key key).",
        "small 1 allowed it.",
        "Until it is known whether that was done, the larger of old and new is reserved.",
        "The change went out after this was on disk; the venue must refuse it after 1970-01-01 00:00:02.000.",
        LOST,
        "The venue holds it at a quantity of 2 at 99.5, as asked: a look-up says so.",
        DRIFT,
        "The change was not done (REJECTED): too late.",
        "The change was not done (REJECTED): no reason was given.",
        "The change went out after this was on disk.",
        TURNED_AWAY,
    ]


def test_a_cancel_goes_out_at_once_and_is_asked_about_later() -> None:
    """The moment that is told is that of the look-up, should no answer have come; not that of the cancel."""
    wanted = OrderEventNoted(NAME, OrderEvent.CANCEL_REQUESTED, "enough", "bot", 3 * SECOND_NS)
    waits = OrderEventNoted(NAME, OrderEvent.CANCEL_REQUESTED, "enough", "bot", 0)
    then = "Unless it is over before 1970-01-01 00:00:03.000, the venue is asked then."
    assert told(wanted, waits) == [f"bot wants it canceled: enough. {then}", "bot wants it canceled: enough."]


def test_who_had_nothing_against_it_is_told_in_one_sentence() -> None:
    """Refusals and reasons stand for themselves, with figures; checks that only allow share a line."""
    verdicts = (
        Verdict("small", "1", True),
        Verdict("large", "2", False, "TOO_LARGE", "Too large.", (("limit", "3"), ("asked", "4"))),
        Verdict("kernel", "1", True, reason="It reduces."),
        Verdict("tidy", "7", True),
    )
    denied = ChangeDenied("c", ChangeKind.MODIFY, NAME, "bot", Terms(Decimal(4)), "TOO_LARGE", verdicts)
    assert told(denied)[1:] == [
        "large 2 denied it, TOO_LARGE: Too large. (limit=3, asked=4)",
        "kernel 1 allowed it: It reduces.",
        "small 1, tidy 7 allowed it.",
    ]


def test_a_replacement_is_told_on_the_old_order() -> None:
    """The wish, the proof, the order that takes its place, and the end."""
    assert told(
        ChangeRequested("c", ChangeKind.REPLACE, NAME, "bot", Terms(Decimal(2)), True, ()),
        ReplaceMoved(NAME, "c", NEW),
        ChangeUnresolved(NAME, "c", "no answer", 0),
        ChangeEnded(NAME, "c", "REPLACED", ""),
        ChangeEnded(NAME, "c", "WITHDRAWN", "bot wants the order canceled"),
    ) == [
        "bot wants it replaced, to a quantity of 2.",
        f"It is over, and what it filled is proven; order {NEW} takes its place.",
        "Nobody knows whether that was done, and it is not sent again: no answer.",
        "The change is over (REPLACED).",
        "The change is over (WITHDRAWN): bot wants the order canceled.",
    ]
