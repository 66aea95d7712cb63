"""What follows from readings of the account, and from what operators and bots say about it, said whole."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead.domain.account import AdjustmentKind
from fairlead.domain.account_records import AdjustmentBooked, InventoryOpened
from fairlead.domain.anomalies import SEVERITY, AnomalyKind
from fairlead.domain.command_records import EpisodeAnnotated, OrderAnnotated
from fairlead.domain.episodes import Episode, PositionSide
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.order_table import OrderState
from fairlead.domain.reconcile_records import PositionCorrected
from fairlead.domain.reconciliation import BalanceEntry
from fairlead.domain.records import AnomalyNoted, CommandRefused, CursorMoved, OrderEventNoted
from fairlead.domain.remarks import Annotation
from fairlead.kernel.core.account_inputs import (
    AcceptBalance,
    BalancesDiffer,
    InventorySeen,
    LedgerEntrySeen,
    LedgerListed,
    LedgerRead,
)
from fairlead.kernel.core.effects import AnswerCommand
from fairlead.kernel.core.inputs import AcceptDrift, DriftSeen
from fairlead.kernel.core.position_inputs import Annotate
from fairlead.kernel.core.state import CommandEntry
from fairlead.kernel.decide.account import is_old
from fairlead.ports.account import LedgerEntry
from tests.core.kernel.bench import BTC, ETH
from tests.core.kernel.deciding import NOW_NS, Deciding, rules_of
from tests.core.kernel.proposing import laid_out

D = Decimal


def noted(kind: AnomalyKind, subject: str, detail: str) -> AnomalyNoted:
    """Return the record of an anomaly."""
    return AnomalyNoted(kind, SEVERITY[kind], subject, detail)


# -- inventory and ledger ------------------------------------------------------------------------------


def test_the_inventory_is_what_the_venue_holds_less_what_was_booked_so_far() -> None:
    """Of every asset by name, those without a difference left out; recorded once in a life."""
    deciding = Deciding()
    deciding.state.balances = {"ETH": D(2), "BTC": D(1), "USDT": D(-5)}
    given = InventorySeen((("XRP", D(7)), ("BTC", D(1)), ("USDT", D(95))), 77)
    amounts = ("ETH", D(-2)), ("USDT", D(100)), ("XRP", D(7))
    assert deciding.on(given) == ([InventoryOpened(amounts, 77)], [])
    deciding.state.inventory_ns = 1
    assert deciding.on(given) == ([], [])


@pytest.mark.parametrize(("cursor", "moves"), [("", True), ("c", False)])
def test_what_the_ledger_listed_then_is_part_of_the_inventory(cursor: str, *, moves: bool) -> None:
    """By its ids; and the ledger is read on from there."""
    deciding = Deciding()
    deciding.state.cursors["ledger"] = cursor
    given = InventorySeen((("BTC", D(1)),), 77, LedgerListed("c", ("a", "b")))
    opened = InventoryOpened((("BTC", D(1)),), 77, ("a", "b"))
    assert deciding.on(given) == ([opened, *([CursorMoved("ledger", "c")] if moves else [])], [])


def test_a_ledger_without_a_place_to_read_on_from_moves_no_cursor() -> None:
    """An empty ledger that was never read: there is nothing to remember of where it was read to."""
    given = InventorySeen((("BTC", D(1)),), 77, LedgerListed("", ()))
    assert Deciding().on(given) == ([InventoryOpened((("BTC", D(1)),), 77, ())], [])


def entry(
    kind: AdjustmentKind = AdjustmentKind.DEPOSIT, entry_id: str = "e", ts_event: int = 99
) -> LedgerEntry:
    """Return an entry of the venue's ledger."""
    return LedgerEntry(entry_id, kind, "BTC", D("0.5"), ts_event, "why")


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (AdjustmentKind.DEPOSIT, []),
        (
            AdjustmentKind.FILL_CORRECTION,
            [(AnomalyKind.FILL_CORRECTED, "e", "booked 0.5 BTC; positions stay as they were booked")],
        ),
        (
            AdjustmentKind.LIQUIDATION,
            [(AnomalyKind.POSITION_LIQUIDATED, "e", "booked 0.5 BTC; positions stay as they were booked")],
        ),
        (AdjustmentKind.ROLLOVER, [(AnomalyKind.ROLLOVER_CHARGED, "BTC", "money is borrowed, and paid for")]),
    ],
)
def test_an_entry_that_is_news_is_booked_and_what_else_it_means_is_noted(
    kind: AdjustmentKind, more: list[tuple[AnomalyKind, str, str]]
) -> None:
    """With all that the venue said of it; a position that is ours no more, or borrowed money, is told."""
    records, effects = Deciding().on(LedgerEntrySeen(entry(kind)))
    booked = AdjustmentBooked("e", kind, "BTC", D("0.5"), 99, "why")
    assert records[: 1 + len(more)] == [booked, *(noted(*each) for each in more)]
    assert len([each for each in records if isinstance(each, AnomalyNoted)]) == len(more)
    assert effects == []


def test_an_entry_is_booked_once_and_one_that_says_something_else_is_a_contradiction() -> None:
    """In kind, asset or amount; the same again is nothing, whatever its note."""
    deciding = Deciding()
    deciding.fold.changes(AdjustmentBooked("e", AdjustmentKind.DEPOSIT, "BTC", D("0.5"), 99, "other"))
    assert deciding.on(LedgerEntrySeen(entry())) == ([], [])
    for kind, asset, amount in (
        ("reward", "BTC", "0.5"),
        ("deposit", "ETH", "0.5"),
        ("deposit", "BTC", "0.6"),
    ):
        other = LedgerEntry("e", AdjustmentKind(kind), asset, D(amount), 99)
        detail = f"booked as deposit of 0.5 BTC, told again as {kind} of {amount} {asset}; not booked"
        assert deciding.on(LedgerEntrySeen(other))[0][0] == noted(AnomalyKind.CONTRADICTION, "e", detail)


@pytest.mark.parametrize(
    ("listed", "entry_id", "ts_event", "is_booked"),
    [
        (None, "e", 49, False),
        (None, "e", 50, True),
        (frozenset({"e"}), "e", 99, False),
        (frozenset({"e"}), "f", 1, True),
    ],
)
def test_what_the_inventory_holds_already_is_not_booked(
    listed: frozenset[str] | None, entry_id: str, ts_event: int, *, is_booked: bool
) -> None:
    """By what was listed then; by its time only where no ledger was read."""
    deciding = Deciding()
    deciding.state.inventory_ns, deciding.state.inventory_listed = 50, listed
    records, _ = deciding.on(LedgerEntrySeen(entry(entry_id=entry_id, ts_event=ts_event)))
    assert (len(records) == 1) is is_booked


OVERLAP_NS = rules_of().history_overlap_ns


@pytest.mark.parametrize(
    ("page", "is_settled"),
    [
        (LedgerRead([], "c"), True),
        (LedgerRead([], "c", False), False),
        (LedgerRead([entry(ts_event=NOW_NS - OVERLAP_NS - 1)], "c"), True),
        (LedgerRead([entry(ts_event=NOW_NS - OVERLAP_NS)], "c"), False),
        (LedgerRead([entry(ts_event=1), entry(ts_event=NOW_NS), entry(ts_event=1)], "c"), False),
    ],
)
def test_the_ledger_is_read_again_where_something_may_still_be_added(
    page: LedgerRead, *, is_settled: bool
) -> None:
    """The cursor moves behind pages that are old, and not onto itself."""
    deciding = Deciding()
    assert is_old(page, deciding.rules, NOW_NS) is is_settled
    assert deciding.on(page) == ([CursorMoved("ledger", "c")] if is_settled else [], [])
    deciding.state.cursors["ledger"] = "c"
    assert deciding.on(page) == ([], [])


# -- balances ------------------------------------------------------------------------------------------


def difference(at_venue: str = "3", derived: str = "2") -> BalanceEntry:
    """Return what the venue holds of BTC, and what we derive."""
    return BalanceEntry("BTC", D(derived), D(at_venue))


def accepted(entry: BalanceEntry, seen: str = "3", *, is_certain: bool = True) -> AcceptBalance:
    """Return an operator's word that the venue is right."""
    return AcceptBalance("BTC", D(seen), entry, is_certain, "ann", "counted", "accepted-1", 7)


def test_a_difference_is_noted_and_nothing_overwritten() -> None:
    """Of each asset, with both figures."""
    deciding = Deciding()
    records, effects = deciding.on(BalancesDiffer((difference(), BalanceEntry("ETH", D(0), D(1)))))
    details = [(each.subject, each.detail) for each in records if isinstance(each, AnomalyNoted)]
    assert details == [
        ("BTC", "the venue holds 3, we derive 2"),
        ("ETH", "the venue holds 1, we derive 0"),
    ]
    assert effects == []


@pytest.mark.parametrize(
    ("given", "code", "reason"),
    [
        (accepted(difference(), "4"), "VENUE_CHANGED", "The venue holds 3 by now, not 4."),
        (
            accepted(difference(), is_certain=False),
            "NOT_CERTAIN",
            "The difference was not the same twice: something moves.",
        ),
    ],
)
def test_an_operator_accepts_only_what_was_seen_and_stays(
    given: AcceptBalance, code: str, reason: str
) -> None:
    """What changed meanwhile, or moves, is refused and recorded."""
    refused = CommandRefused("accept-balance", "ann", "BTC", code, reason)
    assert Deciding().on(given) == ([refused], [AnswerCommand(7, False, code, reason)])


def test_what_is_accepted_is_booked_as_a_correction_in_the_operators_name() -> None:
    """The difference, with the note; where there is none that is said."""
    kind = AdjustmentKind.CORRECTION
    booked = AdjustmentBooked("accepted-1", kind, "BTC", D(1), NOW_NS, "counted", "ann")
    assert Deciding().on(accepted(difference())) == ([booked], [AnswerCommand(7, True, "", "")])
    same = AnswerCommand(7, True, "NO_DRIFT", "What we derive is what the venue holds, 3.")
    assert Deciding().on(accepted(difference("3", "3"))) == ([], [same])


# -- net positions -------------------------------------------------------------------------------------


def test_drift_is_noted_beyond_the_tolerated_steps() -> None:
    """The sum of all books against what the venue holds; without rules any difference is drift."""
    deciding = Deciding(rules_of(drift_tolerance_steps=2))
    deciding.hold("1")
    deciding.state.position_of((BTC, "other", ""), "USDT").quantity = D(2)
    deciding.state.position_of((ETH, "main", ""), "USDT").quantity = D(1)
    assert deciding.on(DriftSeen(((BTC, D("3.002")), (BTC, D("2.998")), (ETH, D(1)))))[0] == []
    records = deciding.on(DriftSeen(((ETH, D("1.0001")), (BTC, D("3.0021")))))[0]
    details = [(each.subject, each.detail) for each in records if isinstance(each, AnomalyNoted)]
    assert details == [
        (ETH, "the venue holds 1.0001, our books 1"),
        (BTC, "the venue holds 3.0021, our books 3"),
    ]


def word(at_venue: str = "5", seen: str = "", price: str | None = "50", symbol: str = BTC) -> AcceptDrift:
    """Return an operator's word that the venue is right about a position."""
    at = None if price is None else D(price)
    return AcceptDrift(symbol, "main", D(seen or at_venue), D(at_venue), at, "ann", "counted", 7)


@pytest.mark.parametrize(
    ("given", "code", "reason"),
    [
        (word(symbol=ETH), "UNKNOWN_SYMBOL", "The venue gives no rules for the symbol."),
        (word("5", "4"), "VENUE_CHANGED", "The venue holds 5 by now, not 4."),
        (
            word(price=None),
            "NO_PRICE",
            "Neither you nor the venue gave a price, and there is no fresh one: give the price.",
        ),
    ],
)
def test_a_correction_that_cannot_be_is_refused(given: AcceptDrift, code: str, reason: str) -> None:
    """Recorded with who asked for it."""
    refused = CommandRefused("accept-drift", "ann", given.symbol, code, reason)
    assert laid_out("2", bid="").on(given) == ([refused], [AnswerCommand(7, False, code, reason)])


@pytest.mark.parametrize(
    ("at_venue", "price", "side", "quantity", "at"),
    [
        ("5", "50", OrderSide.BUY, "3", "50"),
        ("1", "50", OrderSide.SELL, "1", "50"),
        ("5", None, OrderSide.BUY, "3", "101"),
        ("1", None, OrderSide.SELL, "1", "99"),
    ],
)
def test_drift_that_is_accepted_is_booked_as_a_correction(
    at_venue: str, price: str | None, side: OrderSide, quantity: str, at: str
) -> None:
    """At the price that was given, else at what an order would pay; with both readings and the word."""
    records, effects = laid_out("2").on(word(at_venue, price=price))
    value = D(quantity) * D(at)
    assert records == [
        PositionCorrected(
            BTC,
            "main",
            side,
            D(quantity),
            D(at),
            value,
            "BTC",
            "USDT",
            8,
            D(2),
            D(at_venue),
            "ann",
            "counted",
            NOW_NS,
        )
    ]
    assert effects == [AnswerCommand(7, True, "", "")]


def test_where_the_books_agree_nothing_is_booked_and_exits_that_do_not_fit_are_canceled() -> None:
    """A smaller position leaves reduce-only orders too large, whoever says that it is smaller."""
    same = AnswerCommand(7, True, "NO_DRIFT", "Our books hold what the venue holds, 2.")
    assert laid_out("2").on(word("2")) == ([], [same])
    deciding = laid_out("2")
    terms: dict[str, object] = {"side": OrderSide.SELL, "reduces": True, "reduce_only": True}
    deciding.order("exit", terms={**terms, "quantity": D(2)}, state=OrderState.WORKING)
    records, _ = deciding.on(word("1"))
    assert [type(each) for each in records] == [OrderEventNoted, PositionCorrected]


# -- remarks -------------------------------------------------------------------------------------------


EPISODE = (BTC, "main", "", 3)


def annotate(by: str = "bot", wanted: Annotation | None = None, **told: Any) -> Annotate:  # noqa: ANN401 - fields of several types
    """Return what somebody wants to say about the order, or an episode."""
    about: dict[str, Any] = {} if "episode" in told else {"client_order_id": "x"}
    return Annotate(by, wanted or Annotation(note="new"), command_id=7, **about, **told)


def remarked() -> Deciding:
    """Return a state with an order and an episode of the bot's, both with remarks."""
    deciding = Deciding()
    deciding.order("x", terms={"note": "old", "tags": ("t",), "metadata": (("k", "v"),)})
    episode = Episode(BTC, "main", "", 3, "bot", PositionSide.LONG, "USDT", 1)
    episode.note, episode.tags, episode.metadata = "old", ("t",), (("k", "v"),)
    deciding.state.episodes[EPISODE] = episode
    return deciding


def test_remarks_are_recorded_as_they_will_be_and_only_when_they_change() -> None:
    """All of them, the unchanged ones too; one that changes nothing is a record only under a key."""
    yes = [AnswerCommand(7, True, "", "")]
    said = OrderAnnotated("x", "bot", "new", ("t",), (("k", "v"),), "", "")
    assert remarked().on(annotate()) == ([said], yes)
    about = EpisodeAnnotated(*EPISODE, "bot", "new", ("t",), (("k", "v"),), "", "")
    assert remarked().on(annotate(episode=EPISODE)) == ([about], yes)
    assert remarked().on(annotate(wanted=Annotation(note="old"))) == ([], yes)
    keyed = annotate(wanted=Annotation(note="old"), idempotency_key="k", command_digest="d")
    same = OrderAnnotated("x", "bot", "old", ("t",), (("k", "v"),), "k", "d")
    assert remarked().on(keyed) == ([same], yes)


def test_what_belongs_to_another_is_annotated_by_an_operator_alone() -> None:
    """Refused and recorded, of an order and of an episode."""
    reason = "It belongs to bot."
    told = [AnswerCommand(7, False, "FOREIGN_OWNER", reason)]
    for given, subject in ((annotate("eve"), "x"), (annotate("eve", episode=EPISODE), f"{BTC} main  3")):
        refused = CommandRefused("annotate", "eve", subject, "FOREIGN_OWNER", reason, "", "")
        assert remarked().on(given) == ([refused], told)
    assert remarked().on(annotate("eve", operator=True))[1] == [AnswerCommand(7, True, "", "")]


def test_a_repeated_remark_is_answered_as_the_first() -> None:
    """Nothing is said twice."""
    deciding = remarked()
    deciding.state.commands["bot", "k"] = CommandEntry("bot", "k", "d", "", 0, '[true,"","",[]]')
    again = annotate(idempotency_key="k", command_digest="d")
    assert deciding.on(again) == ([], [AnswerCommand(7, True, "", "")])
