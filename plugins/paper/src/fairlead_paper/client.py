"""The exchange client of the paper venue: classifies every answer from data, and never sends twice."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TypeVar

import attrs

from fairlead.errors import ConfigurationRefused, ExchangeFault, RateLimited
from fairlead.ports.clock import Clock
from fairlead.ports.components import KernelComponent
from fairlead.ports.exchange import (
    AdjustmentKind,
    Answer,
    ExchangeCapabilities,
    FillPage,
    FillReport,
    Instrument,
    LedgerEntry,
    LedgerPage,
    LookUp,
    ModifyRequest,
    OrderReport,
    Outcome,
    Quote,
    Report,
    ReportSink,
    SubmitRequest,
    Trade,
    VenueBalance,
)
from fairlead_paper import messages as say
from fairlead_paper.book import Level
from fairlead_paper.fault_link import FaultyLink
from fairlead_paper.follower import PriceFollower
from fairlead_paper.link import Link, LinkFault, NoAnswer, NotSent
from fairlead_paper.records import ALIVE, Locking
from fairlead_paper.refusals import RULE_CODES

Content = TypeVar("Content")


@attrs.frozen(kw_only=True)
class Patience:
    """How a client tries to get a broken stream back: first delay, doubled up to the longest."""

    # fixed: defaults of a class that tests make with other figures; the venue is on this machine
    delay_ns: int = 200_000_000
    delay_max_ns: int = 10_000_000_000


class PaperClient:
    """One account at the paper venue.

    It also drives a replay (`advance`) and tells how the venue stands (`venue_state`), which is not
    part of the exchange port.
    """

    def __init__(
        self,
        link: Link,
        clock: Clock,
        capabilities: ExchangeCapabilities,
        *,
        name: str = "paper",
        patience: Patience | None = None,
        follow: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.capabilities = capabilities
        self._link = link
        self._clock = clock
        self._patience = patience or Patience()
        self._follow = follow
        self._sink: ReportSink | None = None
        self._reconnecting: asyncio.Task[None] | None = None

    # -- the connection --------------------------------------------------------------------------------------

    async def connect(self, sink: ReportSink) -> None:
        """Open the connection and stream into the sink; raise `ExchangeFault` when the venue is not there.

        Raises `ConfigurationRefused` when the venue's fence or locking is not what this client promises.
        """
        await self.disconnect()
        welcome = await self._link.open(self)
        if welcome.fence is not self.capabilities.fence:
            await self._link.close()
            raise ConfigurationRefused(
                f"The paper venue's fence is {welcome.fence.value}, not {self.capabilities.fence.value}.",
                not_done="The client did not connect.",
                fix="Set the plugin's fence to the venue's.",
            )
        if (welcome.locking is Locking.PER_ORDER) is not self.capabilities.locks_balance:
            await self._link.close()
            raise ConfigurationRefused(
                f"The paper venue's locking is {welcome.locking.value}, and the client promises another.",
                not_done="The client did not connect.",
                fix="Set the plugin's locking to the venue's.",
            )
        self._sink = sink

    async def disconnect(self) -> None:
        """Close everything; harmless when not connected."""
        self._sink = None
        reconnecting, self._reconnecting = self._reconnecting, None
        if reconnecting is not None:
            reconnecting.cancel()
            await asyncio.wait((reconnecting,))
        await self._link.close()

    def report(self, report: Report) -> None:
        """Take a report from the link; not for users."""
        if self._sink is None or (type(report) in (Trade, Quote) and not self.capabilities.price_source):
            return
        self._sink.put(report)

    def broken(self, reason: str) -> None:
        """Hear from the link that the stream broke; not for users."""
        if self._sink is None:
            return
        self._sink.disconnected(reason)
        self._reconnecting = asyncio.get_running_loop().create_task(self._reconnect(self._sink))

    async def _reconnect(self, sink: ReportSink) -> None:
        delay_ns = self._patience.delay_ns
        while True:
            await self._clock.sleep_ns(delay_ns)
            try:
                await self._link.open(self)
            except LinkFault:
                delay_ns = min(2 * delay_ns, self._patience.delay_max_ns)
            else:
                sink.reconnected()
                return

    # -- orders ----------------------------------------------------------------------------------------------

    async def submit(self, request: SubmitRequest) -> Answer:
        """Send the order exactly once; whatever is not clear from data is `UNKNOWN`."""
        return await self._ask_once(say.Place(request))

    async def modify(self, request: ModifyRequest) -> Answer:
        """Ask once to change an open order in place; whatever is not clear from data is `UNKNOWN`."""
        return await self._ask_once(say.Modify(request))

    async def cancel(self, client_order_id: str, venue_order_id: str, symbol: str) -> Answer:
        """Ask to cancel; the cancel of a finished order is refused with the reason ``order_closed``."""
        return await self._ask_once(say.Cancel(client_order_id, venue_order_id, symbol))

    async def _ask_once(self, request: say.Request) -> Answer:
        try:
            reply = await self._link.ask(request)
        except NotSent as error:
            return Answer(Outcome.NOT_SENT, reason=str(error))
        except NoAnswer as error:
            return Answer(Outcome.UNKNOWN, reason=str(error))
        if type(reply) is say.Taken and reply.venue_order_id:
            return Answer(Outcome.ACCEPTED, reply.venue_order_id, ts_event=reply.ts_event)
        if type(reply) is say.Refused:
            names_rules = reply.reason.partition(":")[0] in RULE_CODES
            return Answer(
                Outcome.REFUSED, reason=reply.reason, ts_event=reply.ts_event, names_rules=names_rules
            )
        if type(reply) is say.Limited:
            return Answer(Outcome.LIMITED, reason=reply.reason, retry_after_ns=reply.retry_after_ns)
        return Answer(Outcome.UNKNOWN, reason="The answer does not fit the request.")

    async def look_up(self, client_order_id: str, symbol: str) -> LookUp:  # noqa: ARG002 - ids are venue-wide
        """Read open orders, closed orders and trades: in this order no move between them hides one."""
        return await self._find(client_order_id, "")

    async def find(self, venue_order_id: str, symbol: str) -> LookUp:  # noqa: ARG002 - ids are venue-wide
        """Look any order of the account up by the venue's id, whoever placed it."""
        return await self._find("", venue_order_id)

    async def _find(self, client_order_id: str, venue_order_id: str) -> LookUp:
        reports: dict[str, OrderReport] = {}
        fills: Sequence[FillReport] = ()
        complete = True
        for shelf in say.Shelf:
            reply = await self._ask_or_none(say.Find(shelf, client_order_id, venue_order_id))
            if isinstance(reply, say.Orders) and shelf is not say.Shelf.TRADES:
                # the later reading of the same order is the newer one
                reports.update((report.venue_order_id, report) for report in reply.orders)
            elif isinstance(reply, say.Fills) and shelf is say.Shelf.TRADES:
                fills = reply.fills
            else:
                complete = False
        return LookUp(_best(list(reports.values())), fills, complete)

    async def _ask_or_none(self, request: say.Request) -> say.Reply | None:
        try:
            return await self._link.ask(request)
        except LinkFault:
            return None

    def components(self) -> Sequence[KernelComponent]:
        """Return what follows the kernel's prices, when the client was told to."""
        return (PriceFollower(self, self._follow, f"{self.name}-follows"),) if self._follow else ()

    # -- the account -----------------------------------------------------------------------------------------

    async def instruments(self) -> Sequence[Instrument]:
        """Return the venue's rules for every symbol; raise `ExchangeFault` when they cannot be read."""
        return (await self._read(say.ReadRules(), say.Rules)).instruments

    async def open_orders(self) -> Sequence[OrderReport]:
        """Return every open order of the account; raise `ExchangeFault` when they cannot be read."""
        return (await self._read(say.ReadOpen(), say.Orders)).orders

    async def fills_since(self, cursor: str) -> FillPage:
        """Return the next page of fill history; raise `ExchangeFault` when it cannot be read."""
        page = await self._read(say.ReadFills(cursor), say.Fills)
        return FillPage(page.fills, page.cursor, page.more)

    async def balances(self) -> Mapping[str, VenueBalance]:
        """Return what is held of each asset; raise `ExchangeFault` when that cannot be read."""
        return {held.asset: VenueBalance(held.total, held.locked) for held in await self.holdings()}

    async def holdings(self) -> Sequence[say.Holding]:
        """Return total and locked quantity of each asset; raise `ExchangeFault` when they cannot be read."""
        return (await self._read(say.ReadBalances(), say.Holdings)).holdings

    async def ledger_since(self, cursor: str) -> LedgerPage:
        """Return the next page of the ledger; raise `ExchangeFault` when it cannot be read."""
        page = await self._read(say.ReadLedger(cursor), say.Ledger)
        return LedgerPage(page.entries, page.cursor, page.more)

    async def _read(self, request: say.Request, expected: type[Content]) -> Content:
        reply = await self._link.ask(request)
        if isinstance(reply, expected):
            return reply
        if isinstance(reply, say.Limited):
            what = f"The paper venue did not look at a question: {reply.reason}."
            raise RateLimited(what, retry_after_ns=reply.retry_after_ns)
        reason = reply.reason if isinstance(reply, say.Refused) else "the answer does not fit"
        raise ExchangeFault(f"The paper venue did not answer a question: {reason}.")

    # -- driving the venue -----------------------------------------------------------------------------------

    async def advance(self, count: int = 1, *, at: int = -1) -> say.Played:
        """Play the next trades of the tape and return them; raise `ExchangeFault` when that is refused.

        With *at*, only when the tape stands at that index: so a driver may ask again after a kill.
        """
        return await self._read(say.Advance(count, at), say.Played)

    async def show_book(self, symbol: str, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        """Show the venue the book of others, best levels first; raise `ExchangeFault` for what is none.

        A level is a price and a quantity in base. The book stands until the next one is shown.
        """
        await self._read(say.ShowBook(symbol, bids, asks), say.Taken)

    async def feed(self, price: Quote | Trade) -> None:
        """Let a price of the world outside move the venue's market; raise `ExchangeFault` when refused.

        A trade happens there now, a quote is the book from now on.
        """
        request = say.FeedTrade(price) if isinstance(price, Trade) else say.FeedQuote(price)
        await self._read(request, say.Taken)

    async def deposit(self, asset: str, amount: Decimal, note: str = "") -> LedgerEntry:
        """Put an amount above zero into the account; raise `ExchangeFault` when that is refused."""
        return await self.adjust(asset, amount, AdjustmentKind.DEPOSIT, note)

    async def withdraw(self, asset: str, amount: Decimal, note: str = "") -> LedgerEntry:
        """Take an amount above zero out; raise `ExchangeFault` when more than what is free."""
        return await self.adjust(asset, amount.copy_negate(), AdjustmentKind.WITHDRAWAL, note)

    async def adjust(self, asset: str, amount: Decimal, kind: AdjustmentKind, note: str = "") -> LedgerEntry:
        """Move a balance by a signed amount, as funding or a reward does; raise `ExchangeFault` as above."""
        ledger = await self._read(say.Adjust(asset, amount, kind, note), say.Ledger)
        return ledger.entries[0]

    async def move_time(self, now_ns: int) -> None:
        """Let a venue in the tape's time grow older; raise `ExchangeFault` when it lives in another."""
        await self._read(say.MoveTime(now_ns), say.Taken)

    async def read_trades(self, start: int, count: int) -> say.Played:
        """Return trades that were played already; raise `ExchangeFault` when they cannot be read."""
        return await self._read(say.ReadTrades(start, count), say.Played)

    async def venue_state(self) -> say.State:
        """Return tape position, time, counts, and how often each kind of fault was injected."""
        return await self._read(say.ReadState(), say.State)

    async def shut_venue_down(self) -> None:
        """End the venue's process."""
        await self._read(say.Shutdown(), say.Taken)

    @property
    def faults_fired(self) -> Mapping[str, int]:
        """Return how often each kind of fault was injected into this client, by kind."""
        return dict(self._link.fired) if isinstance(self._link, FaultyLink) else {}

    def stop_faults(self) -> None:
        """Let nothing more be injected into this client."""
        if isinstance(self._link, FaultyLink):
            self._link.stop_faults()


def _best(reports: Sequence[OrderReport]) -> OrderReport | None:
    """Return the one alive, else the newest; several orders share an id where the venue lets them."""
    for report in reversed(reports):
        if report.status in ALIVE:
            return report
    return reports[-1] if reports else None
