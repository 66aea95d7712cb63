"""The tape: exact figures from text, and partial fills from the volumes that really traded."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from fairlead.errors import ConfigurationRefused
from fairlead.ports.exchange import OrderType, SubmitRequest, TimeInForce, VenueStatus
from fairlead_paper.messages import Advance, MoveTime, Place, Played, ReadTrades, Refused, Shelf, Taken
from fairlead_paper.opening import open_desk
from fairlead_paper.settings import VenueSettings, VenueTime
from fairlead_paper.tape import SHIPPED, load_tape
from tests.paper.venues import ACCOUNT, BUY, SYMBOL

HEAD = "time,price,volume\n"


def test_the_shipped_tape_is_exact() -> None:
    """1,000 trades, times to the nanosecond, prices and volumes as they are written."""
    tape = load_tape(SHIPPED, SYMBOL)

    assert len(tape.trades) == 1_000
    assert tape.trades[0].ts_ns == 1_762_795_433_971_744_500
    assert tape.trades[0].price == Decimal("105433.6")
    assert tape.trades[0].quantity == Decimal("0.00027625")
    assert all(type(trade.price) is Decimal and type(trade.ts_ns) is int for trade in tape.trades)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("time,price\n1,2\n", "no column volume"),
        (HEAD + "1,2\n", "line 2"),
        (HEAD + "1,2,3\n1,nan,3\n", "line 3"),
        (HEAD + "1,1e5,3\n", "line 2"),
        (HEAD + "1,0,3\n", "greater than zero"),
        (HEAD + "2,5,3\n1,5,3\n", "earlier"),
        (HEAD + "1.0000000001,5,3\n", "finer than a nanosecond"),
        (HEAD + "1,\u0665,3\n", "ASCII"),
    ],
)
def test_a_damaged_tape_is_refused_with_its_line(tmp_path: Path, content: str, problem: str) -> None:
    """Nothing of a damaged tape is played; the error names file, line and problem."""
    path = tmp_path / "tape.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationRefused, match=problem):
        load_tape(str(path), SYMBOL)


def test_a_missing_tape_is_refused(tmp_path: Path) -> None:
    """A path that leads nowhere is named."""
    with pytest.raises(ConfigurationRefused, match=r"none\.csv"):
        load_tape(str(tmp_path / "none.csv"), SYMBOL)


def test_an_order_fills_in_parts_by_the_volumes_of_the_real_trades() -> None:
    """A market order of 0.02 BTC takes trade after trade of the tape, each to its last digit."""
    desk = open_desk(VenueSettings(tape=SHIPPED, time=VenueTime.TAPE, slippage_ticks=0), lambda: 0)
    trades = load_tape(SHIPPED, SYMBOL).trades
    desk.handle(ACCOUNT, Advance(1))
    order = SubmitRequest(
        "one",
        SYMBOL,
        BUY,
        OrderType.MARKET,
        TimeInForce.GTC,
        Decimal("0.02"),
        None,
        reduces=False,
        deadline_ns=0,
    )
    assert isinstance(desk.handle(ACCOUNT, Place(order)), Taken)
    played = desk.handle(ACCOUNT, Advance(9))
    assert isinstance(played, Played)
    assert (played.position, played.length) == (10, 1_000)
    assert [trade.index for trade in played.trades] == list(range(1, 10))
    [report] = desk.venue.shelves.find_orders(ACCOUNT, "one", Shelf.CLOSED)
    fills = desk.venue.shelves.find_fills(ACCOUNT, "one")

    left, expected = Decimal("0.02"), []
    for trade in trades[:10]:
        part = min(left, trade.quantity)
        if part:
            expected.append((part, trade.price, trade.ts_ns))
        left -= part
    assert report.status is VenueStatus.FILLED
    assert len(fills) > 3
    assert [(fill.quantity, fill.price, fill.ts_event) for fill in fills] == expected


def test_a_driver_may_ask_again_without_playing_twice() -> None:
    """`at` guards a replay: a request for a place that the tape has left is refused and plays nothing."""
    desk = open_desk(VenueSettings(tape=SHIPPED), lambda: 5)
    assert isinstance(desk.handle(ACCOUNT, Advance(3, at=0)), Played)
    again = desk.handle(ACCOUNT, Advance(3, at=0))

    assert isinstance(again, Refused)
    assert again.reason.startswith("tape_moved: it stands at 3")
    assert desk.position == 3
    assert isinstance(desk.handle(ACCOUNT, Advance(0)), Refused)


def test_the_tape_ends_quietly() -> None:
    """After the last trade nothing is played, and the position says so."""
    desk = open_desk(VenueSettings(tape=SHIPPED), lambda: 5)
    desk.handle(ACCOUNT, Advance(995))
    last = desk.handle(ACCOUNT, Advance(10))
    after = desk.handle(ACCOUNT, Advance(10))

    assert isinstance(last, Played)
    assert isinstance(after, Played)
    assert (len(last.trades), len(after.trades), after.position) == (5, 0, 1_000)


def test_a_driver_moves_the_tapes_time_forward_and_never_past_the_next_trade() -> None:
    """Between two trades time grows only as it is told, never back; a venue in another time refuses."""
    desk = open_desk(VenueSettings(tape=SHIPPED, time=VenueTime.TAPE), lambda: 0)
    first, second = (trade.ts_ns for trade in load_tape(SHIPPED, SYMBOL).trades[:2])
    desk.handle(ACCOUNT, Advance(1))
    for asked, expected in ((first + 5, first + 5), (first + 1, first + 5), (second + 9, second)):
        assert isinstance(desk.handle(ACCOUNT, MoveTime(asked)), Taken)
        assert desk.now_ns() == expected
    in_clock_time = open_desk(VenueSettings(tape=SHIPPED), lambda: 5)
    assert isinstance(in_clock_time.handle(ACCOUNT, MoveTime(9)), Refused)


def test_played_trades_can_be_read_again_and_others_cannot() -> None:
    """A driver that starts anew reads what was played; the future stays closed."""
    desk = open_desk(VenueSettings(tape=SHIPPED), lambda: 5)
    desk.handle(ACCOUNT, Advance(4))
    read = desk.handle(ACCOUNT, ReadTrades(2, 100))

    assert isinstance(read, Played)
    assert [trade.index for trade in read.trades] == [2, 3]
    assert read.next_ns == load_tape(SHIPPED, SYMBOL).trades[4].ts_ns
    assert isinstance(desk.handle(ACCOUNT, ReadTrades(-1, 5)), Refused)
    assert isinstance(desk.handle(ACCOUNT, ReadTrades(0, 0)), Refused)
