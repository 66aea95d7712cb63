"""Matching: who trades when, at which price, and what becomes of the rest.

The rules are told in ``docs/explanation/paper-venue.md``; in short: our orders trade with others only, never
with each other. A public trade's volume is given out once, best price first, then first come first. Who takes
pays the taker's fee and gets the trade's price, or walks the book where there is one; who waited pays the
maker's fee, gets its own limit price, and only what reaches it through the queue before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from fairlead.ports.exchange import Liquidity, OrderSide, Quote, TimeInForce, Trade, VenueStatus
from fairlead_paper.book import Book, Level
from fairlead_paper.changes import Diary
from fairlead_paper.exact import ONE, ZERO, add, floor_to, multiply, subtract
from fairlead_paper.market import Market
from fairlead_paper.money import Money
from fairlead_paper.records import Locking, PublicTrade, VenueFill, VenueOrder, VenueRules
from fairlead_paper.shelves import Shelves
from fairlead_paper.triggers import is_reached


class Matching:
    """Lets orders trade, wait, be triggered and end.

    *fill_count* numbers the fills, *place_count* the places at a price; *dated* are the open orders that are
    good until a date.
    """

    def __init__(
        self,
        rules: VenueRules,
        markets: Mapping[str, Market],
        money: Money,
        shelves: Shelves,
        diary: Diary,
    ) -> None:
        self.fill_count = 0
        self.place_count = 0
        self.dated: dict[int, VenueOrder] = {}
        self._rules = rules
        self._markets = markets
        self._money = money
        self._shelves = shelves
        self._diary = diary

    # -- one order -------------------------------------------------------------------------------------------

    def restore(self, order: VenueOrder) -> None:
        """Take an open order over from a file, exactly as it waited."""
        self._markets[order.symbol].add(order)
        self._date(order)

    def begin(self, order: VenueOrder, market: Market, now_ns: int) -> None:
        """Let an order wait for its trigger, or work; one whose trigger is reached already is triggered."""
        self._date(order)
        if not order.is_waiting_for_trigger:
            self.work(order, market, now_ns)
        elif market.last_price is not None and is_reached(order, market.last_price):
            self._trigger(order, market, now_ns)
        else:
            market.add(order)

    def work(self, order: VenueOrder, market: Market, now_ns: int) -> None:
        """Trade at once what can be had, and let the rest wait at the end of the queue."""
        if order.time_in_force is TimeInForce.FOK and market.offered(order) < order.leaves_quantity:
            self.close(
                order, VenueStatus.CANCELED, "fill-or-kill: not all of it could be had at once", now_ns
            )
            return
        if order.crossed:
            self._take(order, market, now_ns)
        if not order.is_open:
            return
        if order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
            self.close(order, VenueStatus.CANCELED, "immediate-or-cancel remainder", now_ns)
            return
        order.queue_ahead = ZERO if order.crossed else market.queue_for(order)
        market.add(order)

    def next_place(self) -> int:
        """Return the place of an order that goes behind all others at its price."""
        self.place_count += 1
        return self.place_count

    def close(self, order: VenueOrder, status: VenueStatus, reason: str, now_ns: int) -> None:
        """End the order, and give back what it holds."""
        self._markets[order.symbol].remove(order)
        self._money.release(order)
        order.status, order.reason, order.updated_ns = status, reason, now_ns
        self.dated.pop(order.sequence, None)
        self._shelves.close_order(order)
        self._diary.order_moved(order)

    def expire(self, now_ns: int) -> None:
        """End the orders whose date has come, the oldest first."""
        if not self.dated:
            return
        for order in [order for order in self.dated.values() if order.expire_ns <= now_ns]:
            self.close(order, VenueStatus.EXPIRED, f"good until {order.expire_ns}", now_ns)

    @property
    def next_expiry_ns(self) -> int:
        """Return when the next order that is good until a date ends, 0 when there is none."""
        return min((order.expire_ns for order in self.dated.values()), default=0)

    def _date(self, order: VenueOrder) -> None:
        if order.expire_ns:
            self.dated[order.sequence] = order

    # -- the market ------------------------------------------------------------------------------------------

    def trade(self, trade: PublicTrade, market: Market) -> None:
        """Let a public trade happen: publish it, give its volume out, then set triggers off."""
        changes = self._diary.changes
        changes.events.append((None, Trade(trade.symbol, trade.price, trade.quantity, trade.ts_event)))
        changes.markets[trade.symbol] = market
        market.note(trade)
        self._give_out(trade, market)
        if market.book is not None:
            self._let_takers_walk(market, trade.ts_event)
        self._set_off(trade.price, market, trade.ts_event)

    def show(self, bids: Sequence[Level], asks: Sequence[Level], market: Market, now_ns: int) -> None:
        """Take the book as it is now: what crosses it trades, resting orders first, then waiting takers."""
        changes, symbol = self._diary.changes, market.instrument.symbol
        market.book = Book(list(bids), list(asks))
        changes.markets[symbol] = market
        if bids and asks:
            (bid, bid_quantity), (ask, ask_quantity) = bids[0], asks[0]
            quote = Quote(symbol, bid, ask, now_ns, bid_quantity, ask_quantity)
            changes.events.append((None, quote))
        for order in market.resting():
            while order.is_open and not order.crossed and order.limit_price is not None:
                offer = market.offer(order)
                if offer is None:
                    break
                filled = self._fill(order, market, order.limit_price, offer[1], now_ns)
                market.taken(order.side, filled)
        self._let_takers_walk(market, now_ns)

    def _give_out(self, trade: PublicTrade, market: Market) -> None:
        ours_at_price = {OrderSide.BUY: ZERO, OrderSide.SELL: ZERO}
        reached = market.eligible(trade.price)
        for order in reached:
            if not order.is_open:
                continue  # an order before it ended it
            if not order.crossed:
                self._make(order, market, trade, ours_at_price)
            elif market.book is None and market.available:
                price = _not_beyond(order, market.slipped(order.side, trade.price))
                filled = self._fill(order, market, price, market.available, trade.ts_event)
                market.available = subtract(market.available, filled)
        if self._rules.queue_cancels:
            self._shorten_queues(market, {order.sequence for order in reached})

    def _make(
        self,
        order: VenueOrder,
        market: Market,
        trade: PublicTrade,
        ours_at_price: dict[OrderSide, Decimal],
    ) -> None:
        """Give a resting order what reaches it: all of a trade beyond its price, or what its queue leaves."""
        limit, reaching = order.limit_price, trade.quantity
        assert limit is not None, "an order without a price takes, and never rests as a maker"
        before = order.queue_ahead
        if limit == trade.price:
            passing = subtract(trade.quantity, ours_at_price[order.side])
            reaching = max(ZERO, subtract(passing, before))
            order.queue_ahead = max(ZERO, subtract(before, passing))
        else:
            order.queue_ahead = ZERO
        if order.queue_ahead != before:
            self._diary.changes.orders[order.sequence] = order
        room = min(market.ours_of(reaching), market.available)
        if room:
            filled = self._fill(order, market, limit, room, trade.ts_event)
            market.available = subtract(market.available, filled)
            if limit == trade.price:
                ours_at_price[order.side] = add(ours_at_price[order.side], filled)

    def _shorten_queues(self, market: Market, reached: set[int]) -> None:
        part = subtract(ONE, self._rules.queue_cancels)
        for order in market.resting():
            if order.queue_ahead and order.sequence not in reached:
                shorter = multiply(order.queue_ahead, part)
                order.queue_ahead = floor_to(shorter, market.instrument.quantity_increment)
                self._diary.changes.orders[order.sequence] = order

    def _let_takers_walk(self, market: Market, now_ns: int) -> None:
        for order in market.resting():
            if order.is_open and order.crossed:
                self._take(order, market, now_ns)

    def _set_off(self, price: Decimal, market: Market, now_ns: int) -> None:
        for order in market.triggers.move(price):
            self._diary.changes.orders[order.sequence] = order
        for order in market.triggers.reached(price):
            if order.is_open:
                self._trigger(order, market, now_ns)

    def _trigger(self, order: VenueOrder, market: Market, now_ns: int) -> None:
        """Turn a conditional order into the market or limit order that it becomes; it arrives now."""
        market.remove(order)
        order.triggered, order.status, order.updated_ns = True, VenueStatus.TRIGGERED, now_ns
        order.priority = self.next_place()
        order.crossed = market.crosses(order.side, order.limit_price)
        self._money.hold_for_the_rest(order, market)
        self._diary.order_moved(order)
        self.work(order, market, now_ns)

    # -- fills -----------------------------------------------------------------------------------------------

    def _take(self, order: VenueOrder, market: Market, now_ns: int) -> None:
        """Take what can be had, level by level."""
        self._diary.changes.markets[order.symbol] = market
        while order.is_open and (offer := market.offer(order)) is not None:
            price, there = offer
            filled = self._fill(order, market, price, there, now_ns)
            if filled:
                market.taken(order.side, filled)

    def _fill(
        self, order: VenueOrder, market: Market, price: Decimal, there: Decimal, now_ns: int
    ) -> Decimal:
        """Trade what is there and can be paid for; return how much."""
        order.updated_ns = now_ns
        quantity = min(order.leaves_quantity, there)
        affordable = self._money.affordable(order, market, price, quantity)
        if affordable:
            self._book(order, market, affordable, price)
        if affordable < quantity:
            self.close(order, VenueStatus.CANCELED, self._why_not_all(order), now_ns)
        elif order.filled_quantity == order.quantity:
            self.close(order, VenueStatus.FILLED, "", now_ns)
        if affordable and order.side is OrderSide.SELL:
            self._end_reductions(order, market, now_ns)
        return affordable

    def _why_not_all(self, order: VenueOrder) -> str:
        if order.reduce_only:
            return "reduce_only: nothing is left to reduce"
        if self._rules.locking is Locking.NONE:
            return "insufficient_funds: it could not be paid when it traded"
        return "insufficient_funds: the price moved away"

    def _end_reductions(self, order: VenueOrder, market: Market, now_ns: int) -> None:
        """Cancel the orders that can only reduce once less than a lot is held."""
        held = self._money.balance(order.account, market.instrument.base).total
        if held >= market.instrument.quantity_increment:
            return
        for other in self._shelves.open_of(order.account):
            if other.reduce_only and other.symbol == order.symbol and other is not order:
                self.close(other, VenueStatus.CANCELED, self._why_not_all(other), now_ns)

    def _book(self, order: VenueOrder, market: Market, quantity: Decimal, price: Decimal) -> None:
        """Book one fill on order and balances."""
        value, fee = self._money.settle(order, market, quantity, price)
        order.filled_quantity = add(order.filled_quantity, quantity)
        order.filled_value = add(order.filled_value, value)
        order.fees = add(order.fees, fee)
        self._money.hold_for_the_rest(order, market)
        self.fill_count += 1
        fill = VenueFill(
            sequence=self.fill_count,
            account=order.account,
            trade_id=f"T{self.fill_count:08d}",
            client_order_id=order.client_order_id,
            venue_order_id=order.venue_order_id,
            symbol=order.symbol,
            side=order.side,
            quantity=quantity,
            price=price,
            value=value,
            fee=fee,
            fee_currency=self._money.fee_asset(market, order.side),
            liquidity=Liquidity.TAKER if order.crossed else Liquidity.MAKER,
            ts_event=order.updated_ns,
            tape_index=market.last_index,
        )
        self._shelves.keep_fill(fill)
        changes = self._diary.changes
        changes.fills.append(fill)
        changes.orders[order.sequence] = order
        changes.events.append((order.account, fill.report()))


def _not_beyond(order: VenueOrder, price: Decimal) -> Decimal:
    limit = order.limit_price
    if limit is None:
        return price
    return min(limit, price) if order.side is OrderSide.BUY else max(limit, price)
