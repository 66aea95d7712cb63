"""Which facts notifiers are owed for a record, what each is about, and how things stood then."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead import OrderSide
from fairlead.domain.anomalies import AnomalyKind, Severity
from fairlead.domain.command_records import EpisodeAnnotated
from fairlead.domain.ledger import Position, PositionChange
from fairlead.domain.order_table import OrderEvent
from fairlead.domain.reconcile_records import PositionCorrected
from fairlead.domain.records import (
    AnomalyNoted,
    AttemptStarted,
    CheckValueChanged,
    CursorMoved,
    LockPlaced,
    OrderAccepted,
    PositionsSnapshotted,
    Record,
    TradingDayBegan,
)
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.journal.figures import position_figures, read_position_figures
from fairlead.kernel.journal.outputs import add_outbox_rows
from fairlead.kernel.journal.rows import order_from_row
from fairlead.ports.store import OutboxRow
from fairlead.testing.conformance.store_batches import sample_row
from tests.core.kernel.bench import BTC

CORRECTED = PositionCorrected(
    BTC, "main", OrderSide.BUY, Decimal(1), Decimal(100), Decimal(100), "BTC", "USDT", 2,
    Decimal(1), Decimal(2), "operator", "counted", 0,
)  # fmt: skip

ACCEPTED = OrderAccepted("x", "v1", OrderEvent.ACCEPTED, 0, "stream")


def facts(record: Record, client_order_id: str | None = None, *changes: PositionChange) -> list[OutboxRow]:
    """Return the facts of a record that was applied as the seventh."""
    state = EngineState("test", "0a0a0a0a")
    state.sequence = 7
    state.positions[BTC, "main", ""] = Position(BTC, "main", "USDT", Decimal(2), Decimal(200), episode=3)
    row = sample_row(
        "orders", client_order_id="x", state="filled", quantity=Decimal(1), symbol=BTC, book="main"
    )
    filled = {"filled_quantity": Decimal(1), "filled_value": Decimal(100)}
    state.orders["x"] = order_from_row({**row.named(), **filled}, ())
    outbox: list[OutboxRow] = []
    add_outbox_rows(outbox, state, record, client_order_id, changes[0] if changes else None)
    return outbox


@pytest.mark.parametrize(
    ("record", "client_order_id"),
    [
        (AttemptStarted("x", 1, 0, 0), "x"),
        (CursorMoved("fills", "7"), None),
        (CheckValueChanged("check", "1"), None),
        (PositionsSnapshotted(()), None),
        (TradingDayBegan(0, 1), None),
    ],
)
def test_housekeeping_is_told_to_nobody(record: Record, client_order_id: str | None) -> None:
    """What the kernel notes for itself is no notice: a notifier would be flooded with it."""
    assert facts(record, client_order_id) == []


@pytest.mark.parametrize(
    ("record", "subject"),
    [
        (AnomalyNoted(AnomalyKind.ZOMBIE, Severity.HALT, "order-1", "it lives"), "order-1"),
        (LockPlaced("check", BTC, None, 9, "CODE", "why"), BTC),
        (EpisodeAnnotated(BTC, "main", "", 1, "bot", "note", (), ()), f"{BTC} main"),
        (EpisodeAnnotated(BTC, "main", "leg", 1, "bot", "note", (), ()), f"{BTC} main leg"),
        (CORRECTED, "kernel"),
    ],
)
def test_a_fact_about_no_order_says_what_it_is_about(record: Record, subject: str) -> None:
    """The subject is what an operator reads first: the order, the market, the position, or the kernel."""
    (row,) = facts(record)
    assert (row.event_id, row.sequence, row.kind, row.subject) == ("0a0a0a0a-7", 7, record.KIND, subject)


def test_a_correction_tells_how_the_position_stands_as_well() -> None:
    """Two facts: the correction, and the change of the position, which no order made."""
    first, second = facts(CORRECTED, None, PositionChange.CHANGED)
    assert (first.event_id, first.kind) == ("0a0a0a0a-7", "position_corrected")
    assert (second.event_id, second.kind) == ("0a0a0a0a-7-position", "position_changed")
    assert second.subject == "kernel"
    assert read_position_figures(second.figures)["quantity"] == "2"


@pytest.mark.parametrize("change", PositionChange)
def test_a_fact_about_an_order_tells_how_order_and_position_stood(change: PositionChange) -> None:
    """Two facts of one step: the order's, with its figures, and the position's, which that order changed."""
    first, second = facts(ACCEPTED, "x", change)
    assert first == OutboxRow("0a0a0a0a-7", 7, "order_accepted", "x", "filled 1 1 100")
    key = f'["{BTC}","main",""]'
    assert second == OutboxRow(
        "0a0a0a0a-7-position", 7, f"position_{change.value}", "x", f"3 2 200 0 0 {key}"
    )


def test_a_fact_that_changed_no_position_is_one_fact() -> None:
    """Most facts are about an order alone."""
    assert facts(ACCEPTED, "x") == [OutboxRow("0a0a0a0a-7", 7, "order_accepted", "x", "filled 1 1 100")]


def test_a_fact_about_an_order_that_memory_does_not_hold_says_no_figures() -> None:
    """It is told all the same: by name, and without a position, which nobody can say."""
    assert facts(ACCEPTED, "y", PositionChange.CHANGED) == [
        OutboxRow("0a0a0a0a-7", 7, "order_accepted", "y", "")
    ]


@pytest.mark.parametrize("change", [None, PositionChange.CHANGED])
def test_only_a_correction_changes_a_position_without_an_order(change: PositionChange | None) -> None:
    """A correction that changed nothing, and what is no correction, is one fact and no more."""
    record: Record = CORRECTED if change is None else LockPlaced("check", BTC, None, 9, "CODE", "why")
    assert len(facts(record, None, *filter(None, [change]))) == 1


def test_figures_of_a_position_come_back_by_name() -> None:
    """Each name is what a notice shows to people and programs, with the value that belongs to it."""
    position = Position(
        BTC, "main", "USDT", Decimal("-2.5"), Decimal(-200), Decimal("1.5"), Decimal("0.25"), 3,
        position_id="leg one",
    )  # fmt: skip
    assert read_position_figures(position_figures(position)) == {
        "symbol": BTC,
        "book": "main",
        "position_id": "leg one",
        "quantity": "-2.5",
        "cost": "-200",
        "realized_pnl": "1.5",
        "fees": "0.25",
        "episode": 3,
    }
    assert read_position_figures("") == {}


def test_figures_of_a_position_that_are_not_whole_are_refused() -> None:
    """A value without its name would shift every one behind it."""
    with pytest.raises(ValueError, match="argument"):
        read_position_figures(f'3 1 2 3 4 ["{BTC}","main"]')
