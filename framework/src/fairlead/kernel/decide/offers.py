"""What the kernel denies by itself because of the venue, the position or the moment, each with a code."""

from __future__ import annotations

from fairlead.domain.numbers import ZERO, text_of
from fairlead.domain.order_kinds import OrderType, TimeInForce
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.decide.drafts import Draft, Room, denied
from fairlead.kernel.gate.gate import GateAnswer
from fairlead.ports.exchange import ExchangeCapabilities

CODE_TYPE_NOT_OFFERED = "ORDER_TYPE_NOT_OFFERED"
CODE_TIME_NOT_OFFERED = "TIME_IN_FORCE_NOT_OFFERED"
CODE_POST_ONLY_NOT_OFFERED = "POST_ONLY_NOT_OFFERED"
CODE_EXPIRE_TIME_PASSED = "EXPIRE_TIME_PASSED"
CODE_REDUCE_ONLY_ADDS = "REDUCE_ONLY_ADDS"
CODE_POSITION_NOT_OPEN = "POSITION_NOT_OPEN"
CODE_WOULD_TURN = "WOULD_TURN_POSITION"
CODE_SYMBOL_WITHDRAWN = "SYMBOL_WITHDRAWN"
WITHDRAWN_REASON = "The venue does not list the symbol any more, or lists another contract under its name."


def time_at_venue(time_in_force: TimeInForce, capabilities: ExchangeCapabilities) -> TimeInForce:
    """Return what the venue is told: good until canceled where only the kernel knows the date."""
    if time_in_force is TimeInForce.GTD and TimeInForce.GTD not in capabilities.times_in_force:
        return TimeInForce.GTC
    return time_in_force


def withdrawn_refusal(state: EngineState, draft: Draft) -> GateAnswer | None:
    """Deny what would add exposure in a symbol that the venue gives no rules for any more.

    A reduction goes out: whether it is taken is for the venue to say, and a reading that left the symbol
    out by mistake must not stand between a position and its exit.
    """
    symbol = draft.proposal.symbol
    if draft.reduces or symbol not in state.withdrawn:
        return None
    return denied(CODE_SYMBOL_WITHDRAWN, WITHDRAWN_REASON, ("listed", state.withdrawn[symbol]))


def offer_refusal(draft: Draft, capabilities: ExchangeCapabilities, now_ns: int) -> GateAnswer | None:
    """Deny what the venue does not offer, and what would end before it began."""
    order_type, post_only = draft.order_type, draft.proposal.post_only
    if order_type not in capabilities.order_types:
        reason = "The exchange client does not offer this order type."
        return denied(CODE_TYPE_NOT_OFFERED, reason, ("order_type", order_type.value))
    told = time_at_venue(draft.time_in_force, capabilities)
    if order_type is not OrderType.MARKET and told not in capabilities.times_in_force:
        reason = "The exchange client does not offer this time in force."
        return denied(CODE_TIME_NOT_OFFERED, reason, ("time_in_force", told.value))
    if post_only and not capabilities.post_only:
        reason = "The exchange client offers no post-only orders; sent as it is, the order could take."
        return denied(CODE_POST_ONLY_NOT_OFFERED, reason, ("post_only", "true"))
    expire_ns = draft.proposal.expire_ns
    if expire_ns and expire_ns <= now_ns:
        figures = ("expire_ns", str(expire_ns)), ("now_ns", str(now_ns))
        return denied(CODE_EXPIRE_TIME_PASSED, "The order's time is over before it began.", *figures)
    return None


def reduce_only_refusal(state: EngineState, draft: Draft) -> GateAnswer | None:
    """Deny an order that shall only reduce and would add exposure."""
    proposal = draft.proposal
    if not proposal.reduce_only or draft.room not in (Room.NONE, Room.FLIP):
        return None
    position = state.positions.get(proposal.key)
    figures = (
        ("side", draft.side.value),
        ("quantity", text_of(draft.quantity)),
        ("position", text_of(ZERO if position is None else position.quantity)),
    )
    return denied(CODE_REDUCE_ONLY_ADDS, f"It shall only reduce, and {draft.room.value}.", *figures)


def hedging_refusal(state: EngineState, draft: Draft) -> GateAnswer | None:
    """Deny an order on a hedging position that is over or not yet open, or that would turn it round.

    The order that begins one bears its id, and passes.
    """
    proposal = draft.proposal
    if proposal.position_id in ("", proposal.client_order_id):
        return None
    position = state.positions.get(proposal.key)
    figure = ("position_id", proposal.position_id)
    if position is None or not position.is_exposed:
        return denied(CODE_POSITION_NOT_OPEN, "The hedging position is over, or never was.", figure)
    if not position.quantity and state.leaves_of(proposal.key, draft.side.opposite):
        return denied(CODE_POSITION_NOT_OPEN, "Nothing of the hedging position is filled yet.", figure)
    if draft.room is Room.FLIP:
        figures = ("quantity", text_of(draft.quantity)), ("position", text_of(position.quantity))
        return denied(CODE_WOULD_TURN, "A hedging position is never turned round.", figure, *figures)
    return None
