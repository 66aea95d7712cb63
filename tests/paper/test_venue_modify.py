"""Changing an order in place at the paper venue: matching, money, refusals, and what a file keeps."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from fairlead.ports.exchange import ModifyRequest, OrderType, Terms, VenueStatus
from fairlead_paper.messages import Modify, Place, Refused, Shelf, Taken
from fairlead_paper.opening import open_desk
from fairlead_paper.settings import VenueSettings
from tests.paper.venues import ACCOUNT, BUY, SELL, SYMBOL, Bench, a_bench


def change(name: str, quantity: str, price: str | None, *, deadline_ns: int = 0) -> ModifyRequest:
    """Return the request to change an order."""
    limit = None if price is None else Decimal(price)
    return ModifyRequest(name, "", SYMBOL, BUY, OrderType.LIMIT, Terms(Decimal(quantity), limit), deadline_ns)


def modify(bench: Bench, name: str, quantity: str, price: str | None) -> Taken | Refused:
    """Have an order changed."""
    bench.now_ns += 1
    return bench.venue.modify(ACCOUNT, change(name, quantity, price), bench.now_ns)


def terms_of(bench: Bench, name: str) -> Terms:
    """Return the terms under which the venue shows an open order."""
    (report,) = bench.venue.shelves.find_orders(ACCOUNT, name, Shelf.OPEN)
    assert report.terms is not None
    return Terms(report.terms.quantity, report.terms.limit_price)


def test_quantity_and_price_change_and_so_does_what_is_locked() -> None:
    """The lock is what the new terms need, at the maker's rate, for what is not filled."""
    bench = a_bench()
    bench.trade("100.0", "1")
    bench.place(BUY, "1", "90.0")
    bench.trade("90.0", "0.4")
    assert isinstance(modify(bench, "c1", "2", "80.0"), Taken)
    assert terms_of(bench, "c1") == Terms(Decimal(2), Decimal("80.0"))
    assert bench.holding("USDT").locked == Decimal("128.13"), "1.6 at 80, with 0.1 %, rounded up"
    bench.trade("85.0", "5")
    assert bench.fills("c1") == [("0.4", "90.0")]
    bench.trade("80.0", "5")
    assert bench.fills("c1")[1:] == [("1.6", "80.0")]
    assert bench.status("c1") is VenueStatus.FILLED
    assert bench.holding("USDT").locked == 0


def test_a_price_that_crosses_trades_at_once_as_a_taker() -> None:
    """As far as the last trade's volume goes; the rest waits at its new price."""
    bench = a_bench()
    bench.trade("100.0", "0.3")
    bench.place(BUY, "1", "90.0")
    assert isinstance(modify(bench, "c1", "1", "101.0"), Taken)
    assert bench.fills("c1") == [("0.3", "100.0")]
    bench.trade("101.0", "5")
    assert bench.fills("c1")[1:] == [("0.7", "101.0")]
    fills = bench.venue.take_changes().fills
    assert {fill.liquidity.value for fill in fills} == {"taker"}


def test_an_exit_locks_what_it_may_sell() -> None:
    """A sell's lock follows its quantity."""
    bench = a_bench()
    bench.trade("100.0", "1")
    bench.place(SELL, "1", "110.0")
    assert isinstance(modify(bench, "c1", "3", "120.0"), Taken)
    assert bench.holding("BTC").locked == 3
    assert isinstance(modify(bench, "c1", "0.5", "120.0"), Taken)
    assert bench.holding("BTC").locked == Decimal("0.5")


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (change("nobody", "1", "90.0"), "unknown_order"),
        (change("c1", "1", None), "bad_price"),
        (change("c1", "1", "90.01"), "off_tick"),
        (change("c1", "0.0001", "90.0"), "off_lot"),
        (change("c1", "0.4", "90.0"), "already_filled"),
        (change("c1", "0.3", "90.0"), "already_filled"),
        (change("c1", "99", "99999.0"), "insufficient_funds"),
        (change("c1", "1", "90.0", deadline_ns=1), "deadline_elapsed"),
        (change("c2", "1", "100.0"), "post_only_would_take"),
        (change("c3", "1", "90.0"), "order_closed"),
        (
            replace(change("c1", "1", "90.0"), terms=Terms(Decimal(1), Decimal(90), Decimal(80))),
            "unsupported_change",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_refused_changes_nothing(request_: ModifyRequest, code: str) -> None:
    """Each refusal has its code, and books and orders stay as they were."""
    bench = a_bench()
    bench.trade("100.0", "1")
    bench.place(BUY, "1", "90.0")
    bench.trade("90.0", "0.4")
    bench.trade("100.0", "0.01")
    bench.venue.place(ACCOUNT, replace(bench.request(BUY, "1", "80.0"), post_only=True), bench.now_ns)
    bench.place(BUY, "0.01", "101.0")
    before = (bench.holding("USDT"), terms_of(bench, "c1"), terms_of(bench, "c2"))
    answer = bench.venue.modify(ACCOUNT, request_, bench.now_ns)
    assert isinstance(answer, Refused)
    assert answer.reason.startswith(f"{code}:")
    assert (bench.holding("USDT"), terms_of(bench, "c1"), terms_of(bench, "c2")) == before


def test_a_market_order_that_waits_is_not_changed() -> None:
    """It has no price, and takes what comes."""
    bench = a_bench()
    bench.trade("100.0", "0.1")
    bench.place(BUY, "1")
    answer = modify(bench, "c1", "2", None)
    assert isinstance(answer, Refused)
    assert answer.reason.startswith("unsupported_change:")


def test_changed_terms_are_there_again_from_the_file(tmp_path: Path) -> None:
    """A venue that is opened again holds the order under its new terms, post-only as it was."""
    settings = VenueSettings(file=str(tmp_path / "venue.sqlite"))
    bench = a_bench()
    order = replace(bench.request(BUY, "1", "90.0"), post_only=True)
    desk = open_desk(settings, lambda: 7)
    assert isinstance(desk.handle(ACCOUNT, Place(order)), Taken)
    assert isinstance(desk.handle(ACCOUNT, Modify(change("c1", "2", "80.0"))), Taken)
    desk.close()
    again = open_desk(settings, lambda: 7)
    (kept,) = again.venue.shelves._by_venue_id.values()
    assert kept.quantity == 2
    assert kept.limit_price == 80
    assert kept.post_only
    again.close()
