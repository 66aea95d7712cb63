"""An order's story: its journal records, one after the other, in plain sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import attrs

from fairlead.cli.wording import plain_number, seconds_of, time_of
from fairlead.domain.change_records import (
    ChangeDenied,
    ChangeEnded,
    ChangeRequested,
    ChangeUnresolved,
    ModifyLimited,
    ModifyRejected,
    ModifyStarted,
    OrderUpdated,
    ReplaceMoved,
)
from fairlead.domain.changes import ChangeKind, Terms
from fairlead.domain.command_records import OrderAnnotated
from fairlead.domain.numbers import ZERO, add
from fairlead.domain.order_table import OrderEvent
from fairlead.domain.reconcile_records import OrderAdopted
from fairlead.domain.records import (
    AnomalyNoted,
    AttemptStarted,
    BudgetSpent,
    CommandRefused,
    KernelStarted,
    OrderAccepted,
    OrderEventNoted,
    OrderFilled,
    OrderInitialized,
    OrderJudgedAgain,
    OrderPaced,
    Record,
)
from fairlead.domain.verdicts import Verdict

_SOURCES = {
    "answer": "the answer to the request",
    "stream": "the venue's stream",
    "look_up": "a look-up",
    "open_orders": "the venue's list of open orders",
    "history": "the venue's trade history",
    "adoption": "what the venue told when it was taken over",
}


@attrs.frozen
class StoryLine:
    """One sentence, and the record that it tells: its sequence, wall time and kind."""

    sequence: int
    ts_ns: int
    kind: str
    text: str


def tell(client_order_id: str, records: Iterable[tuple[int, int, Record]]) -> list[StoryLine]:
    """Tell an order's story from (sequence, time, record) of the whole journal.

    Starts of the kernel during the order's life are part of it. Empty when the journal lacks the order.
    """
    teller = _Teller(client_order_id)
    lines: list[StoryLine] = []
    last = 0
    for sequence, ts_ns, record in records:
        if isinstance(record, KernelStarted):
            if lines:
                text = f"A kernel started (epoch {record.epoch}, {record.holder})."
                lines.append(StoryLine(sequence, ts_ns, record.KIND, text))
            continue
        if client_order_id in (getattr(record, "client_order_id", ""), getattr(record, "subject", "")):
            lines += [StoryLine(sequence, ts_ns, record.KIND, text) for text in teller.sentences(record)]
            last = len(lines)
    return lines[:last]


class _Teller:
    """Turns records into sentences; remembers how much was filled."""

    def __init__(self, client_order_id: str) -> None:
        self.client_order_id = client_order_id
        self.quantity = ZERO
        self.filled = ZERO

    def sentences(self, record: Record) -> Iterator[str]:
        """Yield the sentences of one record."""
        say = _SAY.get(type(record))
        if say is None:
            yield f"{record.KIND} was recorded."
        else:
            yield from say(self, record)

    def initialized(self, record: OrderInitialized) -> Iterator[str]:
        self.quantity = record.quantity
        at = (
            "at the market"
            if record.limit_price is None
            else f"at {plain_number(record.limit_price)} or better"
        )
        yield (
            f"{record.owner} asked to {record.side.value} {plain_number(record.quantity)} {record.symbol} "
            f"{at}, for book {record.book}{_notes(record)}."
        )
        if record.reference_price is not None:
            yield f"It was judged at a price of {plain_number(record.reference_price)}."
        if record.replaces:
            yield f"It takes the place of order {record.replaces}, which was canceled for it."
        if record.reduces:
            yield "The kernel found that it reduces a position."
        yield from _verdicts(record.verdicts)
        if record.approved:
            yield "It was approved, and what it may use was reserved in the same step."
        else:
            yield f"It was denied ({record.denial_code}): nothing was reserved and nothing was sent."

    def adopted(self, record: OrderAdopted) -> Iterator[str]:
        self.quantity = record.quantity
        at = "at the market" if record.limit_price is None else f"at {plain_number(record.limit_price)}"
        known = f", there known as {record.venue_client_order_id}" if record.venue_client_order_id else ""
        why = f" ({record.note})" if record.note else ""
        yield (
            f"{record.by} took over the venue's order {record.venue_order_id}{known}, that nobody here sent: "
            f"{record.side.value} {plain_number(record.quantity)} {record.symbol} {at}, for {record.owner}, "
            f"book {record.book}{why}."
        )
        yield "What it may still fill was reserved in the same step; no risk check was asked."

    def attempt(self, record: AttemptStarted) -> Iterator[str]:
        until = "the venue knows no deadline"
        if record.deadline_ns:
            span = seconds_of(record.deadline_ns - record.not_before_ns)
            until = f"the venue must refuse it after {time_of(record.deadline_ns)} ({span} s later)"
        yield f"Attempt {record.number} went out after this was on disk; {until}."

    def accepted(self, record: OrderAccepted) -> Iterator[str]:
        known = f" as {record.venue_order_id}" if record.venue_order_id else ""
        shown = "shows it working" if record.event is OrderEvent.SHOWN_LIVE else "has it"
        yield f"The venue {shown}{known}: {_SOURCES.get(record.source, record.source)} says so."

    def fill(self, record: OrderFilled) -> Iterator[str]:
        self.filled = add(self.filled, record.quantity)
        did = "bought" if record.side.value == "buy" else "sold"
        yield (
            f"Trade {record.trade_id} {did} {plain_number(record.quantity)} at {plain_number(record.price)} "
            f"for {plain_number(record.value)} {record.quote}, fee "
            f"{plain_number(record.fee)}{_fee_currency(record)} ({record.liquidity.value}), "
            f"learned from {_SOURCES.get(record.source, record.source)}; "
            f"{self._progress()}."
        )

    def _progress(self) -> str:
        if self.filled == self.quantity:
            return "with it the order is filled"
        return f"filled so far: {plain_number(self.filled)} of {plain_number(self.quantity)}"

    def event(self, record: OrderEventNoted) -> Iterator[str]:
        start = _EVENTS.get(record.event, f"{record.event.value} was recorded").format(by=record.by)
        later = f" The venue is asked at {time_of(record.look_up_ns)}." if record.look_up_ns else ""
        if record.look_up_ns and record.event is OrderEvent.LIMITED:
            later = f" It is tried again at {time_of(record.look_up_ns)}."
        if record.look_up_ns and record.event is OrderEvent.CANCEL_REQUESTED:
            later = f" Unless it is over before {time_of(record.look_up_ns)}, the venue is asked then."
        yield f"{start}: {record.cause or 'no reason was given'}.{later}"

    def paced(self, record: OrderPaced) -> Iterator[str]:
        about = f"about {seconds_of(record.wait_ns)} s, in the {record.lane.value} lane"
        yield f"Its {record.request.value} waits for the venue's rate limit, {about}."

    def spent(self, record: BudgetSpent) -> Iterator[str]:
        request = record.request.value
        used = ", ".join(f"{plain_number(level.used)} of {name}" for name, level in record.levels)
        if record.refused:
            yield f"The venue refused the {request} for its rate limit; {used} counts as used."
        elif used:
            yield f"Its {request} takes of the venue's rate limit: {used} is used then."
        else:
            yield f"Its {request} was not needed any more."

    def judged_again(self, record: OrderJudgedAgain) -> Iterator[str]:
        answer = "allowed" if record.allowed else "denied"
        yield f"It had waited so long that the gate was asked again, and {answer} it."
        yield from _verdicts(record.verdicts)

    def annotated(self, record: OrderAnnotated) -> Iterator[str]:
        yield f"{record.by} annotated it; it says now: {_remarks(record)}."

    def change_requested(self, record: ChangeRequested) -> Iterator[str]:
        how = "changed in place" if record.change is ChangeKind.MODIFY else "replaced"
        yield f"{record.by} wants it {how}, to {_terms(record.terms)}{_key(record.idempotency_key)}."
        yield from _verdicts(record.verdicts)
        if record.change is ChangeKind.MODIFY:
            yield "Until it is known whether that was done, the larger of old and new is reserved."

    def change_denied(self, record: ChangeDenied) -> Iterator[str]:
        yield f"{record.by} wanted it changed, to {_terms(record.terms)}, and was denied ({record.code})."
        yield from _verdicts(record.verdicts)

    def modify_started(self, record: ModifyStarted) -> Iterator[str]:
        until = (
            f"; the venue must refuse it after {time_of(record.deadline_ns)}" if record.deadline_ns else ""
        )
        yield f"The change went out after this was on disk{until}."

    def modify_limited(self, record: ModifyLimited) -> Iterator[str]:
        again = f"it is tried again at {time_of(record.retry_ns)}"
        yield f"The venue turned the change away for its rate limit; {again}: {record.reason}."

    def change_unresolved(self, record: ChangeUnresolved) -> Iterator[str]:
        later = f" The venue is asked at {time_of(record.look_up_ns)}." if record.look_up_ns else ""
        yield f"Nobody knows whether that was done, and it is not sent again: {record.cause}.{later}"

    def updated(self, record: OrderUpdated) -> Iterator[str]:
        self.quantity = record.terms.quantity
        source = _SOURCES.get(record.source, record.source)
        whose = "as asked" if record.change_id else "which nobody here asked for"
        yield f"The venue holds it at {_terms(record.terms)}, {whose}: {source} says so."

    def modify_rejected(self, record: ModifyRejected) -> Iterator[str]:
        yield f"The change was not done ({record.code}): {record.reason or 'no reason was given'}."

    def replace_moved(self, record: ReplaceMoved) -> Iterator[str]:
        yield f"It is over, and what it filled is proven; order {record.new_order_id} takes its place."

    def change_ended(self, record: ChangeEnded) -> Iterator[str]:
        yield f"The change is over ({record.code}){f': {record.reason}' if record.reason else ''}."

    def anomaly(self, record: AnomalyNoted) -> Iterator[str]:
        yield f"Anomaly {record.anomaly.value} ({record.severity.value}): {record.detail}."

    def refusal(self, record: CommandRefused) -> Iterator[str]:
        yield f"{record.by} asked to {record.command} it and was refused ({record.code}): {record.reason}"


def _remarks(record: OrderAnnotated) -> str:
    said = [f'note "{record.note}"'] if record.note else []
    said += [f"tag {tag}" for tag in record.tags]
    said += [f"{name}={text}" for name, text in record.metadata]
    return ", ".join(said) or "nothing"


def _terms(terms: Terms) -> str:
    prices = (("at", terms.limit_price), ("triggered at", terms.trigger_price))
    said = (f"{word} {plain_number(price)}" for word, price in prices if price is not None)
    return " ".join((f"a quantity of {plain_number(terms.quantity)}", *said))


def _key(key: str) -> str:
    return f" (key {key})" if key else ""


def _fee_currency(record: OrderFilled) -> str:
    return f" {record.fee_currency}" if record.fee_currency else ""


def _notes(record: OrderInitialized) -> str:
    parts = [f"key {record.idempotency_key}"] if record.idempotency_key else []
    parts += [f"{name}={text}" for name, text in record.metadata]
    return f" ({', '.join(parts)})" if parts else ""


def _verdicts(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Tell each answer that has something to say, and then in one sentence who had nothing against it."""
    content = [verdict for verdict in verdicts if verdict.allowed and not verdict.reason]
    yield from (_verdict(verdict) for verdict in verdicts if verdict not in content)
    if content:
        yield f"{', '.join(map(_judge, content))} allowed it."


def _verdict(verdict: Verdict) -> str:
    figures = ", ".join(f"{name}={figure}" for name, figure in verdict.figures)
    compared = f" ({figures})" if figures else ""
    if verdict.allowed:
        return f"{_judge(verdict)} allowed it: {verdict.reason}"
    return f"{_judge(verdict)} denied it, {verdict.code}: {verdict.reason}{compared}"


def _judge(verdict: Verdict) -> str:
    return f"{verdict.check} {verdict.version}".strip()


_EVENTS: dict[OrderEvent, str] = {
    OrderEvent.NOT_SENT: "It was never sent",
    OrderEvent.LIMITED: "The venue turned it away for its rate limit",
    OrderEvent.OUTCOME_UNKNOWN: "Nobody knows whether it arrived, and it is not sent again",
    OrderEvent.REJECTED: "The venue refused it",
    OrderEvent.CANCELED: "The venue says it is canceled",
    OrderEvent.EXPIRED: "The venue says it expired",
    OrderEvent.FULLY_FILLED: "It is over",
    OrderEvent.ABSENT: "The venue does not have it",
    OrderEvent.SHOWN_LIVE: "The venue has it again",
    OrderEvent.RESOLVED_BY_OPERATOR: "{by} decided that it was never placed",
    OrderEvent.CANCEL_REQUESTED: "{by} wants it canceled",
    OrderEvent.CANCEL_REFUSED: "The cancel did not work",
}

_SAY: dict[type[Record], Callable[[_Teller, Any], Iterator[str]]] = {
    OrderInitialized: _Teller.initialized,
    OrderAdopted: _Teller.adopted,
    AttemptStarted: _Teller.attempt,
    OrderAccepted: _Teller.accepted,
    OrderFilled: _Teller.fill,
    OrderAnnotated: _Teller.annotated,
    OrderEventNoted: _Teller.event,
    AnomalyNoted: _Teller.anomaly,
    CommandRefused: _Teller.refusal,
    OrderPaced: _Teller.paced,
    BudgetSpent: _Teller.spent,
    OrderJudgedAgain: _Teller.judged_again,
    ChangeRequested: _Teller.change_requested,
    ChangeDenied: _Teller.change_denied,
    ModifyStarted: _Teller.modify_started,
    ChangeUnresolved: _Teller.change_unresolved,
    OrderUpdated: _Teller.updated,
    ModifyLimited: _Teller.modify_limited,
    ModifyRejected: _Teller.modify_rejected,
    ReplaceMoved: _Teller.replace_moved,
    ChangeEnded: _Teller.change_ended,
}
