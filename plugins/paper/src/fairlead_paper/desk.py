"""The venue in operation: one request at a time, each step durable before anyone hears of it."""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections.abc import Callable, Sequence
from operator import attrgetter

from fairlead.errors import ExchangeFault, InvalidInput
from fairlead.ports.exchange import Report
from fairlead_paper import messages as say
from fairlead_paper.book import Level
from fairlead_paper.exact import ZERO, is_usable
from fairlead_paper.rate_limit import Throttle
from fairlead_paper.records import PublicTrade
from fairlead_paper.tape import Tape, TapeTrade
from fairlead_paper.venue import Venue
from fairlead_paper.venue_file import VenueFile

_time_of = attrgetter("ts_ns")
Listener = Callable[[Report], None]
# fixed: bounds one turn of a simulated venue; the trades are the same
ADVANCE_MAX = 10_000


class Desk:
    """One venue with its time, its tape and its file; in process or behind a server.

    *now_ns* gives the venue's time; without it the venue lives in the tape's time, which stands still
    between two trades unless a driver moves it. Everything is synchronous: a step is whole or did not happen.
    """

    def __init__(
        self,
        venue: Venue,
        now_ns: Callable[[], int] | None = None,
        *,
        tape: Tape | None = None,
        position: int = 0,
        file: VenueFile | None = None,
        throttle: Throttle | None = None,
    ) -> None:
        self.venue = venue
        self.position = position
        self._now_ns = now_ns
        self._tape = tape
        self._file = file
        self.throttle = throttle or Throttle(None)
        self._faults = file.faults() if file else {}
        self._sessions = file.sessions() if file else 0
        self._listeners: list[tuple[str, Listener]] = []
        self._broken = ""
        self._moved_to_ns = 0

    @property
    def has_file(self) -> bool:
        """Tell whether the venue is kept in a file."""
        return self._file is not None

    def now_ns(self) -> int:
        """Return the venue's time."""
        if self._now_ns is not None:
            return self._now_ns()
        trades = self._trades
        played_ns = trades[max(0, min(self.position, len(trades)) - 1)].ts_ns if trades else 0
        return max(played_ns, self._moved_to_ns)

    @property
    def lives_on_tape(self) -> bool:
        """Tell whether its time is that of the tape."""
        return self._now_ns is None

    @property
    def next_ns(self) -> int:
        """Return when the next trade happens on the tape, 0 at its end."""
        trades = self._trades
        return trades[self.position].ts_ns if self.position < len(trades) else 0

    @property
    def _trades(self) -> Sequence[TapeTrade]:
        return self._tape.trades if self._tape else ()

    def trades_until(self, tape_ns: int) -> int:
        """Return how many trades of the tape come until that time of the tape, that instant included."""
        return bisect_right(self._trades, tape_ns, lo=self.position, key=_time_of) - self.position

    def play(self, request: say.Advance) -> None:
        """Play trades of the tape, as whoever runs the venue does."""
        self.handle("", request)

    def expire(self) -> None:
        """End what was good until a date that has come; done before every request anyway."""
        self._check()
        self._expire()

    def listen(self, account: str, listener: Listener) -> Callable[[], None]:
        """Send the account's reports and all public trades to the listener until the result is called."""
        entry = (account, listener)
        self._listeners.append(entry)

        def stop() -> None:
            if entry in self._listeners:
                self._listeners.remove(entry)

        return stop

    def begin_session(self, account: str) -> say.Welcome:
        """Welcome a client of the account; raise `ExchangeFault` when there is no such account."""
        if not self.venue.shelves.has_account(account):
            raise ExchangeFault(
                "The paper venue has no such account.", fix="Use the account it was opened with."
            )
        self._sessions += 1
        if self._file:
            self._guarded(lambda file: file.add_session(account, self.now_ns()))
        return say.Welcome(self._sessions, self.venue.rules.fence, self.venue.rules.locking)

    def trade(self, trade: PublicTrade) -> None:
        """Let a public trade happen that is on no tape."""
        self._check()
        self.venue.trade(trade)
        self._finish(None)

    def show(self, symbol: str, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        """Take the book of others as it is now, best levels first; `InvalidInput` for what is none."""
        self._check()
        self.venue.show(symbol, bids, asks, self.now_ns())
        self._finish(self.position)  # also half a book, of which nobody is told, is kept

    def close(self) -> None:
        """Close the file; harmless when there is none."""
        if self._file:
            self._file.close()

    def handle(self, account: str, request: say.Request) -> say.Reply:
        """Answer one request; raise `ExchangeFault` when the step could not be made durable."""
        self._check()
        try:
            return self._step(account, request)
        except ExchangeFault:
            raise
        except Exception as error:  # isolation point: a step that died half-way leaves a state to distrust
            self._broken = self._broken or f"a step failed ({type(error).__name__}: {error})"
            raise

    def _step(self, account: str, request: say.Request) -> say.Reply:
        self._expire()
        limited = self._limited(account, request)
        if limited is not None:
            return limited
        if isinstance(request, say.Place):
            placed = self.venue.place(account, request.order, self.now_ns())
            self._finish(None)
            return placed
        if isinstance(request, say.Modify):
            modified = self.venue.modify(account, request.change, self.now_ns())
            self._finish(None)
            return modified
        if isinstance(request, say.Cancel):
            canceled = self.venue.cancel(
                account, request.client_order_id, request.venue_order_id, self.now_ns()
            )
            self._finish(None)
            return canceled
        return self._drive(account, request) or self._read(account, request)

    def _drive(self, account: str, request: say.Request) -> say.Reply | None:
        """Do what whoever drives the venue asks for; nothing when it is no such request."""
        if isinstance(request, say.Advance):
            return self._advance(request)
        if isinstance(request, say.Adjust):
            return self._adjust(account, request)
        if isinstance(request, say.ShowBook):
            return self._shown(request.symbol, request.bids, request.asks)
        if isinstance(request, say.FeedTrade | say.FeedQuote):
            return self._feed(request)
        if isinstance(request, say.MoveTime):
            return self._move_time(request.now_ns)
        if isinstance(request, say.NoteFault):
            return self._note_fault(request.kind)
        return None

    def _expire(self) -> None:
        """End what was good until a date that has come, before anything else is looked at."""
        due_ns = self.venue.next_expiry_ns
        if due_ns and due_ns <= (now_ns := self.now_ns()):
            self.venue.expire(now_ns)
            self._finish(None)

    def _limited(self, account: str, request: say.Request) -> say.Limited | None:
        if not self.throttle.is_on:
            return None
        now_ns, age_ns = self.now_ns(), 0
        if isinstance(request, say.Cancel | say.Modify):
            about = request.change if isinstance(request, say.Modify) else request
            order = self.venue.shelves.order(account, about.client_order_id, about.venue_order_id)
            age_ns = now_ns - order.created_ns if order is not None else 0
        return self.throttle.refusal(account, self.throttle.price(request, age_ns), now_ns)

    def _read(self, account: str, request: say.Request) -> say.Reply:
        shelves = self.venue.shelves
        if isinstance(request, say.Find):
            client_id, venue_id = request.client_order_id, request.venue_order_id
            if request.shelf is say.Shelf.TRADES:
                return say.Fills(shelves.find_fills(account, client_id, venue_id))
            return say.Orders(shelves.find_orders(account, client_id, request.shelf, venue_id))
        if isinstance(request, say.ReadOpen):
            return say.Orders(shelves.open_orders(account))
        if isinstance(request, say.ReadFills):
            return shelves.fills_after(account, request.cursor, self.venue.rules.fill_page_size)
        if isinstance(request, say.ReadBalances):
            return say.Holdings(self.venue.holdings(account))
        if isinstance(request, say.ReadLedger):
            return self.venue.money.ledger_after(account, request.cursor, self.venue.rules.fill_page_size)
        if isinstance(request, say.ReadRules):
            return say.Rules([market.instrument for market in self.venue.markets.values()])
        if isinstance(request, say.ReadTrades):
            return self._read_trades(request)
        if isinstance(request, say.ReadState):
            return self._state()
        return say.Refused("unknown_request: not taken here", self.now_ns())

    def _advance(self, request: say.Advance) -> say.Played | say.Refused:
        """Play the next trades, all of them in one durable step."""
        trades = self._trades
        if not 0 < request.count <= ADVANCE_MAX:
            return say.Refused(f"bad_count: 1 to {ADVANCE_MAX} trades are played at once", self.now_ns())
        if request.at >= 0 and request.at != self.position:
            return say.Refused(f"tape_moved: it stands at {self.position}, not {request.at}", self.now_ns())
        played: list[say.PlayedTrade] = []
        for recorded in trades[self.position : self.position + request.count]:
            now_ns = self._now_ns() if self._now_ns is not None else recorded.ts_ns
            trade = PublicTrade(self._symbol, recorded.price, recorded.quantity, now_ns, self.position)
            self.venue.trade(trade)
            played.append(self._played(self.position, recorded, now_ns))
            self.position += 1
        self._finish(self.position)
        return say.Played(played, self.position, len(trades), self.next_ns)

    def _shown(self, symbol: str, bids: Sequence[Level], asks: Sequence[Level]) -> say.Taken | say.Refused:
        try:
            self.show(symbol, bids, asks)
        except InvalidInput as error:
            return say.Refused(f"bad_book: {error}", self.now_ns())
        return say.Taken("", self.now_ns())

    def _feed(self, fed: say.FeedTrade | say.FeedQuote) -> say.Taken | say.Refused:
        """Let a price of the world outside move the market, now; a side of unknown size has the set one."""
        now_ns = self.now_ns()
        if self._now_ns is None:
            return say.Refused("tape_time: the venue lives in its tape's time, not in the world's", now_ns)
        if isinstance(fed, say.FeedQuote):
            quote, unsaid = fed.quote, self.venue.rules.quote_quantity
            bid, ask = quote.bid_quantity or unsaid, quote.ask_quantity or unsaid
            bids, asks = [(quote.bid, bid)] if bid else [], [(quote.ask, ask)] if ask else []
            return self._shown(quote.symbol, bids, asks)
        trade = fed.trade
        if not is_usable(trade.price) or not (trade.quantity == ZERO or is_usable(trade.quantity)):
            return say.Refused("bad_trade: price and quantity are no decimals above zero", now_ns)
        try:
            self.trade(PublicTrade(trade.symbol, trade.price, trade.quantity, now_ns))
        except InvalidInput as error:
            return say.Refused(f"bad_trade: {error}", now_ns)
        return say.Taken("", now_ns)

    def _adjust(self, account: str, request: say.Adjust) -> say.Ledger | say.Refused:
        moved = self.venue.adjust(
            account, request.asset, request.amount, request.kind, request.note, self.now_ns()
        )
        self._finish(None)
        return moved if isinstance(moved, say.Refused) else say.Ledger([moved])

    @property
    def _symbol(self) -> str:
        return self._tape.symbol if self._tape else ""

    def _played(self, index: int, recorded: TapeTrade, now_ns: int) -> say.PlayedTrade:
        return say.PlayedTrade(index, self._symbol, recorded.price, recorded.quantity, recorded.ts_ns, now_ns)

    def _read_trades(self, request: say.ReadTrades) -> say.Played | say.Refused:
        """Return played trades by index; their time is the tape's, whatever the venue's was."""
        if not 0 < request.count <= ADVANCE_MAX or request.start < 0:
            return say.Refused(f"bad_count: 1 to {ADVANCE_MAX} trades are read at once", self.now_ns())
        trades = self._trades
        end = min(request.start + request.count, self.position)
        read = [
            self._played(index, trades[index], trades[index].ts_ns) for index in range(request.start, end)
        ]
        return say.Played(read, self.position, len(trades), self.next_ns)

    def _move_time(self, now_ns: int) -> say.Taken | say.Refused:
        """Grow older, never younger and never older than the next trade; not kept in the file."""
        if self._now_ns is not None or self._tape is None:
            return say.Refused("not_tape_time: the venue lives in its clock's time", self.now_ns())
        latest_ns = self.next_ns or now_ns
        self._moved_to_ns = max(self._moved_to_ns, min(now_ns, latest_ns))
        return say.Taken("", self.now_ns())

    def _note_fault(self, kind: str) -> say.Taken:
        self._faults[kind] = self._faults.get(kind, 0) + 1
        if self._file:
            self._guarded(lambda file: file.count_fault(kind))
        return say.Taken("", self.now_ns())

    def _state(self) -> say.State:
        return say.State(
            position=self.position,
            length=len(self._trades),
            now_ns=self.now_ns(),
            orders=self.venue.order_count,
            open_orders=self.venue.shelves.open_count(),
            fills=self.venue.fill_count,
            faults=dict(self._faults),
            next_ns=self.next_ns,
        )

    def _finish(self, position: int | None) -> None:
        """Make the step durable, then tell the listeners."""
        changes = self.venue.take_changes()
        if self._file and (changes.events or changes.adjustments or position is not None):
            self._guarded(lambda file: file.save(changes, position))
        if self._listeners and changes.events:
            for account, report in changes.events:
                for owner, listener in tuple(self._listeners):
                    if account is None or account == owner:
                        listener(report)

    def _guarded(self, write: Callable[[VenueFile], None]) -> None:
        """Write to the file; after a failure memory is ahead of it, so nothing is answered any more."""
        if self._file is None:
            return
        try:
            write(self._file)
        except sqlite3.Error as error:
            self._broken = f"its file could not be written ({error})"
            self._check()

    def _check(self) -> None:
        if self._broken:
            raise ExchangeFault(
                f"The paper venue stopped: {self._broken}.",
                not_done="Nothing is answered any more.",
                fix="Start it again; it continues from its file, where a step is whole or not there.",
            )
