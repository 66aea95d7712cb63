"""Deciding on what a bot wants to say about its orders and episodes."""

from __future__ import annotations

from fairlead.domain.command_records import EpisodeAnnotated, OrderAnnotated
from fairlead.domain.episodes import Episode
from fairlead.domain.orders import Order
from fairlead.domain.records import CommandRefused
from fairlead.domain.remarks import Remarks, annotated, remarks_problem
from fairlead.kernel.core.command_answers import CODE_FOREIGN_OWNER, answer_again
from fairlead.kernel.core.effects import AnswerCommand
from fairlead.kernel.core.position_inputs import Annotate
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.decide.rules import Step

CODE_TOO_MANY_REMARKS = "TOO_MANY_REMARKS"


def decide_annotation(state: EngineState, command: Annotate, step: Step) -> None:
    """Record the remarks as they will be, unless nothing changes; answer a repeated command as the first."""
    key, digest = command.idempotency_key, command.command_digest
    first = state.commands.get((command.by, key)) if key else None
    if first is not None:
        step.effects.append(answer_again(command.command_id, first, digest))
        return
    subject = _subject(state, command)
    if subject.owner != command.by and not command.operator:
        _refuse(command, CODE_FOREIGN_OWNER, f"It belongs to {subject.owner}.", step)
        return
    before = Remarks(subject.note, subject.tags, subject.metadata)
    after = annotated(before, command.wanted)
    problem = remarks_problem(after)
    if problem:
        _refuse(command, CODE_TOO_MANY_REMARKS, f"There would be {problem}.", step)
        return
    if after != before or key:
        step.records.append(_record(command, after))
    step.effects.append(AnswerCommand(command.command_id, True, "", ""))


def _subject(state: EngineState, command: Annotate) -> Order | Episode:
    if command.episode is None:
        return state.orders[command.client_order_id]
    return state.episodes[command.episode]


def _record(command: Annotate, after: Remarks) -> OrderAnnotated | EpisodeAnnotated:
    said = command.by, after.note, after.tags, after.metadata
    key, digest = command.idempotency_key, command.command_digest
    if command.episode is None:
        return OrderAnnotated(command.client_order_id, *said, key, digest)
    return EpisodeAnnotated(*command.episode, *said, key, digest)


def _refuse(command: Annotate, code: str, reason: str, step: Step) -> None:
    subject = command.client_order_id or " ".join(map(str, command.episode or ()))
    key, digest = command.idempotency_key, command.command_digest
    step.records.append(CommandRefused("annotate", command.by, subject, code, reason, key, digest))
    step.effects.append(AnswerCommand(command.command_id, False, code, reason))
