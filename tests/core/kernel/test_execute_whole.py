"""One proposal from the call to the answer: what happens in which order, and what is durable by then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fairlead import ExecutionResult, Proposal
from fairlead.domain.records import AttemptStarted, BudgetSpent, OrderInitialized, OrderPaced
from fairlead.errors import NumberRefused
from fairlead.kernel.journal.codec import decode
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.ports.exchange import Answer, Outcome, SubmitRequest
from fairlead.ports.pacing import RequestKind
from fairlead.ports.risk import ALLOW, Deny, Judgement, RiskRequest, RiskView
from fairlead.ports.store import Batch
from fairlead.testing.memory_store import AppendFault
from fairlead.testing.scripted_exchange import ScriptedExchange, SubmitScript, accepts, answers, hangs
from tests.core.kernel.bench import BTC, Bench, Yes, on_bench
from tests.core.kernel.pacing_limits import SECOND_NS, one_limit

COMMIT_MS = 5
ANSWER_MS = 30
TIMEOUT_MS = 400
STEPS = ("order_initialized", "budget_spent", "order_paced", "attempt_started", "order_accepted")


class Observer(Yes):
    """Sees the check, the store and the venue of one bench, and notes in one list what each was asked.

    As the check it says what was judged and on which reservations; as the store's hook which records are
    being committed, and that they are durable; as the venue which records of the order were durable when
    its request left.
    """

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.judgement: Judgement = ALLOW
        self.bench: Bench | None = None

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:  # noqa: ARG002 - the port's
        """Note what the gate asks, and by how many positions it counts."""
        self.seen.append(f"judged {request.quantity} beside {view.exposed_positions()}")
        return self.judgement

    def committing(self, batch: Batch) -> AppendFault | None:
        """Note what of an order's life is committed in one batch, in order."""
        kinds = [each.kind for each in batch.envelopes if each.kind in STEPS]
        if kinds:
            self.seen.append(f"committed {' '.join(kinds)}")
        return None

    async def take_time(self, method: str) -> None:
        """Let each commit take its time before it is durable."""
        assert self.bench is not None
        if method == "append":
            await self.bench.pass_ms(COMMIT_MS)

    def at_the_venue(self, then: SubmitScript) -> SubmitScript:
        """Return a script that notes what was durable when the request left, then answers after a while."""

        async def script(exchange: ScriptedExchange, request: SubmitRequest) -> Answer:
            assert self.bench is not None
            records = [decode(envelope) for envelope in self.bench.disk.envelopes]
            about = [
                each.KIND
                for each in records
                if request.client_order_id
                in (getattr(each, "client_order_id", ""), getattr(each, "subject", ""))
            ]
            self.seen.append(f"left after {' '.join(about)}")
            await self.bench.pass_ms(ANSWER_MS)
            return await then(exchange, request)

        return script


def observed(
    main: Callable[[Bench, Observer], Any],
    **fittings: Any,  # noqa: ANN401 - as `on_bench`
) -> None:
    """Run a test on a bench that is observed."""
    observer = Observer()

    async def whole(bench: Bench) -> None:
        observer.bench = bench
        bench.faults, bench.before = observer.committing, observer.take_time
        await main(bench, observer)

    on_bench(whole, checks=(observer,), settings={"request_timeout_ms": TIMEOUT_MS}, **fittings)


async def notional(bench: Bench, worth: str = "250.5") -> tuple[ExecutionResult, int]:
    """Have so much quote currency executed; return the answer, and how long the caller waited for it."""
    began_ns = bench.clock.monotonic_ns()
    result = await bench.bot.execute(Proposal.buy(BTC, notional=worth, limit_price="100"))
    return result, bench.clock.monotonic_ns() - began_ns


@pytest.mark.requirement("FLOW-1")
def test_a_proposal_that_fits_goes_the_whole_way_in_one_batch() -> None:
    """Sized, judged, reserved, paid and attempted in one commit; sent after it; answered with the time."""

    async def main(bench: Bench, observer: Observer) -> None:
        bench.exchange.will_submit(observer.at_the_venue(accepts))
        result, waited_ns = await notional(bench)
        assert observer.seen == [
            "judged 2.505 beside 0",
            "committed order_initialized budget_spent attempt_started",
            "left after order_initialized budget_spent attempt_started",
            "committed order_accepted",
        ]
        assert result.order.sizing is not None
        assert (result.client_order_id, result.status) == (
            bench.exchange.submits[0].client_order_id,
            "ACCEPTED",
        )
        assert (result.reasons, result.denied, result.unresolved) == ("", False, False)
        assert result.elapsed_ns == waited_ns
        assert waited_ns // NANOSECONDS_PER_MILLISECOND == COMMIT_MS + ANSWER_MS + COMMIT_MS

    observed(main, pacing=one_limit("2", "1", RequestKind.SUBMIT))


@pytest.mark.requirement("FLOW-1")
def test_a_proposal_that_does_not_fit_waits_between_its_intent_and_its_attempt() -> None:
    """The intent is durable before the wait, budget and attempt after it and before the send."""

    async def main(bench: Bench, observer: Observer) -> None:
        await notional(bench, "100")
        observer.seen.clear()
        bench.exchange.will_submit(observer.at_the_venue(accepts))
        result, waited_ns = await notional(bench)
        assert observer.seen == [
            "judged 2.505 beside 1",
            "committed order_initialized order_paced",
            "committed budget_spent attempt_started",
            "left after order_initialized order_paced budget_spent attempt_started",
            "committed order_accepted",
        ]
        [paced] = [record for record in bench.records() if type(record) is OrderPaced]
        assert 0 < paced.wait_ns < SECOND_NS
        assert result.elapsed_ns == waited_ns
        beside_pace_ms = COMMIT_MS + COMMIT_MS + ANSWER_MS + COMMIT_MS  # the intent's own commit goes before
        assert waited_ns == paced.wait_ns + beside_pace_ms * NANOSECONDS_PER_MILLISECOND

    observed(main, pacing=one_limit("1", "1", RequestKind.SUBMIT))


def _venue_refuses(bench: Bench, observer: Observer) -> None:
    bench.exchange.will_submit(observer.at_the_venue(answers(Outcome.REFUSED, "insufficient funds")))


def _venue_is_silent(bench: Bench, observer: Observer) -> None:
    bench.exchange.will_submit(observer.at_the_venue(hangs))


def _check_denies(_bench: Bench, observer: Observer) -> None:
    observer.judgement = Deny("TOO_MUCH", "Enough for today.", (("limit", "1"),))


OUTCOMES: dict[str, tuple[Callable[[Bench, Observer], None], str, str, int]] = {
    "refused": (_venue_refuses, "REJECTED", "insufficient funds", COMMIT_MS + ANSWER_MS + COMMIT_MS),
    "silent": (_venue_is_silent, "UNRESOLVED", "no answer", COMMIT_MS + TIMEOUT_MS + COMMIT_MS),
    "denied": (_check_denies, "DENIED", "Enough for today.", COMMIT_MS),
}


@pytest.mark.requirement("FLOW-1")
@pytest.mark.parametrize("how", OUTCOMES)
def test_every_answer_has_id_outcome_reasons_and_time(how: str) -> None:
    """Refused, unknown and denied are answered once durable, with why, and with exactly the time it took."""
    prepare, status, reason, milliseconds = OUTCOMES[how]

    async def main(bench: Bench, observer: Observer) -> None:
        prepare(bench, observer)
        result, waited_ns = await notional(bench)
        assert result.status == status
        assert reason in result.reasons
        assert reason in result.summary()
        assert await bench.bot.find_order(result.client_order_id) == result.order
        assert result.elapsed_ns == waited_ns
        assert waited_ns // NANOSECONDS_PER_MILLISECOND == milliseconds
        [initialized] = [record for record in bench.records() if type(record) is OrderInitialized]
        assert (len(bench.exchange.submits) == 0) is (how == "denied") is not initialized.approved
        assert [type(each) for each in bench.records()].count(AttemptStarted) == len(bench.exchange.submits)

    observed(main)


@pytest.mark.requirement("FLOW-1")
def test_what_is_not_valid_is_refused_before_anything_is_asked() -> None:
    """A price off the grid: no check, no commit, no budget and no request."""

    async def main(bench: Bench, observer: Observer) -> None:
        with pytest.raises(NumberRefused):
            await bench.bot.execute(Proposal.buy(BTC, notional="250", limit_price="100.001"))
        await bench.pass_ms(TIMEOUT_MS)
        assert observer.seen == []
        assert not bench.exchange.submits
        assert not [each for each in bench.records() if type(each) in (OrderInitialized, BudgetSpent)]

    observed(main, pacing=one_limit("2", "1", RequestKind.SUBMIT))
