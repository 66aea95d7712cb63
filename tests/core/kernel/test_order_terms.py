"""Every term of an order, from the proposal to the venue, the journal, the row and back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead import OrderType, Proposal, TimeInForce
from fairlead.domain.instruments import ContractKind, Instrument
from fairlead.domain.records import OrderInitialized
from fairlead.domain.sizing import SizedBy
from fairlead.ports.exchange import OrderReport, Outcome, VenueStatus
from fairlead.testing.scripted_exchange import ScriptedExchange, answers, loses_request
from tests.core.kernel.bench import BTC, Bench, instrument, on_bench

D = Decimal
MINUTE_MS = 60_000
ALWAYS: dict[str, Any] = {"quantity": "1", "note": "why not", "tags": ["a", "b"], "metadata": {"k": "v"}}

TERMS: dict[str, dict[str, Any]] = {
    "market": {},
    "limit ioc": {"limit_price": "99", "time_in_force": "ioc"},
    "limit fok": {"limit_price": "99", "time_in_force": "fok"},
    "limit post-only": {"limit_price": "99", "post_only": True},
    "stop": {"order_type": "stop", "trigger_price": "105"},
    "stop_limit": {"order_type": "stop_limit", "trigger_price": "105", "limit_price": "106"},
    "take_profit": {"order_type": "take_profit", "trigger_price": "95"},
    "take_profit_limit": {"order_type": "take_profit_limit", "trigger_price": "95", "limit_price": "94"},
    "trailing distance": {"order_type": "trailing_stop", "trailing_distance": "5"},
    "trailing rate": {"order_type": "trailing_stop", "trailing_rate": "0.05"},
    "leverage": {"limit_price": "99", "leverage": "3"},
}
SENT = (
    "order_type", "time_in_force", "limit_price", "trigger_price", "trailing_distance", "trailing_rate",
    "post_only", "reduce_only", "leverage", "expire_ns",
)  # fmt: skip
KEPT = (*SENT, "note", "tags", "metadata", "max_slippage", "sizing")


def offering(**offers: Any) -> ScriptedExchange:  # noqa: ANN401 - fields of several types
    """Return a venue of one instrument that offers this and otherwise everything."""
    return ScriptedExchange([instrument(maximum_leverage="5")], **offers)


@pytest.mark.parametrize("terms", TERMS.values(), ids=TERMS.keys())
def test_every_term_reaches_the_venue_the_journal_and_the_row(terms: dict[str, Any]) -> None:
    """What the proposal says is what is sent, also at a second attempt, and what a restart reads back."""

    async def main(bench: Bench) -> None:
        proposal = Proposal.buy(BTC, **ALWAYS, **terms)
        bench.exchange.will_submit(answers(Outcome.LIMITED, "slow down", 1))
        task = bench.loop.create_task(bench.bot.execute(proposal))
        await bench.pass_ms(5_000)
        view = (await task).order
        assert view.status == "ACCEPTED"
        assert len(bench.exchange.submits) == 2
        for request in bench.exchange.submits:
            assert [getattr(request, name) for name in SENT] == [getattr(proposal, name) for name in SENT]
        [record] = [record for record in bench.records() if isinstance(record, OrderInitialized)]
        for name in KEPT:
            expected = None if name == "sizing" else getattr(proposal, name)
            assert getattr(view, name) == getattr(record, name) == expected
        await bench.restart()
        again = await bench.bot.find_order(view.client_order_id)
        assert again is not None
        assert [getattr(again, name) for name in KEPT] == [getattr(view, name) for name in KEPT]

    on_bench(main, exchange=offering())


@pytest.mark.parametrize(
    ("offers", "terms", "code", "figure"),
    [
        ({"order_types": ["limit"]}, TERMS["market"], "ORDER_TYPE_NOT_OFFERED", "order_type=market"),
        ({"order_types": ["market"]}, TERMS["stop"], "ORDER_TYPE_NOT_OFFERED", "order_type=stop"),
        ({"times_in_force": ["gtc"]}, TERMS["limit fok"], "TIME_IN_FORCE_NOT_OFFERED", "time_in_force=fok"),
        ({"times_in_force": ["ioc"]}, TERMS["stop"], "TIME_IN_FORCE_NOT_OFFERED", "time_in_force=gtc"),
        ({"post_only": False}, TERMS["limit post-only"], "POST_ONLY_NOT_OFFERED", "post_only=true"),
    ],
)
def test_what_the_venue_does_not_offer_is_denied(
    offers: dict[str, Any], terms: dict[str, Any], code: str, figure: str
) -> None:
    """Each capability has its own code, and nothing is sent."""

    async def main(bench: Bench) -> None:
        bench.price()
        result = await bench.bot.execute(Proposal.buy(BTC, quantity="1", **terms))
        assert result.order.denial_code == code
        assert figure in result.reasons
        assert bench.exchange.submits == []

    on_bench(main, exchange=offering(**offers))


@pytest.mark.requirement("FLOW-5")
def test_leverage_is_taken_where_there_is_some() -> None:
    """None where the instrument has none, at most what it has; nothing is recorded otherwise."""

    async def main(bench: Bench) -> None:
        for symbol, leverage, problem in ((BTC, "5.1", "at most 5"), ("ETH/USDT", "1", "has none")):
            with pytest.raises(ValueError, match=problem):
                await bench.bot.execute(Proposal.buy(symbol, quantity="1", leverage=leverage))
        assert bench.exchange.submits == []

    on_bench(main, exchange=ScriptedExchange([instrument(maximum_leverage="5"), instrument("ETH/USDT")]))


# -- market orders with a bound ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "slippage", "bound"),
    [("buy", "0.1%", "100.11"), ("sell", "0.1%", "99.91"), ("buy", "0.0001%", "100.01")],
)
def test_slippage_is_bounded_on_the_safe_side(side: str, slippage: str, bound: str) -> None:
    """The order goes out as an immediate-or-cancel limit on the tick that does not go beyond the bound."""

    async def main(bench: Bench) -> None:
        bench.price("100.01")
        wish = Proposal(symbol=BTC, side=side, quantity="1", max_slippage=slippage)
        result = await bench.bot.execute(wish)
        [request] = bench.exchange.submits
        assert (request.order_type, request.time_in_force) == (OrderType.LIMIT, TimeInForce.IOC)
        assert request.limit_price == result.order.limit_price == D(bound)
        assert result.order.max_slippage == wish.max_slippage

    on_bench(main)


def test_a_bound_needs_a_fresh_price_and_a_tick() -> None:
    """Without a fresh price, or with no valid price within the bound, it is denied with its figures."""

    async def main(bench: Bench) -> None:
        wish = Proposal.buy(BTC, quantity="1", max_slippage="1%")
        assert (await bench.bot.execute(wish)).order.denial_code == "NO_FRESH_PRICE"
        for price in ("0.001", "9" * 38):
            await bench.price_jumps(price)
            denied = await bench.bot.execute(wish)
            assert denied.order.denial_code == "SLIPPAGE_OUT_OF_BOUNDS"
            assert f"price={price}, max_slippage=0.01" in denied.reasons
        await bench.price_jumps("100")
        await bench.pass_ms(MINUTE_MS + 1)
        assert (await bench.bot.execute(wish)).order.denial_code == "NO_FRESH_PRICE"
        assert bench.exchange.submits == []

    on_bench(main)


# -- sizes ---------------------------------------------------------------------------------------------------


def test_a_computed_size_says_that_it_was_rounded() -> None:
    """Requested, unrounded and rounded figures are in the result and in the journal."""

    async def main(bench: Bench) -> None:
        bench.price("300")
        result = await bench.bot.execute(Proposal.buy(BTC, notional="100"))
        sizing = result.order.sizing
        assert sizing is not None
        assert (sizing.by, sizing.requested, sizing.price) == (SizedBy.NOTIONAL, D(100), D(300))
        assert sizing.unrounded == D("0." + "3" * 38)
        assert result.order.quantity == D("0.333")
        assert "notional 100" in result.summary()
        [record] = [record for record in bench.records() if isinstance(record, OrderInitialized)]
        assert record.sizing == sizing
        await bench.restart()
        again = await bench.bot.find_order(result.client_order_id)
        assert again is not None
        assert again.sizing == sizing
        given = await bench.bot.execute(Proposal.buy(BTC, quantity="1"))
        assert given.order.sizing is None

    on_bench(main)


@pytest.mark.parametrize(
    ("side", "terms", "quantity"),
    [
        ("buy", {"stop_loss": "98"}, "25"),
        ("buy", {"stop_loss": "-2%"}, "25"),
        ("sell", {"stop_loss": "+2%"}, "25"),
        ("buy", {"stop_loss": "93", "limit_price": "99"}, "8.333"),
        ("sell", {"stop_loss": "107", "order_type": "stop", "trigger_price": "99"}, "6.25"),
        ("buy", {"stop_loss": "98", "max_slippage": "1%"}, "16.666"),
        ("sell", {"stop_loss": "102", "max_slippage": "1%"}, "16.666"),
    ],
)
def test_a_risk_is_what_is_lost_at_the_stop(side: str, terms: dict[str, Any], quantity: str) -> None:
    """Quantity is risk over distance, at the worst entry that the order allows."""

    async def main(bench: Bench) -> None:
        bench.price("100")
        result = await bench.bot.execute(Proposal(symbol=BTC, side=side, risk="50", **terms))
        assert result.status == "ACCEPTED", result.summary()
        assert result.order.quantity == D(quantity)
        assert result.order.sizing is not None
        assert result.order.sizing.by is SizedBy.RISK

    on_bench(main)


@pytest.mark.parametrize(("side", "notional_quantity"), [("buy", "0.99"), ("sell", "1")])
def test_a_bounded_notional_never_costs_more(side: str, notional_quantity: str) -> None:
    """A notional with a bound is sized at the price that makes it smaller."""

    async def main(bench: Bench) -> None:
        bench.price("100")
        wish = Proposal(symbol=BTC, side=side, notional="100", max_slippage="1%")
        assert (await bench.bot.execute(wish)).order.quantity == D(notional_quantity)

    on_bench(main)


@pytest.mark.parametrize(
    ("side", "terms", "code"),
    [
        ("buy", {"stop_loss": "100"}, "STOP_ON_WRONG_SIDE"),
        ("buy", {"stop_loss": "101"}, "STOP_ON_WRONG_SIDE"),
        ("sell", {"stop_loss": "100"}, "STOP_ON_WRONG_SIDE"),
        ("sell", {"stop_loss": "99"}, "STOP_ON_WRONG_SIDE"),
        ("buy", {"stop_loss": "0.01", "risk": "0.0001"}, "SIZE_BELOW_STEP"),
        ("buy", {"stop_loss": "99.99", "risk": "1e38"}, "SIZE_OUT_OF_BOUNDS"),
    ],
)
def test_a_risk_that_bounds_nothing_is_denied(side: str, terms: dict[str, Any], code: str) -> None:
    """A stop where the order wins, and sizes that come to nothing or too much, with their figures."""

    async def main(bench: Bench) -> None:
        bench.price("100")
        result = await bench.bot.execute(Proposal(symbol=BTC, side=side, **{"risk": "50", **terms}))
        assert result.order.denial_code == code
        assert "price=100, stop_loss=" in result.reasons
        assert bench.exchange.submits == []

    on_bench(main)


def test_a_risk_needs_a_fresh_price() -> None:
    """At market there is no entry to measure from without one."""

    async def main(bench: Bench) -> None:
        result = await bench.bot.execute(Proposal.buy(BTC, risk="50", stop_loss="90"))
        assert result.order.denial_code == "NO_FRESH_PRICE"
        assert "A risk size needs a fresh price" in result.reasons

    on_bench(main)


def test_figures_beyond_what_can_be_kept_are_denied() -> None:
    """Inverse sizes multiply three figures: what does not fit is denied, and nothing breaks."""

    async def main(bench: Bench) -> None:
        bench.price("1." + "1" * 37)
        wish = Proposal.buy(BTC, risk="1", stop_loss_rate="-0." + "1" * 38)
        assert (await bench.bot.execute(wish)).order.denial_code == "SIZE_OUT_OF_BOUNDS"

    on_bench(main, exchange=ScriptedExchange([inverse()]))


def inverse() -> Instrument:
    """Return an inverse contract of 100 USDT."""
    return instrument(contract=ContractKind.INVERSE, contract_multiplier="100", quantity_increment="1")


def test_an_inverse_contract_is_sized_in_contracts() -> None:
    """Notional in quote over the contract's worth; risk in base over the distance of the reciprocals."""

    async def main(bench: Bench) -> None:
        bench.price("50000")
        by_notional = await bench.bot.execute(Proposal.buy(BTC, notional="1050"))
        assert by_notional.order.quantity == 10
        by_risk = await bench.bot.execute(Proposal.buy(BTC, risk="0.01", stop_loss="40000"))
        # 20 contracts: 20 x 100 x (1/40000 - 1/50000) = 0.01 BTC
        assert by_risk.order.quantity == 20

    on_bench(main, exchange=ScriptedExchange([inverse()]))


# -- targets -------------------------------------------------------------------------------------------------


def test_a_target_becomes_the_way_to_it() -> None:
    """From flat, up, down, through zero and to nothing: side and quantity follow from what is held."""

    async def main(bench: Bench) -> None:
        for target, side, quantity, held in (
            ("0.5", "buy", "0.5", "0"),
            ("2", "buy", "1.5", "0.5"),
            ("0.7", "sell", "1.3", "2"),
            ("-1", "sell", "1.7", "0.7"),
            ("0", "buy", "1", "-1"),
        ):
            result = await bench.bot.execute(Proposal.to_target(BTC, target))
            order = result.order
            assert (result.status, order.side, order.quantity) == ("ACCEPTED", side, D(quantity))
            assert order.sizing is not None
            assert (order.sizing.by, order.sizing.requested, order.sizing.held) == (
                "target",
                D(target),
                D(held),
            )
            bench.exchange.trade(result.client_order_id, quantity, "100")
            await bench.pass_ms()
            assert await bench.position() == D(target)

    on_bench(main)


def test_a_target_that_is_reached_sends_nothing() -> None:
    """Where nothing is to be done, or less than a lot step, the answer says so with its figures."""

    async def main(bench: Bench) -> None:
        await bench.hold("1")
        sent = len(bench.exchange.submits)
        for target in ("1", "1.0009", "0.9991"):
            result = await bench.bot.execute(Proposal.to_target(BTC, target))
            assert result.order.denial_code == "TARGET_REACHED"
            assert f"target={target}, position=1" in result.reasons
        flat = await bench.bot.execute(Proposal.to_target("ETH/USDT", 0))
        assert flat.order.denial_code == "TARGET_REACHED"
        assert len(bench.exchange.submits) == sent
        assert bench.kernel.orders(live_only=True) == ()

    on_bench(main)


def test_a_target_waits_for_what_may_still_come() -> None:
    """While an order that may add is live the way is not known: two targets never add up."""

    async def main(bench: Bench) -> None:
        one, two = (
            bench.bot.execute(Proposal.to_target(BTC, 1)),
            bench.bot.execute(Proposal.to_target(BTC, 1)),
        )
        first = await one
        second = await two
        assert (first.status, second.order.denial_code) == ("ACCEPTED", "TARGET_PENDING")
        assert "target=1, position=0, live_orders=1" in second.reasons
        bench.exchange.trade(first.client_order_id, "1", "100")
        await bench.pass_ms()
        exit_order = await bench.execute("sell", "1", "110")
        assert exit_order.status == "ACCEPTED"
        kept = await bench.bot.execute(Proposal.to_target(BTC, 1))
        assert kept.order.denial_code == "TARGET_REACHED"
        taken = await bench.bot.execute(Proposal.to_target(BTC, "0.5"))
        assert taken.order.denial_code == "EXIT_TAKEN"

    on_bench(main)


def test_a_target_beyond_what_can_be_kept_is_denied() -> None:
    """A figure that is a number but no quantity breaks nothing."""

    async def main(bench: Bench) -> None:
        await bench.hold("0.001")
        result = await bench.bot.execute(Proposal.to_target(BTC, "9" * 38))
        assert result.order.denial_code == "SIZE_OUT_OF_BOUNDS"

    on_bench(main)


# -- triggers ------------------------------------------------------------------------------------------------


def test_a_trigger_is_noted_once() -> None:
    """The venue's word that an order was triggered shows in its status, in the stream and after a restart."""

    async def main(bench: Bench) -> None:
        wish = Proposal.buy(BTC, quantity="1", order_type="stop", trigger_price="105")
        name = (await bench.bot.execute(wish)).client_order_id
        bench.exchange.trigger(name)
        bench.exchange.trigger(name)
        await bench.pass_ms()
        assert (bench.order(name).status, bench.order(name).triggered) == ("TRIGGERED", True)
        assert sum(getattr(record, "event", "") == "triggered" for record in bench.records()) == 1
        await bench.restart()
        assert bench.order(name).status == "TRIGGERED"
        bench.exchange.trade(name, "1", "105")
        await bench.pass_ms()
        assert bench.order(name).status == "FILLED"
        assert bench.anomalies() == []

    on_bench(main)


@pytest.mark.parametrize("lost", ["answer", "stream"])
def test_a_trigger_is_found_where_it_was_not_said(lost: str) -> None:
    """A look-up or the list of open orders shows it, and resolves what was not known."""

    async def main(bench: Bench) -> None:
        wish = Proposal.buy(BTC, quantity="1", order_type="stop", trigger_price="105")
        if lost == "answer":
            bench.exchange.will_submit(places_triggered)
        result = await bench.bot.execute(wish)
        name = result.client_order_id
        if lost == "stream":
            bench.exchange.trigger(name, said=False)
            await bench.kernel.reconcile()
        await bench.pass_ms(MINUTE_MS)
        assert bench.order(name).status == "TRIGGERED"

    on_bench(main)


async def places_triggered(exchange: ScriptedExchange, request: Any) -> Any:  # noqa: ANN401 - a script
    """The order arrives, is triggered at once, and nobody says so."""
    exchange.place(request)
    exchange.trigger(request.client_order_id, said=False)
    return await loses_request(exchange, request)


def test_a_triggered_zombie_is_canceled() -> None:
    """An order held to be over that the venue shows triggered is alive: canceled at once."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.end(name, VenueStatus.CANCELED)
        await bench.pass_ms()
        bench.exchange.say(OrderReport(name, "V1", BTC, VenueStatus.TRIGGERED, D(0), 0))
        await bench.pass_ms()
        assert bench.anomalies() == []  # the stream may come late
        bench.exchange.orders[name].status = VenueStatus.TRIGGERED
        await bench.kernel.reconcile()
        await bench.pass_ms()
        assert bench.anomalies() == ["zombie"]
        assert bench.exchange.orders[name].status is VenueStatus.CANCELED

    on_bench(main)
