"""What the kernel denies because the account could not pay for it: spot orders that add, nothing else.

A reduction is never denied for a balance: nothing may stand between a position and its exit.
"""

from __future__ import annotations

from decimal import Decimal

from fairlead.domain.changes import Terms
from fairlead.domain.contracts import contract_of
from fairlead.domain.instruments import Instrument
from fairlead.domain.numbers import ZERO, multiply, subtract, text_of
from fairlead.domain.order_kinds import OrderSide
from fairlead.domain.orders import Order
from fairlead.kernel.core.funds import asset_of, free_of, with_fee, worst_of
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.decide.drafts import Draft, denied
from fairlead.kernel.decide.rules import Rules
from fairlead.kernel.gate.gate import GateAnswer
from fairlead.kernel.settings import BalanceCheck

CODE_INSUFFICIENT_BALANCE = "INSUFFICIENT_BALANCE"
CODE_BALANCE_UNKNOWN = "BALANCE_UNKNOWN"


def funds_refusal(state: EngineState, draft: Draft, rules: Rules) -> GateAnswer | None:
    """Deny an order that would take more of a balance than is free, its fee included."""
    if draft.reduces or draft.proposal.shrinks:
        return None
    price = worst_of(draft.limit_price, draft.proposal.trigger_price, draft.price)
    needed = _takes(draft.instrument, draft.side, draft.quantity, price)
    return _refusal(state, draft.instrument, draft.side, needed, rules)


def growth_refusal(state: EngineState, order: Order, terms: Terms, rules: Rules) -> GateAnswer | None:
    """Deny a change by which an order would take more of a balance than it does, and than is free."""
    instrument = state.instruments.get(order.symbol)
    if order.reduces or instrument is None:
        return None
    now = order.limit_price, order.trigger_price, order.reference_price
    before = _takes(instrument, order.side, order.leaves_quantity, worst_of(*now))
    leaves = subtract(terms.quantity, order.filled_quantity)
    then = terms.limit_price, terms.trigger_price, None if terms.limit_price else order.reference_price
    after = _takes(instrument, order.side, leaves, worst_of(*then))
    return _refusal(state, instrument, order.side, subtract(after, before), rules)


def _takes(instrument: Instrument, side: OrderSide, quantity: Decimal, price: Decimal) -> Decimal:
    return quantity if side is OrderSide.SELL else with_fee(multiply(quantity, price), instrument)


def _refusal(
    state: EngineState, instrument: Instrument, side: OrderSide, needed: Decimal, rules: Rules
) -> GateAnswer | None:
    check = rules.settings.balance_check
    if check is BalanceCheck.OFF or contract_of(instrument) is not None or needed <= ZERO:
        return None
    asset, holdings = asset_of(instrument.symbol, side), state.holdings
    if holdings is None:
        if check is BalanceCheck.KNOWN:
            return None
        return denied(CODE_BALANCE_UNKNOWN, "The venue's balances are not known.", ("asset", asset))
    free = free_of(state, asset, holdings)
    if needed <= free:
        return None
    figures = (
        ("asset", asset),
        ("needed", text_of(needed)),
        ("free", text_of(free)),
        ("at_venue", text_of(holdings.total_of(asset))),
    )
    return denied(CODE_INSUFFICIENT_BALANCE, f"It would take more {asset} than is free.", *figures)
