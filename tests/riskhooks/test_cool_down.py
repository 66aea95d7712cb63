"""The cool-down: a symbol rests after a loss or a stop, over restarts too."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead import Proposal
from fairlead.domain.episodes import EpisodeView, PositionSide
from fairlead.domain.order_table import OrderState
from fairlead.domain.orders import view_of
from fairlead.errors import SettingRefused
from fairlead.ports.risk import ALLOW, EpisodeEnded, OrderEnded, OrderView
from fairlead.testing.risk_view import FakeRiskView
from fairlead_riskhooks.cool_down import CoolDown, CoolDownSettings, Rests
from fairlead_riskhooks.stored import load
from tests.core.domain.test_order_sequences import order as engine_order
from tests.core.kernel.bench import BTC, ETH, Bench, on_bench
from tests.riskhooks.orders import code_of, denial, folded, instrument_of, order

MILLISECOND = 1_000_000
REST_MS = 1_000


def ended(realized: str, fees: str = "0", symbol: str = "BTC/USDT", closed_ns: int = 0) -> EpisodeEnded:
    """Return the fact that a position was closed."""
    one = Decimal(1)
    figures = (Decimal(0), one, one, one, one, one, Decimal(realized), Decimal(fees), 2)
    return EpisodeEnded(
        EpisodeView(symbol, "bot", "", 1, "bot", PositionSide.LONG, "USDT", 0, closed_ns, *figures)
    )


def over(closed_ns: int) -> OrderView:
    """Return an order of another symbol that was canceled at that time of ours."""
    return view_of(engine_order(symbol="XRP/USDT", state=OrderState.CANCELED, closed_ns=closed_ns))


def cooling(**rests: Any) -> CoolDown:  # noqa: ANN401 - settings as a user writes them
    """Return the check."""
    return CoolDown(CoolDownSettings(**rests))


# How a position ended, when an order of BTC/USDT is asked about, and whether it is denied.
CASES: tuple[tuple[EpisodeEnded, int, bool], ...] = (
    (ended("-0.01"), 0, True),
    (ended("-0.01"), REST_MS * MILLISECOND - 1, True),
    (ended("-0.01"), REST_MS * MILLISECOND, False),
    (ended("0"), 0, False),
    (ended("1", fees="1"), 0, False),
    (ended("1", fees="1.01"), 0, True),
    (ended("-1", fees="-1"), 0, False),
    (ended("-1", symbol="ETH/USDT"), 0, False),
    (ended("-1", closed_ns=7), REST_MS * MILLISECOND + 6, True),
    (ended("-1", closed_ns=7), REST_MS * MILLISECOND + 7, False),
)


@pytest.mark.parametrize(("fact", "now_ns", "denied"), CASES)
def test_boundary(fact: EpisodeEnded, now_ns: int, *, denied: bool) -> None:
    """A loss is one after fees; the rest ends to the nanosecond."""
    check = cooling(after_loss_ms=REST_MS)
    found = check.judge(order(), FakeRiskView(now_ns=now_ns), folded(check, [fact]))

    assert code_of(found) == ("COOL_DOWN_AFTER_LOSS" if denied else "")


def test_denial_says_how_long_it_lasts() -> None:
    """Figures for a bot that wants to try again."""
    check = cooling(after_loss_ms=REST_MS)
    found = denial(check.judge(order(), FakeRiskView(now_ns=1), folded(check, [ended("-1")])))

    assert found.reason == "BTC/USDT rests for another 1000 ms."
    assert found.figures == (("until_ns", "1000000000"), ("remaining_ms", "1000"))


def test_rests_are_dropped_when_they_are_over() -> None:
    """The value forgets a symbol that has rested when an order ends; our own time says what is over."""
    check = cooling(after_loss_ms=REST_MS)
    rest_ns = REST_MS * MILLISECOND
    facts = [ended("-1", symbol="ETH/USDT"), ended("-1", closed_ns=rest_ns)]
    for closed_ns, resting in ((rest_ns - 1, ["ETH/USDT", "BTC/USDT"]), (rest_ns, ["BTC/USDT"])):
        value = folded(check, [*facts, OrderEnded(over(closed_ns))])
        assert list(load(value, Rests).symbols) == resting


@pytest.mark.parametrize("ahead_ms", [0, REST_MS - 1, REST_MS, 100 * REST_MS])
def test_no_rest_is_cut_short_by_another(ahead_ms: int) -> None:
    """A loss elsewhere, at whatever time its venue says, leaves a symbol's rest as it is."""
    check = cooling(after_loss_ms=REST_MS)
    elsewhere = ended("-1", symbol="ETH/USDT", closed_ns=ahead_ms * MILLISECOND)
    for facts in ([ended("-1"), elsewhere], [elsewhere, ended("-1")]):
        found = check.judge(order(), FakeRiskView(now_ns=REST_MS * MILLISECOND - 1), folded(check, facts))
        assert code_of(found) == "COOL_DOWN_AFTER_LOSS"


def test_reductions_pass() -> None:
    """The way out stays open."""
    check = cooling(after_loss_ms=REST_MS)

    assert check.judge(order(reduces=True), FakeRiskView(), folded(check, [ended("-1")])) == ALLOW


@pytest.mark.parametrize("rests", [{}, {"after_loss_ms": 0}, {"after_stop_ms": "5"}])
def test_settings_without_a_rest_are_refused(rests: dict[str, Any]) -> None:
    """No rest, or one of nothing, is a mistake and not a wish."""
    with pytest.raises(SettingRefused):
        CoolDownSettings(**rests)


def test_absurdly_long_rest_never_ends() -> None:
    """It is held to the last time that can be written, and nothing raises."""
    check = cooling(after_loss_ms=10**30)
    value = folded(check, [ended("-1")])

    assert check.judge(order(instrument=instrument_of()), FakeRiskView(now_ns=2**62), value) != ALLOW


def test_symbol_rests_after_a_loss_over_a_restart() -> None:
    """Bought at 100 and sold at 90: that symbol rests, in every book, and another one does not.

    The scripted venue's time is far behind ours, so the rest begins with the end of the order.
    """

    async def main(bench: Bench) -> None:
        await bench.hold(symbol=BTC)
        name = await bench.working("sell", "1", "90")
        bench.exchange.trade(name, "1", "90")
        await bench.pass_ms(10)
        await bench.restart()

        assert (await bench.execute(symbol=BTC, owner="other")).order.denial_code == "COOL_DOWN_AFTER_LOSS"
        assert not (await bench.execute(symbol=ETH)).denied
        await bench.pass_ms(REST_MS)
        assert not (await bench.execute(symbol=BTC)).denied

    on_bench(main, checks=(cooling(after_loss_ms=REST_MS),))


def test_symbol_rests_after_a_stop_even_without_a_loss() -> None:
    """A stop at 110 of what was bought at 100 fills: with a profit, and still the market turned."""

    async def main(bench: Bench) -> None:
        await bench.hold(symbol=BTC)
        stop = Proposal.sell(BTC, quantity="1", order_type="stop", trigger_price="110")
        name = (await bench.bot.execute(stop)).client_order_id
        assert not (await bench.execute(symbol=BTC)).denied
        bench.exchange.trade(name, "1", "110")
        await bench.pass_ms(10)

        assert (await bench.execute(symbol=BTC)).order.denial_code == "COOL_DOWN_AFTER_STOP"
        await bench.pass_ms(REST_MS)
        assert not (await bench.execute(symbol=BTC)).denied

    on_bench(main, checks=(cooling(after_stop_ms=REST_MS),))
