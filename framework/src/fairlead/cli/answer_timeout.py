"""How long a command waits for the answer of a running kernel: an option before the command's name."""

from __future__ import annotations

from typing import Annotated

import click
import typer

from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND

# fixed: the default of an option; a resume reconciles first, and a flatten waits for the venue
ANSWER_TIMEOUT_MS = 120_000
_KEY = "fairlead.answer_timeout_ms"

AnswerTimeoutOption = Annotated[
    int,
    typer.Option(
        "--answer-timeout-ms",
        min=1,
        help="How long to wait for a running kernel's answer; the command goes on in the kernel.",
    ),
]


def keep_answer_timeout(context: typer.Context, milliseconds: int) -> None:
    """Remember it for the command that follows."""
    context.meta[_KEY] = milliseconds


def answer_timeout_seconds() -> float:
    """Return what the present command line says, else the default."""
    context = click.get_current_context(silent=True)
    milliseconds = ANSWER_TIMEOUT_MS if context is None else context.meta.get(_KEY, ANSWER_TIMEOUT_MS)
    return float(milliseconds) * NANOSECONDS_PER_MILLISECOND / NANOSECONDS_PER_SECOND
