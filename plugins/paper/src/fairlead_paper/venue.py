"""The venue itself: a state machine that knows no clock, no randomness, no file and no network.

Every step is a call with the time in it: `place`, `cancel`, `trade`. It answers, changes the state,
and leaves behind what changed (`take_changes`), for whoever persists and publishes it. The matching
rules are told in ``docs/explanation/paper-venue.md``; in short: our orders trade against public
trades only, never against each other; a public trade's volume is given out once, best price first,
then oldest; who would have traded on arrival pays the taker's fee and gets the trade's price; who
waited pays the maker's fee and gets its own limit price.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from operator import itemgetter

import attrs

from fairlead.errors import ConfigurationRefused, InvalidInput
from fairlead.ports.exchange import (
    Fence,
    Instrument,
    Liquidity,
    ModifyRequest,
    OrderSide,
    Report,
    SubmitRequest,
    Terms,
    TimeInForce,
    Trade,
    VenueStatus,
)
from fairlead_paper.exact import (
    ZERO,
    add,
    ceil_to,
    divide_down,
    floor_to,
    multiply,
    round_down,
    subtract,
    text_of,
)
from fairlead_paper.market import Market
from fairlead_paper.messages import Holding, Refused, Taken
from fairlead_paper.records import Balance, ClientIdRule, PublicTrade, VenueFill, VenueOrder, VenueRules
from fairlead_paper.refusals import change_refusal, shape_refusal
from fairlead_paper.shelves import Shelves


@attrs.define(slots=True, eq=False)
class Changes:
    """What one or more steps changed. *events* pairs each report with its account, or nothing for all."""

    events: list[tuple[str | None, Report]] = attrs.field(factory=list)
    orders: dict[int, VenueOrder] = attrs.field(factory=dict)
    fills: list[VenueFill] = attrs.field(factory=list)
    balances: dict[tuple[str, str], Balance] = attrs.field(factory=dict)
    markets: dict[str, Market] = attrs.field(factory=dict)


class Venue:
    """Accounts, balances, orders and fills of one simulated spot exchange."""

    def __init__(self, rules: VenueRules, instruments: Sequence[Instrument]) -> None:
        self.rules = rules
        self.markets = {instrument.symbol: Market(instrument) for instrument in instruments}
        if not self.markets:
            raise ConfigurationRefused(
                "A venue needs at least one instrument.", fix="Name one under instruments."
            )
        self.balances: dict[tuple[str, str], Balance] = {}
        self.order_count = 0
        self.fill_count = 0
        self.shelves = Shelves()
        self._changes = Changes()

    # -- setting up ------------------------------------------------------------------------------------------

    def open_account(self, account: str, opening: Mapping[str, Decimal]) -> None:
        """Open an account with balances; refused when it exists."""
        if self.shelves.has_account(account):
            raise ConfigurationRefused(f"The account {account} exists already at this venue.")
        for asset, total in opening.items():
            balance = Balance(account, asset, total, total)
            self.balances[account, asset] = self._changes.balances[account, asset] = balance
        self.shelves.open_account(account)

    def restore(
        self, balances: Iterable[Balance], orders: Iterable[VenueOrder], fills: Iterable[VenueFill]
    ) -> None:
        """Take over what a file kept; only on a venue that did nothing yet. Orders and fills in sequence."""
        for balance in balances:
            self.balances[balance.account, balance.asset] = balance
            self.shelves.open_account(balance.account)
        for order in orders:
            self.shelves.keep_order(order)
            if order.status is VenueStatus.LIVE:
                self.markets[order.symbol].add(order)
            self.order_count = order.sequence
        for fill in fills:
            self.shelves.keep_fill(fill)
            self.fill_count = fill.sequence

    def take_changes(self) -> Changes:
        """Return what changed since the last call, and forget it."""
        changes, self._changes = self._changes, Changes()
        return changes

    # -- the account's requests ------------------------------------------------------------------------------

    def place(self, account: str, request: SubmitRequest, now_ns: int) -> Taken | Refused:
        """Take an order, trade at once what the last trade's volume allows, let the rest wait."""
        market = self.markets.get(request.symbol)
        if market is None:
            return Refused(f"unknown_symbol: {ascii(request.symbol)[:40]} is not traded here", now_ns)
        refusal = self._entry_refusal(account, request, now_ns) or shape_refusal(request, market)
        if refusal:
            return Refused(refusal, now_ns)
        order = self._order_of(account, request, market, now_ns)
        lock = self._lock_for(order, market, order.quantity)
        balance = self._balance(account, order.lock_asset)
        if lock > balance.free:
            have = f"{text_of(balance.free)} {order.lock_asset}"
            return Refused(f"insufficient_funds: {text_of(lock)} needed, {have} free", now_ns)
        self.order_count = order.sequence
        balance.locked = add(balance.locked, lock)
        order.locked = lock
        self.shelves.keep_order(order)
        changes = self._changes
        changes.orders[order.sequence] = order
        changes.events.append((account, order.report()))
        self._on_arrival(order, market, now_ns)
        return Taken(order.venue_order_id, now_ns)

    def modify(self, account: str, change: ModifyRequest, now_ns: int) -> Taken | Refused:
        """Change an open order in place; it keeps its age. One whose new price crosses trades at once."""
        order = self.shelves.order(account, change.client_order_id, change.venue_order_id)
        if order is None:
            return Refused("unknown_order: no such order", now_ns)
        if order.status is not VenueStatus.LIVE:
            return Refused(f"order_closed: it is {order.status.value}", now_ns)
        market, terms = self.markets[order.symbol], change.terms
        refusal = self._elapsed(change.deadline_ns, now_ns) or change_refusal(order, change, market)
        if refusal:
            return Refused(refusal, now_ns)
        refusal = self._change_lock(order, market, terms)
        if refusal:
            return Refused(refusal, now_ns)
        market.remove(order)
        order.quantity, order.limit_price, order.updated_ns = terms.quantity, terms.limit_price, now_ns
        self._changes.orders[order.sequence] = order
        self._changes.events.append((account, order.report()))
        self._on_arrival(order, market, now_ns)
        return Taken(order.venue_order_id, now_ns)

    def _change_lock(self, order: VenueOrder, market: Market, terms: Terms) -> str:
        """Let the order hold what its new terms need, or say why it cannot."""
        price = terms.limit_price or ZERO
        crossed = market.crosses(order.side, price) if price != order.limit_price else order.crossed
        before = order.crossed, order.lock_price
        order.crossed, order.lock_price = crossed, price
        lock = self._lock_for(order, market, subtract(terms.quantity, order.filled_quantity))
        balance = self._balance(order.account, order.lock_asset)
        free = add(balance.free, order.locked)
        if lock > free:
            order.crossed, order.lock_price = before
            return f"insufficient_funds: {text_of(lock)} needed, {text_of(free)} {order.lock_asset} free"
        balance.locked = add(subtract(balance.locked, order.locked), lock)
        order.locked = lock
        return ""

    def cancel(self, account: str, client_order_id: str, venue_order_id: str, now_ns: int) -> Taken | Refused:
        """Cancel an open order; a finished or unknown one is refused and stays as it is."""
        order = self.shelves.order(account, client_order_id, venue_order_id)
        if order is None:
            return Refused("unknown_order: no such order", now_ns)
        if order.status is not VenueStatus.LIVE:
            return Refused(f"order_closed: it is {order.status.value}", now_ns)
        self._close(order, VenueStatus.CANCELED, "canceled on request", now_ns)
        return Taken(order.venue_order_id, now_ns)

    # -- the market ------------------------------------------------------------------------------------------

    def trade(self, trade: PublicTrade) -> None:
        """Let a public trade happen: publish it, and give its volume to the orders it reaches."""
        market = self.markets.get(trade.symbol)
        if market is None:
            raise InvalidInput("trade.symbol", f"{ascii(trade.symbol)[:40]} is not traded here")
        price = trade.price
        changes = self._changes
        changes.events.append((None, Trade(trade.symbol, price, trade.quantity, trade.ts_event)))
        changes.markets[trade.symbol] = market
        market.last_price = price
        market.last_index = trade.index
        usable = multiply(trade.quantity, self.rules.participation)
        market.available = floor_to(usable, market.instrument.quantity_increment)
        for order in market.eligible(price):
            if not market.available:
                break
            limit = order.limit_price
            self._fill(order, market, price if order.crossed or limit is None else limit, trade.ts_event)

    # -- reading ---------------------------------------------------------------------------------------------

    def holdings(self, account: str) -> list[Holding]:
        """Return the account's balances by asset."""
        return [
            Holding(asset, balance.total, balance.locked)
            for (owner, asset), balance in sorted(self.balances.items(), key=itemgetter(0))
            if owner == account
        ]

    # -- inside ----------------------------------------------------------------------------------------------

    def _entry_refusal(self, account: str, request: SubmitRequest, now_ns: int) -> str:
        if not self.shelves.has_account(account):
            return "unknown_account: no such account"
        rules = self.rules
        elapsed = self._elapsed(request.deadline_ns, now_ns)
        if elapsed:
            return elapsed
        if rules.client_id_rule is not ClientIdRule.NEVER:
            for_ever = rules.client_id_rule is ClientIdRule.FOR_EVER
            if self.shelves.id_is_taken(account, request.client_order_id, for_ever=for_ever):
                return "duplicate_client_order_id: taken by another order"
        return ""

    def _elapsed(self, deadline_ns: int, now_ns: int) -> str:
        if self.rules.fence is Fence.DEADLINE and 0 < deadline_ns <= now_ns:
            return f"deadline_elapsed: it is {now_ns}, the deadline was {deadline_ns}"
        return ""

    def _order_of(self, account: str, request: SubmitRequest, market: Market, now_ns: int) -> VenueOrder:
        sequence = self.order_count + 1
        instrument = market.instrument
        lock_price = request.limit_price if request.limit_price is not None else market.last_price
        return VenueOrder(
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
            crossed=market.crosses(request.side, request.limit_price),
            lock_asset=instrument.quote if request.side is OrderSide.BUY else instrument.base,
            lock_price=lock_price if lock_price is not None else ZERO,
            locked=ZERO,
            created_ns=now_ns,
            updated_ns=now_ns,
            post_only=request.post_only,
        )

    def _on_arrival(self, order: VenueOrder, market: Market, now_ns: int) -> None:
        if order.crossed and market.available and market.last_price is not None:
            self._changes.markets[order.symbol] = market
            self._fill(order, market, market.last_price, now_ns)
        if order.status is not VenueStatus.LIVE:
            return
        if order.time_in_force is TimeInForce.IOC:
            self._close(order, VenueStatus.CANCELED, "immediate-or-cancel remainder", now_ns)
        else:
            market.add(order)

    def _lock_for(self, order: VenueOrder, market: Market, quantity: Decimal) -> Decimal:
        """Return what the order must hold to pay for that quantity at worst; market orders may need more."""
        if order.side is OrderSide.SELL:
            return quantity
        cost = multiply(multiply(quantity, order.lock_price), market.lock_rates[order.crossed])
        return ceil_to(cost, market.settlement_unit)

    def _fill(self, order: VenueOrder, market: Market, price: Decimal, now_ns: int) -> None:
        """Trade what volume and funds allow."""
        order.updated_ns = now_ns
        quantity = min(order.leaves_quantity, market.available)
        affordable = self._affordable(order, market, price, quantity)
        if affordable:
            market.available = subtract(market.available, affordable)
            self._book(order, market, affordable, price)
        if affordable < quantity:
            self._close(order, VenueStatus.CANCELED, "insufficient_funds: the price moved away", now_ns)
        elif order.filled_quantity == order.quantity:
            self._close(order, VenueStatus.FILLED, "", now_ns)

    def _affordable(self, order: VenueOrder, market: Market, price: Decimal, quantity: Decimal) -> Decimal:
        """Return how much of the quantity can be paid; only market buys can ever get less than all."""
        if order.limit_price is not None or order.side is OrderSide.SELL:
            return quantity
        have = add(order.locked, self._balance(order.account, order.lock_asset).free)
        unit_cost = multiply(price, market.lock_rates[order.crossed])
        if multiply(quantity, unit_cost) <= have:
            return quantity
        return divide_down(have, unit_cost, market.instrument.quantity_increment)

    def _book(self, order: VenueOrder, market: Market, quantity: Decimal, price: Decimal) -> None:
        """Book one fill on order and balances.

        Value and fee are rounded down to the settlement precision, so their sum over any number of fills
        never exceeds a lock, which is rounded up.
        """
        instrument = market.instrument
        value = round_down(multiply(quantity, price), market.settlement_unit)
        rate = instrument.taker_fee_rate if order.crossed else instrument.maker_fee_rate
        fee = round_down(multiply(value, rate), market.settlement_unit)
        order.filled_quantity = add(order.filled_quantity, quantity)
        order.filled_value = add(order.filled_value, value)
        order.fees = add(order.fees, fee)
        self._settle(order, market, quantity, value, fee)
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
            fee_currency=instrument.quote,
            liquidity=Liquidity.TAKER if order.crossed else Liquidity.MAKER,
            ts_event=order.updated_ns,
            tape_index=market.last_index,
        )
        self.shelves.keep_fill(fill)
        self._changes.fills.append(fill)
        self._changes.orders[order.sequence] = order
        self._changes.events.append((order.account, fill.report()))

    def _settle(
        self, order: VenueOrder, market: Market, quantity: Decimal, value: Decimal, fee: Decimal
    ) -> None:
        base = self._balance(order.account, market.instrument.base)
        quote = self._balance(order.account, market.instrument.quote)
        if order.side is OrderSide.BUY:
            base.total = add(base.total, quantity)
            quote.total = subtract(quote.total, add(value, fee))
            held = quote
        else:
            base.total = subtract(base.total, quantity)
            quote.total = add(quote.total, subtract(value, fee))
            held = base
        held.locked = subtract(held.locked, order.locked)
        order.locked = min(self._lock_for(order, market, order.leaves_quantity), held.free)
        held.locked = add(held.locked, order.locked)

    def _close(self, order: VenueOrder, status: VenueStatus, reason: str, now_ns: int) -> None:
        balance = self._balance(order.account, order.lock_asset)
        balance.locked = subtract(balance.locked, order.locked)
        order.locked = ZERO
        order.status = status
        order.reason = reason
        order.updated_ns = now_ns
        self.markets[order.symbol].remove(order)
        self.shelves.close_order(order)
        self._changes.orders[order.sequence] = order
        self._changes.events.append((order.account, order.report()))

    def _balance(self, account: str, asset: str) -> Balance:
        """Return the balance to change or read; a new asset begins at zero."""
        key = (account, asset)
        balance = self.balances.get(key)
        if balance is None:
            balance = self.balances[key] = Balance(account, asset, ZERO, ZERO)
        self._changes.balances[key] = balance
        return balance
