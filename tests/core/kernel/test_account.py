"""The account: what was there before, what fills and adjustments make of it, each counted once."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import attrs
import pytest
from msgspec.structs import replace

from fairlead import AdjustmentKind, OrderSide, TradingState
from fairlead.errors import ExchangeFault, JournalUnavailable
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND
from fairlead.ports.exchange import LedgerEntry, LedgerPage, VenueBalance, VenuePosition
from fairlead.testing.memory_store import AppendFault
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.core.kernel.accounting import accountant, adjustments, balance, happens, opened, parts
from tests.core.kernel.bench import BTC, Bench, on_bench
from tests.core.kernel.faults import FAULTS, LONG_MS, fail_from

ODD: Any = "odd"
TEN_MINUTES_MS = 600_000
TOUCHING = {AdjustmentKind.FILL_CORRECTION, AdjustmentKind.LIQUIDATION, AdjustmentKind.ROLLOVER}
OF_NO_LEDGER = {AdjustmentKind.CORRECTION}


def d(text: str) -> Decimal:
    """Return the number."""
    return Decimal(text)


def test_what_was_there_is_inventory_and_no_position() -> None:
    """The first start records what the account holds, once; no position comes of it, and it stays apart."""

    async def main(bench: Bench) -> None:
        assert [record.amounts for record in opened(bench)] == [(("BTC", d("10")), ("USDT", d("10000")))]
        assert bench.kernel.positions() == ()
        assert await bench.position() == 0
        assert [view.asset for view in bench.kernel.balances()] == ["BTC", "USDT"]
        assert parts(bench, "BTC") == (d("10"), d("0"), d("10"))
        assert parts(bench, "USDT") == (d("10000"), d("0"), d("10000"))

    on_bench(main, exchange=accountant())


def test_a_balance_is_opening_and_fills_and_adjustments() -> None:
    """Inventory, a bought position and a deposit: three parts of one balance, each told."""

    async def main(bench: Bench) -> None:
        await bench.hold("2", "100")
        happens(bench, "0.5", "BTC", AdjustmentKind.REWARD)
        happens(bench, "-7.25", "USDT", AdjustmentKind.FUNDING)
        report = await bench.kernel.reconcile()
        assert report.adjustments_booked == 2
        bitcoin, dollars = balance(bench, "BTC"), balance(bench, "USDT")
        assert (bitcoin.opening, bitcoin.fills, bitcoin.adjustments) == (d("10"), d("2"), d("0.5"))
        assert bitcoin.derived == d("12.5")
        assert (dollars.fills, dollars.adjustments, dollars.derived) == (d("-200"), d("-7.25"), d("9792.75"))
        assert await bench.position() == 2, "what was not bought here is no position"

    on_bench(main, exchange=accountant())


def test_an_order_made_after_the_clock_was_set_back_is_no_part_of_the_inventory() -> None:
    """The clock was an hour ahead when the inventory was recorded: what is traded in that hour counts."""

    async def main(bench: Bench) -> None:
        bench.clock.jump_wall_ns(-3_600 * NANOSECONDS_PER_SECOND)
        await bench.hold("2", "100")
        bitcoin = balance(bench, "BTC")
        assert (bitcoin.opening, bitcoin.fills, bitcoin.derived) == (d("10"), d("2"), d("12"))
        assert (await bench.verify()).ok
        name = await bench.working("buy", "1", "100")
        await bench.restart()
        bench.exchange.trade(name, "1", "100")
        await bench.pass_ms()
        assert balance(bench, "BTC").derived == d("13")

    on_bench(main, exchange=accountant())


def test_an_inventory_is_recorded_once_in_the_life_of_an_account() -> None:
    """A restart with other balances at the venue records nothing anew: what differs is not swallowed."""

    async def main(bench: Bench) -> None:
        bench.exchange.held["USDT"] = d("1")
        await bench.restart()
        await bench.kernel.reconcile()
        assert len(opened(bench)) == 1
        assert balance(bench, "USDT").derived == d("10000")

    on_bench(main, exchange=accountant(ledger=False))


def test_an_empty_account_is_opened_too() -> None:
    """Nothing held is a finding as well: what comes later is no inventory."""

    async def main(bench: Bench) -> None:
        assert [record.amounts for record in opened(bench)] == [()]
        happens(bench, "100")
        await bench.restart()
        assert len(opened(bench)) == 1
        assert parts(bench, "USDT") == (d("0"), d("100"), d("100"))

    on_bench(main, exchange=accountant({}))


def test_without_the_capability_nothing_is_asked() -> None:
    """A client that does not declare balances: no inventory, and balances are what fills moved."""

    async def main(bench: Bench) -> None:
        await bench.hold("2", "100")
        assert opened(bench) == []
        assert parts(bench, "USDT") == (d("0"), d("0"), d("-200"))

    on_bench(main)


def test_a_journal_without_an_inventory_gets_one_that_leaves_its_fills_out() -> None:
    """An account that traded before its client told of balances: inventory is what fills do not explain."""

    async def main(bench: Bench) -> None:
        await bench.hold("2", "100")
        bench.exchange.capabilities = accountant().capabilities
        bench.exchange.held = {"BTC": d("5"), "USDT": d("800")}
        await bench.restart()
        assert parts(bench, "BTC") == (d("3"), d("0"), d("5"))
        assert parts(bench, "USDT") == (d("1000"), d("0"), d("800"))

    on_bench(main)


def test_a_trade_while_the_inventory_is_read_puts_it_off() -> None:
    """What traded between question and answer may be in it or not: nothing is recorded yet."""

    class Trading(ScriptedExchange):
        held_back = 1
        name_of_order = ""

        async def balances(self) -> Mapping[str, VenueBalance]:
            told = await super().balances()
            if self.held_back:
                self.held_back -= 1
                self.trade(self.name_of_order, "1", "100", said=False)
            return told

    async def main(bench: Bench) -> None:
        venue = bench.exchange
        assert isinstance(venue, Trading)
        venue.name_of_order = await bench.working("buy", "2", "100")
        venue.capabilities = accountant().capabilities
        venue.held = {"USDT": d("1000")}
        await bench.restart()
        assert opened(bench) == []
        venue.held = {"USDT": d("900"), "BTC": d("1")}
        await bench.kernel.reconcile()
        assert parts(bench, "USDT") == (d("1000"), d("0"), d("900"))
        assert parts(bench, "BTC") == (d("0"), d("0"), d("1"))

    on_bench(main, exchange=Trading(accountant().rules))


@pytest.mark.parametrize("when", ["before", "at once", "after"])
def test_each_entry_counts_once_however_often_it_is_told(when: str) -> None:
    """The same ids read again, in one page, later or after restart and eviction: nothing more."""

    async def main(bench: Bench) -> None:
        entries = [happens(bench, str(amount)) for amount in (10, 20, 30)]
        if when == "at once":
            bench.exchange.ledger += entries
        await bench.kernel.reconcile()
        if when == "after":
            bench.exchange.ledger += entries
            await bench.restart()
        for _ in range(2):
            await bench.kernel.reconcile()
        assert len(adjustments(bench)) == 3
        assert balance(bench, "USDT").adjustments == d("60")

    on_bench(main, exchange=accountant(), settings={"closed_orders_max": 1})


def test_an_entry_told_with_other_figures_is_noted_and_not_booked() -> None:
    """The ledger contradicts itself about an id: trading reduces, the first word stands."""

    async def main(bench: Bench) -> None:
        first = happens(bench, "10")
        await bench.kernel.reconcile()
        bench.exchange.ledger[:] = [replace(first, amount=d("11"))]
        await bench.kernel.reconcile()
        assert bench.anomalies() == ["contradiction"]
        assert balance(bench, "USDT").adjustments == d("10")

    on_bench(main, exchange=accountant())


@pytest.mark.parametrize(
    ("kind", "anomaly", "state"),
    [
        (AdjustmentKind.FILL_CORRECTION, "fill_corrected", TradingState.HALTED),
        (AdjustmentKind.LIQUIDATION, "position_liquidated", TradingState.HALTED),
        (AdjustmentKind.ROLLOVER, "rollover_charged", TradingState.ACTIVE),
    ],
)
def test_an_entry_that_touches_a_position_is_told(
    kind: AdjustmentKind, anomaly: str, state: TradingState
) -> None:
    """A bought 2 is voided: the balance has it, the position does not, and whoever closes it must know.

    Borrowed money leaves the position as it is; it is noted once, and not with every charge.
    """

    async def main(bench: Bench) -> None:
        await bench.hold("2", "100")
        happens(bench, "-2", "BTC", kind)
        await bench.kernel.reconcile()
        assert (bench.anomalies(), bench.kernel.trading_state) == ([anomaly], state)
        assert balance(bench, "BTC").derived == d("10")
        assert await bench.position() == 2
        await bench.kernel.reconcile()
        assert bench.anomalies() == [anomaly], "once for each entry"
        happens(bench, "-1", "BTC", kind)
        await bench.kernel.reconcile()
        assert len(bench.anomalies()) == (1 if kind is AdjustmentKind.ROLLOVER else 2)

    on_bench(main, exchange=accountant())


@pytest.mark.parametrize(
    "kind", [kind for kind in AdjustmentKind if kind not in TOUCHING | OF_NO_LEDGER], ids=str
)
def test_an_entry_that_touches_none_is_no_anomaly(kind: AdjustmentKind) -> None:
    """What merely moves a balance is booked, and nothing more."""

    async def main(bench: Bench) -> None:
        happens(bench, "3", "USDT", kind)
        await bench.kernel.reconcile()
        assert (bench.anomalies(), len(adjustments(bench))) == ([], 1)

    on_bench(main, exchange=accountant())


def test_how_severe_a_voided_fill_is_can_be_set() -> None:
    """As for any other anomaly, by the configuration."""

    async def main(bench: Bench) -> None:
        happens(bench, "-2", "BTC", AdjustmentKind.FILL_CORRECTION)
        await bench.kernel.reconcile()
        assert bench.kernel.trading_state is TradingState.REDUCING

    on_bench(main, exchange=accountant(), settings={"anomalies": {"fill_corrected": "reduce"}})


def test_what_the_ledger_dates_before_the_inventory_is_part_of_it() -> None:
    """The ledger is told of later only: then its time says that a deposit of last year was there already."""

    async def main(bench: Bench) -> None:
        entry = happens(bench, "0", ago_ns=1)
        bench.exchange.ledger[:] = [replace(entry, amount=d("500"), entry_id="last-year")]
        bench.exchange.capabilities = accountant().capabilities
        await bench.restart()
        await bench.pass_ms(TEN_MINUTES_MS)
        happens(bench, "5")
        await bench.kernel.reconcile()
        assert [record.entry_id for record in adjustments(bench)] == ["L2"]
        assert parts(bench, "USDT") == (d("10000"), d("5"), d("10005"))

    on_bench(main, exchange=accountant(ledger=False))


OPENING = 1_767_225_600_000_000_000
"""Somewhere about when a bench starts; a venue's clock may differ from ours by more than that is off."""


@pytest.mark.parametrize("ahead_ms", [-3_600_000, -500, 0, 500, 3_600_000])
def test_what_was_listed_is_in_the_inventory_whatever_the_clocks_say(ahead_ms: int) -> None:
    """Evidence decides: listed before the balances were read it is part of them, after that it counts.

    The venue's clock is behind ours or ahead, by an hour even; no entry is dropped or counts twice, also
    after a restart.
    """

    async def main(bench: Bench) -> None:
        assert parts(bench, "USDT") == (d("10000"), d("0"), d("10000"))
        await bench.pass_ms(100)
        happens(bench, "1000", ago_ns=-ahead_ms * NANOSECONDS_PER_MILLISECOND)
        assert (await bench.kernel.reconcile()).adjustments_booked == 1
        await bench.restart()
        assert parts(bench, "USDT") == (d("10000"), d("1000"), d("11000"))
        assert opened(bench)[0].listed is not None
        assert (await bench.kernel.reconcile()).unbalanced == 0

    venue = accountant()
    for number in range(5):
        ts_event = OPENING + ahead_ms * NANOSECONDS_PER_MILLISECOND + number
        venue.ledger.append(LedgerEntry(f"before-{number}", AdjustmentKind.DEPOSIT, "USDT", d("7"), ts_event))
    on_bench(main, exchange=venue)


def test_a_state_that_was_rebuilt_while_the_inventory_is_read_puts_it_off() -> None:
    """The journal was read back meanwhile, with a fill that was not known before: nothing is recorded.

    Two things see to it: the reconciliation takes nothing after a recovery, and the new state is asked.
    """

    class Slow(ScriptedExchange):
        def during(self) -> None:
            """Let something happen between question and answer."""

        async def balances(self) -> Mapping[str, VenueBalance]:
            told = await super().balances()
            self.during()
            return told

    async def main(bench: Bench) -> None:
        venue, engine = bench.exchange, bench.kernel._parts.engine
        assert isinstance(venue, Slow)
        known = engine.state

        def rebuilt() -> None:
            engine.rebuild(attrs.evolve(known, balances={**known.balances, "USDT": d("-100")}))

        venue.during = rebuilt  # type: ignore[method-assign]  # the journal is read back meanwhile
        venue.capabilities = accountant().capabilities
        with pytest.raises(JournalUnavailable, match="made again"):
            await bench.kernel.reconcile()
        await bench.pass_ms()
        assert engine.state.inventory_ns == 0
        assert opened(bench) == []
        engine.rebuild(known)  # as it is on record

    on_bench(main, exchange=Slow(accountant().rules))


@pytest.mark.parametrize("behind_ms", [0, 3_600_000])
def test_a_deposit_while_the_inventory_is_read_puts_it_off(behind_ms: int) -> None:
    """It may be in the balances or not: nothing is recorded, and the next reading has it once."""

    class Receiving(ScriptedExchange):
        waiting = True

        async def balances(self) -> Mapping[str, VenueBalance]:
            told = await super().balances()
            if self.waiting:
                self.waiting = False
                told_ns = OPENING - behind_ms * NANOSECONDS_PER_MILLISECOND
                self.ledger.append(LedgerEntry("D1", AdjustmentKind.DEPOSIT, "USDT", d("5"), told_ns))
                self.held["USDT"] = d("1005")
            return told

    async def main(bench: Bench) -> None:
        assert (opened(bench), adjustments(bench)) == ([], [])
        await bench.kernel.reconcile()
        await bench.kernel.reconcile()
        assert parts(bench, "USDT") == (d("1005"), d("0"), d("1005"))

    venue = Receiving(accountant().rules, balances=True, ledger=True)
    venue.held = {"USDT": d("1000")}
    on_bench(main, exchange=venue)


def test_young_pages_after_a_young_one_are_read_again() -> None:
    """A page that looks old, but lies behind a young one, moves no cursor: the young one would be lost."""

    async def main(bench: Bench) -> None:
        happens(bench, "1")
        happens(bench, "1")
        happens(bench, "1", ago_ns=2 * TEN_MINUTES_MS * NANOSECONDS_PER_MILLISECOND)
        await bench.kernel.reconcile()
        assert bench.kernel._state.cursors["ledger"] == "0"

    on_bench(main, exchange=accountant())


def test_the_ledgers_cursor_moves_only_behind_what_is_old() -> None:
    """Young pages are read again, for entries that a venue lists late; old ones are not."""

    async def main(bench: Bench) -> None:
        for _ in range(3):
            happens(bench, "1")
        await bench.kernel.reconcile()
        assert bench.kernel._state.cursors["ledger"] == "0"
        await bench.pass_ms(TEN_MINUTES_MS)
        await bench.kernel.reconcile()
        assert bench.kernel._state.cursors["ledger"] == "3"
        late = happens(bench, "4")
        await bench.restart()
        assert [record.entry_id for record in adjustments(bench)][-1] == late.entry_id

    on_bench(main, exchange=accountant())


@pytest.mark.parametrize(
    "changes",
    [
        {"entry_id": ""},
        {"entry_id": "a\nb"},
        {"kind": "deposit"},
        {"amount": 1.5},
        {"amount": Decimal("NaN")},
        {"asset": ""},
        {"ts_event": -1},
    ],
    ids=str,
)
def test_an_entry_that_cannot_be_read_is_put_aside(changes: dict[str, Any]) -> None:
    """It is noted, the others are booked, and nothing breaks."""

    async def main(bench: Bench) -> None:
        bad = LedgerEntry("L0", AdjustmentKind.DEPOSIT, "USDT", d("1"), bench.clock.wall_ns())
        bench.exchange.ledger.append(replace(bad, **changes))
        bench.exchange.ledger.append(ODD)
        happens(bench, "2")
        await bench.kernel.reconcile()
        assert set(bench.anomalies()) == {"unreadable_report"}
        assert balance(bench, "USDT").adjustments == d("2")

    on_bench(main, exchange=accountant())


@pytest.mark.parametrize(
    ("told", "what"),
    [
        (None, "answered a NoneType"),
        (LedgerPage(ODD, "1", more=False), ""),
        (LedgerPage((), ODD, more=ODD), "whether there is more"),
        (LedgerPage((), "1", more=True), "does not move"),
        (LedgerPage(None, "1", more=False), "no page"),  # type: ignore[arg-type]  # on purpose
        (LedgerPage((), None, more=False), "cursor is no text"),  # type: ignore[arg-type]  # on purpose
    ],
)
def test_a_page_that_proves_nothing_fails_the_reconciliation(told: object, what: str) -> None:
    """What is no page of a ledger books nothing, and is not taken for an empty one."""

    class Odd(ScriptedExchange):
        odd = False

        async def ledger_since(self, cursor: str) -> Any:  # noqa: ANN401 - on purpose
            return told if self.odd else await super().ledger_since(cursor)

    async def main(bench: Bench) -> None:
        assert isinstance(bench.exchange, Odd)
        bench.exchange.odd = True
        if what:
            with pytest.raises(ExchangeFault, match=what):
                await bench.kernel.reconcile()
        else:  # a text is a sequence of texts: none of them is an entry
            await bench.kernel.reconcile()
            assert set(bench.anomalies()) == {"unreadable_report"}
        bench.exchange.odd = False

    on_bench(main, exchange=Odd(accountant().rules, balances=True, ledger=True))


@pytest.mark.parametrize(
    ("told", "what"),
    [
        (None, "answered a NoneType"),
        ({"": VenueBalance(Decimal(1), Decimal(0))}, "not readable"),
        ({"USDT": Decimal(1)}, "not readable"),
        ({"USDT": VenueBalance(1.0, Decimal(0))}, "is a float"),  # type: ignore[arg-type]  # on purpose
        ({"USDT": VenueBalance(Decimal(1), Decimal("NaN"))}, "NaN"),
    ],
)
def test_balances_that_prove_nothing_open_no_inventory(told: Any, what: str) -> None:  # noqa: ANN401 - on purpose
    """A start whose balances cannot be read does not begin with a made-up inventory."""

    class Odd(ScriptedExchange):
        async def balances(self) -> Any:  # noqa: ANN401 - on purpose
            return told

    async def main(bench: Bench) -> None:
        bench.exchange.capabilities = accountant().capabilities
        with pytest.raises(ExchangeFault, match=what):
            await bench.kernel.reconcile()
        assert opened(bench) == []

    on_bench(main, exchange=Odd(accountant().rules))


def test_a_reading_that_fails_fails_the_reconciliation() -> None:
    """Balances or ledger that cannot be read are not left out in silence."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_fail("ledger_since")
        with pytest.raises(ConnectionResetError, match="ledger_since"):
            await bench.kernel.reconcile()
        happens(bench, "3")
        await bench.pass_ms(LONG_MS)
        await bench.kernel.reconcile()
        assert balance(bench, "USDT").adjustments == d("3")

    on_bench(main, exchange=accountant())


def test_the_past_of_an_adopted_order_is_in_the_inventory_already() -> None:
    """Filled before the kernel came: its position is ours, its coins were counted, nothing counts twice."""

    async def main(bench: Bench) -> None:
        order = bench.exchange.orders["by-hand"]
        await bench.bot.adopt_order(order.venue_order_id)
        assert await bench.position() == 2
        bitcoin = balance(bench, "BTC")
        assert (bitcoin.opening, bitcoin.fills, bitcoin.derived) == (d("10"), d("2"), d("12"))
        assert parts(bench, "USDT") == (d("10000"), d("0"), d("9799.9"))
        fill = replace(
            bench.exchange.trade("by-hand", "1", "100", said=False), ts_event=bench.clock.wall_ns()
        )
        bench.exchange.say(fill)
        await bench.pass_ms()
        assert balance(bench, "BTC").derived == d("13") == bench.exchange.held["BTC"]
        assert balance(bench, "USDT").derived == d("9699.9") == bench.exchange.held["USDT"]

    venue = accountant()
    order = venue.hold("by-hand", BTC, OrderSide.BUY, d("4"))
    venue.trade(order.client_order_id, "2", "100", fee="0.1")
    on_bench(main, exchange=venue)


def test_a_deposit_and_the_accepted_position_of_it_count_once() -> None:
    """The ledger's entry moves the balance; the operator's word moves the position, out of the inventory."""

    async def main(bench: Bench) -> None:
        venue = bench.exchange
        await bench.hold("2", "100")
        venue.net[BTC] = VenuePosition(BTC, d("3"))
        happens(bench, "1", "BTC")
        await bench.kernel.reconcile()
        await bench.kernel.accept_drift(BTC, at_venue="3", price="100", note="the deposit of today")
        assert [position.quantity for position in bench.kernel.positions()] == [d("2"), d("1")]
        bitcoin = balance(bench, "BTC")
        assert (bitcoin.opening, bitcoin.fills, bitcoin.adjustments) == (d("9"), d("3"), d("1"))
        assert {view.asset: view.derived for view in bench.kernel.balances()} == venue.held
        assert venue.held == {"BTC": d("13"), "USDT": d("9800")}
        report = await bench.kernel.reconcile()
        assert (report.unbalanced, report.drifted) == (0, 0)
        assert (await bench.verify()).ok

    on_bench(main, exchange=accountant(positions=True))


def test_selling_inventory_opens_a_short_as_before() -> None:
    """Inventory is no position, so nothing is reduced by selling it; the balance goes down all the same."""

    async def main(bench: Bench) -> None:
        name = await bench.working("sell", "3", "100")
        assert not bench.order(name).reduces
        bench.exchange.trade(name, "3", "100")
        await bench.pass_ms()
        assert await bench.position() == -3
        assert parts(bench, "BTC") == (d("10"), d("0"), d("7"))

    on_bench(main, exchange=accountant())


@pytest.mark.parametrize("fault", FAULTS)
def test_a_commit_that_fails_books_an_adjustment_once(fault: AppendFault) -> None:
    """The batch with the adjustment is lost, or stored without a word: the entry counts once all the same."""

    async def main(bench: Bench) -> None:
        happens(bench, "10")
        fail_from(bench, 1, fault)
        with pytest.raises(JournalUnavailable):
            await bench.kernel.reconcile()
        await bench.pass_ms(LONG_MS)
        await bench.kernel.reconcile()
        assert len(adjustments(bench)) == 1
        assert balance(bench, "USDT").adjustments == d("10")

    on_bench(main, exchange=accountant())


def test_a_restart_knows_every_part_of_a_balance() -> None:
    """Opening, adjustments and sum are read back to the last digit, and booked ids still count once."""

    async def main(bench: Bench) -> None:
        await bench.hold("2", "100")
        happens(bench, "0.00000001", "BTC", AdjustmentKind.DUST_CONVERSION)
        await bench.kernel.reconcile()
        before = bench.kernel.balances()
        await bench.die()
        await bench.start_another()
        assert bench.kernel.balances() == before
        assert len(adjustments(bench)) == 1

    on_bench(main, exchange=accountant())
