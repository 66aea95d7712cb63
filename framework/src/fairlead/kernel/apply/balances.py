"""What a fill does to the balances: what changes hands, what is settled, and fees in other currencies."""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.fees import with_fee
from fairlead.domain.ledger import Position, quantity_after_fee
from fairlead.domain.numbers import ZERO, add, subtract
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.orders import Order
from fairlead.domain.records import OrderFilled
from fairlead.kernel.core.state import EngineState


def pay_otherwise(state: EngineState, order: Order, position: Position, record: OrderFilled) -> Decimal:
    """Book a fee in another currency than the fill settles in; return the quantity that is left to move."""
    order.other_fees = with_fee(order.other_fees, record.fee_currency, record.fee)
    position.other_fees = with_fee(position.other_fees, record.fee_currency, record.fee)
    settle(state, record.fee_currency, record.fee.copy_negate())
    if record.fee_currency != record.base:
        return record.quantity
    return quantity_after_fee(record.side, record.quantity, record.fee)


def settle(state: EngineState, asset: str, amount: Decimal) -> None:
    """Add an amount to the balance of an asset."""
    state.balances[asset] = add(state.balances.get(asset, ZERO), amount)
    state.dirty.balances[asset] = None


def move_balances(state: EngineState, record: OrderFilled, fee: Decimal) -> None:
    """Move what changes hands; *fee* is what is paid of quote."""
    buying = record.side is OrderSide.BUY
    base, quote = (add, subtract) if buying else (subtract, add)
    balances = state.balances
    balances[record.base] = base(balances.get(record.base, ZERO), record.quantity)
    balances[record.quote] = subtract(quote(balances.get(record.quote, ZERO), record.value), fee)
    state.dirty.balances[record.base] = None
    state.dirty.balances[record.quote] = None
