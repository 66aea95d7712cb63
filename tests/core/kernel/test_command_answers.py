"""A repeated command is answered as its first time was, and never carried out again."""

from __future__ import annotations

import pytest

from fairlead.kernel.core.command_answers import CODE_FOREIGN_OWNER, answer_again, answer_text, read_answer
from fairlead.kernel.core.effects import AnswerCommand
from fairlead.kernel.core.state import CommandEntry


def entry(answer: str) -> CommandEntry:
    """Return a command that was answered with this."""
    return CommandEntry("bot", "key", "digest", "x", 5, answer)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ((True, "", "", ()), '[true,"","",[]]'),
        ((False, "ALREADY_CLOSED", "it is over", ()), '[false,"ALREADY_CLOSED","it is over",[]]'),
        ((True, "", "", ("x", "y")), '[true,"","",["x","y"]]'),
    ],
)
def test_an_answer_is_kept_whole(answer: tuple[bool, str, str, tuple[str, ...]], text: str) -> None:
    """As text in its row, and read back as it was given; the same command is answered the same."""
    accepted, code, reason, names = answer
    assert answer_text(accepted=accepted, code=code, reason=reason, names=names) == text
    assert read_answer(entry(text)) == answer
    assert answer_again(7, entry(text), "digest") == AnswerCommand(7, accepted, code, reason, names)


def test_a_key_that_asks_for_something_else_is_refused() -> None:
    """By a code that bots go by, with the key that was used before."""
    refused = AnswerCommand(7, False, "KEY_REUSED", "'key' was used for another command")
    assert answer_again(7, entry(answer_text(accepted=True)), "other") == refused
    assert CODE_FOREIGN_OWNER == "FOREIGN_OWNER"


def test_what_is_not_said_is_empty() -> None:
    """An answer that only says yes has no code, no reason and no names."""
    assert answer_text(accepted=True) == '[true,"","",[]]'
