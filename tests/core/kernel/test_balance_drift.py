"""What the venue holds against what we derive: asked twice, noted, never overwritten."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest

from fairlead import AdjustmentKind, TradingState
from fairlead.domain.reconciliation import BalanceEntry
from fairlead.domain.records import CommandRefused
from fairlead.errors import ExchangeFault, InvalidInput
from fairlead.kernel.core.account_inputs import InventorySeen
from fairlead.ports.exchange import VenueBalance
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.core.kernel.accounting import Accountant, accountant, adjustments, balance, happens, parts
from tests.core.kernel.bench import Bench, instrument, on_bench
from tests.core.kernel.faults import LONG_MS

STATES = {"note": TradingState.ACTIVE, "reduce": TradingState.REDUCING, "halt": TradingState.HALTED}


def d(text: str) -> Decimal:
    """Return the number."""
    return Decimal(text)


class Counting(Accountant):
    """Counts how often balances are asked for, and may let something happen before it answers."""

    asked = 0
    late_trade = ""
    late_trades = 1

    async def balances(self) -> Mapping[str, VenueBalance]:
        """See `ExchangeClient.balances`."""
        self.asked += 1
        if self.late_trade:
            self.trade(self.late_trade, "1", "100", said=False)
            self.late_trades -= 1
            self.late_trade = self.late_trade if self.late_trades else ""
        return await super().balances()


def counting(held: dict[str, str] | None = None) -> Counting:
    """Return a venue that counts."""
    venue = Counting([instrument()], balances=True, ledger=True)
    venue.held = {asset: d(total) for asset, total in (held or {"USDT": "10000", "BTC": "10"}).items()}
    return venue


def asked(bench: Bench) -> int:
    """Return how often balances were asked for."""
    assert isinstance(bench.exchange, Counting)
    return bench.exchange.asked


@pytest.mark.parametrize("severity", STATES)
def test_a_difference_is_reported_and_never_overwritten(severity: str) -> None:
    """More or less than derived: in the report, noted once, as severe as set, and our figures stay."""

    async def main(bench: Bench) -> None:
        bench.exchange.held["USDT"] += d("5")
        bench.exchange.held["BTC"] -= d("1")
        report = await bench.kernel.reconcile()
        assert report.balances == (
            BalanceEntry("BTC", d("10"), d("9")),
            BalanceEntry("USDT", d("10000"), d("10005")),
        )
        assert report.unbalanced == 2
        again = await bench.kernel.reconcile()
        assert again.balances == report.balances
        assert bench.anomalies() == ["balance_drifted", "balance_drifted"]
        assert bench.kernel.trading_state is STATES[severity]
        assert parts(bench, "USDT") == (d("10000"), d("0"), d("10000"))
        view = balance(bench, "BTC")
        assert (view.at_venue, view.drift, view.derived) == (d("9"), d("-1"), d("10"))

    settings = {"anomalies": {"balance_drifted": severity}}
    on_bench(main, exchange=accountant(ledger=False), settings=settings)


def test_a_trade_between_two_readings_is_no_difference() -> None:
    """The venue's balance is ahead of its stream: asked again after a pause, nothing is noted."""

    async def main(bench: Bench) -> None:
        assert isinstance(bench.exchange, Counting)
        bench.exchange.late_trade = await bench.working("buy", "2", "100")
        report = await bench.kernel.reconcile()
        assert (report.balances, report.fills_booked, bench.anomalies()) == ((), 1, [])
        assert balance(bench, "BTC").derived == d("11")

    on_bench(main, exchange=counting())


def test_equal_trades_just_before_each_reading_are_no_difference() -> None:
    """Both looks are ahead of the history by one trade of the same size: what moved meanwhile is no proof."""

    async def main(bench: Bench) -> None:
        assert isinstance(bench.exchange, Counting)
        bench.exchange.late_trade, bench.exchange.late_trades = await bench.working("buy", "2", "100"), 2
        report = await bench.kernel.reconcile()
        assert (report.balances, report.fills_booked, bench.anomalies()) == ((), 2, [])
        assert balance(bench, "BTC").derived == d("12")

    on_bench(main, exchange=counting())


@pytest.mark.parametrize("trades", [4, 5, 8])
def test_trades_at_every_look_are_no_difference(trades: int) -> None:
    """More equal trades than looks, each just before a reading: the history explains the last one, too."""

    async def main(bench: Bench) -> None:
        assert isinstance(bench.exchange, Counting)
        late = await bench.working("buy", "20", "100")
        bench.exchange.late_trade, bench.exchange.late_trades = late, trades
        report = await bench.kernel.reconcile()
        assert (report.balances, bench.anomalies()) == ((), [])

    on_bench(main, exchange=counting())


def test_a_difference_that_stays_while_trades_go_on_is_reported() -> None:
    """A venue at which something always moves hides nothing: after some looks the difference counts."""

    async def main(bench: Bench) -> None:
        assert isinstance(bench.exchange, Counting)
        bench.exchange.late_trade, bench.exchange.late_trades = await bench.working("buy", "20", "100"), 20
        bench.exchange.held["USDT"] += d("5")
        assert "USDT" in [entry.asset for entry in (await bench.kernel.reconcile()).balances]

    on_bench(main, exchange=counting())


def test_an_entry_of_the_ledger_explains_a_difference_before_it_counts() -> None:
    """A deposit that the ledger lists: booked, and no difference is left."""

    async def main(bench: Bench) -> None:
        happens(bench, "250")
        report = await bench.kernel.reconcile()
        assert (report.balances, report.adjustments_booked, bench.anomalies()) == ((), 1, [])

    on_bench(main, exchange=accountant())


def test_a_difference_that_was_found_before_is_not_waited_for_again() -> None:
    """The second look has been taken: what stays the same is reported without another pause."""

    async def main(bench: Bench) -> None:
        bench.exchange.held["USDT"] += d("5")
        before_ns = bench.clock.monotonic_ns()
        await bench.kernel.reconcile()
        paused_ns = bench.clock.monotonic_ns() - before_ns
        assert paused_ns >= 1_000_000_000
        before_ns = bench.clock.monotonic_ns()
        assert (await bench.kernel.reconcile()).unbalanced == 1
        assert bench.clock.monotonic_ns() == before_ns
        bench.exchange.held["USDT"] -= d("5")
        assert (await bench.kernel.reconcile()).unbalanced == 0

    on_bench(main, exchange=accountant())


def test_balances_are_read_at_their_interval_and_a_little_after_fills() -> None:
    """Scheduled reconciliations read them when they are due; fills, however many, bring one reading more."""

    async def main(bench: Bench) -> None:
        start = asked(bench)
        await bench.pass_ms(70_000)
        assert asked(bench) == start
        await bench.pass_ms(60_000)
        assert asked(bench) == start + 1
        name = await bench.working("buy", "3", "100")
        for _ in range(3):
            bench.exchange.trade(name, "1", "100")
        await bench.pass_ms(1_400)
        assert asked(bench) == start + 1
        await bench.pass_ms(200)
        assert asked(bench) == start + 2
        assert balance(bench, "BTC").at_venue == d("13")

    settings = {"balances_interval_ms": 100_000, "balances_debounce_ms": 1_500}
    on_bench(main, exchange=counting(), settings=settings)


def test_a_reading_after_fills_that_fails_is_made_up_for() -> None:
    """It is logged and nothing else breaks; the next reading has the figures."""

    async def main(bench: Bench) -> None:
        bench.exchange.will_fail("balances")
        await bench.hold("1", "100")
        await bench.pass_ms(LONG_MS)
        assert balance(bench, "BTC").at_venue == d("10")
        await bench.kernel.reconcile()
        assert balance(bench, "BTC").at_venue == d("11")
        assert bench.kernel.trading_state is TradingState.ACTIVE

    on_bench(main, exchange=accountant(), settings={"balances_interval_ms": 1_000_000})


def test_nothing_is_read_after_fills_once_the_kernel_stops() -> None:
    """A timer that is due during the stop asks nobody."""

    async def main(bench: Bench) -> None:
        await bench.hold("1", "100")
        account = bench.kernel._parts.reconciler.account
        account.stop()
        before = asked(bench)
        await bench.pass_ms(5_000)
        assert asked(bench) == before

    on_bench(main, exchange=counting())


def test_an_operator_accepts_what_the_venue_holds() -> None:
    """The difference is booked as a correction in the operator's name; said twice it is booked once."""

    async def main(bench: Bench) -> None:
        bench.exchange.held["USDT"] += d("5.5")
        await bench.kernel.reconcile()
        refused = await bench.kernel.accept_balance("USDT", at_venue="10005", note="a deposit")
        assert (refused.accepted, refused.code) == (False, "VENUE_CHANGED")
        assert "10005.5 by now" in refused.reason
        assert any(isinstance(record, CommandRefused) for record in bench.records())
        done = await bench.kernel.accept_balance("USDT", at_venue="10005.5", note="a deposit")
        assert done.accepted
        again = await bench.kernel.accept_balance("USDT", at_venue="10005.5", note="a deposit")
        assert (again.accepted, again.code) == (True, "NO_DRIFT")
        [booked] = adjustments(bench)
        assert (booked.kind, booked.amount, booked.by) == (AdjustmentKind.CORRECTION, d("5.5"), "operator")
        assert booked.note == "a deposit"
        assert parts(bench, "USDT") == (d("10000"), d("5.5"), d("10005.5"))
        assert bench.kernel.trading_state is TradingState.REDUCING, "trading stays as it is"
        await bench.restart()
        assert (await bench.kernel.reconcile()).unbalanced == 0

    on_bench(main, exchange=accountant(ledger=False))


def test_an_asset_that_nobody_holds_has_no_drift() -> None:
    """Nothing here and nothing there: accepted, and nothing is booked."""

    async def main(bench: Bench) -> None:
        answer = await bench.kernel.accept_balance("DOGE", at_venue=0, note="x")
        assert (answer.accepted, answer.code) == (True, "NO_DRIFT")
        assert adjustments(bench) == []

    on_bench(main, exchange=accountant())


def test_what_cannot_be_accepted_is_refused_at_the_door() -> None:
    """No figure, no asset, a client without balances or a venue that does not answer: nothing is booked."""

    async def main(bench: Bench) -> None:
        with pytest.raises(InvalidInput, match="at_venue"):
            await bench.kernel.accept_balance("USDT", at_venue=1.5, note="x")  # type: ignore[arg-type]  # on purpose
        with pytest.raises(InvalidInput, match="asset"):
            await bench.kernel.accept_balance("us dollars", at_venue=1, note="x")
        bench.exchange.will_fail("balances")
        with pytest.raises(ExchangeFault, match="could not be asked"):
            await bench.kernel.accept_balance("USDT", at_venue=1, note="x")
        bench.exchange.capabilities = ScriptedExchange([instrument()]).capabilities
        with pytest.raises(InvalidInput, match="tells no balances"):
            await bench.kernel.accept_balance("USDT", at_venue=1, note="x")
        assert adjustments(bench) == []

    on_bench(main, exchange=accountant())


def test_a_ledger_cannot_speak_as_an_operator() -> None:
    """An entry of the kind that operators book is put aside."""

    async def main(bench: Bench) -> None:
        happens(bench, "0", kind=AdjustmentKind.CORRECTION)
        await bench.kernel.reconcile()
        assert bench.anomalies() == ["unreadable_report"]

    on_bench(main, exchange=accountant())


def test_free_is_what_no_open_order_holds() -> None:
    """Total and locked are the venue's; a client that tells no balances leaves them out."""

    async def main(bench: Bench) -> None:
        bench.exchange.locked["USDT"] = d("300")
        await bench.kernel.reconcile()
        view = balance(bench, "USDT")
        assert (view.at_venue, view.locked, view.free, view.drift) == (
            d("10000"),
            d("300"),
            d("9700"),
            d("0"),
        )

    async def without(bench: Bench) -> None:
        await bench.hold()
        view = balance(bench, "USDT")
        assert (view.at_venue, view.locked, view.free, view.drift) == (None, None, None, None)

    on_bench(main, exchange=accountant())
    on_bench(without)


def test_a_difference_that_moves_is_not_accepted_yet() -> None:
    """The second look finds another difference: refused, nothing booked, and it works once at rest."""

    class Moving(Accountant):
        moves = 0

        async def balances(self) -> Mapping[str, VenueBalance]:
            if self.moves:
                self.moves -= 1
                self.held["USDT"] = self.held.get("USDT", d("0")) + d("1")
            return await super().balances()

    async def main(bench: Bench) -> None:
        assert isinstance(bench.exchange, Moving)
        bench.exchange.moves = 2
        refused = await bench.kernel.accept_balance("USDT", at_venue="2", note="x")
        assert (refused.accepted, refused.code) == (False, "NOT_CERTAIN")
        assert adjustments(bench) == []
        assert (await bench.kernel.accept_balance("USDT", at_venue="2", note="x")).accepted
        assert parts(bench, "USDT") == (d("0"), d("2"), d("2"))

    on_bench(main, exchange=Moving([instrument()], balances=True))


def test_what_was_never_read_has_no_figures() -> None:
    """Before the first reading nothing differs."""

    async def main(bench: Bench) -> None:
        assert bench.kernel._parts.reconciler.account.entry_of("USDT").difference == 0

    on_bench(main)


def test_a_reading_in_which_something_moved_is_not_kept() -> None:
    """A fill comes in between question and answer: in the figures or not, they decide nothing."""

    class Slow(Accountant):
        bench: Bench | None = None
        name_of_order = ""

        async def balances(self) -> Mapping[str, VenueBalance]:
            told = await super().balances()
            if self.bench is not None:
                bench, self.bench = self.bench, None
                self.trade(self.name_of_order, "1", "100")
                await bench.pass_ms()
            return told

    async def main(bench: Bench) -> None:
        venue = bench.exchange
        assert isinstance(venue, Slow)
        venue.name_of_order, venue.bench = await bench.working("buy", "2", "100"), bench
        before = bench.kernel._state.holdings
        await bench.kernel._parts.reconciler.account._look()
        assert bench.kernel._state.holdings is before
        assert (await bench.kernel.reconcile()).balances == ()
        assert balance(bench, "BTC").at_venue == d("1")

    venue = Slow([instrument()], balances=True)
    venue.held = {"USDT": d("1000")}
    on_bench(main, exchange=venue)


def test_an_inventory_that_is_told_again_is_not_recorded_again() -> None:
    """Two readings of the same start: the second changes nothing."""

    async def main(bench: Bench) -> None:
        before = bench.kernel.sequence
        bench.kernel._parts.engine.process(InventorySeen((("USDT", d("5")),), 1))
        assert bench.kernel.sequence == before

    on_bench(main, exchange=accountant())
