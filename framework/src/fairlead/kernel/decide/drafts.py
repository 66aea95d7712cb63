"""Drafts: a proposal becomes an order's terms; side, price and quantity are computed where not given."""

from __future__ import annotations

from decimal import Decimal, DecimalException
from enum import Enum

import attrs

from fairlead.domain.instruments import Instrument
from fairlead.domain.numbers import ZERO, add, subtract, text_of
from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
from fairlead.domain.price_points import Unusable
from fairlead.domain.sizing import (
    SizedBy,
    Sizing,
    quantity_for_notional,
    quantity_for_risk,
    rounded_down,
    shown,
    slippage_bound,
    stop_price_of,
)
from fairlead.domain.verdicts import Verdict
from fairlead.errors import NumberRefused
from fairlead.kernel.core.inputs import SubmitProposal
from fairlead.kernel.core.market import taking_price
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.decide.rules import KERNEL, Rules
from fairlead.kernel.gate.gate import GateAnswer

CODE_NO_FRESH_PRICE = "NO_FRESH_PRICE"
CODE_PRICE_UNCONFIRMED = "PRICE_UNCONFIRMED"
CODE_SIZE_OUT_OF_BOUNDS = "SIZE_OUT_OF_BOUNDS"
CODE_SIZE_BELOW_STEP = "SIZE_BELOW_STEP"
CODE_STOP_ON_WRONG_SIDE = "STOP_ON_WRONG_SIDE"
CODE_SLIPPAGE_OUT_OF_BOUNDS = "SLIPPAGE_OUT_OF_BOUNDS"
CODE_TARGET_REACHED = "TARGET_REACHED"
CODE_TARGET_PENDING = "TARGET_PENDING"


class Room(Enum):
    """How an order stands to the position it is opposite to."""

    NONE = "there is no position to reduce"
    ENOUGH = "all of it reduces"
    TAKEN = "other live orders may take what it would reduce"
    FLIP = "it is larger than the position"


@attrs.define(slots=True)
class Draft:
    """An order in the making: the proposal, sized, with what was found about it.

    *price* is the limit or trigger price, or else what the order would pay by a fresh price; *unpriced*
    says why there is none. A market order whose slippage is
    bounded is an immediate-or-cancel limit order from here on.
    """

    proposal: SubmitProposal
    instrument: Instrument
    side: OrderSide
    order_type: OrderType
    time_in_force: TimeInForce
    limit_price: Decimal | None
    quantity: Decimal
    price: Decimal | None
    room: Room = Room.NONE
    unpriced: Unusable = Unusable.MISSING
    sizing: Sizing | None = None

    @property
    def reduces(self) -> bool:
        """Tell whether all of it reduces, as the kernel finds it."""
        return self.room is Room.ENOUGH


def draft_of(
    state: EngineState, proposal: SubmitProposal, rules: Rules, now_ns: int
) -> tuple[Draft, GateAnswer | None]:
    """Return the order's terms, and the denial when one of them could not be computed."""
    limit_price = proposal.limit_price
    draft = Draft(
        proposal,
        state.instruments[proposal.symbol],
        proposal.side or OrderSide.BUY,
        proposal.order_type,
        proposal.time_in_force,
        limit_price,
        proposal.quantity or ZERO,
        limit_price or proposal.trigger_price,
    )
    problem: GateAnswer | None = None
    if proposal.target is not None:
        problem = _aim(state, draft, proposal.target)
    if draft.price is None:
        found = taking_price(state.prices, proposal.symbol, draft.side, rules.market, now_ns)
        if isinstance(found, Unusable):
            draft.unpriced = found
        else:
            draft.price = found
    if proposal.max_slippage is not None and problem is None:
        problem = _bound_price(draft, proposal.max_slippage)
    if problem is None and proposal.quantity is None and proposal.target is None:
        problem = _size(draft)
    draft.room = room_to_reduce(state, draft)
    return draft, problem


def room_to_reduce(state: EngineState, draft: Draft) -> Room:
    """Tell whether the order can only reduce: opposite side, and no live order may take the same quantity."""
    proposal = draft.proposal
    position = state.positions.get(proposal.key)
    if position is None or not position.quantity:
        return Room.NONE
    if (position.quantity > ZERO) is (draft.side is OrderSide.BUY):
        return Room.NONE
    taken = state.leaves_of(proposal.key, draft.side)
    if add(draft.quantity, taken) <= position.quantity.copy_abs():
        return Room.ENOUGH
    return Room.TAKEN if taken else Room.FLIP


def denied(code: str, reason: str, *figures: tuple[str, str]) -> GateAnswer:
    """Return the kernel's own denial."""
    return GateAnswer(False, code, (Verdict(KERNEL, "1", False, code, reason, figures),))


def _aim(state: EngineState, draft: Draft, target: Decimal) -> GateAnswer | None:
    """Compute side and quantity from what the book holds now; what may still come is waited for."""
    proposal = draft.proposal
    position = state.positions.get(proposal.key)
    held = ZERO if position is None else position.quantity
    figures = ("target", text_of(target)), ("position", text_of(held))
    if position is not None and position.pending_openings:
        reason = "Live orders may still change the position; wait for them or cancel them."
        return denied(CODE_TARGET_PENDING, reason, *figures, ("live_orders", str(position.pending_openings)))
    delta = subtract(target, held)
    draft.side = OrderSide.BUY if delta > ZERO else OrderSide.SELL
    draft.sizing = Sizing(SizedBy.TARGET, target, shown(delta.copy_abs()), held=held)
    problem = _round(draft, delta.copy_abs(), *figures)
    if problem is not None and problem.code == CODE_SIZE_BELOW_STEP:
        reason = "The position is where it shall be, to within one lot step."
        return denied(CODE_TARGET_REACHED, reason, *figures)
    return problem


def _bound_price(draft: Draft, max_slippage: Decimal) -> GateAnswer | None:
    """Let a market order go no further than its slippage: an immediate-or-cancel limit order."""
    price = draft.price
    if price is None:
        return _no_fresh_price(draft, "A bound on slippage")
    figures = ("price", text_of(price)), ("max_slippage", text_of(max_slippage))
    try:
        bound = slippage_bound(draft.side, price, max_slippage, draft.instrument.price_increment)
    except (NumberRefused, DecimalException):
        bound = ZERO
    if not bound:
        reason = "There is no valid price within the slippage."
        return denied(CODE_SLIPPAGE_OUT_OF_BOUNDS, reason, *figures)
    draft.order_type = OrderType.LIMIT
    draft.time_in_force = TimeInForce.IOC
    draft.limit_price = bound
    return None


def _size(draft: Draft) -> GateAnswer | None:
    """Compute the quantity from a notional or a risk, at the price that makes it smaller."""
    proposal, price = draft.proposal, draft.price
    by = SizedBy.NOTIONAL if proposal.notional is not None else SizedBy.RISK
    if price is None:
        return _no_fresh_price(draft, f"A {by.value} size")
    entry = draft.limit_price or price
    try:
        if proposal.notional is not None:
            return _size_by_notional(draft, proposal.notional, max(entry, price))
        return _size_by_risk(draft, proposal.risk or ZERO, entry)
    except DecimalException:
        return _out_of_bounds((by.value, text_of(proposal.notional or proposal.risk or ZERO)))


def _size_by_notional(draft: Draft, notional: Decimal, price: Decimal) -> GateAnswer | None:
    exact = quantity_for_notional(draft.instrument, notional, price)
    draft.sizing = Sizing(SizedBy.NOTIONAL, notional, shown(exact), price)
    return _round(draft, exact, ("notional", text_of(notional)), ("price", text_of(price)))


def _size_by_risk(draft: Draft, risk: Decimal, entry: Decimal) -> GateAnswer | None:
    proposal = draft.proposal
    stop = proposal.stop_loss or stop_price_of(entry, proposal.stop_loss_rate or ZERO)
    figures = ("risk", text_of(risk)), ("price", text_of(entry)), ("stop_loss", text_of(stop))
    if stop >= entry if draft.side is OrderSide.BUY else stop <= entry:
        return denied(CODE_STOP_ON_WRONG_SIDE, "The stop does not lie where the order loses.", *figures)
    exact = quantity_for_risk(draft.instrument, risk, entry, stop)
    draft.sizing = Sizing(SizedBy.RISK, risk, shown(exact), entry, shown(stop))
    return _round(draft, exact, *figures)


def _round(draft: Draft, exact: Decimal, *figures: tuple[str, str]) -> GateAnswer | None:
    """Round the quantity down to the lot step; there may be nothing left of it."""
    try:
        draft.quantity = rounded_down(exact, draft.instrument)
    except (NumberRefused, DecimalException):
        return _out_of_bounds(*figures)
    if draft.quantity:
        return None
    step = ("step", text_of(draft.instrument.quantity_increment))
    return denied(CODE_SIZE_BELOW_STEP, f"The {figures[0][0]} does not buy one lot step.", *figures, step)


def _out_of_bounds(*figures: tuple[str, str]) -> GateAnswer:
    return denied(CODE_SIZE_OUT_OF_BOUNDS, "The size comes to more than can be kept.", *figures)


def _no_fresh_price(draft: Draft, what: str) -> GateAnswer:
    code = CODE_PRICE_UNCONFIRMED if draft.unpriced is Unusable.UNCONFIRMED else CODE_NO_FRESH_PRICE
    reason = f"{what} needs a fresh price and {draft.unpriced.value}."
    return denied(code, reason, ("symbol", draft.proposal.symbol))
