"""Random fills, changes, cancels and lost ways: never more than asked for, never too little reserved."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest

from fairlead import TradingState
from fairlead.domain.change_records import ModifyStarted
from fairlead.kernel.apply.apply import apply
from fairlead.kernel.core.state import EngineState
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.ports.exchange import Answer, ModifyRequest, Outcome, VenueStatus
from fairlead.testing.modify_scripts import answers_modify, loses_modify, loses_modify_answer
from fairlead.testing.scripted_exchange import (
    ScriptedExchange,
    accepts_cancel,
    answers,
    loses_answer,
    loses_request,
    refuses_cancel,
    takes_cancel,
)
from tests.core.kernel.bench import Bench, on_bench, on_seeded_bench
from tests.core.kernel.changing import DEADLINE_MS, live_at_venue, reserved

ORDERS = 4
STEPS = 30


class Run:
    """One random run: what was asked for of each family, an order and those that took its place."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.dice: Any = bench.loop.streams.of("changes")
        self.most: dict[str, Decimal] = {}
        self.changes: list[str] = []

    async def arrives_late(self, exchange: ScriptedExchange, request: ModifyRequest) -> Answer:
        """The change arrives after everybody gave up on it, and before its deadline."""
        clock = self.bench.clock
        delay_ns = self.dice.choice([1, 500, 4_000]) * NANOSECONDS_PER_MILLISECOND

        def arrive() -> None:
            exchange.change(request)

        clock.call_at_ns(clock.monotonic_ns() + delay_ns, arrive)
        raise ConnectionResetError("nobody knows")

    def family_of(self, name: str) -> str:
        """Return the first order of a family."""
        order = self.bench.order(name)
        return self.family_of(order.replaces) if order.replaces else name

    async def step(self) -> None:
        """Do something, and let some time pass."""
        names = [order.client_order_id for order in self.bench.kernel.orders(live_only=True)]
        if len(names) < ORDERS:
            await self.place()
        else:
            name = self.dice.choice(names)
            await self.dice.choice([self.modify, self.modify, self.replace, self.cancel, self.trade])(name)
        await self.bench.pass_ms(self.dice.choice([0, 1, 30, 1_500]))
        self.check()

    async def place(self) -> None:
        """Place an order."""
        self.bench.exchange.will_submit(*self.dice.choice([(), (), (loses_answer,), (loses_request,)]))
        result = await self.bench.execute("buy", self.dice.choice(["1", "2", "5"]), "100")
        self.bench.exchange._submit_scripts.clear()
        self.most[result.client_order_id] = result.order.quantity

    async def modify(self, name: str) -> None:
        """Change an order in place, in one of the ways in which that may go."""
        scripts = (
            loses_modify,
            loses_modify_answer,
            self.arrives_late,
            answers_modify(Outcome.REFUSED, "no"),
        )
        limited = answers_modify(Outcome.LIMITED, "slow down", self.dice.choice([0, 2_000_000_000]))
        ways = [(), (), (limited,), *((script,) for script in scripts), (limited, self.dice.choice(scripts))]
        self.bench.exchange.will_modify(*self.dice.choice(ways))
        await self.change(name, self.bench.bot.modify_order)
        self.bench.exchange._modify_scripts.clear()

    async def replace(self, name: str) -> None:
        """Replace an order, in the background: its cancel may take its time, or not come about."""
        self.bench.exchange.will_cancel(
            self.dice.choice([accepts_cancel, takes_cancel, refuses_cancel("no")])
        )
        self.bench.exchange.will_submit(
            *self.dice.choice([(), (loses_answer,), (answers(Outcome.REFUSED, "no"),)])
        )
        task = self.bench.loop.create_task(self.change(name, self.bench.bot.replace_order))
        await self.bench.pass_ms(self.dice.choice([0, 1, 2_000]))
        if not task.done():
            await self.bench.bot.cancel(name)
            self.end(name)
        await task
        self.bench.exchange._submit_scripts.clear()
        self.bench.exchange._cancel_scripts.clear()

    async def change(self, name: str, command: Any) -> None:  # noqa: ANN401 - one of two commands
        """Ask for a change, and remember what was asked for in all."""
        quantity = self.dice.choice(["0.5", "1", "3", "6"])
        family = self.family_of(name)
        before = sum(
            (
                order.filled_quantity
                for order in self.bench.kernel.orders()
                if order.client_order_id != name and self.family_of(order.client_order_id) == family
            ),
            Decimal(0),
        )
        self.most[family] = max(self.most[family], before + Decimal(quantity))
        result = await command(name, quantity=quantity, limit_price=self.dice.choice(["99", "101"]))
        if result.change_id:
            self.changes.append(result.change_id)

    async def cancel(self, name: str) -> None:
        """Cancel an order."""
        self.bench.exchange.will_cancel(*self.dice.choice([(), (refuses_cancel("no"),)]))
        await self.bench.bot.cancel(name)
        await self.bench.pass_ms()
        self.bench.exchange._cancel_scripts.clear()

    async def trade(self, name: str) -> None:
        """Let an order trade, said or not."""
        if name in live_at_venue(self.bench):
            order = self.bench.exchange.orders[name]
            left = order.quantity - order.filled_quantity
            part = self.dice.choice([left, left / 2, Decimal("0.1")])
            self.bench.exchange.trade(name, str(min(part, left)), "100", said=self.dice.choice([True, False]))

    def end(self, name: str) -> None:
        """Let the venue get round to a cancel that it took."""
        if name in live_at_venue(self.bench):
            self.bench.exchange.end(name, VenueStatus.CANCELED)

    def check(self) -> None:
        """Demand what must hold at any instant."""
        alive: dict[str, str] = {}
        may_fill = Decimal(0)
        for name in live_at_venue(self.bench):
            order, view = self.bench.exchange.orders[name], self.bench.kernel.order(name)
            assert view is not None
            family = self.family_of(name)
            assert family not in alive, f"{name} and {alive[family]} are alive together"
            alive[family] = name
            may_fill += order.quantity - view.filled_quantity
        assert reserved(self.bench) >= may_fill
        filled: dict[str, Decimal] = {}
        for fill in self.bench.exchange.history:
            family = self.family_of(fill.client_order_id)
            filled[family] = filled.get(family, Decimal(0)) + fill.quantity
        for family, quantity in filled.items():
            assert quantity <= self.most[family], f"{family} filled {quantity} of {self.most[family]}"


@pytest.mark.requirement("TEST-6")
@pytest.mark.parametrize("seed", range(40))
def test_changes_at_random_fill_no_more_than_asked_and_reserve_enough(seed: int) -> None:
    """Whatever is lost, late or refused: each change ends on the venue's word, and nothing stays reserved."""

    async def main(bench: Bench) -> None:
        run = Run(bench)
        for _ in range(STEPS):
            await run.step()
            if bench.kernel.trading_state is not TradingState.ACTIVE:
                await bench.kernel.set_trading_state(TradingState.ACTIVE, reason="go on")
        await bench.pass_ms(2 * DEADLINE_MS)
        await bench.kernel.reconcile()
        run.check()
        for change_id in run.changes:
            assert not (await bench.bot.change_settled(change_id)).unresolved
        for order in bench.kernel.orders(live_only=True):
            assert order.wish is None
            assert order.quantity == bench.exchange.orders[order.client_order_id].quantity
        await bench.bot.cancel_all()
        await bench.pass_ms(DEADLINE_MS)
        assert reserved(bench) == 0
        assert await bench.position() == sum((fill.quantity for fill in bench.exchange.history), Decimal(0))
        assert set(bench.anomalies()) <= {"residue", "price_out_of_band"}

    on_seeded_bench(seed, main)


def test_a_modify_that_is_on_the_wire_without_a_wish_moves_nothing_else() -> None:
    """The fold takes every record that a journal may hold: also a start whose wish is gone by then."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        order = copy.copy(bench.kernel._parts.engine.state.orders[name])
        state = EngineState("test", "00000000")
        state.orders[name] = order
        apply(state, ModifyStarted(name, "change", 5, 9), 7)
        assert (order.wish, order.updated_ns) == (None, 7)

    on_bench(main)
