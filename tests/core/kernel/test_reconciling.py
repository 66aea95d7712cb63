"""Reconciliation: what happened at the venue while nobody looked is found, and nothing is invented."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from fairlead import OrderSide, TradingState
from fairlead.domain.records import CursorMoved, OrderFilled
from fairlead.errors import ExchangeFault
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.ports.exchange import FillPage, LookUp, OrderReport, VenueStatus
from fairlead.testing.scripted_exchange import ScriptedExchange, finds_half
from tests.core.kernel.bench import BTC, ETH, Bench, instrument, on_bench
from tests.core.kernel.faults import LONG_MS

ODD: Any = None


@pytest.mark.parametrize("death", ["killed", "stopped"])
def test_fills_missed_while_down_are_booked_from_history(death: str) -> None:
    """Fills and an end that nobody heard are found at the start, before trading is enabled."""

    async def main(bench: Bench) -> None:
        one = await bench.working("buy", "2", "100")
        two = await bench.working("buy", "1", "100")
        if death == "killed":
            await bench.die()
        else:
            await bench.kernel.stop()
        bench.exchange.trade(one, "0.5", "100", said=False)
        bench.exchange.trade(two, "1", "99", said=False)
        bench.exchange.trade(one, "0.25", "98", said=False)
        bench.exchange.end(one, VenueStatus.CANCELED, said=False)
        await bench.start_another()
        assert bench.order(one).filled_quantity == Decimal("0.75")
        assert (await bench.kernel.find_order(two)).status == "FILLED"  # type: ignore[union-attr]  # it is there
        assert bench.order(one).status == "CANCELED"
        assert await bench.position() == Decimal("1.75")
        report = bench.kernel.last_reconciliation
        assert report is not None
        assert (report.fills_booked, report.matched, report.missing, report.resolved) == (3, 0, 0, 2)
        assert bench.kernel.trading_state is TradingState.ACTIVE
        assert bench.anomalies() == []

    on_bench(main)


@pytest.mark.requirement("SEC-2")
def test_a_foreign_order_is_left_alone_and_noted_once() -> None:
    """Orders and trades that are not ours are never touched; each is noted once a run."""

    async def main(bench: Bench) -> None:
        bench.exchange.hold("", ETH, OrderSide.BUY, Decimal(1))
        bench.exchange.hold("human-1", ETH, OrderSide.BUY, Decimal(1))
        bench.exchange.trade("human-1", "0.5", "100", said=False)
        for _ in range(3):
            await bench.kernel.reconcile()
        assert bench.anomalies() == ["foreign_order", "foreign_order"]
        assert (bench.exchange.cancels, bench.kernel.orders(), bench.kernel.positions()) == ([], (), ())
        assert bench.kernel.trading_state is TradingState.ACTIVE
        report = bench.kernel.last_reconciliation
        assert report is not None
        assert report.foreign == 2

    on_bench(main)


@pytest.mark.parametrize("seen_by", ["stream", "open orders", "trades"])
def test_an_unknown_order_with_our_tag_halts(seen_by: str) -> None:
    """An order that carries our tag and is not in the journal: something is very wrong."""

    async def main(bench: Bench) -> None:
        name = bench.kernel.new_client_order_id()
        bench.exchange.hold(name, BTC, OrderSide.BUY, Decimal(1))
        if seen_by == "stream":
            bench.exchange.say(bench.exchange.report(name))
            await bench.pass_ms()
        elif seen_by == "trades":
            bench.exchange.trade(name, "1", "100", said=False)
            await bench.kernel.reconcile()
        else:
            await bench.kernel.reconcile()
        assert bench.anomalies() == ["unknown_own_order"]
        assert bench.kernel.trading_state is TradingState.HALTED
        assert bench.exchange.cancels == []

    on_bench(main)


def test_a_live_order_that_the_venue_does_not_have_is_asked_about() -> None:
    """Gone without a word: it is looked up, noted once and trading reduces; nothing is concluded."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        await bench.pass_ms()
        await bench.die()
        bench.exchange.forget(name)
        await bench.start_another()
        assert bench.order(name).status == "ACCEPTED"
        assert bench.exchange.look_ups == [name]
        assert bench.anomalies() == ["missing_at_venue"]
        assert bench.kernel.trading_state is TradingState.REDUCING
        await bench.pass_ms(10 * LONG_MS)
        assert bench.anomalies() == ["missing_at_venue"]
        assert bench.kernel.positions()[0].pending_openings == 1
        assert len(bench.exchange.look_ups) <= 12

    on_bench(main)


def test_an_order_that_ended_while_down_is_found_by_looking() -> None:
    """Live here, closed there: the look-up brings the end."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        await bench.die()
        bench.exchange.end(name, VenueStatus.EXPIRED, reason="gone", said=False)
        await bench.start_another()
        assert bench.order(name).status == "EXPIRED"
        assert bench.anomalies() == []

    on_bench(main)


def test_cursors_move_with_their_fills() -> None:
    """Each page's cursor is in the same commit as its fills, and a kill between pages loses neither."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "5", "100")
        await bench.die()
        for _ in range(5):
            bench.exchange.trade(name, "0.5", "100", said=False)
        await bench.start_another()
        since: list[str] = []
        cursors = []
        for record in bench.records():
            if isinstance(record, OrderFilled):
                since.append(record.trade_id)
            elif isinstance(record, CursorMoved):
                cursors.append((record.cursor, len(since)))
                since.clear()
        assert cursors == [("0", 0), ("2", 2), ("4", 2), ("5", 1)]
        assert bench.order(name).filled_quantity == Decimal("2.5")
        await bench.restart()
        assert len(bench.fills()) == 5

    on_bench(main)


def test_a_history_that_does_not_go_on_is_refused() -> None:
    """A page that says there is more and does not move the cursor would hide trades: start is refused."""

    class Stuck(ScriptedExchange):
        async def fills_since(self, cursor: str) -> FillPage:
            return FillPage((), cursor, more=True)

    async def main(bench: Bench) -> None:
        await bench.kernel.stop()
        well = bench.exchange
        bench.exchange = Stuck(well.rules)
        with pytest.raises(ExchangeFault, match="cursor"):
            await bench.start_another()
        bench.exchange = well
        await bench.start_another()

    on_bench(main)


def test_a_reconciliation_whose_look_up_proves_nothing_is_made_again() -> None:
    """The look-up of a missing order answers nonsense: the reconciliation fails and is tried again."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        await bench.die()
        bench.exchange.end(name, VenueStatus.CANCELED, said=False)

        async def nonsense(_exchange: ScriptedExchange, _client_order_id: str) -> LookUp:
            return ODD  # type: ignore[no-any-return]  # that is the point

        bench.exchange.will_look_up(nonsense)
        await bench.start_another()
        assert bench.order(name).status == "CANCELED"
        assert len(bench.exchange.look_ups) == 2

    on_bench(main)


def test_an_incomplete_look_up_leaves_the_order_and_comes_back() -> None:
    """A look-up that could not read everything passes the start, concludes nothing and is made again."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        await bench.die()
        bench.exchange.end(name, VenueStatus.CANCELED, said=False)
        bench.exchange.will_look_up(finds_half)
        await bench.start_another()
        assert bench.order(name).status == "ACCEPTED"
        await bench.pass_ms(LONG_MS)
        assert bench.order(name).status == "CANCELED"

    on_bench(main)


def test_a_snapshot_older_than_the_orders_end_is_no_zombie() -> None:
    """The list of open orders was asked for before the order ended: that it is listed means nothing."""

    class Slow(ScriptedExchange):
        async def open_orders(self) -> list[OrderReport]:
            reports = list(await super().open_orders())
            name = reports[0].client_order_id
            self.end(name, VenueStatus.CANCELED)
            await bench_of[0].pass_ms(50)
            return reports

    bench_of: list[Bench] = []

    async def main(bench: Bench) -> None:
        bench_of.append(bench)
        name = await bench.working()
        bench.exchange.__class__ = Slow
        await bench.kernel.reconcile()
        assert bench.order(name).status == "CANCELED"
        assert (bench.anomalies(), bench.exchange.cancels) == ([], [])

    on_bench(main)


def test_an_order_shown_alive_after_its_end_is_a_zombie() -> None:
    """Canceled here, listed there: it is noted and canceled at once, and stays closed here."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        await bench.bot.cancel(name)
        await bench.pass_ms(10)
        bench.exchange.orders[name].status = VenueStatus.LIVE
        await bench.kernel.reconcile()
        await bench.pass_ms(10)
        assert bench.order(name).status == "CANCELED"
        assert bench.anomalies() == ["zombie"]
        assert bench.exchange.cancels == [name, name]
        assert bench.exchange.orders[name].status is VenueStatus.CANCELED

    on_bench(main)


def test_a_symbol_without_rules_keeps_its_fills() -> None:
    """The venue no longer gives rules for a symbol: new orders are refused, fills of old ones are booked."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        await bench.die()
        bench.exchange.rules[:] = [instrument(ETH)]
        bench.exchange.trade(name, "1", "100", said=False)
        await bench.start_another()
        assert (await bench.kernel.find_order(name)).status == "FILLED"  # type: ignore[union-attr]  # it is there
        assert await bench.position() == 1

    on_bench(main)


UNREADABLE: list[dict[str, object]] = [
    {"client_order_id": 7},
    {"venue_order_id": "a\nb"},
    {"symbol": ODD},
    {"ts_event": "now"},
    {"trade_id": ""},
    {"trade_id": "\x1b[2J"},
    {"side": "buy"},
    {"liquidity": ODD},
    {"fee_currency": "U\nS"},
    {"quantity": 0.5},
    {"price": ODD},
]


@pytest.mark.parametrize("change", UNREADABLE)
def test_an_unreadable_fill_reduces_and_breaks_nothing(change: dict[str, object]) -> None:
    """A report of the wrong shape is put aside, trading reduces, and the readable one is booked after it."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "2", "100")
        good = bench.exchange.trade(name, "1", "100", said=False)
        bad = replace(good, **change)
        bench.exchange.say(bad, bad, good)
        await bench.pass_ms()
        assert bench.order(name).filled_quantity == 1
        assert bench.anomalies() == ["unreadable_report"]
        assert bench.kernel.trading_state is TradingState.REDUCING

    on_bench(main)


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": Decimal(0)},
        {"quantity": Decimal(-1)},
        {"quantity": Decimal("NaN")},
        {"price": Decimal(0)},
        {"price": Decimal("1e-500")},
        {"value": Decimal(-1)},
        {"fee": Decimal("Infinity")},
        {"fee": Decimal(1), "fee_currency": "BTC"},
        {"fee": Decimal(1), "fee_currency": ""},
        {"side": OrderSide.SELL},
        {"symbol": ETH},
    ],
)
def test_an_impossible_fill_halts_and_is_not_booked(change: dict[str, object]) -> None:
    """Zero, negative, absurd or of another order: put aside and halted."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "2", "100")
        bad = replace(bench.exchange.trade(name, "1", "100", said=False), **change)
        bench.exchange.history[-1] = bad
        bench.exchange.say(bad)
        await bench.pass_ms()
        assert bench.order(name).filled_quantity == bench.kernel.positions()[0].quantity == 0
        assert bench.anomalies() == ["impossible_fill"]
        assert bench.kernel.trading_state is TradingState.HALTED

    on_bench(main)


@pytest.mark.parametrize(
    "change",
    [
        {"status": "open"},
        {"filled_quantity": -1},
        {"filled_quantity": 0.5},
        {"filled_quantity": Decimal("NaN")},
        {"filled_quantity": Decimal("1e-60")},
        {"names_rules": "yes"},
    ],
)
def test_an_unreadable_report_reduces(change: dict[str, object]) -> None:
    """An unknown status or a count that is none: nothing is concluded from it."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        report = replace(bench.exchange.report(name), **change)
        bench.exchange.say(report, ODD, "gibberish")  # type: ignore[arg-type]  # that is the point
        await bench.pass_ms()
        assert bench.order(name).status == "ACCEPTED"
        assert set(bench.anomalies()) == {"unreadable_report"}
        assert bench.kernel.trading_state is TradingState.REDUCING

    on_bench(main)


def test_a_fill_worth_nothing_is_booked() -> None:
    """A trade so small that it settles for zero still moves the quantity."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        bench.exchange.trade(name, "0.001", "100", value="0")
        await bench.pass_ms()
        assert bench.order(name).filled_quantity == Decimal("0.001")
        assert bench.anomalies() == []

    on_bench(main)


def test_the_venues_reasons_are_kept_on_one_printable_line() -> None:
    """Text from the venue is escaped and cut before it reaches journal, rows or a terminal."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        bench.exchange.end(name, VenueStatus.REJECTED, reason="\x1b[2Jno\n\ud800" + "x" * 10_000)
        await bench.pass_ms()
        detail = bench.order(name).detail
        assert detail.isprintable()
        assert len(detail) < 3_000
        assert "no" in detail

    on_bench(main)


# -- a history that lists trades late, and two trades of one instant ----------------------------------


def dated(bench: Bench, name: str, quantity: str, age_ms: int = 0, place: int | None = None) -> None:
    """Let the venue list a trade of that age, at the end of its history or at a place before others."""
    bench.exchange.trade(name, quantity, "100", said=False)
    fill = replace(
        bench.exchange.history.pop(),
        ts_event=bench.clock.wall_ns() - age_ms * NANOSECONDS_PER_MILLISECOND,
        trade_id=f"{name[-4:]}-{quantity}",
    )
    history = bench.exchange.history
    history.insert(len(history) if place is None else place, fill)


def fills_cursors(bench: Bench) -> list[str]:
    """Return every cursor of the fills that is on record."""
    return [record.cursor for record in bench.records() if isinstance(record, CursorMoved)]


@pytest.mark.parametrize("killed", [False, True])
def test_a_trade_that_the_history_lists_late_is_found(killed: bool) -> None:  # noqa: FBT001 - one fact
    """What is listed behind the last reading, between trades that were read, is booked: also after a kill."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "5", "100")
        for quantity in ("0.1", "0.2", "0.3"):
            dated(bench, name, quantity)
        await bench.kernel.reconcile()
        assert len(bench.fills()) == 3
        dated(bench, name, "0.7", age_ms=1_000, place=1)
        if killed:
            await bench.die()
            await bench.start_another()
        else:
            await bench.kernel.reconcile()
        assert bench.order(name).filled_quantity == Decimal("1.3")
        assert len(bench.fills()) == 4
        assert bench.anomalies() == []

    on_bench(main)


def test_the_cursor_stays_before_what_is_young() -> None:
    """It moves behind a page once all of it is older than the overlap, and never past a younger page."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "5", "100")
        dated(bench, name, "0.1", age_ms=90_000)
        dated(bench, name, "0.2", age_ms=70_000)
        dated(bench, name, "0.3", age_ms=30_000)
        dated(bench, name, "0.4", age_ms=80_000)  # out of order: old, behind a younger one
        dated(bench, name, "0.5", age_ms=75_000)
        await bench.kernel.reconcile()
        assert fills_cursors(bench)[-1] == "2"
        assert len(bench.fills()) == 5
        await bench.pass_ms(31_000)
        await bench.kernel.reconcile()
        assert fills_cursors(bench)[-1] == "5"
        assert len(bench.fills()) == 5

    on_bench(main)


def test_trades_of_one_instant_on_both_sides_of_a_page_are_all_booked() -> None:
    """Five trades of the same nanosecond over three pages: each once, whatever is read again."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "5", "100")
        for quantity in ("0.1", "0.2", "0.3", "0.4", "0.5"):
            dated(bench, name, quantity)
        same = bench.clock.wall_ns()
        bench.exchange.history = [replace(fill, ts_event=same) for fill in bench.exchange.history]
        for _ in range(2):
            await bench.kernel.reconcile()
        assert len(bench.fills()) == 5
        assert bench.order(name).filled_quantity == Decimal("1.5")

    on_bench(main)


def test_the_overlap_is_a_setting() -> None:
    """A shorter one lets the cursor move sooner."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "5", "100")
        dated(bench, name, "0.1", age_ms=50)
        await bench.kernel.reconcile()
        assert fills_cursors(bench)[-1] == "1"

    on_bench(main, settings={"history_overlap_ms": 10})
