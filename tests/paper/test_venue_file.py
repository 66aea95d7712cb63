"""The venue's file: each step whole, the venue continued from it as if nothing had happened."""

from __future__ import annotations

import re
import sqlite3
from decimal import Decimal
from pathlib import Path

import attrs
import pytest

from fairlead.errors import ConfigurationRefused, ExchangeFault
from fairlead.ports.exchange import Fence, OrderSide, OrderType, SubmitRequest, TimeInForce
from fairlead_paper.desk import Desk
from fairlead_paper.messages import Advance, NoteFault, Place, Played, ReadState, State, Taken
from fairlead_paper.opening import open_desk
from fairlead_paper.settings import VenueSettings
from fairlead_paper.tape import SHIPPED
from tests.paper.venues import ACCOUNT, SYMBOL

SCHEMA_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "paper-file.md"


def settings_at(folder: Path, **changes: object) -> VenueSettings:
    """Return settings with a file in the folder."""
    settings = VenueSettings(file=str(folder / "venue.sqlite"), tape=SHIPPED, synchronous="normal")
    return attrs.evolve(settings, **changes)  # type: ignore[arg-type]  # of several types


def order(number: int, quantity: str, price: str | None = None) -> Place:
    """Return a buy, or a sell with an odd number."""
    return Place(
        SubmitRequest(
            f"c{number}",
            SYMBOL,
            OrderSide.SELL if number % 2 else OrderSide.BUY,
            OrderType.LIMIT if price else OrderType.MARKET,
            TimeInForce.GTC,
            Decimal(quantity),
            Decimal(price) if price else None,
            reduces=False,
            deadline_ns=0,
        )
    )


def play(desk: Desk, start: int, end: int) -> None:
    """Do steps with these numbers: every kind of order, and the tape between them."""
    for number in range(start, end):
        desk.handle(ACCOUNT, Advance(3))
        desk.handle(ACCOUNT, order(number, "0.004", None if number % 3 else f"{105_000 + 100 * number}.1"))


def picture(desk: Desk) -> object:
    """Return everything that can be read of a venue."""
    venue = desk.venue
    return (
        venue.holdings(ACCOUNT),
        venue.shelves.open_orders(ACCOUNT),
        venue.shelves.fills_after(ACCOUNT, "", 10_000),
        desk.position,
        [(market.last_price, market.last_index, market.available) for market in venue.markets.values()],
        desk.handle(ACCOUNT, ReadState()),
    )


def test_a_reopened_venue_goes_on_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    """Stopping after every step gives the same venue, to the last digit, as not stopping at all."""
    whole = open_desk(VenueSettings(tape=SHIPPED), lambda: 7)
    play(whole, 0, 20)
    for number in range(20):
        desk = open_desk(settings_at(tmp_path), lambda: 7)
        play(desk, number, number + 1)
        assert desk.has_file
        desk.close()
    reopened = open_desk(settings_at(tmp_path), lambda: 7)

    assert picture(reopened) == picture(whole)
    assert whole.venue.fill_count > 20
    reopened.close()


def test_a_venue_file_has_one_holder(tmp_path: Path) -> None:
    """A second venue on the same file is refused while the first lives."""
    desk = open_desk(settings_at(tmp_path), lambda: 7)
    with pytest.raises(ConfigurationRefused, match="held by another venue"):
        open_desk(settings_at(tmp_path), lambda: 7)
    desk.close()
    open_desk(settings_at(tmp_path), lambda: 7).close()


def test_a_venue_does_not_change_its_rules_in_mid_life(tmp_path: Path) -> None:
    """Other settings than those that made the file are refused by name, and the file stays as it is."""
    open_desk(settings_at(tmp_path), lambda: 7).close()
    with pytest.raises(ConfigurationRefused, match="balances, fence"):
        open_desk(settings_at(tmp_path, fence=Fence.NONE, balances={"USDT": Decimal(1)}), lambda: 7)
    open_desk(settings_at(tmp_path), lambda: 7).close()


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("CREATE TABLE theirs (x)", "belongs to another program"),
        ("PRAGMA application_id = 0x46504150; PRAGMA user_version = 99; CREATE TABLE meta (x)", "newer"),
    ],
)
def test_foreign_and_newer_files_are_not_touched(tmp_path: Path, statement: str, problem: str) -> None:
    """A database of another program, or of a later version of this one, is refused and left alone."""
    path = tmp_path / "venue.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(statement)
    connection.close()
    before = path.read_bytes()
    with pytest.raises(ConfigurationRefused, match=problem):
        open_desk(settings_at(tmp_path), lambda: 7)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """Text is no venue file."""
    (tmp_path / "venue.sqlite").write_text("no database at all, and longer than a header of SQLite" * 9)
    with pytest.raises(ConfigurationRefused, match="not a usable venue file"):
        open_desk(settings_at(tmp_path), lambda: 7)
    with pytest.raises(ConfigurationRefused, match="synchronous"):
        open_desk(settings_at(tmp_path, synchronous="off"), lambda: 7)


def test_a_step_that_cannot_be_written_is_not_answered(tmp_path: Path) -> None:
    """When the file fails, nobody hears of the step, nothing more is answered, the file has none of it."""
    desk = open_desk(settings_at(tmp_path), lambda: 7)
    heard: list[object] = []
    desk.listen(ACCOUNT, heard.append)
    desk.handle(ACCOUNT, Advance(1))
    told = len(heard)
    file = desk._file
    assert file is not None
    file._connection.execute(
        "CREATE TRIGGER full BEFORE INSERT ON fills BEGIN SELECT RAISE(ABORT, 'disk full'); END"
    )
    with pytest.raises(ExchangeFault, match="disk full"):
        desk.handle(ACCOUNT, order(0, "0.0002"))
    with pytest.raises(ExchangeFault):
        desk.handle(ACCOUNT, ReadState())
    assert len(heard) == told
    desk.close()

    reopened = open_desk(settings_at(tmp_path), lambda: 7)
    assert reopened.venue.order_count == 0
    assert reopened.position == 1
    reopened.close()


def test_a_fill_is_never_written_over(tmp_path: Path) -> None:
    """A trade id that exists already makes the step fail: the file cannot lose a fill to a duplicate."""
    desk = open_desk(settings_at(tmp_path), lambda: 7)
    desk.handle(ACCOUNT, Advance(1))
    assert isinstance(desk.handle(ACCOUNT, order(0, "0.0001")), Taken)
    desk.venue._matching.fill_count = 0
    with pytest.raises(ExchangeFault, match="UNIQUE"):
        desk.handle(ACCOUNT, order(2, "0.0001"))
    desk.close()


def test_faults_and_sessions_are_counted_over_restarts(tmp_path: Path) -> None:
    """Counts outlive clients and venue."""
    for expected in (1, 2):
        desk = open_desk(settings_at(tmp_path), lambda: 7)
        desk.handle(ACCOUNT, NoteFault("lost_answer"))
        assert desk.begin_session(ACCOUNT).session == expected
        state = desk.handle(ACCOUNT, ReadState())
        assert isinstance(state, State)
        assert state.faults == {"lost_answer": expected}
        desk.close()
    with pytest.raises(ExchangeFault):
        open_desk(VenueSettings(), lambda: 7).begin_session("nobody")


def test_the_documented_tables_are_the_tables(tmp_path: Path) -> None:
    """Every table and column of the file is on the reference page, and nothing else is."""
    desk = open_desk(settings_at(tmp_path), lambda: 7)
    desk.close()
    connection = sqlite3.connect(tmp_path / "venue.sqlite")
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    actual = {
        table: [row[1] for row in connection.execute(f"PRAGMA table_info({table})")] for table in tables
    }
    connection.close()
    documented: dict[str, list[str]] = {}
    for section in re.split(r"^## ", SCHEMA_PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        name = re.match(r"`(\w+)`", section)
        if name:
            documented[name[1]] = re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)
    assert documented == actual


def test_an_advance_is_one_step(tmp_path: Path) -> None:
    """The trades of one request and the fills they caused are there together after a reopening."""
    desk = open_desk(settings_at(tmp_path), lambda: 7)
    desk.handle(ACCOUNT, Advance(1))
    desk.handle(ACCOUNT, order(0, "0.02"))
    played = desk.handle(ACCOUNT, Advance(30))
    assert isinstance(played, Played)
    fills = desk.venue.fill_count
    assert fills > 2
    desk.close()
    reopened = open_desk(settings_at(tmp_path), lambda: 7)
    assert (reopened.position, reopened.venue.fill_count) == (31, fills)
    reopened.close()


def book_of(desk: Desk) -> tuple[object, object]:
    """Return the levels that a seller and a buyer would meet."""
    book = desk.venue.markets[SYMBOL].book
    assert book is not None
    return list(book.facing(OrderSide.SELL)), list(book.facing(OrderSide.BUY))


@pytest.mark.parametrize("sides", ["bids", "asks", "neither"])
def test_half_a_book_is_kept(tmp_path: Path, sides: str) -> None:
    """Nobody is told of a book with one side, and after a restart the other side is as gone as before."""
    one = Decimal(1)
    bids, asks = [(Decimal(99_000), one)], [(Decimal(101_000), one)]
    desk = open_desk(settings_at(tmp_path), lambda: 7)
    desk.show(SYMBOL, bids, asks)
    desk.show(SYMBOL, bids if sides == "bids" else [], asks if sides == "asks" else [])
    book = book_of(desk)
    desk.close()
    reopened = open_desk(settings_at(tmp_path), lambda: 7)
    assert book_of(reopened) == book
    assert [bool(side) for side in book] == [sides == "bids", sides == "asks"]
    reopened.close()
