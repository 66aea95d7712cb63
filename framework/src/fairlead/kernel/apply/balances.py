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
    move_between(state, record.side, record.base, record.quantity, record.quote, record.value, fee)


def move_between(
    state: EngineState,
    side: OrderSide,
    base: str,
    quantity: Decimal,
    quote: str,
    value: Decimal,
    fee: Decimal = ZERO,
) -> None:
    """Move a quantity of base against a value of quote, of which *fee* is paid besides."""
    gain, give = (add, subtract) if side is OrderSide.BUY else (subtract, add)
    balances = state.balances
    balances[base] = gain(balances.get(base, ZERO), quantity)
    balances[quote] = subtract(give(balances.get(quote, ZERO), value), fee)
    state.dirty.balances[base] = None
    state.dirty.balances[quote] = None
