"""Deciding on commands about many orders: cancel all, flatten."""

from __future__ import annotations

from fairlead.domain.command_records import CommandTaken
from fairlead.domain.ledger import PositionKey
from fairlead.domain.orders import Order
from fairlead.domain.pending_requests import PendingRequest
from fairlead.domain.records import CommandRefused
from fairlead.kernel.core.command_answers import CODE_FOREIGN_OWNER, answer_again
from fairlead.kernel.core.effects import AnswerCommand
from fairlead.kernel.core.inputs import CancelAll, ClosePosition, Flatten
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.decide.cancels import ask_cancel
from fairlead.kernel.decide.closings import is_foreign, request_of
from fairlead.kernel.decide.rules import Rules, Step


def decide_cancel_all(state: EngineState, command: CancelAll, rules: Rules, now_ns: int, step: Step) -> None:
    """Cancel every live order that the command is about, each once; the answer names them all."""
    if _is_answered(state, command, "cancel_all", step):
        return
    orders = [order for order in state.orders.values() if order.state.is_live and is_meant(order, command)]
    _take(command, "cancel_all", tuple(order.client_order_id for order in orders), step)
    for order in orders:
        if order.pending is not PendingRequest.CANCEL:
            ask_cancel(order, command.by, "all were to be canceled", rules, now_ns, step)


def is_meant(order: Order, command: CancelAll) -> bool:
    """Tell whether a live order is one of those to be canceled."""
    return (
        (command.operator or order.owner == command.by)
        and command.symbol in ("", order.symbol)
        and command.book in ("", order.book)
        and not (command.entries_only and order.reduces)
    )


def decide_flatten(state: EngineState, command: Flatten, _rules: Rules, _now_ns: int, step: Step) -> None:
    """Begin a closing of every key the command is about, or widen the one that is there."""
    if _is_answered(state, command, "flatten", step):
        return
    names: list[str] = []
    for key in _keys(state, command):
        symbol, book, position_id = key
        under_way = state.closing.get(key)
        name = f"{command.flatten_id}-{len(names)}"
        closing = ClosePosition(
            name,
            command.by,
            symbol,
            book,
            command.operator,
            cancel_entries=True,
            cancel_exits=True,
            position_id=position_id,
        )
        joins = "" if under_way is None else under_way.closing_id
        names.append(joins or name)
        step.records.append(request_of(state, closing, joins))
    _take(command, "flatten", tuple(names), step)


def _keys(state: EngineState, command: Flatten) -> list[PositionKey]:
    """Return the keys with a position or a live order: those of the book, or all for an operator."""
    keys = {key: None for key, position in state.positions.items() if position.is_exposed}
    keys.update({key: None for (key, _), leaves in state.leaves.items() if leaves})
    return [key for key in keys if command.symbol in ("", key[0]) and command.book in ("", key[1])]


def _is_answered(state: EngineState, command: CancelAll | Flatten, name: str, step: Step) -> bool:
    """Answer a repeated command as the first, and refuse one about another owner's book."""
    key, digest = command.idempotency_key, command.command_digest
    first = state.commands.get((command.by, key)) if key else None
    if first is not None:
        step.effects.append(answer_again(command.command_id, first, digest))
        return True
    if command.operator or not is_foreign(state, command.book, command.by):
        return False
    reason = f"The book belongs to {command.book}."
    step.records.append(
        CommandRefused(name, command.by, command.book, CODE_FOREIGN_OWNER, reason, key, digest)
    )
    step.effects.append(AnswerCommand(command.command_id, False, CODE_FOREIGN_OWNER, reason))
    return True


def _take(command: CancelAll | Flatten, name: str, names: tuple[str, ...], step: Step) -> None:
    subject = " ".join(part for part in (command.symbol, command.book) if part) or "everything"
    step.records.append(
        CommandTaken(name, command.by, subject, names, command.idempotency_key, command.command_digest)
    )
    step.effects.append(AnswerCommand(command.command_id, True, "", "", names))
