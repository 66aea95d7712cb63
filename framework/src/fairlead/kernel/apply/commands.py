"""The fold of records about commands: what answered a key, and closings from request to end."""

from __future__ import annotations

from fairlead.domain.closings import Closing
from fairlead.domain.command_records import ClosingEnded, ClosingMoved, ClosingRequested, CommandTaken
from fairlead.domain.records import CommandRefused, OrderInitialized, Reconciled
from fairlead.kernel.core.command_answers import answer_text
from fairlead.kernel.core.state import CommandEntry, EngineState

OWNER_PREFIX = "owner:"

# fixed: a fold has no settings: whoever replays it must come to the same state
CLOSINGS_KEPT_MAX = 1_000
"""How many closings that are over stay in memory; older ones are read back when a key refers to them."""


def remember(state: EngineState, entry: CommandEntry) -> None:
    """Keep what answered a command, when it had an idempotency key."""
    if entry.idempotency_key:
        entry.sequence = state.sequence
        state.commands[entry.owner, entry.idempotency_key] = entry
        state.dirty.commands.append(entry)


def meet(state: EngineState, record: OrderInitialized, ts_ns: int) -> None:
    """Remember an order's owner, and its command when it had a key."""
    meet_owner(state, record.owner)
    if record.idempotency_key:
        key, digest = record.idempotency_key, record.command_digest
        remember(state, CommandEntry(record.owner, key, digest, record.client_order_id, ts_ns))


def meet_owner(state: EngineState, owner: str) -> None:
    """Remember that there is such an owner: a book that bears its name is its own."""
    if owner not in state.owners:
        state.owners[owner] = None
        state.dirty.settings[OWNER_PREFIX + owner] = None


def command_refused(state: EngineState, record: CommandRefused, ts_ns: int) -> None:
    """A refusal changes nothing but what a repetition is answered with."""
    answer = answer_text(accepted=False, code=record.code, reason=record.reason)
    remember(
        state,
        CommandEntry(record.by, record.idempotency_key, record.command_digest, record.subject, ts_ns, answer),
    )


def command_taken(state: EngineState, record: CommandTaken, ts_ns: int) -> None:
    """A command that was carried out at once changes nothing else; the orders' own records do."""
    answer = answer_text(accepted=True, names=record.names)
    remember(
        state,
        CommandEntry(record.by, record.idempotency_key, record.command_digest, record.subject, ts_ns, answer),
    )


def closing_requested(state: EngineState, record: ClosingRequested, ts_ns: int) -> None:
    """Begin a closing, or let the one under way do more."""
    subject = record.joins or record.closing_id
    entry = CommandEntry(record.by, record.idempotency_key, record.command_digest, subject, ts_ns)
    remember(state, entry)
    if record.joins:
        closing = state.closings[record.joins]
        _widen(closing, record)
    else:
        closing = Closing(
            record.closing_id,
            record.by,
            record.symbol,
            record.book,
            record.operator,
            record.cancel_entries,
            record.cancel_exits,
            record.limit_price,
            record.held,
            ts_ns,
            position_id=record.position_id,
        )
        state.closings[closing.closing_id] = closing
        state.closing[closing.key] = closing
    state.dirty.closings[closing.closing_id] = None


def _widen(closing: Closing, record: ClosingRequested) -> None:
    closing.operator = closing.operator or record.operator
    closing.cancel_entries = closing.cancel_entries or record.cancel_entries
    if record.cancel_exits and not closing.cancel_exits:
        closing.cancel_exits = True
        if closing.limit_price is not None:  # its own exit works at a limit: it is canceled like any other
            closing.limit_price = record.limit_price
            closing.exit_order_id = ""


def closing_moved(state: EngineState, record: ClosingMoved, _ts_ns: int) -> None:
    """The closing has its next exit."""
    closing = state.closings[record.closing_id]
    closing.exit_order_id = record.exit_order_id
    closing.exits += 1
    closing.due_ns = record.due_ns
    state.dirty.closings[record.closing_id] = None


def closing_ended(state: EngineState, record: ClosingEnded, _ts_ns: int) -> None:
    """The closing is over; the oldest that are over leave memory."""
    closing = state.closings[record.closing_id]
    closing.code = record.code.value
    closing.detail = record.detail
    closing.quantity_left = record.quantity_left
    closing.realized_pnl = record.realized_pnl
    closing.fees = record.fees
    closing.episode = record.episode
    closing.closed_ns = record.closed_ns
    state.dirty.closings[record.closing_id] = None
    del state.closing[closing.key]
    if len(state.closings) > CLOSINGS_KEPT_MAX:
        oldest = next(name for name, each in state.closings.items() if each.is_over)
        if oldest not in state.dirty.closings:
            del state.closings[oldest]


def reconciled(state: EngineState, _record: Reconciled, _ts_ns: int) -> None:
    """What is held is known: closings may go on."""
    state.reconciled = True


def denial_text(record: OrderInitialized) -> str:
    """Return every denial in one line: who denied, why, and the figures compared."""
    parts = []
    for verdict in record.verdicts:
        if not verdict.allowed:
            figures = ", ".join(f"{name}={figure}" for name, figure in verdict.figures)
            parts.append(
                f"{verdict.check}: {verdict.code}: {verdict.reason}{f' ({figures})' if figures else ''}"
            )
    return "; ".join(parts)
