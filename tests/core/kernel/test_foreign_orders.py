"""Orders of the account that nobody here sent: left, canceled, halted for or taken over, by policy."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fairlead import OrderSide, TradingState
from fairlead.domain.identifiers import adopted_order_id
from fairlead.domain.reconcile_records import ForeignCancelRequested, OrderAdopted
from fairlead.domain.reconciliation import Found
from fairlead.domain.records import CommandRefused
from fairlead.errors import ConfigurationRefused, JournalUnavailable
from fairlead.kernel.core.inputs import CancelForeign, TroubleSeen
from fairlead.ports.exchange import (
    Fence,
    LookUp,
    VenueStatus,
)
from fairlead.testing.memory_store import AppendFault
from fairlead.testing.scripted_exchange import ScriptedExchange
from fairlead.testing.scripted_orders import VenueOrder
from tests.core.kernel.bench import ETH, OWNER, Bench, instrument, on_bench
from tests.core.kernel.faults import LONG_MS

KEY = (ETH, OWNER, "")
ODD: Any = "odd"
ADOPT = {"foreign_policy": "adopt", "adopt_owner": "desk"}


def hold(bench: Bench, name: str = "human-1", quantity: str = "2", symbol: str = ETH) -> VenueOrder:
    """Let somebody else have a limit order to buy at 100 at the venue."""
    return bench.exchange.hold(name, symbol, OrderSide.BUY, Decimal(quantity), Decimal(100))


def adopted(bench: Bench) -> list[OrderAdopted]:
    """Return the records of orders that were taken over."""
    return [record for record in bench.records() if isinstance(record, OrderAdopted)]


# -- the policies ----------------------------------------------------------------------------------


def test_the_halt_policy_halts_and_touches_nothing() -> None:
    """A foreign order halts trading, with its reason on record; it is not canceled."""

    async def main(bench: Bench) -> None:
        hold(bench)
        report = await bench.kernel.reconcile()
        assert bench.kernel.trading_state is TradingState.HALTED
        assert bench.kernel.trading_reason.startswith("foreign_order: ")
        assert (report.foreign, bench.exchange.cancels, bench.kernel.orders()) == (1, [], ())

    on_bench(main, settings={"foreign_policy": "halt"})


@pytest.mark.parametrize("name", ["human-1", ""])
def test_the_cancel_policy_cancels_at_the_venue_and_says_so(name: str) -> None:
    """It is put on record before it is sent, sent by the venue's id, and the report tells what came of it."""

    async def main(bench: Bench) -> None:
        order = hold(bench, name)
        report = await bench.kernel.reconcile()
        assert bench.exchange.cancels == [name or order.venue_order_id]
        assert order.status is VenueStatus.CANCELED
        [entry] = report.entries
        assert (entry.found, entry.venue_order_id, entry.concluded) == (
            Found.FOREIGN,
            "V1",
            "cancel accepted",
        )
        wanted = [record for record in bench.records() if isinstance(record, ForeignCancelRequested)]
        assert wanted == [ForeignCancelRequested("V1", name, ETH)]
        assert (await bench.kernel.reconcile()).foreign == 0
        assert bench.kernel.trading_state is TradingState.ACTIVE

    on_bench(main, settings={"foreign_policy": "cancel"})


@pytest.mark.requirement("SEC-2")
def test_the_cancel_policy_never_touches_ours() -> None:
    """Our orders, and one that carries our tag and is not in the journal, are left: the latter halts."""

    async def main(bench: Bench) -> None:
        mine = await bench.working()
        lost = hold(bench, bench.kernel.new_client_order_id())
        report = await bench.kernel.reconcile()
        assert bench.exchange.cancels == []
        assert (bench.order(mine).status, lost.status) == ("ACCEPTED", VenueStatus.LIVE)
        assert (report.matched, report.foreign) == (1, 1)
        assert bench.anomalies() == ["unknown_own_order"]
        assert bench.kernel.trading_state is TradingState.HALTED

    on_bench(main, settings={"foreign_policy": "cancel"})


def test_a_cancel_that_cannot_be_recorded_is_not_sent() -> None:
    """A commit that fails ends the reconciliation before anything is asked of the venue; it is made again."""

    async def main(bench: Bench) -> None:
        hold(bench)
        bench.faults = lambda batch: (
            AppendFault.FAILS
            if any(envelope.kind == "foreign_cancel_requested" for envelope in batch.envelopes)
            else None
        )
        with pytest.raises(JournalUnavailable):
            await bench.kernel.reconcile()
        assert bench.exchange.cancels == []
        bench.faults = lambda _batch: None
        await bench.pass_ms(LONG_MS)
        assert bench.exchange.cancels == ["human-1"]

    on_bench(main, settings={"foreign_policy": "cancel"})


def test_the_adopt_policy_takes_over_with_fills() -> None:
    """At the next reconciliation it is the owner's: terms, fills, reservation; then matched like ours."""

    async def main(bench: Bench) -> None:
        hold(bench)
        bench.exchange.trade("human-1", "0.5", "99", said=False)
        report = await bench.kernel.reconcile()
        name = adopted_order_id(bench.kernel._state.account_tag, ETH, "V1")
        [entry] = report.entries
        assert (entry.found, entry.client_order_id, entry.concluded) == (
            Found.ADOPTED,
            name,
            "taken over by desk",
        )
        order = bench.order(name)
        assert (order.owner, order.book, order.adopted, order.status) == (
            "desk",
            "desk",
            True,
            "PARTIALLY_FILLED",
        )
        assert (order.quantity, order.limit_price) == (Decimal(2), Decimal(100))
        assert order.filled_quantity == Decimal("0.5")
        assert bench.kernel.position(ETH, "desk").quantity == Decimal("0.5")  # type: ignore[union-attr]  # it is there
        assert (await bench.kernel.reconcile()).matched == 1
        assert len(adopted(bench)) == 1
        assert bench.kernel.trading_state is TradingState.ACTIVE

    on_bench(main, settings=ADOPT)


def test_the_adopt_policy_says_when_it_cannot() -> None:
    """What the venue does not explain stays foreign; the refusal and its reason are in the journal."""

    async def main(bench: Bench) -> None:
        order = hold(bench)
        order.filled_quantity = Decimal(1)  # and no trade of it in the history
        report = await bench.kernel.reconcile()
        assert [entry.found for entry in report.entries] == [Found.FOREIGN]
        refused = [record for record in bench.records() if isinstance(record, CommandRefused)]
        assert [(each.command, each.code, each.by) for each in refused] == [
            ("adopt", "FILLS_INCOMPLETE", "kernel")
        ]
        assert bench.kernel.orders() == ()

    on_bench(main, settings=ADOPT)


def test_the_adopt_policy_leaves_an_unknown_order_of_our_tag_to_an_operator() -> None:
    """Its intent was lost, so something is very wrong: it halts and nothing is concluded by itself."""

    async def main(bench: Bench) -> None:
        hold(bench, bench.kernel.new_client_order_id())
        report = await bench.kernel.reconcile()
        assert [entry.found for entry in report.entries] == [Found.FOREIGN]
        assert (bench.anomalies(), adopted(bench)) == (["unknown_own_order"], [])

    on_bench(main, settings=ADOPT)


@pytest.mark.parametrize("what", ["no fence", "no adoption"])
@pytest.mark.requirement("SEC-2")
def test_an_account_is_not_taken_over_by_itself_without_a_fence(what: str) -> None:
    """The policy is refused at the start where nothing fences other senders, or nothing can be taken over."""

    async def main(bench: Bench) -> None:
        if what == "no fence":
            bench.exchange = ScriptedExchange([instrument(ETH)], fence=Fence.NONE)
        else:
            bench.exchange = ScriptedExchange([instrument(ETH)], adoption=False)
        with pytest.raises(ConfigurationRefused, match="foreign_policy is adopt") as refused:
            bench.new_kernel(**ADOPT)
        assert "leave" in refused.value.fix

    on_bench(main)


def test_a_policys_cancel_leaves_what_became_ours_meanwhile() -> None:
    """Adopted between the list and the policy's step: nothing is recorded, and the order stays."""

    async def main(bench: Bench) -> None:
        hold(bench)
        [name] = (await bench.bot.adopt_order("V1")).names
        bench.kernel._parts.engine.process(CancelForeign(name, bench.exchange.report("human-1")))
        await bench.pass_ms()
        assert not [record for record in bench.records() if isinstance(record, ForeignCancelRequested)]
        bench.exchange.say(ODD)  # no report at all, while there are adopted orders
        await bench.pass_ms()
        assert bench.anomalies() == ["unreadable_report"]

    on_bench(main)


def test_what_was_read_before_a_recovery_adopts_nothing() -> None:
    """The journal is recovered while the venue is asked: it is all made again, and adopted then."""

    async def main(bench: Bench) -> None:
        hold(bench)
        find = bench.exchange.find

        async def recovers_meanwhile(venue_order_id: str, symbol: str) -> LookUp:
            if len(bench.exchange.finds) == 0:
                bench.faults = lambda _batch: AppendFault.FAILS
                bench.kernel._parts.engine.process(TroubleSeen("venue_silent", "x", "y"))
                await bench.clock.sleep_ns(1_000_000)
                bench.faults = lambda _batch: None
                await bench.clock.sleep_ns(2_000_000_000)
            return await find(venue_order_id, symbol)

        bench.exchange.find = recovers_meanwhile  # type: ignore[method-assign]  # the store fails meanwhile
        with pytest.raises(JournalUnavailable):
            await bench.kernel.reconcile()
        assert adopted(bench) == []
        await bench.pass_ms(LONG_MS)
        assert len(adopted(bench)) == 1

    on_bench(main, settings=ADOPT)


def test_an_open_order_that_cannot_be_read_is_no_stranger() -> None:
    """What the venue's list says unreadably is noted as that; no policy acts on it."""

    async def main(bench: Bench) -> None:
        order = hold(bench)
        order.filled_quantity = ODD
        report = await bench.kernel.reconcile()
        assert (report.entries, bench.exchange.cancels) == ((), [])
        assert bench.anomalies() == ["unreadable_report"]

    on_bench(main, settings={"foreign_policy": "cancel"})
