"""`daily_loss` with `unrealized`: what is held counts as if it were closed now, and never for the bot."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead import Conversion
from fairlead.domain.contracts import Contract
from fairlead.domain.instruments import ContractKind
from fairlead.domain.ledger import Position, PositionChange
from fairlead.domain.money import MoneyRules
from fairlead.domain.prices import Price
from fairlead.errors import SettingRefused
from fairlead.kernel.engine.position_events import position_view
from fairlead.ports.risk import Fact, PositionMoved
from fairlead_riskhooks.daily_loss import DailyLoss, DailyLossSettings
from tests.core.kernel.bench import BTC, ETH, Bench, on_bench
from tests.riskhooks.orders import denial, order
from tests.riskhooks.test_daily_loss import NEW_DAY, REPORTING, USDT, code, locks, realized, view


def held(symbol: str, quantity: str, cost: str, contract: Contract | None = None) -> Position:
    """Return an open position."""
    base, quote = symbol.split("/")
    currency = base if contract is not None and contract.inverse else quote
    return Position(symbol, "bot", currency, Decimal(quantity), Decimal(cost), contract=contract)


def quoted(symbol: str, bid: str, ask: str, *, fresh: bool = True) -> Price:
    """Return a price with a quote around it."""
    middle = (Decimal(bid) + Decimal(ask)) / 2
    return Price(symbol, middle, Decimal(bid), Decimal(ask), 0, 0, fresh=fresh)


def opened(*positions: Position) -> list[Fact]:
    """Return the facts of opening them, which realized nothing."""
    return [PositionMoved(PositionChange.OPENED, position_view(each), Decimal(0)) for each in positions]


def coded(
    positions: list[Position],
    prices: list[Price],
    facts: list[Fact] | None = None,
    **limits: Any,  # noqa: ANN401 - any
) -> str:
    """Return the code of the answer with these positions known, at these prices, after these facts before."""
    seen = view(positions=positions, prices=prices)
    return code([*(facts or []), *opened(*positions)], seen, unrealized=True, **limits)


LONG = held(BTC, "2", "200")
SHORT = held(ETH, "-10", "-200")
CALM = quoted(ETH, "19.9", "20")
FELL = quoted(BTC, "95", "96")

# Positions, prices, facts of before, and the loss and drawdown that they come to.
CASES: tuple[tuple[list[Position], list[Price], list[Fact], str, str], ...] = (
    ([LONG], [FELL], [], "10", "10"),
    ([LONG], [FELL], [realized("-5")], "15", "15"),
    ([LONG], [FELL], [realized("5")], "5", "10"),
    ([LONG], [quoted(BTC, "120", "121")], [realized("-5")], "5", "5"),
    ([SHORT], [quoted(ETH, "20", "21")], [], "10", "10"),
    ([LONG, SHORT], [FELL, quoted(ETH, "20", "21")], [], "20", "20"),
    ([LONG, SHORT], [FELL, quoted(ETH, "19", "19.5")], [], "5", "5"),
    ([LONG, SHORT], [FELL, CALM], [realized("-7"), NEW_DAY], "10", "10"),
)


@pytest.mark.parametrize(("positions", "prices", "facts", "loss", "drawdown"), CASES)
def test_boundary_with_what_is_held(
    positions: list[Position], prices: list[Price], facts: list[Fact], loss: str, drawdown: str
) -> None:
    """A long is worth its bid and a short its ask; a limit that is reached locks, a cent higher does not."""
    cent = Decimal("0.01")
    assert coded(positions, prices, facts, maximum_loss=loss) == "DAILY_LOSS"
    assert coded(positions, prices, facts, maximum_loss=str(Decimal(loss) + cent)) == ""
    assert coded(positions, prices, facts, maximum_drawdown=drawdown) == "DAILY_DRAWDOWN"
    assert coded(positions, prices, facts, maximum_drawdown=str(Decimal(drawdown) + cent)) == ""


def test_a_profit_on_paper_makes_no_room() -> None:
    """What was realized as a loss locks, however much the position would win."""
    rich = [quoted(BTC, "1000", "1001")]
    assert coded([LONG], rich, [realized("-10")], maximum_loss="10") == "DAILY_LOSS"
    assert coded([LONG], rich, maximum_loss="0.01", maximum_drawdown="0.01") == ""


def test_without_the_setting_nothing_held_counts() -> None:
    """The same position, and no price is asked for."""
    seen = view(positions=[LONG])
    assert code(opened(LONG), seen, maximum_loss="0.01") == ""


@pytest.mark.parametrize(
    ("contract", "quantity", "cost", "price", "loss"),
    [
        # 20 contracts of 0.1 BTC for 200 USDT are 190 at 95.
        (Contract(ContractKind.LINEAR, Decimal("0.1")), "20", "200", "95", "10"),
        # 10 contracts of 100 USDT for 8 BTC, at 125, are 10 BTC at 100: 2 BTC are lost, 200 USDT.
        (Contract(ContractKind.INVERSE, Decimal(100)), "10", "-8", "100", "200"),
    ],
)
def test_contracts_count_as_they_settle(
    contract: Contract, quantity: str, cost: str, price: str, loss: str
) -> None:
    """A multiplier scales; an inverse contract loses in base, which is converted."""
    money = MoneyRules("USDT", [Conversion(currency="BTC", into="USDT", pair=BTC)])
    position = held(BTC, quantity, cost, contract)
    seen = view(money=money, positions=[position], prices=[quoted(BTC, price, price)])
    cent = Decimal("0.01")
    assert code(opened(position), seen, unrealized=True, maximum_loss=loss) == "DAILY_LOSS"
    assert code(opened(position), seen, unrealized=True, maximum_loss=str(Decimal(loss) + cent)) == ""


def test_what_cannot_be_valued_denies_and_names_it() -> None:
    """No price, a stale one, no conversion, or a position it does not know: never allowed."""
    stale = quoted(BTC, "95", "96", fresh=False)
    for prices in ([], [stale]):
        assert coded([LONG], prices, maximum_loss="1000") == "RESULT_UNPRICED"
    unknown = view(positions=[LONG], prices=[FELL])
    assert code([], unknown, unrealized=True, maximum_loss="1000") == "RESULT_UNKNOWN"
    euro = held("BTC/EUR", "1", "100")
    seen = view(positions=[euro], prices=[quoted("BTC/EUR", "90", "91")], money=USDT)
    assert code(opened(euro), seen, unrealized=True, maximum_loss="1000") == "RESULT_NOT_CONVERTED"


def test_a_flag_that_is_none_is_refused() -> None:
    """A word is not a flag."""
    with pytest.raises((SettingRefused, TypeError)):
        DailyLossSettings(maximum_loss="5", unrealized="yes")  # type: ignore[arg-type]  # that is the point


def test_exits_pass_whatever_is_held() -> None:
    """A reduction is never asked what the day lost."""
    check = DailyLoss(DailyLossSettings(maximum_loss="1", unrealized=True))
    value = check.initial()
    for fact in opened(LONG):
        value = check.fold(value, fact)
    assert check.judge(order(reduces=True), view(positions=[LONG]), value).__class__.__name__ == "Allow"


def test_a_kernel_locks_by_the_price_and_keeps_to_it_over_a_restart() -> None:
    """Nothing was realized: the price alone locks; after a restart and a rise it stays locked."""

    async def main(bench: Bench) -> None:
        await bench.hold(symbol=BTC)
        bench.price("100")
        assert not (await bench.execute(symbol=ETH, price="9")).denied
        await bench.price_jumps("79")
        found = await bench.execute(symbol=ETH, price="9")
        assert found.order.denial_code == "DAILY_LOSS"
        (lock,) = locks(bench)
        assert "21 USDT were lost" in lock.reason
        await bench.restart()
        await bench.price_jumps("150")
        assert (await bench.execute(symbol=ETH, price="9")).denied
        assert len(locks(bench)) == 1
        assert not (await bench.execute("sell", "0.5", "110")).denied

    check = DailyLoss(DailyLossSettings(maximum_loss="20", unrealized=True))
    on_bench(main, checks=(check,), settings=REPORTING)


def test_switched_on_later_it_learns_what_is_held() -> None:
    """Positions from before are known with the next snapshot of positions; until then it denies."""

    async def main(bench: Bench) -> None:
        await bench.hold(symbol=BTC)
        bench.price("100")
        bench.fittings["checks"] = (DailyLoss(DailyLossSettings(maximum_loss="20", unrealized=True)),)
        await bench.restart()
        bench.price("100")
        assert denial_code(await bench.execute(symbol=ETH, price="9")) == "RESULT_UNKNOWN"
        await bench.pass_ms(bench.kernel._parts.settings.snapshot_write_interval_ms + 1)
        bench.price("100")
        assert denial_code(await bench.execute(symbol=ETH, price="9")) == ""

    check = DailyLoss(DailyLossSettings(maximum_loss="20"))
    on_bench(main, checks=(check,), settings=REPORTING)


def denial_code(result: Any) -> str:  # noqa: ANN401 - a result
    """Return why the order of a result was denied, or nothing."""
    code_of: str = result.order.denial_code
    return code_of


def test_a_denial_names_the_symbol() -> None:
    """The figures say what is missing."""
    check = DailyLoss(DailyLossSettings(maximum_loss="5", unrealized=True))
    value = check.initial()
    for fact in opened(LONG):
        value = check.fold(value, fact)
    found = denial(check.judge(order(), view(positions=[LONG]), value))
    assert found.figures == (("symbol", BTC),)
