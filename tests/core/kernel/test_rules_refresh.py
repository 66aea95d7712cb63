"""The venue's rules and fees while the kernel runs: when they are read again, and what follows."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from fairlead import KernelSettings
from fairlead.domain.events import KernelChanged
from fairlead.domain.instrument_changes import InstrumentsChanged
from fairlead.domain.instruments import Instrument
from fairlead.domain.requests import RequestKind
from fairlead.errors import SettingRefused
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.ports.exchange import OrderReport, Outcome, VenueStatus
from fairlead.ports.store import Batch
from fairlead.testing.memory_store import AppendFault
from fairlead.testing.modify_scripts import answers_modify
from fairlead.testing.scripted_exchange import ScriptedExchange, answers
from tests.core.kernel.bench import BTC, ETH, Bench, instrument, on_bench
from tests.core.kernel.pacing_limits import one_limit

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
REFUSED = answers(Outcome.REFUSED, "below the minimum", names_rules=True)


class Counting(ScriptedExchange):
    """Notes at what time the rules were asked for, after the start."""

    def __init__(self, **offers: Any) -> None:  # noqa: ANN401 - offers of several types
        super().__init__([instrument(BTC), instrument(ETH)], **offers)
        self.bench: Bench | None = None
        self.asked_ms: list[int] = []

    async def instruments(self) -> list[Instrument]:
        """See `ExchangeClient.instruments`."""
        if self.bench is not None:
            self.asked_ms.append(self.bench.clock.monotonic_ns() // NANOSECONDS_PER_MILLISECOND)
        return list(await super().instruments())


def counted(bench: Bench) -> Counting:
    """Begin to count; return the venue."""
    exchange = bench.exchange
    assert isinstance(exchange, Counting)
    exchange.bench = bench
    return exchange


def told(bench: Bench) -> list[tuple[str, str, str, str]]:
    """Return every durable change of a rule: symbol, rule, before, after."""
    records = [record for record in bench.records() if isinstance(record, InstrumentsChanged)]
    return [
        (each.symbol, each.name, each.before, each.after) for record in records for each in record.changes
    ]


async def relist(bench: Bench, *instruments: Instrument) -> None:
    """Let the venue list these, and the kernel hear of it."""
    bench.exchange.rules = list(instruments)
    await bench.pass_ms(HOUR_MS + 1)


# -- when ----------------------------------------------------------------------------------------------------


def test_rules_and_fees_are_read_again_at_an_interval() -> None:
    """A new fee and a larger minimum hold from the next reading, and are told once, with both figures."""

    async def main(bench: Bench) -> None:
        stream = bench.kernel.events.stream(KernelChanged)
        bench.exchange.rules[0] = instrument(BTC, taker_fee_rate="0.004", maximum_quantity="9")
        await bench.pass_ms(HOUR_MS - 1_000)
        assert (told(bench), bench.kernel.instruments[BTC].taker_fee_rate) == ([], Decimal(0))
        await bench.pass_ms(1_001)
        assert bench.kernel.instruments[BTC].taker_fee_rate == Decimal("0.004")
        changes = [(BTC, "maximum_quantity", "none", "9"), (BTC, "taker_fee_rate", "0", "0.004")]
        assert told(bench) == changes
        event = await anext(stream)
        assert isinstance(event, KernelChanged)
        assert isinstance(event.record, InstrumentsChanged)
        assert event.record.reason == "on schedule"
        await bench.pass_ms(3 * HOUR_MS)
        assert told(bench) == changes

    on_bench(main)


def test_a_refused_submit_that_names_rules_leads_to_a_reading() -> None:
    """Not in an hour: the next order is judged by the minimum that the refusal was about."""

    async def main(bench: Bench) -> None:
        exchange = counted(bench)
        await bench.pass_ms(MINUTE_MS)
        exchange.rules[0] = instrument(BTC, minimum_quantity="2")
        exchange.will_submit(REFUSED)
        assert (await bench.execute()).status == "REJECTED"
        await bench.pass_ms(10)
        assert bench.kernel.instruments[BTC].minimum_quantity == 2
        (record,) = [each for each in bench.records() if isinstance(each, InstrumentsChanged)]
        assert record.reason == "the venue refused: below the minimum"
        exchange.will_submit(answers(Outcome.REFUSED, "not enough money"))
        assert (await bench.execute("buy", "3")).status == "REJECTED"
        await bench.pass_ms(MINUTE_MS)
        assert len(exchange.asked_ms) == 1

    on_bench(main, exchange=Counting())


def test_an_answer_whose_word_on_rules_cannot_be_read_is_none() -> None:
    """It proves nothing, a refusal least of all: the order is unresolved, and looked up."""

    async def main(bench: Bench) -> None:
        odd = answers(Outcome.REFUSED, "no", names_rules="yes")  # type: ignore[arg-type]  # that is the point
        bench.exchange.will_submit(odd)
        result = await bench.execute()
        assert result.status == "UNRESOLVED"
        assert "names_rules" in result.reasons

    on_bench(main)


def test_refusals_that_name_rules_are_read_for_together() -> None:
    """A bot that runs into a rule twenty times a second asks twice: at once, and when the pause is over."""

    async def main(bench: Bench) -> None:
        exchange = counted(bench)
        await bench.pass_ms(MINUTE_MS)
        exchange.will_submit(*[REFUSED] * 20)
        for _ in range(20):
            await bench.execute()
            await bench.pass_ms(50)
        assert len(exchange.asked_ms) == 1
        await bench.pass_ms(HOUR_MS - MINUTE_MS)
        first, second = exchange.asked_ms
        assert second - first == MINUTE_MS

    on_bench(main, exchange=Counting())


class Slow(Counting):
    """Takes five seconds for the rules, and notes how many questions were open at once."""

    def __init__(self) -> None:
        super().__init__()
        self.open = self.most_open = 0

    async def instruments(self) -> list[Instrument]:
        """See `ExchangeClient.instruments`."""
        read = await super().instruments()
        if self.bench is not None:
            self.open += 1
            self.most_open = max(self.most_open, self.open)
            await self.bench.pass_ms(5_000)
            self.open -= 1
        return read


def test_one_reading_at_a_time_and_one_more_for_what_was_refused_meanwhile() -> None:
    """The answer under way may be older than the refusal: it is waited for, and then asked again."""

    async def main(bench: Bench) -> None:
        exchange = counted(bench)
        assert isinstance(exchange, Slow)
        await bench.pass_ms(MINUTE_MS)
        exchange.will_submit(REFUSED, REFUSED)
        await bench.execute()
        await bench.pass_ms(2_000)
        await bench.execute()
        await bench.pass_ms(MINUTE_MS)
        assert len(exchange.asked_ms) == 2
        assert exchange.most_open == 1

    on_bench(main, exchange=Slow(), settings={"rules_pause_ms": 1_000})


def test_a_refusal_right_after_the_start_waits_for_the_pause() -> None:
    """The start has just read the rules: the refusal is not forgotten, and not answered at once."""

    async def main(bench: Bench) -> None:
        exchange = counted(bench)
        exchange.will_submit(REFUSED)
        await bench.execute()
        await bench.pass_ms(MINUTE_MS - 100)
        assert exchange.asked_ms == []
        await bench.pass_ms(200)
        assert len(exchange.asked_ms) == 1

    on_bench(main, exchange=Counting())


def test_a_refused_modify_that_names_rules_leads_to_a_reading() -> None:
    """The same for an order that was to be changed."""

    async def main(bench: Bench) -> None:
        exchange = counted(bench)
        name = await bench.working()
        await bench.pass_ms(MINUTE_MS)
        exchange.will_modify(answers_modify(Outcome.REFUSED, "off the tick", names_rules=True))
        await bench.bot.modify_order(name, quantity="2")
        await bench.pass_ms(10)
        assert len(exchange.asked_ms) == 1

    on_bench(main, exchange=Counting(modify=True))


def test_an_order_rejected_by_report_for_a_rule_leads_to_a_reading() -> None:
    """A venue that takes the request first and refuses the order afterwards says so in its report."""

    async def main(bench: Bench) -> None:
        exchange = counted(bench)
        name = await bench.working()
        await bench.pass_ms(MINUTE_MS)
        for _ in range(2):
            report = OrderReport(
                name, "V1", BTC, VenueStatus.REJECTED, Decimal(0), 0, "off the tick", names_rules=True
            )
            exchange.say(report)
            await bench.pass_ms(10)
        assert bench.order(name).status == "REJECTED"
        await bench.pass_ms(2 * MINUTE_MS)
        assert len(exchange.asked_ms) == 1

    on_bench(main, exchange=Counting())


def test_the_reading_keeps_the_pace_of_the_venue() -> None:
    """It takes of the budget of questions; a refusal while it waits is read for once more after it."""

    async def main(bench: Bench) -> None:
        exchange = counted(bench)
        exchange.will_submit(REFUSED, REFUSED)
        await bench.execute()
        await bench.pass_ms(MINUTE_MS + 10_000)
        assert exchange.asked_ms == []
        assert bench.kernel.pacing.waits[RequestKind.INSTRUMENTS] == 1
        assert bench.kernel.is_settled()
        await bench.execute()
        await bench.pass_ms(2 * MINUTE_MS + 20_000)
        assert len(exchange.asked_ms) == 1
        await bench.pass_ms(4 * MINUTE_MS)
        assert len(exchange.asked_ms) == 2

    on_bench(main, exchange=Counting(), pacing=one_limit("1", "0.005", RequestKind.INSTRUMENTS))


@pytest.mark.parametrize("name", ["rules_interval_ms", "rules_pause_ms"])
def test_the_times_are_settings(name: str) -> None:
    """Both are whole numbers above zero."""
    settings: dict[str, Any] = {name: 0}
    with pytest.raises(SettingRefused):
        KernelSettings(account="a", **settings)


def test_a_kernel_that_stopped_reads_nothing() -> None:
    """Neither on schedule nor for a refusal; a reading that is under way ends with it."""

    async def main(bench: Bench) -> None:
        exchange = counted(bench)
        reader = bench.kernel._parts.rules_reader
        await bench.pass_ms(HOUR_MS - 5)
        await bench.kernel.stop()
        reader.refused("too late")
        await bench.pass_ms(2 * HOUR_MS)
        assert exchange.asked_ms == []
        await bench.start_another()

    on_bench(main, exchange=Counting())


# -- when it fails -------------------------------------------------------------------------------------------


def _no_answer(exchange: ScriptedExchange) -> None:
    exchange.will_fail("instruments", 3)


def _nothing_listed(exchange: ScriptedExchange) -> None:
    exchange.rules = []


def _something_else(exchange: ScriptedExchange) -> None:
    exchange.rules = ["BTC/USDT"]  # type: ignore[list-item]  # that is the point


@pytest.mark.parametrize("breaks", [_no_answer, _nothing_listed, _something_else])
def test_a_reading_that_fails_keeps_the_old_rules_and_is_made_again(
    breaks: Callable[[ScriptedExchange], None],
) -> None:
    """Later and later; said once as an anomaly, which stops nothing, and again when it fails anew."""

    async def main(bench: Bench) -> None:
        exchange = counted(bench)
        await bench.pass_ms(HOUR_MS - 1_000)
        breaks(exchange)
        await bench.pass_ms(1_000 + 2_000 + 4_000 + 100)
        assert [later - earlier for earlier, later in pairwise(exchange.asked_ms)] == [2_000, 4_000]
        assert bench.anomalies() == ["rules_not_read"]
        assert bench.kernel.trading_state == "active"
        assert set(bench.kernel.instruments) == {BTC, ETH}
        assert (await bench.execute()).status == "ACCEPTED"
        exchange.rules = [instrument(BTC, taker_fee_rate="0.01"), instrument(ETH)]
        await bench.pass_ms(8_000)
        assert told(bench) == [(BTC, "taker_fee_rate", "0", "0.01")]
        exchange.will_fail("instruments")
        await bench.pass_ms(HOUR_MS + 2_000)
        assert bench.anomalies() == ["rules_not_read", "rules_not_read"]
        assert len(exchange.asked_ms) == 6

    on_bench(main, exchange=Counting())


def test_a_reading_made_again_is_for_what_the_first_was_for() -> None:
    """The venue refused and the reading failed: the change that the next one finds says why it was made."""

    async def main(bench: Bench) -> None:
        exchange = counted(bench)
        await bench.pass_ms(MINUTE_MS)
        exchange.rules[0] = instrument(BTC, minimum_quantity="2")
        exchange.will_fail("instruments")
        exchange.will_submit(REFUSED)
        await bench.execute()
        await bench.pass_ms(10_000)
        assert len(exchange.asked_ms) == 2
        (record,) = [each for each in bench.records() if isinstance(each, InstrumentsChanged)]
        assert record.reason == "the venue refused: below the minimum"

    on_bench(main, exchange=Counting())


def test_a_reading_that_fails_does_not_forget_what_was_refused_meanwhile() -> None:
    """It was on schedule, and the refusal came while it was under way: the next one is for the refusal."""

    class FailsLate(Slow):
        async def instruments(self) -> list[Instrument]:
            read = await super().instruments()
            if len(self.asked_ms) == 1:
                raise ConnectionResetError("the answer was lost")
            return read

    async def main(bench: Bench) -> None:
        exchange = counted(bench)
        await bench.pass_ms(HOUR_MS + 1_000)
        assert len(exchange.asked_ms) == 1
        exchange.rules[0] = instrument(BTC, minimum_quantity="2")
        exchange.will_submit(REFUSED)
        await bench.execute()
        await bench.pass_ms(MINUTE_MS)
        (record,) = [each for each in bench.records() if isinstance(each, InstrumentsChanged)]
        assert record.reason == "the venue refused: below the minimum"

    on_bench(main, exchange=FailsLate())


@pytest.mark.parametrize("fault", [AppendFault.FAILS, AppendFault.UNCERTAIN_STORED])
def test_what_a_failed_commit_took_back_is_told_again(fault: AppendFault) -> None:
    """The new rules stay in force through the recovery, and the journal has the change."""

    async def main(bench: Bench) -> None:
        faults = [fault]

        def fails_once(batch: Batch) -> AppendFault | None:
            about = any(each.kind == InstrumentsChanged.KIND for each in batch.envelopes)
            return faults.pop() if about and faults else None

        bench.faults = fails_once
        await relist(bench, instrument(BTC, minimum_cost="7"), instrument(ETH))
        await bench.pass_ms(2_000)
        assert set(told(bench)) == {(BTC, "minimum_cost", "0", "7")}
        assert bench.kernel.instruments[BTC].minimum_cost == 7
        assert faults == []

    on_bench(main)


def test_rules_read_during_a_recovery_hold_and_are_told_after_it() -> None:
    """Memory is not to be trusted meanwhile, so nothing passes the door; the rules are no part of it."""

    async def main(bench: Bench) -> None:
        broken, held = [True], list[Decimal]()
        await bench.pass_ms(HOUR_MS - 10)
        bench.exchange.rules[0] = instrument(BTC, minimum_cost="7")

        async def waits(method: str) -> None:
            if method == "reopen" and broken:
                broken.clear()
                await bench.pass_ms(500)
                held.append(bench.kernel.instruments[BTC].minimum_cost)

        bench.before = waits
        bench.faults = lambda _batch: AppendFault.FAILS if broken else None
        bench.spawn_execute().add_done_callback(lambda task: task.exception())
        await bench.pass_ms(5_000)
        assert held == [Decimal(7)]
        assert told(bench) == [(BTC, "minimum_cost", "0", "7")]
        assert bench.kernel.instruments[BTC].minimum_cost == 7

    on_bench(main)


def test_a_kernel_that_gave_up_reads_nothing_more() -> None:
    """Its journal cannot be brought back: it asks the venue for nothing that it could not act on."""

    async def main(bench: Bench) -> None:
        exchange = counted(bench)

        async def never(method: str) -> None:
            if method == "reopen":
                raise OSError("the disk is gone")

        bench.before = never
        bench.faults = lambda _batch: AppendFault.FAILS
        bench.spawn_execute().add_done_callback(lambda task: task.exception())
        await bench.pass_ms(2 * HOUR_MS)
        assert bench.kernel._parts.failure is not None
        assert exchange.asked_ms == []

    on_bench(main, exchange=Counting())


# -- a symbol that is gone -----------------------------------------------------------------------------------


def test_what_would_add_in_a_symbol_that_is_gone_is_denied_and_what_is_left_is_handled() -> None:
    """Entries are denied with a reason; a working order fills by the rules it had, and the exit goes out."""

    async def main(bench: Bench) -> None:
        rest = await bench.working("buy", "2", "90")
        await relist(bench, instrument(ETH))
        assert told(bench) == [(BTC, "listed", "yes", "no")]
        denied = await bench.execute()
        assert denied.status == "DENIED"
        assert "SYMBOL_WITHDRAWN" in denied.reasons
        assert "listed=no" in denied.reasons
        assert (await bench.execute(symbol=ETH)).status == "ACCEPTED"
        bench.exchange.trade(rest, "1", "90")
        await bench.pass_ms()
        assert await bench.position() == 1
        refused = await bench.bot.replace_order(rest, limit_price="91")
        assert refused.code == "SYMBOL_WITHDRAWN"
        await bench.bot.cancel(rest)
        out = await bench.working("sell", "1", "95")
        assert (await bench.bot.replace_order(out, limit_price="96")).accepted

    on_bench(main)


def test_an_order_of_a_symbol_that_is_gone_may_shrink_and_not_grow() -> None:
    """What would let it fill more, or dearer, adds; a smaller quantity does not."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "2", "90")
        await relist(bench, instrument(ETH))
        assert (await bench.bot.modify_order(name, quantity="50")).code == "SYMBOL_WITHDRAWN"
        assert (await bench.bot.modify_order(name, limit_price="91")).code == "SYMBOL_WITHDRAWN"
        assert bench.exchange.modifies == []
        assert (await bench.bot.modify_order(name, quantity="1")).code == "MODIFIED"

    on_bench(main)


def test_a_growth_that_waits_to_be_tried_again_when_its_symbol_goes_is_not_sent() -> None:
    """It was approved while the symbol was listed; when its turn comes the order keeps its old terms."""

    async def main(bench: Bench) -> None:
        name = await bench.working("buy", "2", "90")
        await bench.pass_ms(MINUTE_MS)
        pause_ns = 20_000 * NANOSECONDS_PER_MILLISECOND
        bench.exchange.will_modify(answers_modify(Outcome.LIMITED, "slow down", pause_ns))
        task = bench.loop.create_task(bench.bot.modify_order(name, quantity="50"))
        await bench.pass_ms(10)
        bench.exchange.rules = [instrument(ETH)]
        bench.kernel._parts.rules_reader.refused("a drill")
        result = await task
        assert result.code == "NOT_SENT"
        assert "does not list the symbol" in result.reason
        assert len(bench.exchange.modifies) == 1
        assert bench.order(name).quantity == 2

    on_bench(main)


def test_a_symbol_that_is_back_is_traded_again() -> None:
    """With the rules that it came back with; that it was gone is told once, and so is its return."""

    async def main(bench: Bench) -> None:
        await relist(bench, instrument(ETH))
        await bench.pass_ms(2 * HOUR_MS)
        await relist(bench, instrument(BTC, minimum_quantity="2"), instrument(ETH), instrument("SOL/USDT"))
        assert told(bench) == [
            (BTC, "listed", "yes", "no"),
            (BTC, "listed", "no", "yes"),
            (BTC, "minimum_quantity", "0", "2"),
            ("SOL/USDT", "listed", "no", "yes"),
        ]
        assert (await bench.execute("buy", "3")).status == "ACCEPTED"
        assert (await bench.execute(symbol="SOL/USDT")).status == "ACCEPTED"

    on_bench(main)


def test_a_symbol_that_is_another_contract_now_is_another_symbol() -> None:
    """What is held was counted by the old one: its rules stay for that, and nothing new is mixed with it."""

    async def main(bench: Bench) -> None:
        await bench.hold()
        await relist(bench, instrument(BTC, contract_multiplier="10"), instrument(ETH))
        assert told(bench) == [(BTC, "listed", "yes", "as another contract")]
        assert bench.kernel.instruments[BTC].contract_multiplier == 1
        assert "listed=as another contract" in (await bench.execute()).reasons
        assert (await bench.execute("sell")).status == "ACCEPTED"

    on_bench(main)


@pytest.mark.parametrize("paced", [True, False])
def test_an_order_that_waits_to_be_sent_when_its_symbol_goes_is_not_sent(paced: bool) -> None:  # noqa: FBT001 - two cases
    """It was approved while the symbol was listed; when its turn comes it is closed, and says why."""

    async def main(bench: Bench) -> None:
        await bench.pass_ms(MINUTE_MS)
        limited = answers(Outcome.LIMITED, "slow down", 20_000 * NANOSECONDS_PER_MILLISECOND)
        bench.exchange.will_submit(limited)
        waiting = bench.spawn_execute()
        await bench.pass_ms(10)
        bench.exchange.rules = [instrument(ETH)]
        bench.kernel._parts.rules_reader.refused("a drill")
        await bench.pass_ms(25_000)
        result = await waiting
        assert result.status == "NOT_SENT"
        assert "does not list the symbol" in result.reasons
        assert len(bench.exchange.submits) == 1

    if paced:
        on_bench(main, pacing=one_limit("1", "1", RequestKind.SUBMIT))
    else:
        on_bench(main)
