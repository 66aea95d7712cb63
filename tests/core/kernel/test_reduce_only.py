"""Reduce-only is the bot's demand: denied when it would add, never more than held, flagged where taken."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fairlead import Proposal
from fairlead.ports.exchange import VenueStatus
from fairlead.testing.scripted_exchange import ScriptedExchange, loses_request, takes_cancel
from tests.core.kernel.bench import BTC, Bench, instrument, on_bench


def wish(quantity: str = "1", side: str = "sell", price: str | None = "110") -> Proposal:
    """Return a reduce-only proposal."""
    return Proposal(symbol=BTC, side=side, quantity=quantity, limit_price=price, reduce_only=True)


async def resting(bench: Bench, quantity: str, side: str = "sell") -> str:
    """Have a reduce-only limit order working; return its id."""
    result = await bench.bot.execute(wish(quantity, side))
    assert result.status == "ACCEPTED", result.summary()
    await bench.pass_ms()
    return result.client_order_id


async def ended(bench: Bench, side: str, quantity: str) -> str:
    """Have an order of that side that is held to be over; a late fill of it is still possible."""
    name = await bench.working(side, quantity, "120")
    bench.exchange.end(name, VenueStatus.CANCELED)
    await bench.pass_ms()
    assert bench.order(name).is_closed
    return name


async def fill(bench: Bench, name: str, quantity: str) -> None:
    """Let an order trade."""
    bench.exchange.trade(name, quantity, "110")
    await bench.pass_ms()


@pytest.mark.parametrize(
    ("held", "side", "quantity", "figures"),
    [
        ("", "sell", "1", "side=sell, quantity=1, position=0"),
        ("2", "buy", "1", "side=buy, quantity=1, position=2"),
        ("2", "sell", "2.001", "side=sell, quantity=2.001, position=2"),
    ],
)
def test_what_would_add_exposure_is_denied(held: str, side: str, quantity: str, figures: str) -> None:
    """With nothing to reduce, on the same side, or larger than the position: a code and the figures."""

    async def main(bench: Bench) -> None:
        if held:
            await bench.hold(held)
        sent = len(bench.exchange.submits)
        result = await bench.bot.execute(wish(quantity, side))
        assert result.order.denial_code == "REDUCE_ONLY_ADDS"
        assert figures in result.reasons
        assert len(bench.exchange.submits) == sent

    on_bench(main)


def test_two_of_them_never_sell_the_same() -> None:
    """What live orders may already take is taken."""

    async def main(bench: Bench) -> None:
        await bench.hold("2")
        await resting(bench, "1.5")
        second = await bench.bot.execute(wish("0.501"))
        assert second.order.denial_code == "EXIT_TAKEN"
        assert (await bench.bot.execute(wish("0.5"))).status == "ACCEPTED"

    on_bench(main)


@pytest.mark.parametrize("offered", [True, False])
def test_the_flag_is_sent_only_where_the_venue_takes_it(offered: bool) -> None:  # noqa: FBT001 - a case
    """Whether all of it reduces is the kernel's finding in any case."""

    async def main(bench: Bench) -> None:
        await bench.hold("2")
        name = await resting(bench, "1")
        request = bench.exchange.submits[-1]
        assert (request.reduces, request.reduce_only) == (True, offered)
        assert bench.order(name).reduce_only

    on_bench(main, exchange=ScriptedExchange([instrument()], reduce_only=offered))


def test_fills_of_its_own_leave_it_alone() -> None:
    """As the position shrinks by its own fills, nothing is canceled."""

    async def main(bench: Bench) -> None:
        await bench.hold("2")
        name = await resting(bench, "2")
        for _ in range(4):
            await fill(bench, name, "0.5")
        assert bench.order(name).status == "FILLED"
        assert bench.exchange.cancels == []
        assert bench.kernel._parts.engine.state.reduce_only == {(BTC, "bot", ""): {}}

    on_bench(main)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_smaller_position_cancels_the_newest(restarted: bool) -> None:  # noqa: FBT001 - a case
    """When something else sells, the newest go until the rest fits; so also after a restart."""

    async def main(bench: Bench) -> None:
        await bench.hold("3")
        gone = await ended(bench, "sell", "1.4")
        first, second, third = [await resting(bench, "1") for _ in range(3)]
        if restarted:
            await bench.restart()
        await fill(bench, gone, "1.4")
        assert bench.exchange.cancels == [third, second]
        assert bench.order(first).status == "ACCEPTED"
        assert {bench.order(second).status, bench.order(third).status} == {"CANCELED"}
        await fill(bench, first, "1")
        assert await bench.position() == Decimal("0.6")

    on_bench(main)


def test_a_cancel_under_way_counts_as_room() -> None:
    """What was asked to go already is not asked again, and nobody else goes for it."""

    async def main(bench: Bench) -> None:
        await bench.hold("3")
        gone, other = await ended(bench, "sell", "1"), await ended(bench, "sell", "0.5")
        first, second = await resting(bench, "1.5"), await resting(bench, "1.5")
        bench.exchange.will_cancel(takes_cancel, takes_cancel)
        await fill(bench, gone, "1")
        assert bench.exchange.cancels == [second]
        await fill(bench, other, "0.5")
        assert bench.exchange.cancels == [second]
        assert bench.order(first).status == "ACCEPTED"
        await fill(bench, second, "0.5")
        assert bench.exchange.cancels == [second, first]

    on_bench(main)


@pytest.mark.parametrize("beyond", ["1", "2"])
def test_a_position_that_is_gone_or_turned_leaves_none_of_them(beyond: str) -> None:
    """With nothing left to reduce, every one of them goes; one that waits for its answer goes after it."""

    async def main(bench: Bench) -> None:
        await bench.hold("1")
        gone = await ended(bench, "sell", beyond)
        bench.exchange.will_submit(loses_request)
        unresolved = (await bench.bot.execute(wish("0.5"))).client_order_id
        working = await resting(bench, "0.5")
        await fill(bench, gone, beyond)
        assert bench.exchange.cancels == [working]
        assert bench.order(unresolved).pending == "cancel"
        await bench.pass_ms(60_000)
        assert bench.order(unresolved).is_closed

    on_bench(main)


def test_a_short_position_is_kept_from_being_overbought() -> None:
    """The same, the other way round: buys that reduce a short, with a sale that lets it grow."""

    async def main(bench: Bench) -> None:
        await bench.hold("1")
        await fill(bench, (await bench.execute("sell", "3", "100")).client_order_id, "3")
        assert await bench.position() == -2
        gone = await ended(bench, "buy", "1.5")
        first, second = await resting(bench, "1", "buy"), await resting(bench, "1", "buy")
        more = await bench.execute("sell", "1", "100")
        await fill(bench, more.client_order_id, "1")
        assert bench.exchange.cancels == []
        await fill(bench, gone, "1.5")
        assert bench.exchange.cancels == [second]
        assert bench.order(first).status == "ACCEPTED"

    on_bench(main)


def test_fills_elsewhere_leave_them_alone() -> None:
    """A fill on another symbol says nothing about this position."""

    async def main(bench: Bench) -> None:
        await bench.hold("1")
        name = await resting(bench, "1")
        await bench.hold("1", symbol="ETH/USDT")
        assert (bench.order(name).status, bench.exchange.cancels) == ("ACCEPTED", [])

    on_bench(main)
