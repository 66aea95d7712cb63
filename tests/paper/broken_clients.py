"""Clients with one fault each, to show that the rule which claims the fault notices it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec.structs import replace

from fairlead.errors import ExchangeFault
from fairlead.ports.clock import Clock
from fairlead.ports.exchange import (
    AdjustmentKind,
    Answer,
    ExchangeCapabilities,
    FillPage,
    Instrument,
    LedgerEntry,
    LedgerPage,
    LookUp,
    ModifyRequest,
    OrderReport,
    OrderType,
    Outcome,
    Report,
    ReportSink,
    SubmitRequest,
    TimeInForce,
    VenueBalance,
    VenueStatus,
)
from fairlead_paper.client import PaperClient
from fairlead_paper.link import Link
from fairlead_paper.messages import Find, Reply, Request, Shelf


class NoVenueId(PaperClient):
    """Forgets the venue's id of an order that was taken."""

    async def submit(self, request: SubmitRequest) -> Answer:
        """Submit and forget."""
        return replace(await super().submit(request), venue_order_id="")


class SilentAcceptance(PaperClient):
    """Does not report that an order works."""

    def report(self, report: Report) -> None:
        """Drop acceptances."""
        if not (isinstance(report, OrderReport) and report.status is VenueStatus.LIVE):
            super().report(report)


class RaisesRefusals(PaperClient):
    """Raises when the venue refuses an order."""

    async def submit(self, request: SubmitRequest) -> Answer:
        """Submit and raise."""
        answer = await super().submit(request)
        if answer.outcome is Outcome.REFUSED:
            raise ExchangeFault(answer.reason)
        return answer


class RefusedWithoutConnection(PaperClient):
    """Says that the venue refused what never left."""

    async def submit(self, request: SubmitRequest) -> Answer:
        """Submit and mistake."""
        answer = await super().submit(request)
        if answer.outcome is Outcome.NOT_SENT:
            return replace(answer, outcome=Outcome.REFUSED)
        return answer


class PretendsToCancel(PaperClient):
    """Does not pass cancels on, and says that they were taken."""

    async def cancel(self, client_order_id: str, venue_order_id: str, symbol: str) -> Answer:
        """Do nothing."""
        del client_order_id, symbol
        return Answer(Outcome.ACCEPTED, venue_order_id)


class CancelRefusalIsAnError(PaperClient):
    """Raises when the venue refuses a cancel."""

    async def cancel(self, client_order_id: str, venue_order_id: str, symbol: str) -> Answer:
        """Cancel and raise."""
        answer = await super().cancel(client_order_id, venue_order_id, symbol)
        if answer.outcome is Outcome.REFUSED:
            raise ExchangeFault(answer.reason)
        return answer


class CancelsTheUnknown(PaperClient):
    """Takes the refusal of a cancel for its success."""

    async def cancel(self, client_order_id: str, venue_order_id: str, symbol: str) -> Answer:
        """Cancel and mistake."""
        answer = await super().cancel(client_order_id, venue_order_id, symbol)
        if answer.outcome is Outcome.REFUSED:
            return replace(answer, outcome=Outcome.ACCEPTED)
        return answer


class ForgetsTheDeadline(PaperClient):
    """Does not send the deadline."""

    async def submit(self, request: SubmitRequest) -> Answer:
        """Submit without it."""
        return await super().submit(replace(request, deadline_ns=0))


class FreshIdEachTime(PaperClient):
    """Makes an id of its own for every request."""

    sent = 0

    async def submit(self, request: SubmitRequest) -> Answer:
        """Submit under another id."""
        self.sent += 1
        return await super().submit(
            replace(request, client_order_id=f"{request.client_order_id}-{self.sent}")
        )


class SkippingLink:
    """Answers some questions with nothing instead of asking."""

    def __init__(self, inner: Link, shelf: Shelf) -> None:
        self._inner = inner
        self._shelf = shelf
        self.open = inner.open
        self.close = inner.close
        self.tell_fault = inner.tell_fault

    async def ask(self, request: Request) -> Reply:
        """Skip one shelf of a look-up: ask for an id that nobody has."""
        if isinstance(request, Find) and request.shelf is self._shelf:
            request = Find(request.shelf, "nobody")
        return await self._inner.ask(request)


class _SkipsAShelf(PaperClient):
    shelf = Shelf.OPEN

    def __init__(self, link: Link, clock: Clock, capabilities: ExchangeCapabilities) -> None:
        super().__init__(SkippingLink(link, self.shelf), clock, capabilities)


class SkipsOpenOrders(_SkipsAShelf):
    """Looks orders up without the open ones."""

    shelf = Shelf.OPEN


class SkipsClosedOrders(_SkipsAShelf):
    """Looks orders up without the closed ones."""

    shelf = Shelf.CLOSED


class SkipsTrades(_SkipsAShelf):
    """Looks orders up without their trades."""

    shelf = Shelf.TRADES


class NeverSure(PaperClient):
    """Never says that a look-up was complete."""

    async def look_up(self, client_order_id: str, symbol: str) -> LookUp:
        """Look up and doubt."""
        found = await super().look_up(client_order_id, symbol)
        return replace(found, complete=False)


class AlwaysSure(PaperClient):
    """Says that every look-up was complete."""

    async def look_up(self, client_order_id: str, symbol: str) -> LookUp:
        """Look up and pretend."""
        found = await super().look_up(client_order_id, symbol)
        return replace(found, complete=True)


class ListsOnlyItsOwn(PaperClient):
    """Lists only the open orders that this object placed."""

    def __init__(self, link: Link, clock: Clock, capabilities: ExchangeCapabilities) -> None:
        super().__init__(link, clock, capabilities)
        self.mine: set[str] = set()

    async def submit(self, request: SubmitRequest) -> Answer:
        """Submit and remember."""
        self.mine.add(request.client_order_id)
        return await super().submit(request)

    async def open_orders(self) -> Sequence[OrderReport]:
        """List what is remembered."""
        return [order for order in await super().open_orders() if order.client_order_id in self.mine]


class NewTradeIds(PaperClient):
    """Numbers the trades of every reading anew."""

    readings = 0

    async def fills_since(self, cursor: str) -> FillPage:
        """Read and number."""
        page = await super().fills_since(cursor)
        self.readings += 1
        fills = [replace(fill, trade_id=f"{self.readings}-{fill.trade_id}") for fill in page.fills]
        return replace(page, fills=fills)


class CountsTwice(PaperClient):
    """Tells twice what was filled when an order is looked up."""

    async def look_up(self, client_order_id: str, symbol: str) -> LookUp:
        """Look up and double."""
        found = await super().look_up(client_order_id, symbol)
        if found.report is not None:
            doubled = replace(found.report, filled_quantity=found.report.filled_quantity * 2)
            return replace(found, report=doubled)
        return found


class SkipsAtPageEdges(PaperClient):
    """Loses the first fill of every page but the first."""

    async def fills_since(self, cursor: str) -> FillPage:
        """Read and lose."""
        page = await super().fills_since(cursor)
        return replace(page, fills=page.fills[1:]) if cursor else page


class TellsWhatIsFree(PaperClient):
    """Tells what is free instead of what is held."""

    async def balances(self) -> Mapping[str, VenueBalance]:
        """Read and subtract."""
        told = await super().balances()
        return {asset: replace(balance, total=balance.free) for asset, balance in told.items()}


class LocksNothing(PaperClient):
    """Tells that everything is free."""

    async def balances(self) -> Mapping[str, VenueBalance]:
        """Read and unlock."""
        told = await super().balances()
        return {asset: replace(balance, locked=Decimal(0)) for asset, balance in told.items()}


class Floats(PaperClient):
    """Tells filled quantities as floats."""

    async def open_orders(self) -> Sequence[OrderReport]:
        """List with floats."""
        orders = await super().open_orders()
        return [replace(order, filled_quantity=float(order.filled_quantity)) for order in orders]


class EmptyOnFailure(PaperClient):
    """Tells that there are no open orders when they could not be read."""

    async def open_orders(self) -> Sequence[OrderReport]:
        """List, or hide the failure."""
        try:
            return await super().open_orders()
        except ExchangeFault:
            return ()


class Repeats(PaperClient):
    """Sends again when no answer came."""

    async def submit(self, request: SubmitRequest) -> Answer:
        """Submit twice when in doubt."""
        answer = await super().submit(request)
        return await super().submit(request) if answer.outcome is Outcome.UNKNOWN else answer


class TimeoutMeansRefused(PaperClient):
    """Takes silence for a refusal."""

    async def submit(self, request: SubmitRequest) -> Answer:
        """Submit and presume."""
        answer = await super().submit(request)
        if answer.outcome is Outcome.UNKNOWN:
            return replace(answer, outcome=Outcome.REFUSED)
        return answer


class BelievesGarbage(PaperClient):
    """Takes an answer that it cannot read for an acceptance."""

    async def submit(self, request: SubmitRequest) -> Answer:
        """Submit and believe."""
        reply = await super().submit(request)
        if "does not fit" in reply.reason:
            return replace(reply, outcome=Outcome.ACCEPTED)
        return reply


class PushesThroughLimits(PaperClient):
    """Sends again as soon as the venue allows."""

    async def submit(self, request: SubmitRequest) -> Answer:
        """Submit until it is let through."""
        answer = await super().submit(request)
        while answer.outcome is Outcome.LIMITED:
            await self._clock.sleep_ns(answer.retry_after_ns)
            answer = await super().submit(request)
        return answer


class HidesBreaks(PaperClient):
    """Does not say that its stream broke."""

    def broken(self, reason: str) -> None:
        """Reconnect without a word."""
        sink, self._sink = self._sink, _Deaf()
        super().broken(reason)
        self._sink = sink


class _Deaf:
    def put(self, report: Report) -> None:
        """Hear nothing."""

    def disconnected(self, reason: str) -> None:
        """Hear nothing."""

    def reconnected(self) -> None:
        """Hear nothing."""


class TalksAfterwards(PaperClient):
    """Goes on reporting after it was disconnected."""

    last: ReportSink | None = None

    async def connect(self, sink: ReportSink) -> None:
        """Connect and remember."""
        await super().connect(sink)
        self.last = sink

    async def disconnect(self) -> None:
        """Forget to disconnect."""

    def report(self, report: Report) -> None:
        """Report in any case."""
        if self.last is not None:
            self.last.put(report)


class HasNoInstruments(PaperClient):
    """Knows no rules."""

    async def instruments(self) -> Sequence[Instrument]:
        """Return nothing."""
        return ()


class AnswersGarbage(PaperClient):
    """Falls over an answer to a cancel that it cannot read."""

    async def cancel(self, client_order_id: str, venue_order_id: str, symbol: str) -> Answer:
        """Cancel and take what comes for a success."""
        answer = await super().cancel(client_order_id, venue_order_id, symbol)
        if answer.outcome is Outcome.UNKNOWN:
            return replace(answer, outcome=Outcome.ACCEPTED)
        return answer


class SendsWhatItCan(PaperClient):
    """Leaves out of an order what the venue does not know."""

    async def submit(self, request: SubmitRequest) -> Answer:
        """Send a plain limit order instead."""
        plain = replace(
            request,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            limit_price=request.limit_price or request.trigger_price or request.trailing_distance,
            reduce_only=False,
        )
        return await super().submit(plain)


class PretendsToModify(PaperClient):
    """Does not pass changes on, and says that they were taken."""

    async def modify(self, request: ModifyRequest) -> Answer:
        """Do nothing."""
        return Answer(Outcome.ACCEPTED, request.venue_order_id)


class ChangesTheRest(PaperClient):
    """Takes the whole quantity for what is to be left after a refusal: halves it and tries again."""

    async def modify(self, request: ModifyRequest) -> Answer:
        """Modify, and modify to something else when that is refused."""
        answer = await super().modify(request)
        if answer.outcome is Outcome.REFUSED:
            await super().modify(replace(request, terms=replace(request.terms, quantity=Decimal("0.003"))))
        return answer


class ReplacesTheUnknown(PaperClient):
    """Takes the refusal of a change for its success."""

    async def modify(self, request: ModifyRequest) -> Answer:
        """Modify and mistake."""
        answer = await super().modify(request)
        return replace(answer, outcome=Outcome.ACCEPTED) if "order_closed" in answer.reason else answer


class AsksForTheRest(PaperClient):
    """Takes a quantity that is filled already for a wish for as much again."""

    async def modify(self, request: ModifyRequest) -> Answer:
        """Modify to more when less is refused."""
        answer = await super().modify(request)
        if "already_filled" in answer.reason:
            more = replace(request.terms, quantity=request.terms.quantity * 3)
            return await super().modify(replace(request, terms=more))
        return answer


class ForgetsTheChangesDeadline(PaperClient):
    """Does not send the deadline of a change."""

    async def modify(self, request: ModifyRequest) -> Answer:
        """Modify without it."""
        return await super().modify(replace(request, deadline_ns=0))


class SilenceMeansUnchanged(PaperClient):
    """Takes silence about a change for a refusal."""

    async def modify(self, request: ModifyRequest) -> Answer:
        """Modify and presume."""
        answer = await super().modify(request)
        return replace(answer, outcome=Outcome.REFUSED) if answer.outcome is Outcome.UNKNOWN else answer


class InsistsOnTheChange(PaperClient):
    """Asks again when a change was turned away for the rate limit."""

    async def modify(self, request: ModifyRequest) -> Answer:
        """Modify, and once more."""
        answer = await super().modify(request)
        return await super().modify(request) if answer.outcome is Outcome.LIMITED else answer


class TellsNoTerms(PaperClient):
    """Does not say what an open order is."""

    async def open_orders(self) -> Sequence[OrderReport]:
        """Leave the terms out."""
        return [replace(order, terms=None) for order in await super().open_orders()]


class TellsTradesAsEntries(PaperClient):
    """Tells the trades of the history in the ledger as well."""

    async def ledger_since(self, cursor: str) -> LedgerPage:
        """Read, and add the trades to the first page."""
        page = await super().ledger_since(cursor)
        if cursor:
            return page
        trades = [
            LedgerEntry(fill.trade_id, AdjustmentKind.REWARD, "BTC", fill.quantity, fill.ts_event)
            for fill in (await self.fills_since("")).fills
        ]
        return replace(page, entries=[*trades, *page.entries])


class NumbersEntriesAnew(PaperClient):
    """Gives the entries of every reading other ids."""

    readings = 0

    async def ledger_since(self, cursor: str) -> LedgerPage:
        """Read and number."""
        page = await super().ledger_since(cursor)
        NumbersEntriesAnew.readings += 1  # of all clients together
        named = [replace(entry, entry_id=f"{self.readings}-{entry.entry_id}") for entry in page.entries]
        return replace(page, entries=named)


class LeavesCostsOut(PaperClient):
    """Lists what came in and not what went out."""

    async def ledger_since(self, cursor: str) -> LedgerPage:
        """Read and lose."""
        page = await super().ledger_since(cursor)
        return replace(page, entries=[entry for entry in page.entries if entry.amount > 0])


class FindsOpenOrdersOnly(PaperClient):
    """Finds an order by the venue's id only while it is open."""

    async def find(self, venue_order_id: str, symbol: str) -> LookUp:
        """Forget what is over."""
        found = await super().find(venue_order_id, symbol)
        over = found.report is not None and found.report.status is not VenueStatus.LIVE
        return LookUp(None, (), complete=True) if over else found


class CancelsByItsOwnIdAlone(PaperClient):
    """Needs the client order id to cancel, and answers as if it had canceled without one."""

    async def cancel(self, client_order_id: str, venue_order_id: str, symbol: str) -> Answer:
        """Do nothing without an id of its own."""
        if not client_order_id:
            return Answer(Outcome.ACCEPTED)
        return await super().cancel(client_order_id, venue_order_id, symbol)


class GoesOnAfterTheInstant(PaperClient):
    """Takes what is strictly later than the last trade of a page: others of that instant are lost."""

    async def fills_since(self, cursor: str) -> FillPage:
        """Give one trade a page, and go on behind its instant."""
        page = await super().fills_since("")
        since_ns = int(cursor or -1)
        later = [fill for fill in page.fills if fill.ts_event > since_ns]
        after = str(later[0].ts_event) if later else cursor
        return FillPage(later[:1], after, more=len(later) > 1)


class SaysNothingOfRules(PaperClient):
    """Passes a refusal on without saying that it was for a rule of the symbol."""

    async def submit(self, request: SubmitRequest) -> Answer:
        """Submit, and leave that out."""
        return replace(await super().submit(request), names_rules=False)
