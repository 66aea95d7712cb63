"""Monitoring: by stream and by polling, on schedule, and what silence does."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest

from fairlead import KernelSettings, OrderSide, TradingState
from fairlead.domain.reconciliation import Found, ReconcileReport
from fairlead.domain.records import OrderEventNoted, Reconciled
from fairlead.errors import ExchangeFault, SettingRefused, UnknownName
from fairlead.kernel.core.state import MISSING
from fairlead.kernel.core.venue_inputs import OrderReported
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.ports.exchange import FillPage, OrderReport, ReportSink, VenueStatus
from fairlead.testing.scripted_exchange import ScriptedExchange, loses_request
from tests.core.kernel.bench import BTC, ETH, Bench, instrument, on_bench
from tests.core.kernel.faults import LONG_MS

INTERVAL_MS = 60_000
POLL_MS = 5_000
SILENCE_MS = 30_000


class Counting(ScriptedExchange):
    """Notes at what time fills and instruments were asked for."""

    def __init__(self, *, streams: bool = True) -> None:
        super().__init__([instrument(BTC), instrument(ETH)], streams=streams)
        self.bench: Bench | None = None
        self.asked_ms: list[int] = []

    async def fills_since(self, cursor: str) -> FillPage:
        """See `ExchangeClient.fills_since`."""
        assert self.bench is not None
        self.asked_ms.append(self.bench.clock.monotonic_ns() // NANOSECONDS_PER_MILLISECOND)
        return await super().fills_since(cursor)


async def counted(bench: Bench, *, streams: bool = True) -> Counting:
    """Start another kernel on a venue that counts; return the venue."""
    await bench.kernel.stop()
    exchange = Counting(streams=streams)
    bench.exchange = exchange
    exchange.bench = bench
    await bench.start_another()
    exchange.asked_ms.clear()
    return exchange


def last(bench: Bench) -> ReconcileReport:
    """Return the last report, which must be there."""
    report = bench.kernel.last_reconciliation
    assert report is not None
    return report


def trading(bench: Bench) -> str:
    """Return the trading state as it is now."""
    return bench.kernel.trading_state.value


def reconciled(bench: Bench) -> list[Reconciled]:
    """Return the durable records of reconciliations."""
    return [record for record in bench.records() if isinstance(record, Reconciled)]


@pytest.mark.requirement("FLOW-2")
def test_what_the_stream_did_not_say_is_found_on_schedule() -> None:
    """The stream is up and silent about a fill: the next scheduled reconciliation books it, and says so."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.trade(name, "1", "100", said=False)
        await bench.pass_ms(INTERVAL_MS - 100)
        assert bench.order(name).status == "ACCEPTED"
        await bench.pass_ms(200)
        assert bench.order(name).status == "FILLED"
        assert (last(bench).reason, last(bench).fills_booked, last(bench).resolved) == ("on schedule", 1, 1)
        assert reconciled(bench)[-1].reason == "on schedule"

    on_bench(main)


@pytest.mark.requirement("FLOW-2")
def test_a_client_that_does_not_stream_is_polled() -> None:
    """Nothing arrives by itself: an order fills, another ends, and both are known within one interval."""

    async def main(bench: Bench) -> None:
        exchange = await counted(bench, streams=False)
        one, two = await bench.working(), await bench.working("buy", "1", "90")
        exchange.trade(one, "0.4", "100")
        exchange.end(two, VenueStatus.EXPIRED)
        await bench.pass_ms(POLL_MS + 10)
        assert bench.order(one).filled_quantity == Decimal("0.4")
        assert (bench.order(one).status, bench.order(two).status) == ("PARTIALLY_FILLED", "EXPIRED")
        await bench.pass_ms(INTERVAL_MS)
        assert len(exchange.asked_ms) == 13
        assert trading(bench) == "active"
        assert bench.anomalies() == []

    on_bench(main)


def test_a_schedule_that_finds_nothing_records_nothing() -> None:
    """A day of polling without news adds no record; a foreign order is news once."""

    async def main(bench: Bench) -> None:
        exchange = await counted(bench, streams=False)
        await bench.pass_ms(INTERVAL_MS)
        before = len(reconciled(bench))
        exchange.hold("human-1", ETH, OrderSide.BUY, Decimal(1))
        await bench.pass_ms(INTERVAL_MS + 1)  # beyond the last poll, not beside it
        after = reconciled(bench)
        assert (len(after) - before, after[-1].counts.foreign) == (1, 1)
        assert len(exchange.asked_ms) == 24

    on_bench(main)


@pytest.mark.requirement("FLOW-2")
def test_a_broken_stream_is_polled_and_reduces_until_it_is_whole() -> None:
    """Down: polled at once; down too long: REDUCING; back and reconciled: ACTIVE, with the gap filled."""

    async def main(bench: Bench) -> None:
        exchange = await counted(bench)
        name = await bench.working()
        sink = exchange.sink
        assert sink is not None
        sink.disconnected("gone")
        await bench.pass_ms(SILENCE_MS - 100)
        assert len(exchange.asked_ms) == 5
        assert trading(bench) == "active"
        await bench.pass_ms(200)
        assert trading(bench) == "reducing"
        assert "unheard" in bench.kernel.trading_reason
        assert (await bench.execute()).status == "DENIED"
        await bench.pass_ms(3 * SILENCE_MS)
        assert bench.anomalies() == ["venue_silent"]
        exchange.trade(name, "1", "100", said=False)
        sink.reconnected()
        await bench.pass_ms(10)
        assert trading(bench) == "active"
        assert last(bench).reason == "the stream came back"
        assert bench.order(name).status == "FILLED"

    on_bench(main)


def test_a_stream_that_breaks_again_is_not_whole() -> None:
    """It breaks while the gap is being filled: that reconciliation proves nothing about what came after."""

    class Breaking(Counting):
        breaks = 0

        async def open_orders(self) -> list[OrderReport]:
            if self.breaks and self.sink is not None:
                self.breaks -= 1
                self.sink.disconnected("again")
            return list(await super().open_orders())

    async def main(bench: Bench) -> None:
        exchange = await counted(bench)
        exchange.__class__ = Breaking
        assert isinstance(exchange, Breaking)
        sink = exchange.sink
        assert sink is not None
        sink.disconnected("gone")
        await bench.pass_ms(SILENCE_MS + 100)
        exchange.breaks = 1
        sink.reconnected()
        await bench.pass_ms(10)
        assert trading(bench) == "reducing"
        sink.reconnected()
        await bench.pass_ms(10)
        assert trading(bench) == "active"

    on_bench(main)


def test_a_stream_that_never_came_up_reduces() -> None:
    """It broke while the kernel was starting: the start passes by the history, and the silence is counted."""

    class Stillborn(ScriptedExchange):
        async def connect(self, sink: ReportSink) -> None:
            await super().connect(sink)
            sink.disconnected("at once")

    async def main(bench: Bench) -> None:
        await bench.kernel.stop()
        bench.exchange.__class__ = Stillborn
        await bench.start_another()
        assert trading(bench) == "active"
        await bench.pass_ms(SILENCE_MS + 100)
        assert trading(bench) == "reducing"

    on_bench(main)


def test_each_silence_is_measured_from_its_own_beginning() -> None:
    """Two short breaks are no long one; a timer left over from the first does not reduce."""

    async def main(bench: Bench) -> None:
        sink = bench.exchange.sink
        assert sink is not None
        for _ in range(2):
            sink.disconnected("gone")
            await bench.pass_ms(20_000)
            sink.reconnected()
            await bench.pass_ms(10)
        assert trading(bench) == "active"
        await bench.pass_ms(2 * SILENCE_MS)
        assert bench.anomalies() == []

    on_bench(main)


@pytest.mark.parametrize("fate", ["anomaly", "operator"])
def test_what_else_reduces_during_a_silence_outlasts_it(fate: str) -> None:
    """An anomaly or an operator reduces while the venue is unheard: the stream's return changes nothing."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        sink = bench.exchange.sink
        assert sink is not None
        sink.disconnected("gone")
        await bench.pass_ms(SILENCE_MS + 100)
        if fate == "anomaly":
            bench.exchange.forget(name)
            await bench.pass_ms(POLL_MS)
            assert bench.anomalies() == ["venue_silent", "missing_at_venue"]
        else:
            await bench.kernel.set_trading_state(TradingState.REDUCING, reason="lunch")
        sink.reconnected()
        await bench.pass_ms(LONG_MS)
        assert trading(bench) == "reducing"
        assert ("lunch" if fate == "operator" else "missing_at_venue") in bench.kernel.trading_reason

    on_bench(main)


def test_a_halted_kernel_stays_halted_through_a_silence() -> None:
    """Silence weakens nothing that is sterner."""

    async def main(bench: Bench) -> None:
        sink = bench.exchange.sink
        assert sink is not None
        await bench.kernel.set_trading_state(TradingState.HALTED, reason="stop")
        sink.disconnected("gone")
        await bench.pass_ms(SILENCE_MS + 100)
        sink.reconnected()
        await bench.pass_ms(LONG_MS)
        assert (bench.kernel.trading_state, bench.kernel.trading_reason) == (TradingState.HALTED, "stop")
        assert bench.anomalies() == []

    on_bench(main)


def test_a_silence_does_not_survive_the_process() -> None:
    """Reduced for a silence and killed: the next kernel is connected and reconciled, and trades."""

    async def main(bench: Bench) -> None:
        sink = bench.exchange.sink
        assert sink is not None
        sink.disconnected("gone")
        await bench.pass_ms(SILENCE_MS + 100)
        assert trading(bench) == "reducing"
        await bench.die()
        await bench.start_another()
        assert trading(bench) == "active"

    on_bench(main)


def test_polls_that_fail_are_a_silence_too() -> None:
    """A polled venue that cannot be asked reduces, and is heard again with the first poll that passes."""

    async def main(bench: Bench) -> None:
        exchange = await counted(bench, streams=False)
        assert exchange.sink is not None
        exchange.sink.disconnected("there is no stream to lose")
        exchange.will_fail("open_orders", 6)
        await bench.pass_ms(SILENCE_MS + 10_000)
        assert trading(bench) == "reducing"
        await bench.pass_ms(200_000)
        assert trading(bench) == "active"
        assert bench.anomalies() == ["venue_silent"]

    on_bench(main)


@pytest.mark.requirement("FLOW-10")
def test_reads_are_retried_with_doubling_pauses_and_sends_never() -> None:
    """Every pause between two tries of a failing read is twice the one before, whatever the schedule says."""

    async def main(bench: Bench) -> None:
        exchange = await counted(bench)
        exchange.will_submit(loses_request)
        lost = bench.spawn_execute()
        exchange.will_fail("fills_since", 5)
        sink = exchange.sink
        assert sink is not None
        sink.reconnected()
        await bench.pass_ms(70_000)
        tries = exchange.asked_ms[:6]
        assert [after - before for before, after in pairwise(tries)] == [
            2_000,
            4_000,
            8_000,
            16_000,
            32_000,
        ]
        order = (await lost).client_order_id
        assert (exchange.submits_of(order), bench.order(order).status) == (1, "NOT_PLACED")
        assert exchange.look_ups[0] == order

    on_bench(main)


@pytest.mark.requirement("FLOW-10")
@pytest.mark.parametrize(("failures", "starts"), [(2, True), (3, False)])
def test_reading_the_rules_is_retried_at_the_start(failures: int, starts: bool) -> None:  # noqa: FBT001 - a case
    """Two lost answers do not keep a kernel from starting; a third does, and is said."""

    async def main(bench: Bench) -> None:
        await bench.kernel.stop()
        bench.exchange.will_fail("instruments", failures)
        if starts:
            await bench.start_another()
        else:
            with pytest.raises(ExchangeFault, match="rules failed 3 times: ConnectionResetError"):
                await bench.start_another()
            await bench.start_another()
        assert trading(bench) == "active"

    on_bench(main)


def test_a_report_names_every_order_with_what_was_concluded() -> None:
    """Matched, missing, foreign and resolved: each with ids, symbol and the state it is in now."""

    async def main(bench: Bench) -> None:
        names = [await bench.working("buy", "1", price) for price in ("100", "99", "98")]
        matched, missing, ended = names
        bench.exchange.forget(missing)
        bench.exchange.end(ended, VenueStatus.CANCELED, said=False)
        bench.exchange.hold("human-1", ETH, OrderSide.BUY, Decimal(1))
        report = await bench.kernel.reconcile()
        assert [
            (each.found, each.client_order_id, each.symbol, each.concluded) for each in report.entries
        ] == [
            (Found.MATCHED, matched, BTC, "ACCEPTED"),
            (Found.MISSING, missing, BTC, "ACCEPTED"),
            (Found.FOREIGN, "human-1", ETH, "left alone"),
            (Found.RESOLVED, ended, BTC, "CANCELED"),
        ]
        assert report.entries[2].venue_order_id == "V4"
        assert (report.matched, report.missing, report.foreign, report.resolved) == (1, 1, 1, 1)
        assert bench.exchange.cancels == []

    on_bench(main)


@pytest.mark.parametrize(
    ("policy", "state"),
    [("note", "active"), ("reduce", "reducing"), ("halt", "halted")],
)
def test_a_missing_order_does_what_the_policy_says(policy: str, state: str) -> None:
    """The policy of a missing order is a setting; the order stays reserved whatever it says."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        await bench.pass_ms()
        bench.exchange.forget(name)
        await bench.kernel.reconcile()
        assert trading(bench) == state
        assert bench.anomalies() == ["missing_at_venue"]
        assert bench.kernel.positions()[0].pending_openings == 1

    on_bench(main, settings={"missing_policy": policy})


def test_an_operator_ends_a_missing_order() -> None:
    """It becomes CANCELED in his name and frees its reservation; it is not asked about any more."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        early = await bench.kernel.resolve_missing(name, note="guess")
        assert (early.accepted, early.code) == (False, "NOT_MISSING")
        await bench.pass_ms()
        bench.exchange.forget(name)
        await bench.kernel.reconcile()
        assert (await bench.kernel.resolve_missing(name, note="the desk says so", by="kay")).accepted
        assert bench.order(name).status == "CANCELED"
        assert bench.kernel.positions()[0].pending_openings == 0
        event = [record for record in bench.records() if isinstance(record, OrderEventNoted)][-1]
        assert (event.by, event.cause) == ("kay", "missing at the venue: the desk says so")
        asked = len(bench.exchange.look_ups)
        assert (await bench.kernel.resolve_missing(name, note="twice")).code == "NOT_MISSING"
        await bench.pass_ms(10 * LONG_MS)
        assert len(bench.exchange.look_ups) == asked
        assert last(bench).missing == 0
        with pytest.raises(UnknownName):
            await bench.kernel.resolve_missing("0" * 32, note="guess")

    on_bench(main)


@pytest.mark.parametrize("seen", ["reconciliation", "look-up"])
def test_a_missing_order_that_is_seen_again_is_missing_no_more(seen: str) -> None:
    """An operator's word that it is over comes too late; should it go missing anew, that is news."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        order = bench.exchange.orders[name]
        await bench.pass_ms()
        bench.exchange.forget(name)
        await bench.kernel.reconcile()
        assert trading(bench) == "reducing"
        await bench.pass_ms()
        bench.exchange.orders[name] = order
        bench.exchange.say(bench.exchange.report(name))
        await bench.pass_ms()
        assert bench.order(name).detail == MISSING, "the stream may be late: no proof"
        if seen == "reconciliation":
            await bench.kernel.reconcile()
        else:
            await bench.pass_ms(10 * LONG_MS)
        refused = await bench.kernel.resolve_missing(name, note="the desk says so")
        assert (refused.accepted, refused.code) == (False, "NOT_MISSING")
        assert bench.order(name).status == "ACCEPTED"
        assert bench.kernel.positions()[0].pending_openings == 1
        await bench.kernel.set_trading_state(TradingState.ACTIVE, reason="seen")
        await bench.pass_ms()
        bench.exchange.forget(name)
        await bench.kernel.reconcile()
        assert trading(bench) == "reducing"
        assert bench.anomalies() == ["missing_at_venue", "missing_at_venue"]
        assert (await bench.kernel.resolve_missing(name, note="it is over")).accepted

    on_bench(main)


@pytest.mark.parametrize(("later_ns", "status"), [(0, "CANCELED"), (1, "ACCEPTED")])
def test_a_reading_from_before_an_order_went_missing_does_not_find_it_again(
    later_ns: int, status: str
) -> None:
    """Asked for no later than the order was missed, answered late: only a later one says that it is there."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        report = bench.exchange.report(name)
        await bench.pass_ms()
        bench.exchange.forget(name)
        await bench.kernel.reconcile()
        asked_ns = bench.order(name).updated_ns + later_ns
        asked_monotonic_ns = asked_ns - bench.clock.wall_ns() + bench.clock.monotonic_ns()
        await bench.pass_ms()
        bench.kernel._parts.take(OrderReported(report, "open_orders", asked_ns, asked_monotonic_ns))
        await bench.kernel.settled()
        answer = await bench.kernel.resolve_missing(name, note="the desk says so")
        assert answer.accepted is (status == "CANCELED")
        assert bench.order(name).status == status

    on_bench(main)


def test_a_missing_order_that_fills_after_its_resolution_is_booked() -> None:
    """The operator was wrong: the fill is found in the history and booked in full, and noted."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        order = bench.exchange.orders[name]
        await bench.pass_ms()
        bench.exchange.forget(name)
        await bench.kernel.reconcile()
        await bench.kernel.resolve_missing(name, note="the desk says so")
        bench.exchange.orders[name] = order
        bench.exchange.trade(name, "1", "100", said=False)
        await bench.pass_ms(INTERVAL_MS + 100)
        assert bench.order(name).status == "FILLED"
        assert await bench.position() == 1
        assert bench.anomalies() == ["missing_at_venue", "late_fill"]

    on_bench(main)


def test_on_schedule_only_those_are_looked_up_whom_nobody_asks_about() -> None:
    """A missing order has pauses of its own, that grow: polling does not break them, and keeps naming it."""

    async def main(bench: Bench) -> None:
        exchange = await counted(bench, streams=False)
        name = await bench.working()
        exchange.forget(name)
        await bench.pass_ms(INTERVAL_MS - 1_000)
        assert (exchange.look_ups, last(bench).missing) == ([name], 1)
        assert last(bench).reason == "on schedule"

    on_bench(main)


def test_settings_that_cannot_work_are_refused() -> None:
    """A silence shorter than the poll would never end; an unknown policy is named."""
    with pytest.raises(SettingRefused, match="poll_interval_ms, 5000"):
        KernelSettings(account="a", stream_silence_max_ms=5_000)
    with pytest.raises(UnknownName, match="missing_policy"):
        KernelSettings(account="a", missing_policy="shrug")
