"""One attempt of a notifier: whatever it does, an outcome comes of it, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fairlead.domain.identifiers import excerpt_of
from fairlead.plugins.redaction import redacted
from fairlead.ports.notices import DeliveryOutcome, DeliveryVerdict, Notice, Notifier

_FAULTS = (Exception, SystemExit, asyncio.CancelledError)
"""What a notifier may throw; a `SystemExit` that left a task would end the loop of the bot."""

DETAIL_LENGTH = 200  # fixed: one line for people
"""How much of a detail is kept."""


async def attempted(
    notifier: Notifier, notice: Notice, attempt: int, is_ending: Callable[[], bool]
) -> DeliveryOutcome:
    """Return what came of one attempt; raises `CancelledError` only when the kernel stops."""
    try:
        outcome = await notifier.deliver(notice, attempt)
    except _FAULTS as error:  # isolation point: a failing notifier costs nothing but its own notices
        if isinstance(error, asyncio.CancelledError) and is_ending():
            raise
        return again(f"{type(error).__name__}: {redacted(str(error))}")
    if not isinstance(outcome, DeliveryOutcome) or not isinstance(outcome.verdict, DeliveryVerdict):
        return again(f"it answered with {excerpt_of(outcome)} instead of an outcome")
    after = outcome.retry_after_ns
    detail = outcome.detail if isinstance(outcome.detail, str) else excerpt_of(outcome.detail)
    return DeliveryOutcome(outcome.verdict, line_of(redacted(detail)), after if type(after) is int else None)


def again(detail: str) -> DeliveryOutcome:
    """Return the outcome of an attempt that failed and may do better later."""
    return DeliveryOutcome(DeliveryVerdict.AGAIN, line_of(detail))


def line_of(text: str) -> str:
    """Return a text as one printable line of bounded length; what is not printable is escaped."""
    shown = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
    return shown if len(shown) <= DETAIL_LENGTH else shown[: DETAIL_LENGTH - 1] + "…"
