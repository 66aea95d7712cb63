"""The venue's money: balances, what open orders hold, fees, and what moves a balance besides trades."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from operator import itemgetter

from fairlead.ports.exchange import AdjustmentKind, LedgerEntry, OrderSide
from fairlead_paper.changes import Diary
from fairlead_paper.exact import (
    ONE,
    ZERO,
    add,
    ceil_to,
    divide_down,
    multiply,
    round_down,
    subtract,
    text_of,
)
from fairlead_paper.market import Market
from fairlead_paper.messages import Holding, Ledger, Refused, is_cursor
from fairlead_paper.records import Balance, FeeIn, Locking, VenueOrder, VenueRules


class Money:
    """The balances of all accounts.

    With ``Locking.PER_ORDER`` an open order holds what it needs, and no other can use that. With
    ``Locking.NONE`` nothing is held: each order must be payable alone when it is placed, and what cannot be
    paid when it trades does not trade.
    """

    def __init__(self, rules: VenueRules, diary: Diary) -> None:
        self.balances: dict[tuple[str, str], Balance] = {}
        self.entries: dict[str, list[LedgerEntry]] = {}
        self._rules = rules
        self._diary = diary

    # -- accounts --------------------------------------------------------------------------------------------

    def open_account(self, account: str, opening: Mapping[str, Decimal]) -> None:
        """Give a new account its balances."""
        for asset, total in opening.items():
            balance = Balance(account, asset, total, total)
            self.balances[account, asset] = self._diary.changes.balances[account, asset] = balance

    def restore(self, balances: Iterable[Balance], entries: Iterable[tuple[str, LedgerEntry]]) -> None:
        """Take over what a file kept."""
        for balance in balances:
            self.balances[balance.account, balance.asset] = balance
        for account, entry in entries:
            self.entries.setdefault(account, []).append(entry)

    def balance(self, account: str, asset: str) -> Balance:
        """Return the balance to change or read; a new asset begins at zero."""
        key = (account, asset)
        balance = self.balances.get(key)
        if balance is None:
            balance = self.balances[key] = Balance(account, asset, ZERO, ZERO)
        self._diary.changes.balances[key] = balance
        return balance

    def holdings(self, account: str) -> list[Holding]:
        """Return the account's balances by asset."""
        return [
            Holding(asset, balance.total, balance.locked)
            for (owner, asset), balance in sorted(self.balances.items(), key=itemgetter(0))
            if owner == account
        ]

    def adjust(
        self, account: str, asset: str, amount: Decimal, kind: AdjustmentKind, note: str, now_ns: int
    ) -> LedgerEntry | str:
        """Move a balance without a trade and list that; or say why not: what is locked stays."""
        balance = self.balance(account, asset)
        if add(balance.free, amount) < ZERO:
            return f"insufficient_funds: {text_of(balance.free)} {asset} free"
        balance.total = add(balance.total, amount)
        number = sum(map(len, self.entries.values())) + 1
        entry = LedgerEntry(f"A{number:08d}", kind, asset, amount, now_ns, note)
        self.entries.setdefault(account, []).append(entry)
        self._diary.changes.adjustments.append((account, entry))
        return entry

    def ledger_after(self, account: str, cursor: str, page_size: int) -> Ledger | Refused:
        """Return one page of the account's ledger after the cursor; the empty cursor is the beginning."""
        if cursor and not is_cursor(cursor):
            return Refused("bad_cursor: not a cursor of this venue", 0)
        entries = self.entries.get(account, [])
        start = int(cursor or "0")
        page = entries[start : start + page_size]
        end = start + len(page)
        return Ledger(page, str(end) if page else cursor, end < len(entries))

    # -- what orders need and hold ---------------------------------------------------------------------------

    def fee_asset(self, market: Market, side: OrderSide) -> str:
        """Return the asset in which a fill of that side pays its fee."""
        instrument = market.instrument
        if self._rules.fee_in is FeeIn.RECEIVED:
            return instrument.base if side is OrderSide.BUY else instrument.quote
        return instrument.base if self._rules.fee_in is FeeIn.BASE else instrument.quote

    def need(self, order: VenueOrder, market: Market, quantity: Decimal) -> Decimal:
        """Return what the order must have to pay for that quantity at worst; market orders may need more."""
        amount, unit = quantity, market.base_unit
        if order.side is OrderSide.BUY:
            amount, unit = multiply(quantity, order.lock_price), market.settlement_unit
        return ceil_to(multiply(amount, self._headroom(order, market)), unit)

    def funds_refusal(self, order: VenueOrder, need: Decimal) -> str:
        """Refuse an order that cannot be paid for: from what is free, or, where nothing is locked, alone."""
        balance = self.balance(order.account, order.lock_asset)
        have = add(balance.free, order.locked)
        if need > have:
            return f"insufficient_funds: {text_of(need)} needed, {text_of(have)} {order.lock_asset} free"
        return ""

    def hold(self, order: VenueOrder, need: Decimal) -> None:
        """Let the order hold that much, instead of what it held."""
        if self._rules.locking is Locking.PER_ORDER:
            balance = self.balance(order.account, order.lock_asset)
            balance.locked = add(subtract(balance.locked, order.locked), need)
            order.locked = need

    def release(self, order: VenueOrder) -> None:
        """Give back what the order holds."""
        self.hold(order, ZERO)

    def affordable(self, order: VenueOrder, market: Market, price: Decimal, quantity: Decimal) -> Decimal:
        """Return how much of the quantity can be paid for at the price.

        Where orders hold what they need only those without a limit price can get less than all.
        """
        balance = self.balance(order.account, order.lock_asset)
        have = add(balance.free, order.locked)
        unit_cost = self._headroom(order, market)
        if order.side is OrderSide.BUY:
            unit_cost = multiply(unit_cost, price)
        if multiply(quantity, unit_cost) <= have:
            return quantity
        return divide_down(have, unit_cost, market.instrument.quantity_increment)

    def settle(
        self, order: VenueOrder, market: Market, quantity: Decimal, price: Decimal
    ) -> tuple[Decimal, Decimal]:
        """Move base, quote and fee of one fill; return its value and its fee.

        Both are rounded down, so their sum over any number of fills never exceeds a lock, which is rounded
        up.
        """
        instrument = market.instrument
        value = round_down(multiply(quantity, price), market.settlement_unit)
        rate = instrument.taker_fee_rate if order.crossed else instrument.maker_fee_rate
        fee_asset = self.fee_asset(market, order.side)
        if fee_asset == instrument.quote:
            fee = round_down(multiply(value, rate), market.settlement_unit)
        else:
            fee = round_down(multiply(quantity, rate), market.base_unit)
        base, quote = (self.balance(order.account, asset) for asset in (instrument.base, instrument.quote))
        gained, paid = (base, quote) if order.side is OrderSide.BUY else (quote, base)
        gained.total = add(gained.total, quantity if gained is base else value)
        paid.total = subtract(paid.total, quantity if paid is base else value)
        charged = self.balance(order.account, fee_asset)
        charged.total = subtract(charged.total, fee)
        return value, fee

    def hold_for_the_rest(self, order: VenueOrder, market: Market) -> None:
        """Let the order hold what its rest needs, or what is free when that is less."""
        balance = self.balance(order.account, order.lock_asset)
        need = self.need(order, market, order.leaves_quantity)
        self.hold(order, min(need, add(balance.free, order.locked)))

    def _headroom(self, order: VenueOrder, market: Market) -> Decimal:
        """Return what one unit costs, with the fee when that is taken from the same asset."""
        if self.fee_asset(market, order.side) != order.lock_asset:
            return ONE
        return max(market.lock_rates) if order.is_waiting_for_trigger else market.lock_rates[order.crossed]
