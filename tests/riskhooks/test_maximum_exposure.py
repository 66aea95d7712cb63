"""The exposure limits: order, symbol and total, valued high in the reporting currency, or denied."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead import Conversion
from fairlead.domain.contracts import Contract
from fairlead.domain.instruments import ContractKind
from fairlead.domain.ledger import Position, PositionChange
from fairlead.domain.money import MoneyRules
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.prices import Price
from fairlead.domain.records import PositionsSnapshotted
from fairlead.domain.snapshots import PositionSnapshot
from fairlead.errors import SettingRefused
from fairlead.kernel.engine.position_events import position_view
from fairlead.ports.risk import (
    ALLOW,
    ChangeKind,
    ChangeRequested,
    Fact,
    OrderUpdated,
    PositionMoved,
    RiskRequest,
    Terms,
)
from fairlead.testing.risk_view import FakeRiskView
from fairlead_riskhooks.exposure_book import Asked, ExposureBook, Key, OpeningOrder
from fairlead_riskhooks.maximum_exposure import MaximumExposure, MaximumExposureSettings
from fairlead_riskhooks.stored import dump, load
from tests.core.kernel.bench import BTC, ETH, Bench, Yes, on_bench
from tests.riskhooks.orders import denial, folded, initialized, instrument_of, order

USDT = MoneyRules("USDT")
BTC_KEY: Key = ("BTC/USDT", "bot", "")
ETH_KEY: Key = ("ETH/USDT", "bot", "")


def price(
    symbol: str = "BTC/USDT", last: str = "100", *, fresh: bool = True, ask: str | None = None
) -> Price:
    """Return what is known of a symbol's price."""
    return Price(symbol, Decimal(last), None, Decimal(ask) if ask else None, 0, 0, fresh)


def held(key: Key = BTC_KEY, quantity: str = "1", openings: int = 0, **terms: Any) -> Position:  # noqa: ANN401 - any
    """Return an open position."""
    return Position(
        key[0],
        key[1],
        "USDT",
        quantity=Decimal(quantity),
        pending_openings=openings,
        position_id=key[2],
        **terms,
    )


def pending(
    key: Key = BTC_KEY, side: str = "buy", quantity: str = "1", at: str | None = "100"
) -> OpeningOrder:
    """Return a live order that may add exposure."""
    return OpeningOrder(key, side == "buy", Asked(Decimal(quantity), None if at is None else Decimal(at)))


def asked(
    view: FakeRiskView,
    positions: list[Key] | None = None,
    orders: list[OpeningOrder] | None = None,
    request: RiskRequest | None = None,
    **limits: Any,  # noqa: ANN401 - limits as a user writes them
) -> str:
    """Return the code with which an order for 1 BTC at 100 USDT is denied, or the empty string."""
    check = MaximumExposure(MaximumExposureSettings(**limits))
    book = ExposureBook(positions or [], {f"o{number}": each for number, each in enumerate(orders or [])})
    judgement = check.judge(request or order(), view, dump(book))
    return "" if judgement == ALLOW else denial(judgement).code


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"order": "100"}, ""),
        ({"order": "99.99999999"}, "ORDER_EXPOSURE"),
        ({"position": 100}, ""),
        ({"position": "99"}, "POSITION_EXPOSURE"),
        ({"total": "100"}, ""),
        ({"total": "99"}, "TOTAL_EXPOSURE"),
        ({"order": 1, "position": 1, "total": 1}, "ORDER_EXPOSURE"),
        ({"position": 1, "total": 1}, "POSITION_EXPOSURE"),
    ],
)
def test_order_alone(limits: dict[str, Any], code: str) -> None:
    """A limit is the last value that passes; the narrowest scope answers first."""
    assert asked(FakeRiskView(money=USDT), **limits) == code


# What is held or pending besides the order, the prices, and the least limits that let the order pass.
CASES: tuple[tuple[list[Position], list[OpeningOrder], list[Price], str, str], ...] = (
    ([held()], [], [price()], "200", "200"),
    ([held()], [], [price(last="150")], "250", "250"),
    ([held()], [], [price(last="150", ask="160")], "260", "260"),
    ([held(("BTC/USDT", "other", ""), "-2")], [], [price()], "300", "300"),
    ([held(("BTC/USDT", "bot", "h-1"), "-2")], [], [price()], "300", "300"),
    ([held(ETH_KEY)], [], [price("ETH/USDT", "30")], "100", "130"),
    ([held(quantity="-3")], [], [price()], "300", "300"),
    ([held(quantity="0", openings=1)], [pending()], [], "200", "200"),
    ([held(quantity="1", openings=1)], [pending(side="sell", quantity="4")], [price()], "300", "300"),
    ([held(ETH_KEY, "0", 1)], [pending(ETH_KEY, at="7")], [], "100", "107"),
    ([held(ETH_KEY, "0", 1)], [pending(ETH_KEY, at=None)], [price("ETH/USDT", "9")], "100", "109"),
    ([held(ETH_KEY, "0", 1)], [pending(ETH_KEY, "sell", at="7")], [price("ETH/USDT", "9")], "100", "109"),
)


@pytest.mark.parametrize(("positions", "orders", "prices", "of_symbol", "of_all"), CASES)
def test_boundary(
    positions: list[Position], orders: list[OpeningOrder], prices: list[Price], of_symbol: str, of_all: str
) -> None:
    """What is held and what may be added count at their worst; a cent less than that denies."""
    view = FakeRiskView(positions, money=USDT, prices=prices)
    keys = [position.key for position in positions if position.quantity]

    assert asked(view, keys, orders, position=of_symbol, total=of_all) == ""
    less = Decimal(of_symbol) - Decimal("0.01")
    assert asked(view, keys, orders, position=less) == "POSITION_EXPOSURE"
    less = Decimal(of_all) - Decimal("0.01")
    assert asked(view, keys, orders, total=less) == "TOTAL_EXPOSURE"


def test_sell_order_is_worth_what_the_market_pays() -> None:
    """A sell limit far below the market trades near the market."""
    view = FakeRiskView(money=USDT, prices=[price(last="150")])

    assert asked(view, request=order(side=OrderSide.SELL), order="149") == "ORDER_EXPOSURE"
    assert asked(view, request=order(side=OrderSide.SELL), order="150") == ""


def test_contracts_count_with_their_multiplier() -> None:
    """Ten inverse contracts of 100 USD are 1,000 USD whatever the price; a linear one needs the price."""
    inverse = instrument_of("BTC/USDT", contract=ContractKind.INVERSE, contract_multiplier="100")
    linear = instrument_of("BTC/USDT", contract_multiplier="100")
    view = FakeRiskView(money=USDT)

    assert asked(view, request=order("10", "50000", instrument=inverse), order="1000") == ""
    assert asked(view, request=order("10", "50000", instrument=inverse), order="999") == "ORDER_EXPOSURE"
    assert asked(view, request=order("10", "2", instrument=linear), order="2000") == ""
    assert asked(view, request=order("10", "2", instrument=linear), order="1999") == "ORDER_EXPOSURE"
    contracts = held(ETH_KEY, "-10", contract=Contract(ContractKind.INVERSE, Decimal(100)))
    assert asked(FakeRiskView([contracts], money=USDT), [ETH_KEY], total="1100") == ""
    assert asked(FakeRiskView([contracts], money=USDT), [ETH_KEY], total="1099") == "TOTAL_EXPOSURE"


@pytest.mark.parametrize("limit", ["order", "position", "total"])
@pytest.mark.parametrize(
    ("view", "at", "code"),
    [
        (FakeRiskView(), "100", "EXPOSURE_NOT_CONVERTED"),
        (FakeRiskView(money=MoneyRules("EUR")), "100", "EXPOSURE_NOT_CONVERTED"),
        (FakeRiskView(money=USDT), None, "EXPOSURE_UNPRICED"),
        (FakeRiskView(money=USDT, prices=[price(fresh=False)]), None, "EXPOSURE_UNPRICED"),
    ],
)
def test_what_cannot_be_counted_denies(limit: str, view: FakeRiskView, at: str | None, code: str) -> None:
    """No reporting currency, no way into it, no price: never allowed, however high the limit is."""
    assert asked(view, request=order(price=at), **dict[str, Any]({limit: "1e30"})) == code


def test_conversion_that_went_stale_denies_and_names_the_pair() -> None:
    """A declared way without a usable price is no way, also for what another symbol holds."""
    way = Conversion(currency="USDT", into="EUR", pair="EUR/USDT")
    check = MaximumExposure(MaximumExposureSettings(total=Decimal(10**9)))
    view = FakeRiskView(money=MoneyRules("EUR", [way]), prices=[price("EUR/USDT", "1.1", fresh=False)])

    found = denial(check.judge(order(), view, check.initial()))

    assert found.code == "EXPOSURE_NOT_CONVERTED"
    assert dict(found.figures)["pair"] == "EUR/USDT"
    fresh = FakeRiskView(money=MoneyRules("EUR", [way]), prices=[price("EUR/USDT", "1.1")])
    assert check.judge(order(), fresh, check.initial()) == ALLOW


def test_held_position_without_a_price_denies() -> None:
    """What cannot be valued is below no limit; what is flat needs no price."""
    assert asked(FakeRiskView([held(ETH_KEY)], money=USDT), [ETH_KEY], total=10**9) == "EXPOSURE_UNPRICED"
    assert asked(FakeRiskView([held(ETH_KEY, "0")], money=USDT), [ETH_KEY], total=100) == ""


def test_what_began_before_the_check_was_on_denies() -> None:
    """The view counts a position, or an order, that the check never heard of: its worth is not known."""
    view = FakeRiskView([held(ETH_KEY)], money=USDT, prices=[price("ETH/USDT")])
    assert asked(view, total=10**9) == "EXPOSURE_UNKNOWN"
    assert asked(view, position=100) == ""
    view = FakeRiskView([held(quantity="0", openings=2)], money=USDT, prices=[price()])
    assert asked(view, [], [pending()], position=10**9) == "EXPOSURE_UNKNOWN"


def test_reductions_pass() -> None:
    """The way out stays open."""
    assert asked(FakeRiskView(), request=order(reduces=True), order=1) == ""


@pytest.mark.parametrize("limits", [{}, {"order": "0"}, {"total": "-1"}])
def test_settings_without_a_real_limit_are_refused(limits: dict[str, Any]) -> None:
    """No limit, or one of zero, is a mistake and not a wish."""
    with pytest.raises((SettingRefused, ValueError), match=r"order|total"):
        MaximumExposureSettings(**limits)


def test_limits_are_told() -> None:
    """A lowered limit is noticed at the next start."""
    check = MaximumExposure(MaximumExposureSettings(order="5", total=7))

    assert check.limits == {"order": Decimal(5), "total": Decimal(7)}


def test_kernel_counts_live_orders_fills_changes_and_restarts() -> None:
    """Through a real kernel: pending, filled, changed, ended; and all of it again after a restart."""

    async def main(bench: Bench) -> None:
        bench.price("100")
        first = await bench.working("buy", "1", "100", symbol=BTC)
        assert (await bench.execute(quantity="2", symbol=ETH)).order.denial_code == "TOTAL_EXPOSURE"
        bench.exchange.trade(first, "0.5", "100")
        await bench.pass_ms(10)
        await bench.restart()
        bench.price("100")

        assert (await bench.execute(quantity="1.6", symbol=ETH)).order.denial_code == "TOTAL_EXPOSURE"
        assert (await bench.bot.cancel(first)).accepted
        await bench.pass_ms(10)
        assert (await bench.execute(quantity="2.1", symbol=ETH)).order.denial_code == "TOTAL_EXPOSURE"
        assert not (await bench.execute(quantity="2", symbol=ETH)).denied

    check = MaximumExposure(MaximumExposureSettings(total=Decimal(250)))
    on_bench(main, checks=(check,), settings={"reporting_currency": "USDT"})


def test_change_is_judged_without_the_order_itself() -> None:
    """An order of 200 may become one of 250 where 250 are allowed, and not one of 260."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "2", "100")
        larger = await bench.bot.modify_order(name, quantity="2.6")
        assert larger.code == "TOTAL_EXPOSURE"
        assert (await bench.bot.modify_order(name, quantity="2.5")).code == "MODIFIED"
        await bench.pass_ms(10)
        assert (await bench.execute(quantity="0.1", symbol=ETH)).order.denial_code == "TOTAL_EXPOSURE"

    check = MaximumExposure(MaximumExposureSettings(total=Decimal(250)))
    on_bench(main, checks=(check,), settings={"reporting_currency": "USDT"})


@pytest.mark.parametrize(("change_id", "leaves"), [("", ["1", "5"]), ("c", ["1"])])
def test_a_wish_counts_until_it_is_done(change_id: str, leaves: list[str]) -> None:
    """While a larger size is asked for, the venue may say the old one unasked: the larger still counts."""
    check = MaximumExposure(MaximumExposureSettings(total="1000"))
    wished, told = (Terms(Decimal(quantity), Decimal(100), None) for quantity in ("5", "1"))
    facts: list[Fact] = [
        initialized(order("1"), "o"),
        ChangeRequested("c", ChangeKind.MODIFY, "o", "bot", wished, False, ()),
        OrderUpdated("o", change_id, told, "v", 0, "stream"),
    ]
    known = load(folded(check, facts), ExposureBook).orders["o"]
    assert [str(each.quantity) for each in known.leaves()] == leaves


def moved(key: Key, quantity: str) -> PositionMoved:
    """Return the fact that a fill left this quantity."""
    change = PositionChange.CHANGED if Decimal(quantity) else PositionChange.CLOSED
    return PositionMoved(change, position_view(held(key, quantity)), Decimal(0))


def snapshots(*keys: Key) -> PositionsSnapshotted:
    """Return the record of positions that were open a while ago."""
    one = Decimal(1)
    return PositionsSnapshotted(
        tuple(PositionSnapshot(*key, 0, 1, "USDT", one, one, one, one) for key in keys)
    )


def test_snapshots_teach_what_is_open_and_not_what_was_closed_since() -> None:
    """A snapshot is written minutes after it was taken; the book stays as large as what is open."""
    hedging: Key = ("BTC/USDT", "bot", "h-1")
    check = MaximumExposure(MaximumExposureSettings(total=1))

    value = folded(check, [moved(hedging, "1"), moved(hedging, "0"), snapshots(hedging, ETH_KEY)])
    assert load(value, ExposureBook) == ExposureBook([ETH_KEY])
    value = check.fold(value, snapshots(hedging))
    assert load(value, ExposureBook) == ExposureBook([ETH_KEY, hedging])
    value = folded(check, [moved(("BTC/USDT", "bot", f"h-{number}"), "0") for number in range(999)])
    assert len(load(value, ExposureBook).closed) == 256


def test_check_that_is_switched_on_later_learns_of_open_positions() -> None:
    """Denied until the next snapshot of positions is written, and counted from then on."""

    async def main(bench: Bench) -> None:
        await bench.hold(symbol=ETH)
        bench.fittings["checks"] = (MaximumExposure(MaximumExposureSettings(total=Decimal(250))),)
        await bench.restart()
        bench.price("100", ETH)
        assert (await bench.execute(symbol=BTC)).order.denial_code == "EXPOSURE_UNKNOWN"
        await bench.pass_ms(20)
        bench.price("100", ETH)

        assert (await bench.execute(quantity="1.6", symbol=BTC)).order.denial_code == "TOTAL_EXPOSURE"
        assert not (await bench.execute(quantity="1.5", symbol=BTC)).denied

    often = {"snapshot_interval_ms": 5, "snapshot_write_interval_ms": 10}
    on_bench(main, checks=(Yes(),), settings={"reporting_currency": "USDT", **often})
