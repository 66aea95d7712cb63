"""A real kernel uses what the venue offers: stops, trailing stops, changes of a trigger, late fills."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fairlead import Kernel, OrderStatus, Proposal, Trade
from fairlead.testing import VirtualClock
from tests.paper.test_following import FOLLOWING, SYMBOL, kernel_with, on_virtual_time

STILL: dict[str, Any] = {**FOLLOWING, "modify": True}


class Scene:
    """A kernel, its bot, and the hand that moves the price."""

    def __init__(self, kernel: Kernel, clock: VirtualClock) -> None:
        self.kernel = kernel
        self.clock = clock
        self.bot = kernel.session(owner="bot")

    async def say(self, price: str, quantity: str = "5") -> None:
        """Let others trade, and everything that follows happen."""
        self.kernel.prices.publish(Trade(SYMBOL, Decimal(price), Decimal(quantity), self.clock.wall_ns()))
        await self.clock.sleep_ns(5_000_000)

    async def long(self) -> None:
        """Hold a hundredth of a bitcoin, bought at 100,000 and a tick."""
        await self.say("100000.0")
        await (await self.bot.execute(Proposal.buy(SYMBOL, quantity="0.01"))).closed()


def test_a_stop_at_the_venue_is_told_triggered_and_sells_after_the_gap() -> None:
    """The kernel hears of the trigger, books the price after the gap, and the position is flat."""

    async def main(clock: VirtualClock) -> None:
        async with kernel_with(STILL, clock) as kernel:
            scene = Scene(kernel, clock)
            await scene.long()
            stop = await scene.bot.execute(
                Proposal.sell(SYMBOL, quantity="0.01", order_type="stop", trigger_price="95000")
            )
            await scene.say("96000.0")
            assert stop.order.status == "ACCEPTED"
            await scene.say("90000.0", "0.004")
            live = kernel.orders(live_only=True)
            assert [order.status for order in live] == ["PARTIALLY_FILLED"]
            await scene.say("89000.0")
            order = await stop.closed()
            assert order.status == "FILLED"
            assert order.average_price == (4 * Decimal("89999.9") + 6 * Decimal("88999.9")) / 10
            assert scene.bot.position(SYMBOL) is None

    on_virtual_time(main)


def test_a_stop_limit_that_was_left_behind_is_triggered_and_alive() -> None:
    """Its status says that the trigger was reached, and that nothing was sold."""

    async def main(clock: VirtualClock) -> None:
        async with kernel_with(STILL, clock) as kernel:
            scene = Scene(kernel, clock)
            await scene.long()
            await scene.bot.execute(
                Proposal.sell(
                    SYMBOL,
                    quantity="0.01",
                    order_type="stop_limit",
                    trigger_price="95000",
                    limit_price="94900",
                )
            )
            await scene.say("90000.0")
            [order] = kernel.orders(live_only=True)
            assert (order.status, order.filled_quantity) == (OrderStatus.TRIGGERED, Decimal(0))

    on_virtual_time(main)


def test_a_trailing_stop_and_a_moved_trigger_act_where_they_should() -> None:
    """The trailing stop follows to 104,000; the other one's trigger was moved in place to 103,000."""

    async def main(clock: VirtualClock) -> None:
        async with kernel_with(STILL, clock) as kernel:
            scene = Scene(kernel, clock)
            await scene.long()
            trailing = await scene.bot.execute(
                Proposal.sell(SYMBOL, quantity="0.005", order_type="trailing_stop", trailing_distance="1000")
            )
            stop = await scene.bot.execute(
                Proposal.sell(SYMBOL, quantity="0.005", order_type="stop", trigger_price="95000")
            )
            for price in ("103000.0", "105000.0", "104000.1"):
                await scene.say(price)
            changed = await scene.bot.modify_order(stop.order.client_order_id, trigger_price="103000")
            assert changed.accepted
            await scene.say("104000.0")
            assert (await trailing.closed()).average_price == Decimal("103999.9")
            assert [order.client_order_id for order in kernel.orders(live_only=True)] == [
                stop.order.client_order_id
            ]
            await scene.say("103000.0")
            assert (await stop.closed()).average_price == Decimal("102999.9")

    on_virtual_time(main)


def test_an_exit_that_only_reduces_is_sent_as_one_where_nothing_is_locked() -> None:
    """The flag reaches a venue that takes it, which then sells what is held and no more."""

    async def main(clock: VirtualClock) -> None:
        table = {**STILL, "locking": "none"}
        table["venue"] = {"queue_ahead_trades": "0", "balances": {"USDT": "100000"}}
        async with kernel_with(table, clock) as kernel:
            scene = Scene(kernel, clock)
            await scene.long()
            stop = await scene.bot.execute(
                Proposal.sell(
                    SYMBOL, quantity="0.01", order_type="stop", trigger_price="95000", reduce_only=True
                )
            )
            balances = {balance.asset: balance.locked for balance in kernel.balances()}
            assert balances["BTC"] in (None, 0)
            await scene.say("94000.0")
            order = await stop.closed()
            assert (order.reduce_only, order.filled_quantity) == (True, Decimal("0.01"))
            assert scene.bot.position(SYMBOL) is None

    on_virtual_time(main)


def test_a_fill_told_after_the_cancel_is_booked() -> None:
    """The order is over, then its fill comes: order and position have it, and the books agree."""

    async def main(clock: VirtualClock) -> None:
        table = {**STILL, "faults": {"seed": 1, "rates": {"late_fill": "1"}}}
        async with kernel_with(table, clock) as kernel:
            scene = Scene(kernel, clock)
            await scene.say("100000.0")
            result = await scene.bot.execute(Proposal.buy(SYMBOL, quantity="0.01", limit_price="99000"))
            await scene.say("99000.0", "0.004")
            assert scene.bot.position(SYMBOL) is None, "nobody was told yet"
            await scene.bot.cancel(result.order.client_order_id)
            await clock.sleep_ns(30_000_000_000)
            [order] = kernel.orders()
            assert (order.status, order.filled_quantity) == ("CANCELED", Decimal("0.004"))
            position = scene.bot.position(SYMBOL)
            assert position is not None
            assert position.quantity == Decimal("0.004")
            [held] = [balance for balance in kernel.balances() if balance.asset == "BTC"]
            assert held.derived == held.at_venue == Decimal("1.004")

    on_virtual_time(main)
