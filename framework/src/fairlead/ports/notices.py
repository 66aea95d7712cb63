"""The port of notifiers: who is told, at least once, of what happened.

Every durable fact leaves an outbox row in the batch that holds it. The kernel reads them behind the
commits, makes a `Notice` of each, and hands it to every notifier that wants it until the notifier says
that it was delivered, or nobody shall try again. A notifier holds no state of its own: pauses, attempts
and what was given up are the kernel's, and survive a restart.

Notices of one subject come in order, one at a time; those of different subjects side by side. The same
notice may come twice, always with the same id and the same contents.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

import attrs

from fairlead.domain.values import Value

__all__ = ["DELIVERED", "DeliveryOutcome", "DeliverySettings", "DeliveryVerdict", "Notice", "Notifier"]


class Notice(Value):
    """One fact that a notifier is told. What *data* holds for each *kind* is documented and versioned.

    *event_id* is stable for ever, over attempts and restarts; *subject* is the order, position or part of
    the kernel that it is about; *sequence* is the journal record's, *ts_ns* when that was written (UTC).
    *data* holds text, whole numbers, truth values, lists and mappings of them; decimals are text.
    """

    event_id: str
    kind: str
    version: int
    account: str
    subject: str
    sequence: int
    ts_ns: int
    data: Mapping[str, object]


class DeliveryVerdict(StrEnum):
    """What became of one attempt."""

    DELIVERED = "delivered"
    AGAIN = "again"
    """It failed, and may do better later."""
    NEVER = "never"
    """It failed, and would each time: the notice goes to the dead letters."""
    GONE = "gone"
    """Whoever was to be told is gone for good: the notifier is disabled until an operator enables it."""


@attrs.frozen
class DeliveryOutcome:
    """One attempt's verdict. *detail* is one line for people, without secrets.

    *retry_after_ns* is the pause that the receiver asked for, from now; the kernel keeps it within its
    limits and never below its own pause.
    """

    verdict: DeliveryVerdict
    detail: str = ""
    retry_after_ns: int | None = None


# fixed: the plain success, which has nothing to say
DELIVERED = DeliveryOutcome(DeliveryVerdict.DELIVERED)


@attrs.frozen(kw_only=True)
class DeliverySettings:
    """How often and how long a notifier's notices are tried; every pause is drawn between half and whole.

    The pauses are those of the Standard Webhooks specification, 75 hours in all.
    """

    retry_pauses_ms: tuple[int, ...] = (
        5_000,
        300_000,
        1_800_000,
        7_200_000,
        18_000_000,
        36_000_000,
        50_400_000,
        72_000_000,
        86_400_000,
    )
    """Pauses after the first, second, ... failed attempt: 5 s, 5 min, 30 min, then 2, 5, 10, 14, 20 and 24 h.

    After the last one fails, too, a notice is a dead letter.
    """
    attempt_timeout_ms: int = 15_000
    """How long one attempt may take."""
    retry_after_max_ms: int = 86_400_000
    """The longest pause that a receiver may ask for."""
    subjects_at_once: int = 8
    """How many subjects are told of at the same time."""
    circuit_failures: int = 5
    """So many failures in a row, of whatever subject, and nothing is tried for a while."""
    circuit_pause_ms: int = 30_000
    """How long that is; then one notice is tried, and the rest follows when it was delivered."""
    expires_after_ms: int | None = None
    """A notice that has grown older than this is a dead letter; none does by default."""
    disable_after_ms: int = 432_000_000
    """A notifier that has failed without a success for so long is disabled."""


class Notifier(Protocol):
    """Tells somebody outside. Never on the trading path: nothing waits for it.

    All methods are called in the kernel's loop. Whatever `deliver` raises counts as a failed attempt that
    may do better later; so does an attempt that exceeds its time.
    """

    @property
    def name(self) -> str:
        """Return the name; what is owed is kept under it, so it stays the same over restarts."""

    @property
    def delivery(self) -> DeliverySettings:
        """Return how often and how long is tried."""

    def wants(self, notice: Notice) -> bool:
        """Tell whether this notice is to be delivered; pure and cheap. One that raises is asked no more."""

    async def deliver(self, notice: Notice, attempt: int) -> DeliveryOutcome:
        """Try once; *attempt* counts from 1. Waits through the context's clock only."""

    async def close(self) -> None:
        """Give back what deliveries took (connections); called once when the kernel stops."""
