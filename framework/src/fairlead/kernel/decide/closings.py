"""Deciding on closings: an exit as large as what no other live order may sell, until nothing is held.

A closing is a wish in the journal. Each time something happens on its position's key it is seen to
again (`advance`): what is held less what live exits may take is sold, in one step with the
reservation, so however many closers there are, no more is sold than is held. It ends flat, with dust,
or says why not.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from hashlib import sha256

from fairlead.domain.closings import CloseCode, CloseResult, Closing
from fairlead.domain.command_records import ClosingEnded, ClosingMoved, ClosingRequested
from fairlead.domain.dust import is_dust
from fairlead.domain.identifiers import UNIQUE_DIGITS
from fairlead.domain.ledger import Position, PositionKey
from fairlead.domain.numbers import ZERO, floor_to_step, subtract, text_of
from fairlead.domain.order_kinds import OrderSide, OrderType, TimeInForce
from fairlead.domain.orders import Order
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.price_points import Unusable
from fairlead.domain.records import CommandRefused
from fairlead.kernel.core.command_answers import CODE_FOREIGN_OWNER
from fairlead.kernel.core.effects import AnswerWaiting, AnswerWithOrder, RefuseRepeat, WakeAt
from fairlead.kernel.core.inputs import AdvanceClosing, ClosePosition, SubmitProposal
from fairlead.kernel.core.market import Market, taking_price
from fairlead.kernel.core.state import CommandEntry, EngineState
from fairlead.kernel.decide.cancels import ask_cancel
from fairlead.kernel.decide.proposals import decide_proposal
from fairlead.kernel.decide.replacing import withdraw_replacement
from fairlead.kernel.decide.rules import Rules, Step

CAUSE = "the position is being closed"


def is_foreign(state: EngineState, book: str, by: str) -> bool:
    """Tell whether the book bears the name of another owner: then it is that owner's alone."""
    return book != by and book in state.owners


def decide_close(state: EngineState, command: ClosePosition, _rules: Rules, _now_ns: int, step: Step) -> None:
    """Take the wish that a position ends, let it join the one that is there, or answer a repeated one."""
    first = state.commands.get((command.by, command.idempotency_key)) if command.idempotency_key else None
    if first is not None:
        _repeat(command, first, step)
        return
    if not command.operator and is_foreign(state, command.book, command.by):
        _refuse(command, step)
        return
    under_way = state.closing.get(command.key)
    joins = "" if under_way is None else under_way.closing_id
    step.records.append(request_of(state, command, joins))
    if joins:
        step.effects.append(AnswerWithOrder(command.closing_id, joins))


def request_of(state: EngineState, command: ClosePosition, joins: str) -> ClosingRequested:
    """Return the record of a closing that is wanted."""
    position = state.positions.get(command.key)
    return ClosingRequested(
        command.closing_id,
        command.by,
        command.symbol,
        command.book,
        command.operator,
        command.cancel_entries,
        command.cancel_exits,
        command.limit_price,
        ZERO if position is None else position.quantity,
        joins,
        command.idempotency_key,
        command.command_digest,
        command.position_id,
    )


def _repeat(command: ClosePosition, first: CommandEntry, step: Step) -> None:
    name = command.closing_id
    if first.command_digest != command.command_digest:
        step.effects.append(RefuseRepeat(name, command.idempotency_key))
    elif first.answer:
        step.effects.append(AnswerWaiting(name, _foreign(command)))
    else:
        step.effects.append(AnswerWithOrder(name, first.client_order_id))


def _refuse(command: ClosePosition, step: Step) -> None:
    result = _foreign(command)
    subject = f"{command.symbol} {command.book}"
    key, digest = command.idempotency_key, command.command_digest
    step.records.append(
        CommandRefused("close_position", command.by, subject, CODE_FOREIGN_OWNER, result.reason, key, digest)
    )
    step.effects.append(AnswerWaiting(command.closing_id, result))


def _foreign(command: ClosePosition) -> CloseResult:
    code, reason = CloseCode.FOREIGN_OWNER, f"The book belongs to {command.book}."
    return CloseResult(
        command.closing_id, *command.key[:2], code, reason, ZERO, ZERO, ZERO, 0, 0, 0, command.position_id
    )


def closings_to_see_to(state: EngineState, *, touched: Iterable[str], every: bool) -> list[AdvanceClosing]:
    """Return what is to be seen to after a step that touched these orders; *every* for all that are."""
    keys: dict[PositionKey, None] = {}
    if every:
        keys.update(dict.fromkeys(state.closing))
    for name in touched:
        order = state.orders.get(name)
        if order is not None and order.key in state.closing:
            keys[order.key] = None
    return [AdvanceClosing(key) for key in keys]


def advance(state: EngineState, given: AdvanceClosing, rules: Rules, now_ns: int, step: Step) -> None:
    """See to a closing: cancel what it cancels, sell what can be sold, or end it."""
    closing = state.closing.get(given.key)
    if closing is None or not state.reconciled:  # what is held must be known first
        return
    position = state.positions.get(given.key)
    held = ZERO if position is None else position.quantity
    entries, exits = _live_orders(state, closing, held)
    waits = _cancel(state, entries, closing, rules, now_ns, step) if closing.cancel_entries else False
    locked = _cancel(state, exits, closing, rules, now_ns, step) if closing.cancel_exits else False
    exit_order = state.orders.get(closing.exit_order_id)
    if locked or (exit_order is not None and exit_order.state.is_live):
        return
    if held == ZERO:
        if not waits:
            had_some = closing.held != ZERO or closing.exits
            end = CloseCode.CLOSED if had_some else CloseCode.ALREADY_FLAT
            step.records.append(_ended(closing, position, end, ""))
        return
    side = OrderSide.SELL if held > ZERO else OrderSide.BUY
    free = subtract(held.copy_abs(), state.leaves_of(closing.key, side))
    code, reason, quantity = _sellable(state, closing, free, rules, now_ns)
    if code is None:
        _make_exit(state, closing, side, quantity, rules, now_ns, step)
    elif not waits:
        step.records.append(_ended(closing, position, code, reason))


def _live_orders(state: EngineState, closing: Closing, held: Decimal) -> tuple[list[Order], list[Order]]:
    """Return the key's live orders that add to what is held, and those that take from it."""
    entries: list[Order] = []
    exits: list[Order] = []
    for order in state.orders.values():
        if order.state.is_live and order.key == closing.key:
            adds = held == ZERO or (held > ZERO) is (order.side is OrderSide.BUY)
            (entries if adds else exits).append(order)
    return entries, exits


def _cancel(
    state: EngineState, orders: list[Order], closing: Closing, rules: Rules, now_ns: int, step: Step
) -> bool:
    """Have the orders canceled that are its owner's, once each; tell whether any is still live."""
    waits = False
    for order in orders:
        if order.client_order_id == closing.exit_order_id:
            continue
        if closing.operator or order.owner == closing.by:
            waits = True
            if order.pending is not PendingRequest.CANCEL:
                ask_cancel(order, closing.by, CAUSE, rules, now_ns, step)
            else:
                withdraw_replacement(state, order, closing.by, step)
    return waits


def _sellable(
    state: EngineState, closing: Closing, free: Decimal, rules: Rules, now_ns: int
) -> tuple[CloseCode | None, str, Decimal]:
    """Return how much an exit may take, or why there can be none."""
    if free <= ZERO:
        return CloseCode.EXIT_WORKING, "Other live orders may take all of it already.", ZERO
    instrument = state.instruments.get(closing.symbol)
    if instrument is None:
        return CloseCode.NOT_CLOSED, "The venue gives no rules for the symbol any more.", ZERO
    price = closing.limit_price or exit_price(state, state.positions[closing.key], rules.market, now_ns)
    if is_dust(instrument, free, price, reduces=True):
        return CloseCode.DUST_LEFT, f"{text_of(free)} is less than the venue takes as an order.", ZERO
    if closing.exits >= rules.settings.close_attempts_max:
        last = state.orders.get(closing.exit_order_id)
        why = f": {last.detail}" if last is not None and last.detail else ""
        return CloseCode.NOT_CLOSED, f"{closing.exits} exits left {text_of(free)}{why}", ZERO
    return None, "", floor_to_step(free, instrument.quantity_increment)


def exit_price(state: EngineState, position: Position, market: Market, now_ns: int) -> Decimal | None:
    """Return what a market exit of the position would get now, or nothing without a price to rest on."""
    side = OrderSide.SELL if position.quantity > ZERO else OrderSide.BUY
    price = taking_price(state.prices, position.symbol, side, market, now_ns)
    return None if isinstance(price, Unusable) else price


def _make_exit(
    state: EngineState,
    closing: Closing,
    side: OrderSide,
    quantity: Decimal,
    rules: Rules,
    now_ns: int,
    step: Step,
) -> None:
    """Make the next exit, unless it is too early for another one."""
    if now_ns < closing.due_ns:
        step.effects.append(WakeAt(closing.closing_id, closing.due_ns))
        return
    name = exit_order_id(state.account_tag, closing.closing_id, closing.exits + 1)
    due_ns = now_ns + (rules.close_retry_ns << closing.exits)
    step.records.append(ClosingMoved(closing.closing_id, name, due_ns))
    limit = closing.limit_price
    proposal = SubmitProposal(
        name,
        closing.by,
        closing.book,
        closing.symbol,
        side,
        OrderType.MARKET if limit is None else OrderType.LIMIT,
        TimeInForce.GTC,
        quantity,
        None,
        limit,
        "",
        "",
        (),
        position_id=closing.position_id,
    )
    decide_proposal(state, proposal, rules, now_ns, step)


def exit_order_id(account_tag: str, closing_id: str, number: int) -> str:
    """Return the client order id of a closing's exit: always the same, and no other order's."""
    digest = sha256(f"{closing_id}/{number}".encode()).hexdigest()
    return account_tag + digest[:UNIQUE_DIGITS]


def _ended(closing: Closing, position: Position | None, code: CloseCode, reason: str) -> ClosingEnded:
    if position is None:
        return ClosingEnded(closing.closing_id, code, reason, ZERO, ZERO, ZERO, 0, 0)
    return ClosingEnded(
        closing.closing_id,
        code,
        reason,
        position.quantity,
        position.realized_pnl,
        position.fees,
        position.episode,
        position.closed_ns,
    )
