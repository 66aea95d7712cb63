"""The matching rules of the paper venue, one by one."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import attrs
import pytest
from msgspec.structs import replace

from fairlead.errors import ConfigurationRefused, InvalidInput
from fairlead.ports.exchange import (
    Fence,
    FillReport,
    Liquidity,
    OrderReport,
    OrderType,
    TimeInForce,
    Trade,
    VenueStatus,
)
from fairlead_paper.messages import Refused, Taken
from fairlead_paper.records import ClientIdRule, PublicTrade, VenueRules
from tests.paper.venues import ACCOUNT, BUY, INSTRUMENT, SELL, a_bench

FOK = TimeInForce.FOK
TRAILING: dict[str, Any] = {"order_type": OrderType.TRAILING_STOP, "limit_price": None}
LIVE, FILLED, CANCELED = VenueStatus.LIVE, VenueStatus.FILLED, VenueStatus.CANCELED


def test_a_market_order_takes_the_last_trades_volume_and_waits_for_the_next() -> None:
    """Partial fills come from traded volume: what is left of the last trade at once, the rest later."""
    bench = a_bench()
    bench.trade("100.0", "2")
    bench.place(BUY, "5")
    assert bench.fills("c1") == [("2", "100.0")]
    bench.trade("101.0", "1")
    assert bench.status("c1") is LIVE
    bench.trade("99.0", "7")

    assert bench.fills("c1") == [("2", "100.0"), ("1", "101.0"), ("2", "99.0")]
    assert bench.status("c1") is FILLED


def test_a_resting_order_fills_at_its_own_price_when_a_trade_reaches_it() -> None:
    """At or through the limit fills, at the limit; beside it does not. The fee is the maker's."""
    bench = a_bench()
    bench.trade("100.0", "1")
    bench.place(BUY, "3", "99.0")
    bench.place(SELL, "3", "101.0")
    bench.trade("99.1", "9")
    assert bench.fills("c1") == []
    bench.trade("99.0", "1")
    bench.trade("98.0", "9")
    bench.trade("101.0", "1")
    bench.trade("105.0", "9")

    assert bench.fills("c1") == [("1", "99.0"), ("2", "99.0")]
    assert bench.fills("c2") == [("1", "101.0"), ("2", "101.0")]
    fills = bench.venue.shelves.fills_after(ACCOUNT, "", 10)
    assert not isinstance(fills, Refused)
    assert {fill.liquidity for fill in fills.fills} == {Liquidity.MAKER}
    assert fills.fills[0].fee == Decimal("0.09")  # 99.00 at 0.1 %, rounded down


def test_an_order_that_crosses_trades_at_the_trades_price_as_taker() -> None:
    """A limit order beyond the last price gets that price, never worse than its limit, at the taker's fee."""
    bench = a_bench()
    bench.trade("100.0", "1")
    bench.place(BUY, "4", "102.0")
    bench.trade("103.0", "5")
    bench.trade("101.0", "1")
    bench.trade("102.0", "5")

    assert bench.fills("c1") == [("1", "100.0"), ("1", "101.0"), ("2", "102.0")]
    [order] = [
        fill for fill in bench.venue.shelves.find_fills(ACCOUNT, "c1") if fill.price == Decimal("100.0")
    ]
    assert order.liquidity is Liquidity.TAKER
    assert order.fee == Decimal("0.20")


def test_volume_is_given_out_once_best_price_first_then_oldest() -> None:
    """One trade's volume is shared by all our orders: market, then the further beyond, then the older."""
    bench = a_bench()
    bench.trade("100.0", "0.01")
    bench.place(BUY, "0.01")  # uses the last trade up
    bench.place(BUY, "1", "98.0")
    bench.place(BUY, "1", "99.0")
    bench.place(BUY, "1", "99.0")
    bench.place(BUY, "1")
    bench.trade("97.0", "3.5")

    assert bench.fills("c5") == [("1", "97.0")]
    assert bench.fills("c3") == [("1", "99.0")]
    assert bench.fills("c4") == [("1", "99.0")]
    assert bench.fills("c2") == [("0.5", "98.0")]
    bench.place(SELL, "1")
    assert bench.fills("c6") == [], "nothing was left of that trade"


def test_buys_and_sells_share_the_volume_by_their_distance() -> None:
    """Between the sides the order that is further beyond the price comes first; equal ones by age."""
    bench = a_bench()
    bench.place(SELL, "1", "95.0")
    bench.place(BUY, "1", "110.0")
    bench.place(SELL, "1", "90.0")
    bench.trade("100.0", "2")

    assert bench.status("c2") is FILLED
    assert bench.status("c3") is FILLED
    assert bench.fills("c1") == []


def test_immediate_or_cancel_never_waits() -> None:
    """What cannot trade on arrival is canceled at once, and its lock is free again."""
    bench = a_bench()
    bench.trade("100.0", "1")
    bench.place(BUY, "3", "100.0", time_in_force=TimeInForce.IOC)
    bench.place(BUY, "1", "90.0", time_in_force=TimeInForce.IOC)

    assert bench.fills("c1") == [("1", "100.0")]
    assert bench.status("c1") is CANCELED
    assert bench.fills("c2") == []
    assert bench.holding("USDT").locked == 0


def test_participation_limits_the_part_of_a_trade_that_is_ours() -> None:
    """With 30 % a trade of 1.005 gives 0.301: rounded down to the lot."""
    bench = a_bench(VenueRules(participation=Decimal("0.3")))
    bench.trade("100.0", "1.005")
    bench.place(BUY, "1")

    assert bench.fills("c1") == [("0.301", "100.0")]


def test_locks_follow_the_order() -> None:
    """A buy holds cost and fee rounded up, a sell its quantity; fills and cancels give back exactly."""
    bench = a_bench()
    bench.place(BUY, "3", "33.3")
    assert bench.holding("USDT").locked == Decimal("100.00")  # 99.90 and 0.1 % of it, rounded up
    bench.place(SELL, "2", "50.0")
    assert bench.holding("BTC").locked == 2
    bench.trade("33.3", "1")
    assert bench.holding("USDT").locked == Decimal("66.67")
    bench.venue.cancel(ACCOUNT, "c1", "", bench.now_ns)
    bench.venue.cancel(ACCOUNT, "c2", "", bench.now_ns)

    assert bench.holding("USDT").locked == 0
    assert bench.holding("BTC").locked == 0
    assert bench.holding("USDT").total == Decimal("999966.67")  # 33.30 and a fee of 0.03


def test_funds_are_checked_with_fees_and_other_orders_locks() -> None:
    """The last cent counts: an order that needs more than what is free is refused and locks nothing."""
    bench = a_bench(USDT="100.10")
    assert isinstance(bench.place(BUY, "1.001", "100.0"), Refused)
    assert isinstance(bench.place(BUY, "1", "100.0"), Taken)
    refused = bench.place(BUY, "0.01", "100.0")

    assert isinstance(refused, Refused)
    assert refused.reason.startswith("insufficient_funds: ")
    assert bench.holding("USDT").locked == Decimal("100.10")


def test_a_market_buy_that_the_price_ran_away_from_stops_at_its_funds() -> None:
    """It fills what can be paid, is canceled with the reason, and the balance never goes below zero."""
    bench = a_bench(USDT="201")
    bench.trade("100.0", "0.001")
    bench.place(BUY, "2")
    bench.trade("150.0", "5")

    assert bench.fills("c1") == [("0.001", "100.0"), ("1.336", "150.0")]
    assert bench.status("c1") is CANCELED
    assert bench.holding("USDT").total >= 0
    assert bench.holding("USDT").locked == 0


def test_the_deadline_fence_refuses_at_and_after_the_deadline() -> None:
    """An order is taken before its deadline only; a venue without the fence does not look at it."""
    bench = a_bench()
    assert isinstance(bench.place(BUY, "1", "90.0", deadline_ns=1_002), Taken)
    late = bench.place(BUY, "1", "90.0", deadline_ns=1_002)
    assert isinstance(late, Refused)
    assert late.reason.startswith("deadline_elapsed: ")

    without = a_bench(VenueRules(fence=Fence.NONE, client_id_rule=ClientIdRule.NEVER))
    assert isinstance(without.place(BUY, "1", "90.0", deadline_ns=1), Taken)


@pytest.mark.parametrize(
    ("rule", "while_open", "when_closed"),
    [
        (ClientIdRule.OPEN_ORDERS, Refused, Taken),
        (ClientIdRule.FOR_EVER, Refused, Refused),
        (ClientIdRule.NEVER, Taken, Taken),
    ],
)
def test_client_order_ids_are_unique_as_the_rule_says(
    rule: ClientIdRule, while_open: type, when_closed: type
) -> None:
    """Kraken-like venues check open orders only, so the same id may trade twice; others for ever or never."""
    bench = a_bench(VenueRules(client_id_rule=rule))
    bench.place(BUY, "1", "90.0", client_order_id="same")
    assert type(bench.place(BUY, "1", "90.0", client_order_id="same")) is while_open
    while isinstance(bench.venue.cancel(ACCOUNT, "same", "", bench.now_ns), Taken):
        pass
    assert type(bench.place(BUY, "1", "90.0", client_order_id="same")) is when_closed


@pytest.mark.parametrize(
    ("quantity", "price", "code"),
    [
        ("0", "100.0", "bad_quantity"),
        ("-1", "100.0", "bad_quantity"),
        ("NaN", "100.0", "bad_quantity"),
        ("Infinity", "100.0", "bad_quantity"),
        ("1e-60", "100.0", "bad_quantity"),
        ("1." + "1" * 40, "100.0", "bad_quantity"),
        ("1", "0", "bad_price"),
        ("1", "-5", "bad_price"),
        ("1", "sNaN", "bad_price"),
        ("1", "100.05", "off_tick"),
        ("0.0015", "100.0", "off_lot"),
        ("0.0005", "100.0", "off_lot"),
        ("101", "100.0", "above_maximum_quantity"),
        ("0.001", "100.0", "below_minimum_cost"),
        ("1", None, "no_market_price"),
    ],
)
def test_what_breaks_the_rules_is_refused_with_a_code(quantity: str, price: str | None, code: str) -> None:
    """Every refusal names its code, places nothing and locks nothing."""
    bench = a_bench()
    answer = bench.place(BUY, quantity, price)

    assert isinstance(answer, Refused)
    assert answer.reason.split(": ")[0] == code
    assert bench.venue.order_count == 0
    assert bench.holding("USDT").locked == 0


def test_a_float_is_refused() -> None:
    """The venue takes Decimals only."""
    bench = a_bench()
    request = replace(bench.request(BUY, "1", "90.0"), quantity=1.0)
    answer = bench.venue.place(ACCOUNT, request, 1)
    assert isinstance(answer, Refused)
    assert answer.reason.startswith("bad_quantity: ")


def test_reductions_may_be_exempt_from_the_minimum() -> None:
    """Where the instrument says so, an order that reduces may be smaller than the minimum."""
    small = attrs.evolve(INSTRUMENT, minimum_quantity=Decimal(1), minimum_cost=Decimal(0))
    exempt = attrs.evolve(small, reductions_exempt_from_minimum=True)

    assert isinstance(a_bench(None, small).place(SELL, "0.5", "100.0", reduces=True), Refused)
    assert isinstance(a_bench(None, exempt).place(SELL, "0.5", "100.0", reduces=True), Taken)
    assert isinstance(a_bench(None, exempt).place(SELL, "0.5", "100.0"), Refused)


def test_every_step_reports_what_it_did_in_order() -> None:
    """Acceptance, then fills, then the end; a public trade is told to all before its fills."""
    bench = a_bench()
    bench.place(BUY, "1", "90.0")
    bench.trade("90.0", "2")
    events = bench.venue.take_changes().events

    assert [account for account, _ in events] == [ACCOUNT, None, ACCOUNT, ACCOUNT]
    assert [type(report) for _, report in events] == [OrderReport, Trade, FillReport, OrderReport]
    assert not bench.venue.take_changes().events


def test_the_hosts_decimal_context_changes_nothing() -> None:
    """With a process-wide precision of three digits the venue computes as exactly as before."""
    with localcontext() as context:
        context.prec = 3
        bench = a_bench()
        bench.trade("98765.4", "1.234")
        bench.place(BUY, "1.234")
        bench.place(SELL, "1.111", "98765.4")
        bench.trade("98765.4", "9")
    assert bench.holding("BTC").total == Decimal("10.123")
    # 121876.50 and 243.75 of fee paid, 109728.35 less 219.45 of fee received; each rounded down
    assert bench.holding("USDT").total == Decimal("987388.65")


def test_unknown_symbols_accounts_and_rates_are_refused() -> None:
    """Nothing is made up: what the venue does not have, it refuses."""
    bench = a_bench()
    with pytest.raises(InvalidInput):
        bench.venue.trade(PublicTrade("ETH/USDT", Decimal(1), Decimal(1), 1))
    request = bench.request(BUY, "1", "90.0")
    assert isinstance(bench.venue.place("other", request, 1), Refused)
    elsewhere = replace(request, symbol="ETH/USDT")
    assert isinstance(bench.venue.place(ACCOUNT, elsewhere, 1), Refused)
    with pytest.raises(ConfigurationRefused):
        a_bench(None, attrs.evolve(INSTRUMENT, taker_fee_rate=Decimal("0.1234567890123456789")))


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"order_type": OrderType.STOP}, "bad_price"),
        ({"order_type": OrderType.STOP_LIMIT}, "bad_price"),
        ({"trigger_price": Decimal("90.0")}, "bad_price"),
        ({"order_type": OrderType.STOP_LIMIT, "trigger_price": Decimal("90.01")}, "off_tick"),
        ({"trailing_distance": Decimal(1)}, "bad_trailing"),
        ({**TRAILING}, "bad_trailing"),
        ({**TRAILING, "trailing_rate": Decimal(1)}, "bad_trailing"),
        ({**TRAILING, "trailing_rate": Decimal("0.1234567890123456789")}, "bad_trailing"),
        ({**TRAILING, "trailing_distance": Decimal(0)}, "bad_trailing"),
        ({**TRAILING, "trailing_distance": Decimal("0.01")}, "off_tick"),
        ({**TRAILING, "trailing_distance": Decimal(1), "trailing_rate": Decimal("0.1")}, "bad_trailing"),
        ({**TRAILING, "trailing_rate": Decimal("0.1"), "time_in_force": FOK}, "unsupported_time_in_force"),
        ({"time_in_force": TimeInForce.GTD}, "bad_expiry"),
        ({"expire_ns": 9_999}, "bad_expiry"),
        ({"time_in_force": TimeInForce.GTD, "expire_ns": 1_999}, "already_expired"),
        ({"time_in_force": TimeInForce.FOK, "post_only": True}, "unsupported_post_only"),
        ({"time_in_force": TimeInForce.IOC, "post_only": True}, "unsupported_post_only"),
        ({"reduce_only": True}, "unsupported_margin"),
        ({"leverage": Decimal(2)}, "unsupported_margin"),
    ],
)
def test_terms_that_do_not_go_together_are_refused(terms: dict[str, Any], code: str) -> None:
    """An order never trades as something else than it says."""
    bench = a_bench()
    bench.trade("100.0", "1")
    answer = bench.venue.place(ACCOUNT, replace(bench.request(BUY, "1", "90.0"), **terms), 2_000)
    assert isinstance(answer, Refused)
    assert answer.reason.startswith(f"{code}: ")


def test_a_post_only_order_never_takes() -> None:
    """One that would trade at once is refused; one that rests makes."""
    bench = a_bench()
    bench.trade("100.0", "1")
    taking = replace(bench.request(BUY, "1", "100.0"), post_only=True)
    answer = bench.venue.place(ACCOUNT, taking, 2_000)
    assert isinstance(answer, Refused)
    assert answer.reason.startswith("post_only_would_take: ")
    resting = replace(bench.request(BUY, "1", "99.0"), post_only=True)
    assert isinstance(bench.venue.place(ACCOUNT, resting, 2_001), Taken)
