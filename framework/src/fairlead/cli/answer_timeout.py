"""How long a command waits for the answer of a running kernel: an option before the command's name."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Annotated

import typer

from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND

# fixed: the default of an option; a resume reconciles first, and a flatten waits for the venue
ANSWER_TIMEOUT_MS = 120_000

_kept: ContextVar[int] = ContextVar("answer_timeout_ms", default=ANSWER_TIMEOUT_MS)
"""What the command line says. Not in the context of click: some versions of typer have their own."""

AnswerTimeoutOption = Annotated[
    int,
    typer.Option(
        "--answer-timeout-ms",
        min=1,
        help="How long to wait for a running kernel's answer; the command goes on in the kernel.",
    ),
]


def keep_answer_timeout(milliseconds: int) -> None:
    """Remember it for the command that follows."""
    _kept.set(milliseconds)


def answer_timeout_seconds() -> float:
    """Return what the present command line says, else the default."""
    return float(_kept.get()) * NANOSECONDS_PER_MILLISECOND / NANOSECONDS_PER_SECOND
