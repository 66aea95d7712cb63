"""Net positions: what the venue holds against the sum of our books; never overwritten."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from fairlead import OrderSide, TradingState
from fairlead.domain.events import PositionChanged
from fairlead.domain.facts import PositionMoved
from fairlead.domain.reconcile_records import PositionCorrected
from fairlead.domain.reconciliation import Found, PositionEntry, ReconcileReport
from fairlead.domain.records import AnomalyNoted, CommandRefused
from fairlead.errors import ExchangeFault, InvalidInput, JournalUnavailable, UnknownName
from fairlead.kernel.core.inputs import DriftSeen
from fairlead.ports.exchange import VenuePosition
from fairlead.testing.memory_store import AppendFault
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.core.kernel.bench import ETH, Bench, instrument, on_bench
from tests.core.kernel.faults import LONG_MS
from tests.core.kernel.test_facts import Listener

PERP = "BTC/USDT:USDT"
STATES = {"report": "active", "reduce": "reducing", "halt": "halted"}
ODD: Any = "odd"


def venue(*, positions: bool = True) -> ScriptedExchange:
    """Return a venue with a perpetual contract and a spot symbol, that keeps positions."""
    perpetual = instrument(PERP, base="BTC", quote="USDT", minimum_quantity="0.01")
    return ScriptedExchange([perpetual, instrument(ETH, minimum_quantity="0.01")], positions=positions)


def holds(bench: Bench, quantity: str, price: str | None = None, symbol: str = PERP) -> None:
    """Let the venue say that it holds this net position."""
    average = None if price is None else Decimal(price)
    bench.exchange.net[symbol] = VenuePosition(symbol, Decimal(quantity), average)


async def bought(bench: Bench, quantity: str = "2", price: str = "100", owner: str = "bot") -> None:
    """Let a bot buy the contract, and the venue hold it."""
    result = await bench.execute("buy", quantity, price, symbol=PERP, owner=owner)
    bench.exchange.trade(result.client_order_id, quantity, price)
    net = bench.exchange.net.get(PERP, VenuePosition(PERP, Decimal(0)))
    holds(bench, str(net.quantity + Decimal(quantity)))
    await bench.pass_ms()


def corrections(bench: Bench) -> list[PositionCorrected]:
    """Return the corrections on record."""
    return [record for record in bench.records() if isinstance(record, PositionCorrected)]


def drifts(report: ReconcileReport) -> list[PositionEntry]:
    """Return what a report calls drifted."""
    return [entry for entry in report.positions if entry.found is Found.DRIFTED]


def test_the_sum_of_books_is_what_the_venue_holds() -> None:
    """Two bots in the same contract: their books together are the venue's net, and nothing is drift."""

    async def main(bench: Bench) -> None:
        await bought(bench, "2", owner="one")
        await bought(bench, "3", owner="two")
        report = await bench.kernel.reconcile()
        assert (report.drifted, report.positions, bench.anomalies()) == (0, (), [])
        assert bench.kernel.trading_state is TradingState.ACTIVE

    on_bench(main, exchange=venue())


def test_a_symbols_net_is_the_sum_of_its_own_books_alone() -> None:
    """With two contracts held, what is wrong in one is reported and booked by its own figures."""
    other = "ETH/USDT:USDT"
    contracts = [
        instrument(PERP, base="BTC", quote="USDT", minimum_quantity="0.01"),
        instrument(other, base="ETH", quote="USDT", minimum_quantity="0.01"),
    ]

    async def main(bench: Bench) -> None:
        await bought(bench, "2")
        result = await bench.execute("buy", "3", "100", symbol=other)
        bench.exchange.trade(result.client_order_id, "3", "100")
        holds(bench, "3", symbol=other)
        await bench.pass_ms()
        assert (await bench.kernel.reconcile()).drifted == 0
        holds(bench, "5")
        found = drifts(await bench.kernel.reconcile())
        assert [(each.symbol, each.ours, each.at_venue) for each in found] == [(PERP, Decimal(2), Decimal(5))]
        accepted = await bench.kernel.accept_drift(PERP, at_venue=5, note="counted", book="bot", price=100)
        assert accepted.accepted
        assert [(each.symbol, each.quantity) for each in corrections(bench)] == [(PERP, Decimal(3))]

    on_bench(main, exchange=ScriptedExchange(contracts, positions=True))


@pytest.mark.parametrize("policy", ["report", "reduce", "halt"])
@pytest.mark.parametrize(("at_venue", "ours"), [("5", "2"), ("1.999", "2"), ("-2", "2"), ("", "2")])
def test_a_drift_does_what_the_policy_says_and_is_never_overwritten(
    policy: str, at_venue: str, ours: str
) -> None:
    """More, less, the other side or nothing at all: reported, noted once, and the books stay as they are."""

    async def main(bench: Bench) -> None:
        await bought(bench, ours)
        del bench.exchange.net[PERP]
        if at_venue:
            holds(bench, at_venue)
        report = await bench.kernel.reconcile()
        assert drifts(report) == [
            PositionEntry(Found.DRIFTED, PERP, "", Decimal(ours), Decimal(at_venue or 0), policy)
        ]
        assert report.drifted == 1
        assert bench.kernel.trading_state.value == STATES[policy]
        await bench.kernel.reconcile()
        assert bench.anomalies() == ["position_drifted"]
        assert await bench.position(PERP) == Decimal(ours)
        noted = [record for record in bench.records() if isinstance(record, AnomalyNoted)]
        assert noted[0].detail == f"the venue holds {at_venue or '0'}, our books {ours}"

    on_bench(main, exchange=venue(), settings={"drifted_policy": policy})


def test_a_position_that_we_know_nothing_of_is_drift_also_without_rules() -> None:
    """The venue holds what no book has, of a symbol without rules and of one with: both are named."""

    async def main(bench: Bench) -> None:
        holds(bench, "1")
        holds(bench, "3", symbol="OLD/USDT:USDT")
        report = await bench.kernel.reconcile()
        assert [(entry.symbol, entry.ours) for entry in drifts(report)] == [
            (PERP, Decimal(0)),
            ("OLD/USDT:USDT", Decimal(0)),
        ]
        assert bench.kernel.trading_state is TradingState.HALTED

    on_bench(main, exchange=venue())


def test_the_tolerance_is_in_lot_steps() -> None:
    """Up to so many steps is no drift; one step more is."""

    async def main(bench: Bench) -> None:
        await bought(bench, "2")
        holds(bench, "2.002")
        assert drifts(await bench.kernel.reconcile()) == []
        holds(bench, "1.997")
        assert len(drifts(await bench.kernel.reconcile())) == 1

    on_bench(main, exchange=venue(), settings={"drift_tolerance_steps": 2})


def test_spot_is_no_position_of_a_venue() -> None:
    """What is held of a spot symbol is a balance: it is not compared unless the venue calls it a position."""

    async def main(bench: Bench) -> None:
        await bench.hold("2", "100", symbol=ETH)
        assert drifts(await bench.kernel.reconcile()) == []
        holds(bench, "1", symbol=ETH)
        assert len(drifts(await bench.kernel.reconcile())) == 1

    on_bench(main, exchange=venue())


def test_a_trade_between_two_readings_is_no_drift() -> None:
    """What differs is asked again after a pause, with the history read: a trade on its way explains it."""

    async def main(bench: Bench) -> None:
        name = (await bench.execute("buy", "2", "100", symbol=PERP)).client_order_id
        positions = bench.exchange.positions
        asked: list[int] = []

        async def trades_first() -> Any:  # noqa: ANN401 - as positions
            if not asked:
                bench.exchange.trade(name, "2", "100", said=False)
                holds(bench, "2")
            asked.append(bench.clock.wall_ns())
            return await positions()

        bench.exchange.positions = trades_first  # type: ignore[method-assign]  # the venue moves meanwhile
        report = await bench.kernel.reconcile()
        assert (drifts(report), report.fills_booked, bench.anomalies()) == ([], 1, [])
        assert asked[1] - asked[0] == 1_000_000_000  # look_up_interval_ms
        assert bench.kernel.trading_state is TradingState.ACTIVE

    on_bench(main, exchange=venue())


def test_equal_trades_just_before_each_reading_are_no_drift() -> None:
    """Both looks are ahead of the history by one trade of the same size: what moved meanwhile is no proof."""

    async def main(bench: Bench) -> None:
        name = (await bench.execute("buy", "2", "100", symbol=PERP)).client_order_id
        positions = bench.exchange.positions
        held: list[str] = ["2", "1"]

        async def trades_first() -> Any:  # noqa: ANN401 - as positions
            if held:
                bench.exchange.trade(name, "1", "100", said=False)
                holds(bench, "1" if len(held) > 1 else "2")
                held.pop()
            return await positions()

        bench.exchange.positions = trades_first  # type: ignore[method-assign]  # the venue moves meanwhile
        report = await bench.kernel.reconcile()
        assert (drifts(report), report.fills_booked, bench.anomalies()) == ([], 2, [])
        assert bench.kernel.trading_state is TradingState.ACTIVE

    on_bench(main, exchange=venue())


@pytest.mark.parametrize(
    "told",
    [
        None,
        [ODD],
        [VenuePosition(ODD, Decimal(1)), VenuePosition(ODD, Decimal(1))],
        [VenuePosition(PERP, ODD)],
        [VenuePosition(PERP, Decimal("NaN"))],
        [VenuePosition(PERP, Decimal(1), ODD)],
        [VenuePosition(PERP, Decimal(1), Decimal(-1))],
    ],
)
def test_positions_that_cannot_be_read_prove_nothing(told: Any) -> None:  # noqa: ANN401 - whatever a client answers
    """The reconciliation fails, and is made again; nothing is concluded from what is no position."""

    async def main(bench: Bench) -> None:
        positions = bench.exchange.positions

        async def nonsense() -> Any:  # noqa: ANN401 - same
            return told

        bench.exchange.positions = nonsense  # type: ignore[method-assign]  # a broken client
        with pytest.raises(ExchangeFault, match="prove nothing"):
            await bench.kernel.reconcile()
        bench.exchange.positions = positions  # type: ignore[method-assign]  # it was repaired
        assert (await bench.kernel.reconcile()).drifted == 0
        assert bench.anomalies() == []

    on_bench(main, exchange=venue())


def test_dust_is_reported_from_what_is_held() -> None:
    """Below the venue's minimum and nothing at work on it: dust; with an order that adds to it, not yet."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "0.01", "100", symbol=ETH)
        bench.exchange.trade(name, "0.005", "100")
        await bench.pass_ms()
        assert (await bench.kernel.reconcile()).dust == 0
        bench.exchange.will_cancel()
        await bench.bot.cancel(name)
        await bench.pass_ms()
        report = await bench.kernel.reconcile()
        assert report.positions == (
            PositionEntry(Found.DUST, ETH, "bot", Decimal("0.005"), None, "too small to be traded"),
        )
        assert (report.dust, bench.kernel.trading_state) == (1, TradingState.ACTIVE)

    on_bench(main, exchange=venue())


# -- an operator's word ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said", "price"), [("110", "105", "110"), (None, "105", "105"), (None, None, "120")]
)
def test_an_operator_accepts_a_drift(given: str | None, said: str | None, price: str) -> None:
    """The difference is booked in the operator's book, on record, at a price given, the venue's or fresh."""

    async def main(bench: Bench) -> None:
        await bought(bench, "2")
        bench.price("120", PERP)
        holds(bench, "5", said)
        await bench.kernel.reconcile()
        stream = bench.kernel.events.stream(PositionChanged)
        result = await bench.kernel.accept_drift(PERP, at_venue="5", note="transferred in", price=given)
        assert (result.accepted, result.code) == (True, "")
        [record] = corrections(bench)
        assert (record.side, record.quantity, record.price) == (
            OrderSide.BUY,
            Decimal(3),
            Decimal(price),
        )
        assert (record.ours, record.at_venue, record.owner, record.book, record.note) == (
            Decimal(2),
            Decimal(5),
            "operator",
            "operator",
            "transferred in",
        )
        assert bench.kernel.position(PERP, "operator").quantity == 3  # type: ignore[union-attr]  # it is there
        assert await bench.position(PERP) == 2
        assert (await anext(stream)).position.book == "operator"  # type: ignore[union-attr]  # of that kind
        stream.close()
        assert drifts(await bench.kernel.reconcile()) == []
        assert bench.kernel.trading_state is TradingState.HALTED  # until an operator resumes
        await bench.restart()
        assert bench.kernel.position(PERP, "operator").quantity == 3  # type: ignore[union-attr]  # it is there

    on_bench(main, exchange=venue())


def test_a_correction_that_closes_realizes_and_conserves() -> None:
    """Less at the venue than in a book: what is taken off is realized at the price, and settled."""

    async def main(bench: Bench) -> None:
        await bought(bench, "2", "100")
        holds(bench, "0")
        before = dict(bench.kernel._state.balances)
        accepted = await bench.kernel.accept_drift(PERP, at_venue=0, note="liquidated", book="bot", price=90)
        assert accepted.accepted
        position = bench.kernel.positions()[0]
        assert (position.quantity, position.cost, position.realized_pnl) == (
            Decimal(0),
            Decimal(0),
            Decimal(-20),
        )
        moved = {
            asset: total - before.get(asset, Decimal(0))
            for asset, total in bench.kernel._state.balances.items()
        }
        assert moved == {"USDT": Decimal(-20)}
        assert bench.kernel._state.exposed_total == 0

    on_bench(main, exchange=venue())


def test_a_correction_of_a_pair_moves_no_balance() -> None:
    """A venue that keeps positions of pairs: what we say of the position changes, and no coin moves."""

    async def main(bench: Bench) -> None:
        holds(bench, "2", "100", symbol=ETH)
        accepted = await bench.kernel.accept_drift(ETH, at_venue=2, note="opened by hand")
        assert accepted.accepted
        assert bench.kernel.position(ETH, "operator").quantity == 2  # type: ignore[union-attr]  # it is there
        assert bench.kernel._state.balances == {"ETH": 0, "USDT": 0}
        told = [(view.asset, view.opening, view.fills) for view in bench.kernel.balances()]
        assert told == [("ETH", Decimal(-2), Decimal(2)), ("USDT", Decimal(200), Decimal(-200))]

    on_bench(main, exchange=venue())


def test_a_correction_cuts_reduce_only_orders() -> None:
    """After it less is held than they may take: the newest are canceled in the same step."""

    async def main(bench: Bench) -> None:
        await bought(bench, "2")
        exits = [await bench.bot.execute(_reduce_only("sell", "1", price)) for price in ("110", "120")]
        holds(bench, "1")
        accepted = await bench.kernel.accept_drift(PERP, at_venue=1, note="x", book="bot", price=100)
        assert accepted.accepted
        await bench.pass_ms()
        states = [bench.order(each.client_order_id).status for each in exits]
        assert states == ["ACCEPTED", "CANCELED"]
        holds(bench, "3")
        assert (await bench.kernel.accept_drift(PERP, at_venue=3, note="x", book="new", price=100)).accepted

    on_bench(main, exchange=venue())


def _reduce_only(side: str, quantity: str, price: str) -> Any:  # noqa: ANN401 - a proposal
    from fairlead import Proposal

    return Proposal(symbol=PERP, side=side, quantity=quantity, limit_price=price, reduce_only=True)


def test_a_drift_is_accepted_once_and_only_as_it_was_seen() -> None:
    """Said twice it is booked once; when the venue has moved on it is refused, on record, with figures."""

    async def main(bench: Bench) -> None:
        holds(bench, "5", "100")
        moved = await bench.kernel.accept_drift(PERP, at_venue=4, note="x")
        assert (moved.accepted, moved.code) == (False, "VENUE_CHANGED")
        assert "holds 5 by now, not 4" in moved.reason
        assert isinstance(bench.records()[-1], CommandRefused)
        assert (await bench.kernel.accept_drift(PERP, at_venue=5, note="x")).accepted
        again = await bench.kernel.accept_drift(PERP, at_venue=5, note="x")
        assert (again.accepted, again.code) == (True, "NO_DRIFT")
        assert len(corrections(bench)) == 1

    on_bench(main, exchange=venue())


def test_a_drift_without_a_price_or_a_venue_that_keeps_positions_is_refused() -> None:
    """Nobody knows a price: refused with what to do. No positions, or no such symbol: an error."""

    async def main(bench: Bench) -> None:
        holds(bench, "5")
        refused = await bench.kernel.accept_drift(PERP, at_venue=5, note="x")
        assert (refused.accepted, refused.code) == (False, "NO_PRICE")
        assert "give the price" in refused.reason
        with pytest.raises(UnknownName):
            await bench.kernel.accept_drift("NO/SUCH", at_venue=5, note="x")
        bench.exchange.will_fail("positions")
        with pytest.raises(ExchangeFault, match="ConnectionResetError"):
            await bench.kernel.accept_drift(PERP, at_venue=5, note="x", price=1)
        await bench.kernel.stop()
        bench.exchange = venue(positions=False)
        await bench.start_another()
        with pytest.raises(InvalidInput, match="keeps no positions"):
            await bench.kernel.accept_drift(PERP, at_venue=5, note="x", price=1)
        assert corrections(bench) == []

    on_bench(main, exchange=venue())


def test_rules_that_went_away_refuse_the_correction() -> None:
    """The symbol lost its rules while the venue was asked: refused, for nothing says how it settles."""

    async def main(bench: Bench) -> None:
        holds(bench, "5", "100")
        positions = bench.exchange.positions

        async def loses_rules() -> Any:  # noqa: ANN401 - as positions
            bench.kernel._state.instruments.pop(PERP, None)
            return await positions()

        bench.exchange.positions = loses_rules  # type: ignore[method-assign]  # the rules go meanwhile
        refused = await bench.kernel.accept_drift(PERP, at_venue=5, note="x")
        assert (refused.accepted, refused.code) == (False, "UNKNOWN_SYMBOL")

    on_bench(main, exchange=venue())


def test_a_correction_whose_commit_fails_is_not_booked() -> None:
    """It is discarded with its batch, and said again it is booked once."""

    async def main(bench: Bench) -> None:
        holds(bench, "5", "100")
        bench.faults = lambda batch: (
            AppendFault.FAILS
            if any(envelope.kind == "position_corrected" for envelope in batch.envelopes)
            else None
        )
        with pytest.raises(JournalUnavailable):
            await bench.kernel.accept_drift(PERP, at_venue=5, note="x")
        bench.faults = lambda _batch: None
        await bench.pass_ms(LONG_MS)
        assert bench.kernel.positions() == ()
        assert (await bench.kernel.accept_drift(PERP, at_venue=5, note="x")).accepted
        assert len(corrections(bench)) == 1

    on_bench(main, exchange=venue())


def test_what_is_within_the_tolerance_by_then_is_not_noted() -> None:
    """The books moved between the comparison and its step: what agrees now is no anomaly."""

    async def main(bench: Bench) -> None:
        await bought(bench, "2")
        bench.kernel._parts.engine.process(DriftSeen(((PERP, Decimal(2)),)))
        await bench.pass_ms()
        assert bench.anomalies() == []

    on_bench(main, exchange=venue())


def test_a_kernel_that_pauses_before_a_second_look_is_settled() -> None:
    """A driver of virtual time may let it pass: nothing is under way but the pause."""

    async def main(bench: Bench) -> None:
        holds(bench, "5")
        parts = bench.kernel._parts
        parts._request_reconciliation("asked for")
        await bench.pass_ms(10)
        assert len(parts.reconciler.pausing) == 1
        assert bench.kernel.is_settled()
        await bench.pass_ms(2_000)
        assert bench.anomalies() == ["position_drifted"]

    on_bench(main, exchange=venue())


def test_checks_learn_of_a_correction() -> None:
    """A drift that an operator accepts moves a position: checks that keep a value fold it like a fill."""

    async def main(bench: Bench) -> None:
        holds(bench, "2", "100", symbol=ETH)
        assert (await bench.kernel.accept_drift(ETH, at_venue=2, note="opened by hand")).accepted
        assert "ETH/USDT 2 realized" in bench.kernel._state.check_values["listener"]

    on_bench(main, exchange=venue(), checks=[Listener(PositionMoved)])


def test_a_stream_that_overtakes_the_answer_is_no_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    """The venue answers, then trades, and the trade is heard first: twice in a row, and nothing drifted."""

    async def main(bench: Bench) -> None:
        name = (await bench.execute("buy", "2", "100", symbol=PERP)).client_order_id
        venues_own = bench.exchange.positions
        left = [1, 2]

        async def on_its_way() -> Sequence[VenuePosition]:
            told = await venues_own()
            if left:
                done = left.pop(0)
                bench.exchange.trade(name, "1", "100")
                holds(bench, str(done))
                await bench.pass_ms(5)
            return told

        monkeypatch.setattr(bench.exchange, "positions", on_its_way)
        report = await bench.kernel.reconcile()
        assert (drifts(report), bench.anomalies()) == ([], [])
        assert bench.kernel.trading_state is TradingState.ACTIVE

    on_bench(main, exchange=venue())
