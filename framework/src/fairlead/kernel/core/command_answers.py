"""What a command was answered with, as text for its row, so that a repetition is answered the same."""

from __future__ import annotations

import msgspec

from fairlead.kernel.core.effects import AnswerCommand
from fairlead.kernel.core.state import CommandEntry

CODE_FOREIGN_OWNER = "FOREIGN_OWNER"
CODE_KEY_REUSED = "KEY_REUSED"


def answer_text(*, accepted: bool, code: str = "", reason: str = "", names: tuple[str, ...] = ()) -> str:
    """Return the answer as JSON."""
    return msgspec.json.encode((accepted, code, reason, names)).decode()


def answer_again(command_id: int, first: CommandEntry, digest: str) -> AnswerCommand:
    """Answer a repeated command as the first was, or refuse its key when it asks for something else."""
    if first.command_digest != digest:
        reason = f"{first.idempotency_key!r} was used for another command"
        return AnswerCommand(command_id, False, CODE_KEY_REUSED, reason)
    accepted, code, reason, names = msgspec.json.decode(first.answer)
    return AnswerCommand(command_id, accepted, code, reason, tuple(names))
