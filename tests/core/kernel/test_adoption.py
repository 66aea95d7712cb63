"""Adoption: an order that nobody here sent becomes somebody's, whole and once, or a refusal says why not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from fairlead import OrderSide, TradingState
from fairlead.domain.records import AnomalyNoted, CommandRefused
from fairlead.errors import ExchangeFault, JournalUnavailable, RateLimited, TextRefused
from fairlead.ports.exchange import (
    LookUp,
    OrderReport,
    OrderType,
    SubmitRequest,
    TimeInForce,
    VenueStatus,
)
from fairlead.testing.memory_store import AppendFault
from fairlead.testing.scripted_exchange import ScriptedExchange
from tests.core.kernel.bench import BTC, ETH, OWNER, Bench, instrument, on_bench
from tests.core.kernel.faults import LONG_MS
from tests.core.kernel.test_foreign_orders import KEY, ODD, adopted, hold


def test_an_operator_takes_an_order_over_and_it_can_be_canceled() -> None:
    """It is reserved from then on, found by its id, canceled by the venue's, and its late fill is booked."""

    async def main(bench: Bench) -> None:
        order = hold(bench, "")
        result = await bench.kernel.adopt_order("V1", owner=OWNER, note="the desk's")
        assert (result.accepted, result.code) == (True, "")
        [name] = result.names
        [record] = adopted(bench)
        assert (record.by, record.note, record.venue_client_order_id) == ("operator", "the desk's", "")
        state = bench.kernel._state
        assert (state.live_total, state.leaves_of(KEY, OrderSide.BUY)) == (1, Decimal(2))
        assert bench.kernel.positions()[0].pending_openings == 1
        bench.exchange.trade("V1", "0.5", "100")  # told in the stream, without an id of ours
        await bench.pass_ms()
        assert bench.order(name).filled_quantity == Decimal("0.5")
        assert state.leaves_of(KEY, OrderSide.BUY) == Decimal("1.5")
        assert (await bench.bot.cancel(name)).accepted
        await bench.pass_ms()
        assert order.status is VenueStatus.CANCELED
        assert bench.order(name).status == "CANCELED"
        assert (state.live_total, state.leaves_of(KEY, OrderSide.BUY)) == (0, Decimal(0))
        bench.exchange.trade("V1", "0.25", "100")
        await bench.pass_ms()
        assert bench.order(name).filled_quantity == Decimal("0.75")
        assert bench.anomalies() == ["late_fill"]

    on_bench(main)


def test_the_book_of_an_owner_who_only_took_over_is_not_closed_by_another() -> None:
    """A bot whose first deed is to take an order over owns the book of its name, also after a restart."""

    async def main(bench: Bench) -> None:
        hold(bench)
        assert (await bench.kernel.session(owner="heir").adopt_order("V1", symbol=ETH)).accepted
        for _ in range(2):
            result = await bench.kernel.session(owner="thief").close_position(ETH, "heir")
            assert result.code == "FOREIGN_OWNER"
            await bench.restart()

    on_bench(main)


@pytest.mark.requirement("SEC-2")
def test_a_session_takes_over_for_itself_and_others_cannot_touch_it() -> None:
    """A bot may adopt into its own name, in a book that it names; said twice it is said once."""

    async def main(bench: Bench) -> None:
        hold(bench)
        first = await bench.bot.adopt_order("V1", book="second", symbol=ETH)
        again = await bench.bot.adopt_order("V1", book="second", symbol=ETH)
        assert (again.accepted, again.code, again.names) == (True, "ALREADY_ADOPTED", first.names)
        other = await bench.kernel.session(owner="other").adopt_order("V1", symbol=ETH)
        assert (other.accepted, other.code) == (False, "ALREADY_ADOPTED")
        assert OWNER in other.reason
        [record] = adopted(bench)
        assert (record.owner, record.book, record.by) == (OWNER, "second", OWNER)
        refused = await bench.kernel.session(owner="other").cancel(first.names[0])
        assert refused.code == "FOREIGN_OWNER"

    on_bench(main)


@pytest.mark.requirement("SEC-2")
def test_what_we_sent_is_not_adopted() -> None:
    """An order of ours stays its owner's, live or finished, in memory or evicted to the store."""

    async def main(bench: Bench) -> None:
        name = await bench.working()
        venue_id = bench.order(name).venue_order_id
        live = await bench.kernel.adopt_order(venue_id, owner="thief")
        assert (live.accepted, live.code) == (False, "ALREADY_OURS")
        bench.exchange.end(name, VenueStatus.CANCELED)
        await bench.pass_ms()
        await bench.restart()
        assert bench.kernel.order(name) is None  # finished orders stay in the store
        over = await bench.kernel.adopt_order(venue_id, owner="thief", symbol=BTC)
        assert (over.accepted, over.code) == (False, "ALREADY_OURS")
        assert adopted(bench) == []

    on_bench(main)


def test_an_order_whose_intent_was_lost_is_an_operators_to_adopt_and_keeps_its_id() -> None:
    """A journal restored from an older backup lacks it: it halts, and an operator's word brings it back."""

    async def main(bench: Bench) -> None:
        lost = bench.kernel.new_client_order_id()
        hold(bench, lost)
        bench.exchange.trade(lost, "0.5", "100", said=False)
        await bench.kernel.reconcile()
        assert bench.kernel.trading_state is TradingState.HALTED
        refused = await bench.bot.adopt_order("V1")
        assert (refused.accepted, refused.code) == (False, "OPERATOR_ONLY")
        taken = await bench.kernel.adopt_order("V1", owner=OWNER, note="backup of Monday")
        assert taken.names == (lost,)
        assert (bench.order(lost).adopted, bench.order(lost).filled_quantity) == (True, Decimal("0.5"))
        assert (await bench.kernel.reconcile()).matched == 1
        assert (await bench.bot.cancel(lost)).accepted
        await bench.pass_ms()
        assert bench.order(lost).status == "CANCELED"

    on_bench(main)


def test_an_order_that_is_over_is_adopted_with_its_symbol() -> None:
    """Filled or canceled in the time that was lost: it comes with its fills and its end, in one step."""

    async def main(bench: Bench) -> None:
        hold(bench)
        bench.exchange.trade("human-1", "2", "100", said=False)
        unnamed = await bench.kernel.adopt_order("V1", owner=OWNER)
        assert (unnamed.accepted, unnamed.code) == (False, "NO_EVIDENCE")
        assert "symbol" in unnamed.reason
        result = await bench.kernel.adopt_order("V1", owner=OWNER, symbol=ETH)
        assert result.accepted
        assert bench.order(result.names[0]).status == "FILLED"
        assert await bench.position(ETH) == 2
        hold(bench, "human-2")
        bench.exchange.trade("human-2", "0.5", "100", said=False)
        bench.exchange.end("human-2", VenueStatus.CANCELED, said=False)
        ended = await bench.kernel.adopt_order("V2", owner=OWNER, symbol=ETH)
        assert bench.order(ended.names[0]).status == "CANCELED"
        assert await bench.position(ETH) == Decimal("2.5")
        assert bench.kernel._state.live_total == 0

    on_bench(main)


def test_an_adopted_order_that_can_only_reduce_reserves_an_exit() -> None:
    """Against a position of its book it is an exit: a second closer of the same quantity is denied."""

    async def main(bench: Bench) -> None:
        await bench.hold("2", "100")
        bench.exchange.hold("human-1", BTC, OrderSide.SELL, Decimal(2), Decimal(120))
        result = await bench.bot.adopt_order("V2")
        assert bench.order(result.names[0]).reduces
        assert bench.kernel.positions()[0].reserved_exit == 2
        denied = await bench.execute("sell", "2", "110")
        assert denied.order.denial_code == "EXIT_TAKEN"
        bench.exchange.hold("human-2", BTC, OrderSide.SELL, Decimal(1), Decimal(130))
        more = await bench.bot.adopt_order("V4" if "V4" in str(bench.exchange.orders) else "V3")
        assert not bench.order(more.names[0]).reduces
        bench.exchange.hold("human-3", BTC, OrderSide.BUY, Decimal(1), Decimal(90))
        adding = [order.venue_order_id for order in bench.exchange.orders.values()][-1]
        assert not bench.order((await bench.bot.adopt_order(adding)).names[0]).reduces

    on_bench(main)


def test_an_adopted_order_survives_a_restart() -> None:
    """Killed: it is still its owner's, reserved, matched, and its fills are found by the venue's id."""

    async def main(bench: Bench) -> None:
        hold(bench)
        [name] = (await bench.bot.adopt_order("V1")).names
        await bench.die()
        bench.exchange.trade("human-1", "0.5", "100", said=False)
        await bench.start_another()
        assert bench.order(name).filled_quantity == Decimal("0.5")
        assert bench.order(name).adopted
        assert bench.kernel._state.leaves_of(KEY, OrderSide.BUY) == Decimal("1.5")
        report = bench.kernel.last_reconciliation
        assert report is not None
        assert (report.matched, report.foreign) == (1, 0)
        bench.exchange.trade("human-1", "1.5", "100")
        await bench.pass_ms()
        assert bench.order(name).status == "FILLED"
        await bench.restart()
        bench.exchange.say(bench.exchange.report("human-1"))  # about an order that only the store holds
        await bench.pass_ms()
        assert bench.anomalies() == []
        assert (await bench.kernel.find_order(name)).status == "FILLED"  # type: ignore[union-attr]  # it is there

    on_bench(main)


def test_an_adopted_order_that_went_missing_is_looked_up_by_the_venues_id() -> None:
    """It is asked about like ours, and an operator may end it."""

    async def main(bench: Bench) -> None:
        hold(bench)
        [name] = (await bench.bot.adopt_order("V1")).names
        await bench.pass_ms()
        bench.exchange.forget("human-1")
        bench.exchange.finds.clear()
        report = await bench.kernel.reconcile()
        assert (report.missing, bench.exchange.finds, bench.exchange.look_ups) == (1, ["V1"], [])
        await bench.pass_ms(2 * LONG_MS)
        assert len(bench.exchange.finds) > 1
        assert (await bench.kernel.resolve_missing(name, note="gone")).accepted
        assert bench.kernel._state.live_total == 0

    on_bench(main)


def test_a_commit_that_fails_adopts_nothing_and_saying_it_again_does() -> None:
    """Order and fills are one batch: discarded, nothing of it is left, and no half of it comes back."""

    async def main(bench: Bench) -> None:
        hold(bench)
        bench.exchange.trade("human-1", "0.5", "100", said=False)
        bench.faults = lambda batch: (
            AppendFault.FAILS
            if any(envelope.kind == "order_adopted" for envelope in batch.envelopes)
            else None
        )
        with pytest.raises(JournalUnavailable):
            await bench.bot.adopt_order("V1")
        bench.faults = lambda _batch: None
        await bench.pass_ms(LONG_MS)
        assert (bench.kernel.orders(), bench.fills()) == ((), [])
        assert (await bench.bot.adopt_order("V1")).accepted
        assert [fill.quantity for fill in bench.fills()] == [Decimal("0.5")]

    on_bench(main)


def test_a_fill_between_the_question_and_the_step_is_not_lost() -> None:
    """A trade that the venue tells in the stream while it is being taken over is fetched right after."""

    async def main(bench: Bench) -> None:
        hold(bench)
        find = bench.exchange.find

        async def trades_meanwhile(venue_order_id: str, symbol: str) -> LookUp:
            found = await find(venue_order_id, symbol)
            if len(bench.exchange.finds) == 1:
                bench.exchange.trade("human-1", "0.5", "100")
                await bench.clock.sleep_ns(10)
            return found

        bench.exchange.find = trades_meanwhile  # type: ignore[method-assign]  # the venue moves meanwhile
        [name] = (await bench.bot.adopt_order("V1")).names
        await bench.pass_ms()
        assert bench.order(name).filled_quantity == Decimal("0.5")

    on_bench(main)


async def refused(bench: Bench, **wishes: Any) -> str:  # noqa: ANN401 - as adopt_order
    """Return the code with which the adoption of the first order is refused."""
    result = await bench.kernel.adopt_order("V1", owner=OWNER, **wishes)
    assert not result.accepted
    assert bench.kernel.orders() == ()
    return result.code


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("no terms", "NO_TERMS"),
        ("another order", "NO_EVIDENCE"),
        ("unreadable terms", "NO_EVIDENCE"),
        ("incomplete", "NO_EVIDENCE"),
        ("impossible", "IMPOSSIBLE_TERMS"),
        ("impossible price", "IMPOSSIBLE_TERMS"),
        ("not there", "NOT_FOUND"),
        ("fills missing", "FILLS_INCOMPLETE"),
        ("no rules", "UNKNOWN_SYMBOL"),
    ],
)
def test_what_the_venue_does_not_explain_is_not_adopted(what: str, code: str) -> None:
    """Each gap in the evidence is a refusal with a code, on record; nothing is half taken over."""

    async def main(bench: Bench) -> None:
        symbol = "XRP/USDT" if what == "no rules" else ETH
        hold(bench, symbol=symbol)
        find = bench.exchange.find

        async def found(venue_order_id: str, symbol: str) -> LookUp:
            return changed(what, await find(venue_order_id, symbol))

        bench.exchange.find = found  # type: ignore[method-assign]  # the venue tells less
        assert await refused(bench, symbol=symbol) == code
        record = bench.records()[-1]
        assert isinstance(record, CommandRefused)
        assert (record.command, record.by, record.subject, record.code) == ("adopt", "operator", "V1", code)
        assert bench.anomalies() == []

    on_bench(main)


def changed(what: str, found: LookUp) -> LookUp:
    """Return what the venue found with something wrong about it."""
    report = found.report
    assert report is not None
    assert report.terms is not None
    reports: dict[str, OrderReport | None] = {
        "no terms": replace(report, terms=None),
        "another order": replace(report, venue_order_id="V9"),
        "unreadable terms": replace(report, terms=replace(report.terms, quantity=ODD)),
        "impossible": replace(report, terms=replace(report.terms, quantity=Decimal(0))),
        "impossible price": replace(report, terms=replace(report.terms, limit_price=Decimal("NaN"))),
        "not there": None,
        "fills missing": replace(report, filled_quantity=Decimal(1)),
    }
    return LookUp(reports.get(what, report), found.fills, complete=what != "incomplete")


def test_a_client_that_cannot_adopt_says_so() -> None:
    """Without the capability the command is refused with the reason, and the venue is not asked."""

    async def main(bench: Bench) -> None:
        await bench.kernel.stop()
        bench.exchange = ScriptedExchange([instrument(ETH)], adoption=False)
        await bench.start_another()
        hold(bench)
        assert await refused(bench) == "NO_EVIDENCE"
        assert bench.exchange.finds == []

    on_bench(main)


def test_a_venue_that_cannot_be_asked_raises_and_records_nothing() -> None:
    """The caller learns that nothing was done; said again when the venue is back, it works."""

    async def main(bench: Bench) -> None:
        hold(bench)
        before = len(bench.records())
        bench.exchange.will_fail("find")
        with pytest.raises(ExchangeFault, match="ConnectionResetError") as failed:
            await bench.bot.adopt_order("V1")
        assert failed.value.not_done == "Nothing was adopted."
        assert len(bench.records()) == before
        with pytest.raises(TextRefused):
            await bench.bot.adopt_order("V\n1")
        assert (await bench.bot.adopt_order("V1")).accepted

    on_bench(main)


def test_a_stranger_in_the_stream_is_noted_and_nothing_else() -> None:
    """Once an order was taken over, reports about others, named or not, still find nothing of ours."""

    async def main(bench: Bench) -> None:
        hold(bench)
        await bench.bot.adopt_order("V1")
        hold(bench, "human-2")
        bench.exchange.trade("human-2", "0.5", "100")
        bench.exchange.say(replace(bench.exchange.report("human-2"), client_order_id="", venue_order_id=""))
        bench.exchange.say(replace(bench.exchange.report("human-2"), symbol=ODD * 200))
        bench.exchange.say(replace(bench.exchange.report("human-2"), client_order_id=3))
        await bench.pass_ms()
        noted = [record for record in bench.records() if isinstance(record, AnomalyNoted)]
        assert [record.anomaly.value for record in noted] == [
            "foreign_order",
            "foreign_order",
            "unreadable_report",
            "unreadable_report",
        ]
        assert bench.fills() == []

    on_bench(main)


def test_the_terms_of_a_sent_order_are_what_was_sent() -> None:
    """The scripted venue reports the terms of what a kernel sent: a lost one can be taken over whole."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "1", "100")
        terms = bench.exchange.report(name).terms
        assert terms is not None
        assert (terms.quantity, terms.limit_price) == (Decimal(1), Decimal(100))
        assert bench.exchange.hold("", ETH, OrderSide.BUY, Decimal(1)).terms.order_type is OrderType.MARKET

    on_bench(main)


@pytest.mark.parametrize(
    "terms",
    [
        {"terms": ODD},
        {"order_type": ODD},
        {"time_in_force": ODD},
        {"side": ODD},
        {"limit_price": ODD},
        {"post_only": ODD},
        {"expire_ns": -1},
        {"no look-up": True},
    ],
    ids=lambda terms: next(iter(terms)),
)
def test_terms_that_cannot_be_read_are_no_evidence(terms: dict[str, Any]) -> None:
    """Whatever a broken client puts into the terms, or instead of a look-up, nothing is taken over."""

    async def main(bench: Bench) -> None:
        hold(bench)
        find = bench.exchange.find

        async def found(venue_order_id: str, symbol: str) -> LookUp:
            told = await find(venue_order_id, symbol)
            report = told.report
            assert report is not None
            assert report.terms is not None
            if "no look-up" in terms:
                return ODD  # type: ignore[no-any-return]  # a broken client
            wrong = ODD if "terms" in terms else replace(report.terms, **terms)
            return LookUp(replace(report, terms=wrong), told.fills, complete=True)

        bench.exchange.find = found  # type: ignore[method-assign]  # a broken client
        assert await refused(bench, symbol=ETH) == "NO_EVIDENCE"

    on_bench(main)


def test_an_adopted_order_that_is_good_until_a_date_is_seen_to() -> None:
    """When its date has come the venue is asked what became of it, as for ours."""

    async def main(bench: Bench) -> None:
        expire_ns = bench.clock.wall_ns() + 3_000_000_000
        order = hold(bench)
        order.request = SubmitRequest(
            "human-1",
            ETH,
            OrderSide.BUY,
            OrderType.LIMIT,
            TimeInForce.GTD,
            Decimal(2),
            Decimal(100),
            False,
            0,
            expire_ns=expire_ns,
        )
        [name] = (await bench.bot.adopt_order("V1")).names
        await bench.pass_ms()
        asked = len(bench.exchange.finds)
        bench.exchange.end("human-1", VenueStatus.EXPIRED, said=False)
        await bench.pass_ms(10_000 if asked else 0)
        await bench.pass_ms(LONG_MS)
        assert len(bench.exchange.finds) > asked
        assert bench.order(name).status == "EXPIRED"

    on_bench(main)


def test_a_refusal_for_the_rate_limit_reaches_the_caller() -> None:
    """An error of ours is not wrapped; nothing was recorded, and said again it works."""

    async def main(bench: Bench) -> None:
        hold(bench)
        find = bench.exchange.find

        async def limited(venue_order_id: str, symbol: str) -> LookUp:  # noqa: ARG001 - the port's
            bench.exchange.find = find  # type: ignore[method-assign]  # the second time it answers
            raise RateLimited("too many questions", retry_after_ns=1)

        bench.exchange.find = limited  # type: ignore[method-assign]  # the venue has enough
        with pytest.raises(RateLimited):
            await bench.bot.adopt_order("V1")
        assert (await bench.bot.adopt_order("V1")).accepted

    on_bench(main)
