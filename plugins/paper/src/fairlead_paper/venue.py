"""The venue itself: a state machine that knows no clock, no randomness, no file and no network.

Every step is a call with the time in it: `place`, `modify`, `cancel`, `trade`, `show`, `adjust`, `expire`. It
answers, changes the state, and leaves behind what changed (`take_changes`), for whoever persists and
publishes it. How it trades is in `matching`, money in `money`, what waits for a trigger in `triggers`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from fairlead.errors import ConfigurationRefused, InvalidInput
from fairlead.ports.exchange import (
    AdjustmentKind,
    Fence,
    Instrument,
    LedgerEntry,
    ModifyRequest,
    OrderSide,
    OrderType,
    SubmitRequest,
    Terms,
    VenueStatus,
)
from fairlead_paper.book import Level, is_book
from fairlead_paper.changes import Changes, Diary
from fairlead_paper.exact import ZERO, is_usable, subtract
from fairlead_paper.market import Market
from fairlead_paper.matching import Matching
from fairlead_paper.messages import Holding, Refused, Taken
from fairlead_paper.money import Money
from fairlead_paper.records import (
    Balance,
    ClientIdRule,
    PublicTrade,
    VenueFill,
    VenueOrder,
    VenueRules,
)
from fairlead_paper.refusals import change_refusal, shape_refusal
from fairlead_paper.shelves import Shelves

__all__ = ["Changes", "Venue"]


class Venue:
    """Accounts, balances, orders and fills of one simulated spot exchange."""

    def __init__(self, rules: VenueRules, instruments: Sequence[Instrument]) -> None:
        self.rules = rules
        self.markets = {instrument.symbol: Market(instrument, rules) for instrument in instruments}
        if not self.markets:
            raise ConfigurationRefused(
                "A venue needs at least one instrument.", fix="Name one under instruments."
            )
        self.order_count = 0
        self.shelves = Shelves()
        self._diary = Diary()
        self.money = Money(rules, self._diary)
        self._matching = Matching(rules, self.markets, self.money, self.shelves, self._diary)

    # -- setting up ------------------------------------------------------------------------------------------

    def open_account(self, account: str, opening: Mapping[str, Decimal]) -> None:
        """Open an account with balances; refused when it exists."""
        if self.shelves.has_account(account):
            raise ConfigurationRefused(f"The account {account} exists already at this venue.")
        self.money.open_account(account, opening)
        self.shelves.open_account(account)

    def restore(
        self,
        balances: Iterable[Balance],
        orders: Iterable[VenueOrder],
        fills: Iterable[VenueFill],
        entries: Iterable[tuple[str, LedgerEntry]] = (),
    ) -> None:
        """Take over what a file kept; only on a venue that did nothing yet. Each in sequence."""
        self.money.restore(balances, entries)
        for account, _ in self.money.balances:
            self.shelves.open_account(account)
        matching = self._matching
        for order in orders:
            self.shelves.keep_order(order)
            if order.is_open:
                matching.restore(order)
            self.order_count = order.sequence
            matching.place_count = max(matching.place_count, order.priority)
        for fill in fills:
            self.shelves.keep_fill(fill)
            matching.fill_count = fill.sequence

    def take_changes(self) -> Changes:
        """Return what changed since the last call, and forget it."""
        return self._diary.take()

    # -- the account's requests ------------------------------------------------------------------------------

    def place(self, account: str, request: SubmitRequest, now_ns: int) -> Taken | Refused:
        """Take an order; trade at once what can be had, let the rest wait, or wait for its trigger."""
        market = self.markets.get(request.symbol)
        if market is None:
            return Refused(f"unknown_symbol: {ascii(request.symbol)[:40]} is not traded here", now_ns)
        refusal = self._entry_refusal(account, request, now_ns) or shape_refusal(request, market)
        if refusal:
            return Refused(refusal, now_ns)
        order = self._order_of(account, request, market, now_ns)
        need = self.money.need(order, market, order.quantity)
        refusal = self._reduction_refusal(order, market) or self._funds_refusal(order, need)
        if refusal:
            return Refused(refusal, now_ns)
        self.order_count = order.sequence
        order.priority = self._matching.next_place()
        self.money.hold(order, need)
        self.shelves.keep_order(order)
        self._diary.order_moved(order)
        self._matching.begin(order, market, now_ns)
        return Taken(order.venue_order_id, now_ns)

    def modify(self, account: str, change: ModifyRequest, now_ns: int) -> Taken | Refused:
        """Change an open order in place. One whose new price crosses trades at once.

        It keeps its place at its price unless the price changes or the quantity grows.
        """
        order = self.shelves.order(account, change.client_order_id, change.venue_order_id)
        if order is None:
            return Refused("unknown_order: no such order", now_ns)
        if not order.is_open:
            return Refused(f"order_closed: it is {order.status.value}", now_ns)
        market, terms = self.markets[order.symbol], change.terms
        refusal = self._elapsed(change.deadline_ns, now_ns) or change_refusal(order, change, market)
        if refusal:
            return Refused(refusal, now_ns)
        refusal = self._change_lock(order, market, terms)
        if refusal:
            return Refused(refusal, now_ns)
        market.remove(order)
        loses_place = terms.limit_price != order.limit_price or terms.quantity > order.quantity
        order.quantity, order.limit_price, order.updated_ns = terms.quantity, terms.limit_price, now_ns
        order.trigger_price = terms.trigger_price
        self._diary.order_moved(order)
        if order.is_waiting_for_trigger or order.crossed or loses_place:
            if loses_place:
                order.priority = self._matching.next_place()
            self._matching.begin(order, market, now_ns)
        else:
            market.add(order)
        return Taken(order.venue_order_id, now_ns)

    def cancel(self, account: str, client_order_id: str, venue_order_id: str, now_ns: int) -> Taken | Refused:
        """Cancel an open order; a finished or unknown one is refused and stays as it is."""
        order = self.shelves.order(account, client_order_id, venue_order_id)
        if order is None:
            return Refused("unknown_order: no such order", now_ns)
        if not order.is_open:
            return Refused(f"order_closed: it is {order.status.value}", now_ns)
        self._matching.close(order, VenueStatus.CANCELED, "canceled on request", now_ns)
        return Taken(order.venue_order_id, now_ns)

    # -- the world around it ---------------------------------------------------------------------------------

    def trade(self, trade: PublicTrade) -> None:
        """Let a public trade happen: give its volume to the orders it reaches, then set triggers off."""
        market = self._market(trade.symbol, "trade.symbol")
        self._matching.expire(trade.ts_event)
        self._matching.trade(trade, market)

    def show(self, symbol: str, bids: Sequence[Level], asks: Sequence[Level], now_ns: int) -> None:
        """Take the book of others as it is now, best levels first; it stands until the next one.

        Raises `InvalidInput` for what is no book.
        """
        market = self._market(symbol, "book.symbol")
        if not is_book(bids, asks):
            raise InvalidInput(
                "book", "is no book", fix="Positive figures, best first, the bid below the ask."
            )
        self._matching.expire(now_ns)
        self._matching.show(bids, asks, market, now_ns)

    def adjust(
        self, account: str, asset: str, amount: Decimal, kind: AdjustmentKind, note: str, now_ns: int
    ) -> LedgerEntry | Refused:
        """Move a balance without a trade, as a deposit (above zero) or a withdrawal (below) does."""
        if not self.shelves.has_account(account):
            return Refused("unknown_account: no such account", now_ns)
        if type(amount) is not Decimal or not is_usable(amount.copy_abs()) or not asset:
            return Refused("bad_amount: an asset and an amount other than zero are needed", now_ns)
        moved = self.money.adjust(account, asset, amount, kind, note, now_ns)
        return moved if isinstance(moved, LedgerEntry) else Refused(moved, now_ns)

    def expire(self, now_ns: int) -> None:
        """End the orders that were good until a date which has come."""
        self._matching.expire(now_ns)

    # -- reading ---------------------------------------------------------------------------------------------

    @property
    def fill_count(self) -> int:
        """Return how many fills there were."""
        return self._matching.fill_count

    @property
    def next_expiry_ns(self) -> int:
        """Return when the next order that is good until a date ends, 0 when there is none."""
        return self._matching.next_expiry_ns

    def holdings(self, account: str) -> list[Holding]:
        """Return the account's balances by asset."""
        return self.money.holdings(account)

    # -- inside ----------------------------------------------------------------------------------------------

    def _market(self, symbol: str, field: str) -> Market:
        market = self.markets.get(symbol)
        if market is None:
            raise InvalidInput(field, f"{ascii(symbol)[:40]} is not traded here")
        return market

    def _entry_refusal(self, account: str, request: SubmitRequest, now_ns: int) -> str:
        if not self.shelves.has_account(account):
            return "unknown_account: no such account"
        rules = self.rules
        elapsed = self._elapsed(request.deadline_ns, now_ns)
        if elapsed:
            return elapsed
        if 0 < request.expire_ns <= now_ns:
            return f"already_expired: it is {now_ns}, good until {request.expire_ns}"
        if rules.client_id_rule is not ClientIdRule.NEVER:
            for_ever = rules.client_id_rule is ClientIdRule.FOR_EVER
            if self.shelves.id_is_taken(account, request.client_order_id, for_ever=for_ever):
                return "duplicate_client_order_id: taken by another order"
        return ""

    def _elapsed(self, deadline_ns: int, now_ns: int) -> str:
        if self.rules.fence is Fence.DEADLINE and 0 < deadline_ns <= now_ns:
            return f"deadline_elapsed: it is {now_ns}, the deadline was {deadline_ns}"
        return ""

    def _reduction_refusal(self, order: VenueOrder, market: Market) -> str:
        if not order.reduce_only:
            return ""
        if order.side is OrderSide.BUY:
            return "reduce_only: a buy reduces nothing here"
        if self.money.balance(order.account, order.lock_asset).total < market.instrument.quantity_increment:
            return "reduce_only: nothing is held to reduce"
        return ""

    def _funds_refusal(self, order: VenueOrder, need: Decimal) -> str:
        """Refuse what cannot be paid for; one that only reduces trades no more than is held anyway."""
        return "" if order.reduce_only else self.money.funds_refusal(order, need)

    def _change_lock(self, order: VenueOrder, market: Market, terms: Terms) -> str:
        """Let the order hold what its new terms need, or say why it cannot."""
        before = order.crossed, order.lock_price
        if terms.limit_price != order.limit_price:
            order.crossed = market.crosses(order.side, terms.limit_price)
        order.lock_price = terms.limit_price or terms.trigger_price or order.lock_price
        need = self.money.need(order, market, subtract(terms.quantity, order.filled_quantity))
        refusal = self._funds_refusal(order, need)
        if refusal:
            order.crossed, order.lock_price = before
            return refusal
        self.money.hold(order, need)
        return ""

    def _order_of(self, account: str, request: SubmitRequest, market: Market, now_ns: int) -> VenueOrder:
        sequence = self.order_count + 1
        instrument = market.instrument
        is_buy = request.side is OrderSide.BUY
        order = VenueOrder(
            sequence=sequence,
            account=account,
            venue_order_id=f"O{sequence:08d}",
            client_order_id=request.client_order_id,
            symbol=request.symbol,
            side=request.side,
            order_type=request.order_type,
            time_in_force=request.time_in_force,
            quantity=request.quantity,
            limit_price=request.limit_price,
            reduces=request.reduces,
            deadline_ns=request.deadline_ns,
            crossed=False,
            lock_asset=instrument.quote if is_buy else instrument.base,
            lock_price=ZERO,
            locked=ZERO,
            created_ns=now_ns,
            updated_ns=now_ns,
            post_only=request.post_only,
            trigger_price=request.trigger_price,
            trailing_distance=request.trailing_distance,
            trailing_rate=request.trailing_rate,
            expire_ns=request.expire_ns,
            reduce_only=request.reduce_only,
        )
        self._reckon(order, market)
        return order

    @staticmethod
    def _reckon(order: VenueOrder, market: Market) -> None:
        """Find out what a new order meets: where it trails from, whether it crosses, what its lock costs."""
        if order.order_type is OrderType.TRAILING_STOP:
            order.watermark = market.last_price
        if not order.is_waiting_for_trigger:
            order.crossed = market.crosses(order.side, order.limit_price)
        priced = order.limit_price or order.trigger_price
        if priced is None and order.stop_price is not None:
            priced = market.up_to_tick(order.stop_price)
        order.lock_price = priced or market.taking_price(order.side) or market.last_price or ZERO
