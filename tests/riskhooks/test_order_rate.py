"""The order rate and the duplicate intents: what was sent in a window of time, over restarts too."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from fairlead.domain.order_kinds import OrderSide, OrderType
from fairlead.domain.records import AttemptStarted
from fairlead.errors import SettingRefused
from fairlead.ports.risk import ALLOW, Fact, RiskRequest
from fairlead.testing.risk_view import FakeRiskView
from fairlead_riskhooks.duplicate_intent import DuplicateIntent, DuplicateIntentSettings
from fairlead_riskhooks.order_rate import OrderRate, OrderRateSettings
from fairlead_riskhooks.recent_orders import NOTHING, Recent
from fairlead_riskhooks.stored import load
from tests.core.kernel.bench import ETH, Bench, on_bench
from tests.riskhooks.orders import code_of, denial, folded, initialized, instrument_of, order, sent

MILLISECOND = 1_000_000
WINDOW_MS = 1_000
END_NS = WINDOW_MS * MILLISECOND
OTHER_SYMBOL = order(instrument=instrument_of("ETH/USDT"))
OTHER_OWNER = order(owner="other")


def rate(**limits: int) -> OrderRate:
    """Return the check with a window of a second."""
    return OrderRate(OrderRateSettings(window_ms=WINDOW_MS, **limits))


def duplicates(**limits: int) -> DuplicateIntent:
    """Return the check with a window of a second."""
    return DuplicateIntent(DuplicateIntentSettings(window_ms=WINDOW_MS, **limits))


TWO_OWN: list[Fact] = [*sent(order(), "a", 0), *sent(order(), "b", 5)]

# Facts, limits, when an order is asked about, and the code of the denial or the empty string.
RATES: tuple[tuple[list[Fact], dict[str, int], int, str], ...] = (
    ([], {"total": 1}, 0, ""),
    (sent(order(), "a", 0), {"total": 1}, 0, "ORDER_RATE"),
    (sent(order(), "a", 0), {"total": 1}, END_NS - 1, "ORDER_RATE"),
    (sent(order(), "a", 0), {"total": 1}, END_NS, ""),
    (sent(order(), "a", 0), {"total": 2}, 0, ""),
    (TWO_OWN, {"total": 2}, END_NS - 1, "ORDER_RATE"),
    (TWO_OWN, {"total": 2}, END_NS + 4, ""),
    (sent(OTHER_OWNER, "a", 0), {"total": 1}, 0, "ORDER_RATE"),
    (sent(OTHER_OWNER, "a", 0), {"per_owner": 1}, 0, ""),
    (sent(OTHER_OWNER, "a", 0), {"per_symbol": 1}, 0, "ORDER_RATE"),
    (sent(OTHER_SYMBOL, "a", 0), {"per_symbol": 1}, 0, ""),
    (sent(OTHER_SYMBOL, "a", 0), {"per_owner": 1}, 0, "ORDER_RATE"),
    # Approved orders that wait for their pace count whenever they were approved; denied ones never.
    ([initialized(order(), "a")], {"total": 1}, 9 * END_NS, "ORDER_RATE"),
    ([initialized(order(), "a", approved=False)], {"total": 1}, 0, ""),
    ([initialized(order(reduces=True), "a"), AttemptStarted("a", 1, 0, 0)], {"total": 1}, 0, ""),
    # A further attempt is no further order.
    ([*sent(order(), "a", 0), AttemptStarted("a", 2, END_NS - 1, 0)], {"total": 1}, END_NS, ""),
    # A clock that was put back keeps on counting.
    (sent(order(), "a", 10 * END_NS), {"total": 1}, 0, "ORDER_RATE"),
)


@pytest.mark.parametrize(("facts", "limits", "now_ns", "code"), RATES)
def test_rate(facts: list[Fact], limits: dict[str, int], now_ns: int, code: str) -> None:
    """One row of the table above, for an order of the bot in BTC/USDT."""
    check = rate(**limits)

    assert code_of(check.judge(order(), FakeRiskView(now_ns=now_ns), folded(check, facts))) == code


def test_rate_denial_names_what_was_counted() -> None:
    """A trader can read how many, of how many, in which time."""
    check = rate(per_symbol=2)
    found = denial(check.judge(order(), FakeRiskView(now_ns=9), folded(check, TWO_OWN)))

    assert found.reason == "2 orders of BTC/USDT were sent in the last 1000 ms, of 2 allowed."
    assert found.figures == (("orders", "2"), ("limit", "2"), ("window_ms", "1000"))


def test_rate_remembers_no_more_than_it_needs() -> None:
    """However many orders of one kind there were, the value keeps as many as the largest limit."""
    check = rate(total=2, per_owner=3)
    facts = [fact for number in range(50) for fact in sent(order(), f"o{number}", number)]

    assert len(load(folded(check, facts), Recent).sent) == 3
    later = folded(check, [*facts, *sent(OTHER_SYMBOL, "last", 9 * END_NS)])
    assert [when for when, _ in load(later, Recent).sent] == [9 * END_NS]


# What was sent, what is asked for after it, and the code of the denial or the empty string.
MARKET = order(price=None)
DUPLICATES: tuple[tuple[RiskRequest, RiskRequest, str], ...] = (
    (order(), order(), "DUPLICATE_INTENT"),
    (order(), order("1.0", "100.00"), "DUPLICATE_INTENT"),
    (order(), order(book="other"), "DUPLICATE_INTENT"),
    (order(), order(side=OrderSide.SELL), ""),
    (order(), order("1.1"), ""),
    (order(), order(price="100.1"), ""),
    (order(), OTHER_SYMBOL, ""),
    (order(), OTHER_OWNER, ""),
    (order(), order(order_type=OrderType.MARKET), ""),
    # The price of a market order is the market's, which moves.
    (MARKET, replace(MARKET, price=Decimal(7)), "DUPLICATE_INTENT"),
)


@pytest.mark.parametrize(("before", "asked", "code"), DUPLICATES)
def test_duplicate(before: RiskRequest, asked: RiskRequest, code: str) -> None:
    """The same order is denied while it waits and until the window after it was sent is over."""
    check = duplicates()
    waiting = folded(check, [initialized(before, "a")])
    value = folded(check, sent(before, "a", 0))

    assert code_of(check.judge(asked, FakeRiskView(), waiting)) == code
    assert code_of(check.judge(asked, FakeRiskView(now_ns=END_NS - 1), value)) == code
    assert check.judge(asked, FakeRiskView(now_ns=END_NS), value) == ALLOW


def test_more_intents_than_are_remembered_deny() -> None:
    """What is not remembered cannot be compared: it fails closed, and frees itself with time."""
    check = duplicates(remembered_max=2)
    value = folded(check, [*sent(order("3"), "a", 0), *sent(order("4"), "b", 0)])

    assert code_of(check.judge(order(), FakeRiskView(), value)) == "TOO_MANY_INTENTS"
    assert check.judge(order(), FakeRiskView(now_ns=END_NS), value) == ALLOW
    assert check.limits == {"remembered_max": 2}


@pytest.mark.parametrize("check", [rate(total=1), duplicates()])
def test_reductions_and_live_orders_pass(check: OrderRate | DuplicateIntent) -> None:
    """The way out stays open; an order judged again, or changed, stands in its own way no more than once."""
    value = folded(check, sent(order(), "a", 0))

    assert check.judge(order(reduces=True), FakeRiskView(), value) == ALLOW
    assert check.judge(order(live_order_id="a"), FakeRiskView(), value) == ALLOW
    assert check.judge(order(), FakeRiskView(), value) != ALLOW


@pytest.mark.parametrize(
    "settings",
    [
        {"window_ms": 1},
        {"window_ms": 0, "total": 1},
        {"window_ms": 1, "total": 0},
        {"window_ms": 1, "total": True},
    ],
)
def test_settings_without_a_real_limit_are_refused(settings: dict[str, Any]) -> None:
    """No limit, or one of zero, is a mistake and not a wish."""
    with pytest.raises(SettingRefused):
        OrderRateSettings(**settings)


def test_limits_are_told() -> None:
    """A lowered limit is noticed at the next start."""
    assert rate(total=3, per_owner=2).limits == {"total": 3, "per_owner": 2}


def test_value_of_something_else_is_not_taken_for_none() -> None:
    """A value that is not ours raises, so that the kernel denies."""
    with pytest.raises(msgspec.MsgspecError):
        rate(total=1).judge(order(), FakeRiskView(), "[]")
    assert NOTHING == '{"waiting":{},"sent":[]}'


def test_kernel_holds_the_rate_over_a_restart() -> None:
    """Two orders of a burst pass; the rest is denied, by the next kernel too, until the window is over."""

    async def main(bench: Bench) -> None:
        results = [await bench.execute() for _ in range(5)]
        assert [result.order.denial_code for result in results] == ["", "", *["ORDER_RATE"] * 3]
        await bench.restart()
        assert (await bench.execute(symbol=ETH)).order.denial_code == "ORDER_RATE"
        await bench.pass_ms(WINDOW_MS + 1)
        assert not (await bench.execute(symbol=ETH)).denied

    on_bench(main, checks=(rate(total=2),))


def test_kernel_denies_a_duplicate_over_a_restart_and_lets_a_change_pass() -> None:
    """The second order is denied, whoever judges it; the first may be changed, and changed back."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        assert (await bench.bot.modify_order(name, quantity="2")).code == "MODIFIED"
        assert (await bench.bot.modify_order(name, limit_price="101")).code == "MODIFIED"
        await bench.restart()
        assert (await bench.execute()).order.denial_code == "DUPLICATE_INTENT"
        assert not (await bench.execute(quantity="1.5")).denied
        await bench.pass_ms(WINDOW_MS + 1)
        assert not (await bench.execute()).denied

    on_bench(main, checks=(duplicates(),))
