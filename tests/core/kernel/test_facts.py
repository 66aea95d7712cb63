"""Facts: a risk check learns of exposure and of each closed trade's result, once, also across restarts."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from fairlead.domain.facts import EpisodeBegan, EpisodeEnded, Fact, OrderEnded, PositionMoved
from fairlead.domain.records import CheckValueChanged, KernelStarted, OrderInitialized, TradingDayBegan
from fairlead.ports.risk import ALLOW, Deny, Judgement, RiskRequest, RiskView
from tests.core.kernel.bench import BTC, ETH, Bench, on_bench
from tests.core.kernel.test_episodes import traded

DAY_MS = 86_400_000


class Listener:
    """Keeps in its value every fact of the kinds that are asked for, in a word each."""

    name = "listener"
    version = "1"

    def __init__(self, *kinds: type[Fact]) -> None:
        self.kinds = kinds

    def initial(self) -> str:
        """Return the value before any fact."""
        return "[]"

    def fold(self, value: str, fact: Fact) -> str:
        """Add the fact."""
        if type(fact) not in self.kinds:
            return value
        return json.dumps([*json.loads(value), said(fact)])

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:
        """Allow."""
        del request, view, value
        return ALLOW


def said(fact: Fact) -> str:
    """Return what a fact says."""
    match fact:
        case PositionMoved():
            position = fact.position
            return f"{fact.change.value} {position.symbol} {position.quantity} realized {fact.realized_pnl}"
        case EpisodeBegan() | EpisodeEnded():
            episode = fact.episode
            kind = "began" if isinstance(fact, EpisodeBegan) else "ended"
            return f"{kind} {episode.symbol} {episode.number} {episode.side.value} net {episode.net_pnl}"
        case OrderEnded():
            return f"order {fact.order.side.value} {fact.order.status.value} {fact.order.filled_quantity}"
        case _:
            return fact.KIND


def heard(bench: Bench) -> list[Any]:
    """Return what the check has kept so far."""
    values: list[Any] = json.loads(bench.kernel._parts.engine.state.check_values["listener"])
    return values


def plain(words: list[str]) -> list[str]:
    """Return the words without zeros at the end of figures."""
    return [" ".join(_plain(word) for word in text.split()) for text in words]


def _plain(word: str) -> str:
    try:
        return format(Decimal(word).normalize(), "f")
    except ArithmeticError:
        return word


@pytest.mark.requirement("FLOW-8")
def test_a_check_learns_of_exposure_and_of_each_closed_trades_result() -> None:
    """Opened, added to, reduced, turned round and closed: every move, and each trade's end exactly once."""

    async def main(bench: Bench) -> None:
        for side, quantity, price in (
            ("buy", "1", "100"), ("buy", "1", "102"), ("sell", "0.5", "103"), ("sell", "2", "104"),
            ("buy", "0.5", "100"),
        ):  # fmt: skip
            await traded(bench, side, quantity, price, fee="0.1")
        assert plain(heard(bench)) == [
            f"opened {BTC} 1 realized 0",
            f"began {BTC} 1 long net -0.1",
            f"changed {BTC} 2 realized 0",
            f"changed {BTC} 1.5 realized 1",
            f"flipped {BTC} -0.5 realized 4.5",
            f"ended {BTC} 1 long net 5.125",
            f"began {BTC} 2 short net -0.025",
            f"closed {BTC} 0 realized 2",
            f"ended {BTC} 2 short net 1.875",
        ]

    on_bench(main, checks=[Listener(PositionMoved, EpisodeBegan, EpisodeEnded)])


@pytest.mark.requirement("FLOW-8")
def test_a_check_learns_how_each_order_ended() -> None:
    """Filled, canceled with a part, and never placed; a denied one never began."""

    async def main(bench: Bench) -> None:
        await traded(bench, "buy", "1", "100")
        part = await bench.working("buy", "2", "90")
        bench.exchange.trade(part, "0.5", "90")
        await bench.pass_ms()
        await bench.bot.cancel(part)
        await bench.pass_ms(10)
        assert plain(heard(bench)) == ["order buy FILLED 1", "order buy CANCELED 0.5"]

    on_bench(main, checks=[Listener(OrderEnded)])


@pytest.mark.requirement("FLOW-8")
@pytest.mark.parametrize("how", ["stop", "death"])
def test_a_restart_is_a_fact_and_tells_nothing_twice(how: str) -> None:
    """What was told before is in the value; only the start itself is new."""

    async def main(bench: Bench) -> None:
        await traded(bench, "buy", "1", "100")
        await traded(bench, "sell", "1", "101")
        if how == "stop":
            await bench.restart()
        else:
            await bench.die()
            await bench.start_another()
        await traded(bench, "buy", "1", "100")
        await traded(bench, "sell", "1", "102")
        assert plain(heard(bench)) == [
            "kernel_started",
            f"ended {BTC} 1 long net 1",
            "kernel_started",
            f"ended {BTC} 2 long net 2",
        ]

    on_bench(main, checks=[Listener(KernelStarted, EpisodeEnded)])


@pytest.mark.requirement("FLOW-8")
def test_a_trading_day_is_told_once_before_anything_else_of_it() -> None:
    """With the first step of each day, also after a restart, and never twice for the same day."""

    async def main(bench: Bench) -> None:
        await bench.working(price="90")
        await bench.restart()
        await bench.working(price="91")
        await bench.kernel.stop()
        await bench.pass_ms(3 * DAY_MS)
        await bench.start_another()
        await bench.working(price="92")
        assert heard(bench) == [
            "trading_day_began", "order_initialized", "order_initialized",
            "trading_day_began", "order_initialized",
        ]  # fmt: skip
        days = [record for record in bench.records() if isinstance(record, TradingDayBegan)]
        assert [day.ends_ns - day.began_ns for day in days] == [DAY_MS * 10**6] * 2
        now_ns = bench.clock.wall_ns()
        assert days[1].began_ns <= now_ns < days[1].ends_ns

    on_bench(main, checks=[Listener(TradingDayBegan, OrderInitialized)], settings={"on_stop": "leave"})


class DailyLoss(Listener):
    """Denies new exposure when the trades that ended today have lost 5 or more: what facts are for."""

    name = "daily_loss"

    def __init__(self) -> None:
        super().__init__()

    def initial(self) -> str:
        """Return no loss."""
        return "0"

    def fold(self, value: str, fact: Fact) -> str:
        """Add the result of each trade; a new day begins with none."""
        if isinstance(fact, EpisodeEnded):
            return str(Decimal(value) + fact.episode.net_pnl)
        return "0" if isinstance(fact, TradingDayBegan) else value

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:
        """Deny after too large a loss."""
        del request, view
        if Decimal(value) <= -5:
            return Deny("DAILY_LOSS", "Today's trades have lost too much.", (("net", value),))
        return ALLOW


@pytest.mark.requirement("FLOW-8")
def test_a_daily_loss_counts_each_trade_once_and_ends_with_the_day() -> None:
    """Two losing trades of 3: the third entry is denied, also after a restart; the next day is a new one."""

    async def main(bench: Bench) -> None:
        for _ in range(2):
            await traded(bench, "buy", "1", "100")
            await traded(bench, "sell", "1", "97")
        assert (await bench.execute()).order.denial_code == "DAILY_LOSS"
        await bench.restart()
        assert (await bench.execute(symbol=ETH)).order.denial_code == "DAILY_LOSS"
        await bench.pass_ms(DAY_MS)
        assert (await bench.execute()).status == "ACCEPTED"

    on_bench(main, checks=[DailyLoss()])


def test_without_a_check_that_keeps_a_value_no_fact_is_made() -> None:
    """No record of a trading day, and no value."""

    async def main(bench: Bench) -> None:
        await traded(bench, "buy", "1", "100")
        await traded(bench, "sell", "1", "97")
        kinds = {type(record) for record in bench.records()}
        assert kinds.isdisjoint({TradingDayBegan, CheckValueChanged})

    class Stateless(DailyLoss):
        stateless = True

    on_bench(main, checks=[Stateless()])
