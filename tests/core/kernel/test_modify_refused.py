"""Changes that are refused or denied: at the door, by the order's state, the venue's rules and the gate."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead import Proposal, TradingState
from fairlead.domain.change_records import ChangeDenied, ChangeRequested
from fairlead.domain.records import CommandRefused
from fairlead.errors import InvalidInput, NumberRefused, UnknownName
from fairlead.kernel.core.approved import ApprovedChange
from fairlead.kernel.gate.gate import GateAnswer
from fairlead.kernel.gate.watchdog import CheckHung
from fairlead.ports.exchange import VenueStatus
from fairlead.ports.risk import ALLOW, Deny, RiskRequest, RiskView
from fairlead.testing.modify_scripts import hangs
from fairlead.testing.scripted_exchange import ScriptedExchange, takes_cancel
from tests.core.kernel.bench import BTC, Bench, instrument, on_bench
from tests.core.kernel.changing import (
    SELLS,
    reserved,
)
from tests.core.kernel.checks import Says

ONE = Decimal(1)


# -- what is refused or denied ------------------------------------------------------------------------------


def test_what_cannot_be_changed_is_refused_with_its_reason() -> None:
    """Foreign, closed, not working yet, being canceled, unchanged, filled already: nothing is sent."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        modify = bench.bot.modify_order
        other = await bench.kernel.session(owner="other").modify_order(name, quantity="2")
        assert (other.code, other.change_id, other.terms) == ("FOREIGN_OWNER", "", None)
        assert (await modify(name, quantity="1", limit_price="100")).code == "NOTHING_CHANGES"
        bench.exchange.trade(name, "0.6", "100")
        await bench.pass_ms()
        assert (await modify(name, quantity="0.6")).code == "ALREADY_FILLED"
        bench.exchange.will_cancel(takes_cancel)
        await bench.bot.cancel(name)
        assert (await modify(name, quantity="2")).code == "CANCEL_PENDING"
        bench.exchange.end(name, VenueStatus.CANCELED)
        await bench.pass_ms()
        assert (await modify(name, quantity="2")).code == "ALREADY_CLOSED"
        bench.exchange.will_submit(hangs)
        bench.spawn_execute()
        await bench.pass_ms()
        (on_its_way,) = (order.client_order_id for order in bench.kernel.orders(live_only=True))
        assert (await modify(on_its_way, quantity="2")).code == "NOT_WORKING"
        market = Proposal(symbol=BTC, side="buy", quantity="1", limit_price="100", time_in_force="ioc")
        ioc = (await bench.bot.execute(market)).client_order_id
        assert (await modify(ioc, quantity="2")).code == "DOES_NOT_REST"
        assert bench.exchange.modifies == []
        refusals = [each.code for each in bench.records() if isinstance(each, CommandRefused)]
        assert len(refusals) == 7

    on_bench(main)


def test_a_client_that_cannot_is_never_asked() -> None:
    """Where the client does not declare it, a modify is refused, and says what can be done."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        result = await bench.bot.modify_order(name, quantity="2")
        assert result.code == "MODIFY_NOT_OFFERED"
        assert "replace" in result.reason
        assert bench.exchange.modifies == []

    on_bench(main, exchange=ScriptedExchange([instrument()], modify=False))


@pytest.mark.parametrize(
    ("wishes", "error", "says"),
    [
        ({"quantity": 2.5}, NumberRefused, "quantity"),
        ({"quantity": "0.0005"}, NumberRefused, "quantity"),
        ({"limit_price": "99.999"}, NumberRefused, "limit_price"),
        ({"limit_price": "-1"}, NumberRefused, "limit_price"),
        ({"trigger_price": "99"}, InvalidInput, "trigger_price"),
        ({}, InvalidInput, "nothing is to change"),
        ({"price": "99"}, UnknownName, "price"),
        ({"quantity": "2", "wait_max_ms": -1}, InvalidInput, "wait_max_ms"),
        ({"quantity": "2", "pacing": "never"}, UnknownName, "pacing"),
    ],
    ids=str,
)
def test_bad_input_is_refused_at_the_door(wishes: dict[str, Any], error: type[Exception], says: str) -> None:
    """Floats, figures off the grid, terms it has not, unknown wishes: an error, and nothing is recorded."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        sequence = bench.kernel.sequence
        for command in (bench.bot.modify_order, bench.bot.replace_order):
            with pytest.raises(error, match=says):
                await command(name, **wishes)
        with pytest.raises(UnknownName):
            await bench.bot.modify_order("0" * 32, quantity="1")
        with pytest.raises(UnknownName):
            await bench.bot.change_settled("change-none")
        assert bench.kernel.sequence == sequence

    on_bench(main)


def test_a_symbol_without_rules_is_unknown() -> None:
    """An order whose symbol the venue gives no rules for any more cannot be checked, so not be changed."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.rules = [instrument("ETH/USDT")]
        await bench.restart()
        with pytest.raises(UnknownName, match="symbol"):
            await bench.bot.modify_order(name, quantity="2")

    on_bench(main)


@pytest.mark.parametrize(
    ("rules", "wishes", "code"),
    [
        ({"minimum_quantity": "0.5"}, {"quantity": "0.4"}, "BELOW_MINIMUM"),
        ({"minimum_cost": "60"}, {"quantity": "0.5"}, "BELOW_MINIMUM"),
        ({"minimum_cost": "60"}, {"quantity": "0.7"}, "MODIFIED"),
        ({"minimum_cost": "5", "contract_multiplier": "0.1"}, {"quantity": "0.4"}, "BELOW_MINIMUM"),
        ({"minimum_cost": "5", "contract_multiplier": "0.1"}, {"quantity": "0.6"}, "MODIFIED"),
    ],
)
def test_what_the_venue_would_not_take_for_its_size_is_denied(
    rules: dict[str, str], wishes: dict[str, Any], code: str
) -> None:
    """A change that would leave an order below the venue's minimum is denied, with the figures."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        assert (await bench.bot.modify_order(name, **wishes)).code == code

    on_bench(main, exchange=ScriptedExchange([instrument(**rules)]))


def test_a_post_only_order_is_not_given_a_price_at_which_it_would_take() -> None:
    """As far as a fresh price tells; without one the venue decides."""

    async def main(bench: Bench) -> None:
        for side, price, beyond, within in (("buy", "90", "100", "99"), ("sell", "110", "98", "101")):
            proposal = Proposal(symbol=BTC, side=side, quantity="1", limit_price=price, post_only=True)
            name = (await bench.bot.execute(proposal)).client_order_id
            if side == "buy":
                assert (await bench.bot.modify_order(name, limit_price="91")).accepted
            bench.quote("99", "100")
            assert (await bench.bot.modify_order(name, limit_price=beyond)).code == "POST_ONLY_WOULD_TAKE"
            assert (await bench.bot.modify_order(name, limit_price=within)).accepted
            assert (await bench.bot.modify_order(name, quantity="2")).accepted

    on_bench(main)


# -- the gate ------------------------------------------------------------------------------------------------


def denies_more_than(most: str) -> Says:
    """Return a check that denies orders above a quantity, and counts how often it was asked."""

    def judge(request: RiskRequest, view: RiskView, _value: str) -> object:
        assert view.live_orders() == 0, "the order itself is not counted among the others"
        if request.quantity > Decimal(most):
            return Deny("TOO_LARGE", "Too large.", (("quantity", str(request.quantity)),))
        return ALLOW

    return Says(judge)


def test_growth_is_judged_and_what_raises_nothing_is_not() -> None:
    """The checks are asked what the order would still fill, without the order as it is; less is free."""
    check = denies_more_than("5")

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.trade(name, "0.5", "100")
        await bench.pass_ms()
        asked = check.asked
        assert (await bench.bot.modify_order(name, quantity="6")).code == "TOO_LARGE"
        assert reserved(bench) == Decimal("0.5")
        assert bench.exchange.modifies == []
        (denial,) = [each for each in bench.records() if isinstance(each, ChangeDenied)]
        assert denial.verdicts[-1].figures == (("quantity", "5.5"),)
        assert (await bench.bot.modify_order(name, quantity="5.5")).accepted
        assert (await bench.bot.modify_order(name, limit_price="101")).accepted
        assert check.asked == asked + 3
        assert (await bench.bot.modify_order(name, quantity="4", limit_price="99")).accepted
        assert check.asked == asked + 3
        (*_, last) = [each for each in bench.records() if isinstance(each, ChangeRequested)]
        assert (last.shrinks, last.verdicts[0].code) == (True, "SHRINKS")

    on_bench(main, checks=(check,))


def test_a_check_that_hangs_denies_a_change_and_halts() -> None:
    """As for orders; see `test_gate` for the watchdog itself."""

    class Hung(Says):
        def judge(self, request: RiskRequest, view: RiskView, value: str) -> Any:  # noqa: ANN401 - the port's
            if self.asked:
                raise CheckHung
            return super().judge(request, view, value)

    async def main(bench: Bench) -> None:
        name = await bench.working()
        assert (await bench.bot.modify_order(name, quantity="2")).code == "CHECK_HUNG"
        assert bench.kernel.trading_state is TradingState.HALTED

    on_bench(main, checks=(Hung(ALLOW),))


def test_only_the_gate_makes_what_can_be_sent() -> None:
    """An approved change cannot be made by hand, nor from a denial."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        await bench.bot.modify_order(name, quantity="2")
        (request,) = bench.exchange.modifies
        with pytest.raises(TypeError, match="risk gate"):
            ApprovedChange(request)
        with pytest.raises(ValueError, match="denied"):
            bench.kernel._parts.engine.rules.gate.approved_change(request, GateAnswer(False, "NO", ()))

    on_bench(main)


@pytest.mark.parametrize(
    ("state", "grows", "shrinks", "reduces"),
    [
        (TradingState.ACTIVE, True, True, True),
        (TradingState.REDUCING, False, True, True),
        (TradingState.HALTED, False, False, True),
        (TradingState.DISABLED, False, False, True),
    ],
)
def test_the_trading_state_decides_as_its_table_says(
    state: TradingState,
    grows: bool,  # noqa: FBT001 - a cell
    shrinks: bool,  # noqa: FBT001 - a cell
    reduces: bool,  # noqa: FBT001 - a cell
) -> None:
    """Growth needs ACTIVE, shrinking ACTIVE or REDUCING; an exit stays one and may always be changed."""

    async def main(bench: Bench) -> None:
        await bench.hold("2")
        entry = await bench.working()
        leaving = (await bench.execute("sell", "1", "120")).client_order_id
        await bench.kernel.set_trading_state(state, reason="test")
        grown = await bench.bot.modify_order(entry, quantity="3")
        assert (grown.code == "MODIFIED", grown.code == "NOT_TRADING") == (grows, not grows)
        less = await bench.bot.modify_order(entry, quantity="0.5")
        assert (less.code == "MODIFIED", less.code == "NOT_TRADING") == (shrinks, not shrinks)
        assert (await bench.bot.modify_order(leaving, limit_price="121", quantity="2")).accepted is reduces

    on_bench(main)


def test_an_exit_never_grows_beyond_what_is_held() -> None:
    """Two closers never sell the same: an exit grows up to what no other may take, and no further."""

    async def main(bench: Bench) -> None:
        await bench.hold("3")
        first = (await bench.execute("sell", "1", "120")).client_order_id
        second = (await bench.execute("sell", "1", "130")).client_order_id
        assert (await bench.bot.modify_order(first, quantity="2.5")).code == "EXIT_TAKEN"
        assert (await bench.bot.modify_order(first, quantity="2")).accepted
        assert reserved(bench, SELLS) == 3
        position = bench.bot.position(BTC)
        assert position is not None
        assert position.reserved_exit == 3
        bench.exchange.trade(second, "1", "130")
        await bench.pass_ms()
        assert (await bench.bot.modify_order(first, quantity="2.5")).code == "EXIT_TAKEN"
        bench.exchange.trade((await bench.working("sell", "4", "140", owner="other")), "4", "140")
        await bench.pass_ms()
        assert (await bench.bot.modify_order(first, quantity="1.5")).accepted
        position = bench.bot.position(BTC)
        assert position is not None
        assert position.reserved_exit == Decimal("1.5")

    on_bench(main)
