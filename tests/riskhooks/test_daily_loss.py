"""The loss limits of the trading day: counted by fill, locked until the day ends, whatever restarts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead import Conversion, TradingDay
from fairlead.domain.ledger import Position, PositionChange
from fairlead.domain.money import MoneyRules
from fairlead.domain.order_kinds import Liquidity, OrderSide
from fairlead.domain.prices import Price
from fairlead.domain.records import LockPlaced, OrderFilled, TradingDayBegan
from fairlead.errors import SettingRefused
from fairlead.kernel.engine.position_events import position_view
from fairlead.ports.risk import ALLOW, Deny, Fact, Lock, PositionMoved
from fairlead.testing.risk_view import FakeRiskView
from fairlead_riskhooks.daily_loss import DailyLoss, DailyLossSettings
from tests.core.kernel.bench import BTC, ETH, Bench, on_bench
from tests.riskhooks.orders import denial, order

USDT = MoneyRules("USDT")
DAY_NS = 86_400_000_000_000
NOW_NS = 5 * DAY_NS + 1
REPORTING = {"reporting_currency": "USDT"}
NEW_DAY = TradingDayBegan(6 * DAY_NS, 7 * DAY_NS)


def realized(amount: str, currency: str = "USDT") -> PositionMoved:
    """Return the fact that a fill realized so much."""
    position = Position(f"BTC/{currency}", "bot", currency)
    return PositionMoved(PositionChange.CLOSED, position_view(position), Decimal(amount))


def fee(amount: str, currency: str = "") -> OrderFilled:
    """Return a fill with a fee in quote, unless another currency is named."""
    one, buy = Decimal(1), OrderSide.BUY
    figures = (one, one, one, Decimal(amount), "BTC", "USDT", 8)
    return OrderFilled("o", "v", "t", buy, *figures, Liquidity.TAKER, 0, "s", currency)


def view(now_ns: int = NOW_NS, money: MoneyRules = USDT, **given: Any) -> FakeRiskView:  # noqa: ANN401 - any
    """Return a view at a time."""
    return FakeRiskView(now_ns=now_ns, money=money, **given)


def answer(facts: list[Fact], seen: FakeRiskView | None = None, **limits: Any) -> object:  # noqa: ANN401 - texts and flags
    """Return what the check says after these facts."""
    check = DailyLoss(DailyLossSettings(**limits))
    value = check.initial()
    for fact in facts:
        value = check.fold(value, fact)
    return check.judge(order(), seen or view(), value)


def code(facts: list[Fact], seen: FakeRiskView | None = None, **limits: Any) -> str:  # noqa: ANN401 - as answer
    """Return the code of the denial or lock, or the empty string."""
    found = answer(facts, seen, **limits)
    if found == ALLOW:
        return ""
    assert isinstance(found, Deny | Lock)
    return found.code


# Facts, and the loss and drawdown of the day that they come to.
CASES: tuple[tuple[list[Fact], str, str], ...] = (
    ([realized("-10")], "10", "10"),
    ([realized("-4"), realized("-6")], "10", "10"),
    ([realized("-4"), fee("6")], "10", "10"),
    ([fee("6", "USDT"), fee("4")], "10", "10"),
    ([realized("-10"), fee("1", "BTC")], "10", "10"),
    ([fee("-3"), realized("-13")], "10", "13"),
    ([realized("20"), realized("-30")], "10", "30"),
    ([realized("20"), realized("-30"), realized("-1"), realized("1")], "10", "30"),
    ([realized("-99"), NEW_DAY, realized("-10")], "10", "10"),
    ([realized("50"), NEW_DAY, realized("-10")], "10", "10"),
)


@pytest.mark.parametrize(("facts", "loss", "drawdown"), CASES)
def test_boundary(facts: list[Fact], loss: str, drawdown: str) -> None:
    """A limit that is reached locks; one that is a cent higher does not."""
    assert code(facts, maximum_loss=loss) == "DAILY_LOSS"
    assert code(facts, maximum_loss=str(Decimal(loss) + Decimal("0.01"))) == ""
    assert code(facts, maximum_drawdown=drawdown) == "DAILY_DRAWDOWN"
    assert code(facts, maximum_drawdown=str(Decimal(drawdown) + Decimal("0.01"))) == ""


def test_profit_locks_nothing() -> None:
    """Only a loss is a loss."""
    assert code([realized("1000")], maximum_loss="1", maximum_drawdown="1") == ""


def test_lock_is_for_everything_until_the_day_ends() -> None:
    """Scope, sides and end of the lock, and a sentence with both figures."""
    found = answer([realized("-10.5")], view(day=TradingDay(at="17:00")), maximum_loss="10")

    assert isinstance(found, Lock)
    assert (found.scope, found.side) == ("*", None)
    assert found.until_ns == view(day=TradingDay(at="17:00")).trading_day[1]
    assert found.reason.startswith("Since the day began 10.5 USDT were lost, and the limit is 10;")


def test_lock_is_kept_and_not_placed_again() -> None:
    """After the check's own lock it denies until then, even when all was won back; a foreign lock is none."""
    own = LockPlaced("daily_loss", "*", None, NOW_NS + 1, "DAILY_LOSS", "r")
    foreign = LockPlaced("other", "*", None, NOW_NS + 1, "OTHER", "r")

    kept = answer([own, realized("50"), NEW_DAY], maximum_loss="10")
    assert isinstance(kept, Deny)
    assert (kept.code, kept.figures) == ("DAILY_LOSS", (("until_ns", str(NOW_NS + 1)),))
    assert answer([own], view(NOW_NS + 1), maximum_loss="10") == ALLOW
    assert answer([foreign], maximum_loss="10") == ALLOW


def test_conversion_missing_denies() -> None:
    """No reporting currency, no way, no usable price: never allowed, and the pair is named."""
    assert code([], FakeRiskView(now_ns=NOW_NS), maximum_loss="9") == "RESULT_NOT_CONVERTED"
    for limit in ("maximum_loss", "maximum_drawdown"):
        assert (
            code([realized("-1")], view(money=MoneyRules("EUR")), **dict[str, Any]({limit: "9"}))
            == "RESULT_NOT_CONVERTED"
        )
    stale = Price("EUR/USDT", Decimal("1.25"), None, None, 0, 0, fresh=False)
    money = MoneyRules("EUR", [Conversion(currency="USDT", into="EUR", pair="EUR/USDT")])
    found = answer([realized("-1")], view(money=money, prices=[stale]), maximum_loss="9")
    assert dict(denial(found).figures)["pair"] == "EUR/USDT"  # type: ignore[arg-type]  # pairs
    fresh = Price("EUR/USDT", Decimal("1.25"), None, None, 0, 0, fresh=True)
    seen = view(money=money, prices=[fresh])
    assert code([realized("-10")], seen, maximum_loss="8") == "DAILY_LOSS"
    assert code([realized("-10")], seen, maximum_loss="8.01") == ""


def test_reductions_pass() -> None:
    """The way out stays open while all else is locked."""
    check = DailyLoss(DailyLossSettings(maximum_loss="1"))
    value = check.fold(check.initial(), realized("-5"))

    assert check.judge(order(reduces=True), view(), value) == ALLOW


@pytest.mark.parametrize(
    "limits", [{}, {"unrealized": True}, {"maximum_loss": "0"}, {"maximum_drawdown": "-1"}]
)
def test_settings_without_a_real_limit_are_refused(limits: dict[str, Any]) -> None:
    """No limit, or one of zero, is a mistake and not a wish."""
    with pytest.raises((SettingRefused, ValueError), match="maximum_"):
        DailyLossSettings(**limits)


def test_limits_are_told() -> None:
    """A lowered limit is noticed at the next start."""
    assert DailyLoss(DailyLossSettings(maximum_loss="5")).limits == {"maximum_loss": Decimal(5)}


async def lose(bench: Bench) -> None:
    """Buy 1 BTC at 100, sell half of it at 60 and the rest at 110."""
    await bench.hold(symbol=BTC)
    name = await bench.working("sell", "0.5", "60")
    bench.exchange.trade(name, "0.5", "60")
    await bench.pass_ms(10)


def locks(bench: Bench) -> list[LockPlaced]:
    """Return the durable locks."""
    return [record for record in bench.records() if isinstance(record, LockPlaced)]


def test_kernel_locks_once_over_a_restart_until_the_next_day() -> None:
    """A partial close counts at once; one lock is journaled; exits pass; the next day trades again."""

    async def main(bench: Bench) -> None:
        await lose(bench)
        assert (await bench.execute(symbol=ETH)).order.denial_code == "DAILY_LOSS"
        assert (await bench.execute(symbol=ETH)).denied
        await bench.restart()
        assert (await bench.execute(symbol=BTC)).denied
        assert len(locks(bench)) == 1
        lock = locks(bench)[0]
        assert lock.until_ns == DAY_NS * (bench.clock.wall_ns() // DAY_NS + 1)

        assert not (await bench.execute("sell", "0.5", "110")).denied
        await bench.pass_ms((lock.until_ns - bench.clock.wall_ns()) // 1_000_000 + 1)
        assert not (await bench.execute(symbol=ETH)).denied

    on_bench(main, checks=(DailyLoss(DailyLossSettings(maximum_loss="20")),), settings=REPORTING)


def test_loss_before_a_restart_counts_after_it() -> None:
    """The kernel dies after the loss and before any order was denied for it."""

    async def main(bench: Bench) -> None:
        await lose(bench)
        await bench.restart()

        assert (await bench.execute(symbol=ETH)).order.denial_code == "DAILY_LOSS"

    on_bench(main, checks=(DailyLoss(DailyLossSettings(maximum_loss="20")),), settings=REPORTING)
