"""Symbols, trading hours and leverage: what may be traded, when, and with how much borrowed."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from fairlead import Proposal
from fairlead.errors import SettingRefused
from fairlead.ports.risk import ALLOW
from fairlead.testing.risk_view import FakeRiskView
from fairlead.testing.scripted_exchange import ScriptedExchange
from fairlead_riskhooks.maximum_leverage import MaximumLeverage, MaximumLeverageSettings
from fairlead_riskhooks.symbols import Symbols, SymbolsSettings
from fairlead_riskhooks.trading_hours import TradingHours, TradingHoursSettings, TradingWindow
from tests.core.kernel.bench import BTC, ETH, Bench, instrument, on_bench
from tests.riskhooks.orders import code_of, instrument_of, order

VIEW = FakeRiskView()
NOT_ALLOWED = "SYMBOL_NOT_ALLOWED"


@pytest.mark.parametrize(
    ("lists", "code"),
    [
        ({"allow": ("BTC/USDT",)}, ""),
        ({"allow": ("ETH/USDT",)}, NOT_ALLOWED),
        ({"allow": ()}, NOT_ALLOWED),
        ({"deny": ("ETH/USDT",)}, ""),
        ({"deny": ("BTC/USDT",)}, NOT_ALLOWED),
        ({"allow": ("BTC/USDT",), "deny": ("BTC/USDT",)}, NOT_ALLOWED),
    ],
)
def test_symbols(lists: dict[str, Any], code: str) -> None:
    """An order of BTC/USDT under these lists; a reduction passes under all of them."""
    check = Symbols(SymbolsSettings(**lists))

    assert code_of(check.judge(order(), VIEW, "")) == code
    assert check.judge(order(reduces=True), VIEW, "") == ALLOW


@pytest.mark.parametrize("lists", [{}, {"allow": ("btc",)}, {"deny": ("BTC/USDT", "")}])
def test_lists_that_say_nothing_are_refused(lists: dict[str, Any]) -> None:
    """No list, and what is no symbol, is a mistake."""
    with pytest.raises((SettingRefused, ValueError), match=r"allow|deny"):
        SymbolsSettings(**lists)


def at(text: str) -> FakeRiskView:
    """Return a view at a time in UTC."""
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return FakeRiskView(now_ns=int(moment.timestamp()) * 1_000_000_000)


def hours(timezone: str = "UTC", **window: Any) -> TradingHours:  # noqa: ANN401 - a window as a user writes it
    """Return the check with one window."""
    return TradingHours(TradingHoursSettings(timezone=timezone, windows=(TradingWindow(**window),)))


NEW_YORK = {"timezone": "America/New_York", "begins": "09:30", "ends": "16:00"}
BERLIN = {"timezone": "Europe/Berlin", "days": ("sunday",), "begins": "02:00", "ends": "03:00"}
OVERNIGHT = {"days": ("friday",), "begins": "22:00", "ends": "04:00"}
WEEKDAYS = {"days": ("monday", "friday"), "begins": "00:00", "ends": "24:00"}

# A window, a time in UTC (2026-07-03 is a Friday), and whether it is open then.
HOURS: tuple[tuple[dict[str, Any], str, bool], ...] = (
    ({"begins": "09:30", "ends": "16:00"}, "2026-07-03T09:29:59", False),
    ({"begins": "09:30", "ends": "16:00"}, "2026-07-03T09:30", True),
    ({"begins": "09:30", "ends": "16:00"}, "2026-07-03T15:59:59", True),
    ({"begins": "09:30", "ends": "16:00"}, "2026-07-03T16:00", False),
    # New York is four hours behind UTC in summer and five in winter.
    (NEW_YORK, "2026-07-03T13:30", True),
    (NEW_YORK, "2026-01-05T13:30", False),
    (NEW_YORK, "2026-01-05T14:30", True),
    (WEEKDAYS, "2026-07-03T23:59:59", True),
    (WEEKDAYS, "2026-07-04T00:00", False),
    (WEEKDAYS, "2026-07-06T00:00", True),
    # Over midnight a window belongs to the day on which it begins.
    (OVERNIGHT, "2026-07-03T03:59", False),
    (OVERNIGHT, "2026-07-03T22:00", True),
    (OVERNIGHT, "2026-07-04T03:59", True),
    (OVERNIGHT, "2026-07-04T04:00", False),
    (OVERNIGHT, "2026-07-04T22:00", False),
    ({**OVERNIGHT, "days": ("sunday",)}, "2026-07-06T03:59", True),
    # Berlin's clocks skip from 02:00 to 03:00 on 2026-03-29, and show 02:00 to 03:00 twice on 2026-10-25.
    (BERLIN, "2026-03-29T00:59", False),
    (BERLIN, "2026-03-29T01:00", False),
    (BERLIN, "2026-10-25T00:00", True),
    (BERLIN, "2026-10-25T01:59", True),
    (BERLIN, "2026-10-25T02:00", False),
)


@pytest.mark.parametrize(("window", "when", "is_open"), HOURS)
def test_hours(window: dict[str, Any], when: str, *, is_open: bool) -> None:
    """One row of the table above; a reduction passes at any time."""
    check = hours(**window)

    assert code_of(check.judge(order(), at(when), "")) == ("" if is_open else "OUTSIDE_TRADING_HOURS")
    assert check.judge(order(reduces=True), at(when), "") == ALLOW


def test_hours_of_several_windows_add_up() -> None:
    """A break at noon."""
    windows = (TradingWindow(begins="08:00", ends="12:00"), TradingWindow(begins="13:00", ends="17:00"))
    check = TradingHours(TradingHoursSettings(windows=windows))

    found = [code_of(check.judge(order(), at(f"2026-07-03T{hour}:30"), "")) for hour in (11, 12, 13)]
    assert found == ["", "OUTSIDE_TRADING_HOURS", ""]


@pytest.mark.parametrize(
    ("window", "field"),
    [
        ({"begins": "9:30", "ends": "16:00"}, "begins"),
        ({"begins": "09:30", "ends": "24:01"}, "ends"),
        ({"begins": "09:30", "ends": "09:30"}, "begins"),
        ({"begins": "24:00", "ends": "09:30"}, "begins"),
        ({"begins": "09:30", "ends": "16:00", "days": ()}, "days"),
        ({"begins": "09:30", "ends": "16:00", "days": ("Monday",)}, "days"),
        ({"begins": "09:30", "ends": "16:00", "timezone": "Mars/Olympus"}, "timezone"),
    ],
)
def test_hours_that_mean_nothing_are_refused(window: dict[str, Any], field: str) -> None:
    """The error names the field."""
    with pytest.raises(SettingRefused) as caught:
        hours(**window)

    assert caught.value.field == field


def test_hours_without_a_window_are_refused() -> None:
    """A check that never allows anything is a mistake."""
    with pytest.raises(SettingRefused):
        TradingHoursSettings(windows=())


MARGIN = instrument_of(maximum_leverage="5")


@pytest.mark.parametrize(
    ("leverage", "settings", "code"),
    [
        ("3", {"maximum": "3"}, ""),
        ("3.1", {"maximum": "3"}, "LEVERAGE_ABOVE_MAXIMUM"),
        (None, {"maximum": "3"}, ""),
        (None, {"maximum": "3", "named": True}, "LEVERAGE_NOT_NAMED"),
        ("2", {"maximum": "3", "named": True}, ""),
        ("4", {"maximum": "3", "symbols": {"BTC/USDT": Decimal(4)}}, ""),
        ("3", {"maximum": "3", "symbols": {"BTC/USDT": Decimal(2)}}, "LEVERAGE_ABOVE_MAXIMUM"),
        ("3", {"maximum": "3", "symbols": {"ETH/USDT": Decimal(2)}}, ""),
    ],
)
def test_leverage(leverage: str | None, settings: dict[str, Any], code: str) -> None:
    """An order of BTC/USDT, which the venue offers with leverage; a reduction passes."""
    check = MaximumLeverage(MaximumLeverageSettings(**settings))
    asked = None if leverage is None else Decimal(leverage)

    assert code_of(check.judge(order(instrument=MARGIN, leverage=asked), VIEW, "")) == code
    assert check.judge(order(instrument=MARGIN, leverage=asked, reduces=True), VIEW, "") == ALLOW


def test_leverage_need_not_be_named_where_there_is_none() -> None:
    """Spot orders pass."""
    check = MaximumLeverage(MaximumLeverageSettings(maximum=1, named=True))

    assert check.judge(order(), VIEW, "") == ALLOW


def test_leverage_limits_are_told_and_must_be_some() -> None:
    """A lowered limit is noticed at the next start, one of a symbol too."""
    settings = MaximumLeverageSettings(maximum=3, symbols={BTC: Decimal(2)})

    assert MaximumLeverage(settings).limits == {"maximum": Decimal(3), "symbols.BTC/USDT": Decimal(2)}
    for wrong in ({"maximum": 0}, {"maximum": 1, "symbols": {BTC: Decimal(0)}}):
        with pytest.raises(ValueError, match=r"maximum|symbols"):
            MaximumLeverageSettings(**wrong)


def test_kernel_asks_with_the_leverage_of_the_order() -> None:
    """What the proposal names reaches the check; and so does the symbol."""

    async def main(bench: Bench) -> None:
        wish = Proposal.buy(BTC, quantity="1", limit_price="100", leverage="4")
        assert (await bench.bot.execute(wish)).order.denial_code == "LEVERAGE_ABOVE_MAXIMUM"
        assert (await bench.execute(symbol=ETH)).order.denial_code == NOT_ALLOWED
        assert not (await bench.execute(symbol=BTC)).denied

    checks = (
        MaximumLeverage(MaximumLeverageSettings(maximum=3)),
        Symbols(SymbolsSettings(deny=(ETH,))),
    )
    exchange = ScriptedExchange([instrument(BTC, maximum_leverage="5"), instrument(ETH)])
    on_bench(main, checks=checks, exchange=exchange)
