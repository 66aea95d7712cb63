"""Dates in the headers of an answer, and what they say of the receiver's clock.

A signature holds for a while around the time that it names. A receiver whose clock is further off refuses
everything, and says no more than that the signature is wrong.
"""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

import attrs

from fairlead.ports.clock import NANOSECONDS_PER_SECOND

# fixed: how long a signature holds, as Standard Webhooks' own libraries verify it
TOLERANCE_SECONDS = 300

_DATE = re.compile(r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT", re.ASCII)


def date_ns(text: str) -> int | None:
    """Return the moment of a date as HTTP writes it (RFC 9110), in nanoseconds UTC; else nothing."""
    if not _DATE.fullmatch(text):
        return None
    try:
        moment = parsedate_to_datetime(text).replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp()) * NANOSECONDS_PER_SECOND


@attrs.frozen
class Difference:
    """By how much the receiver's clock is certainly ahead of ours, or behind it."""

    seconds: int
    is_ahead: bool

    @property
    def is_too_much(self) -> bool:
        """Tell whether no signature of ours can hold there."""
        return self.seconds > TOLERANCE_SECONDS

    def __str__(self) -> str:
        where = "ahead of" if self.is_ahead else "behind"
        return f"the receiver's clock is {self.seconds} s {where} ours"


def difference_of(date: str, before_ns: int, after_ns: int) -> Difference | None:
    """Return what an answer's date proves, when our clock showed these at its request and its arrival.

    What lies within the time that the request took, or within the second that a date is exact to, is no
    difference.
    """
    theirs_ns = date_ns(date)
    if theirs_ns is None:
        return None
    ahead_ns, behind_ns = theirs_ns - after_ns, before_ns - theirs_ns - NANOSECONDS_PER_SECOND
    seconds = max(0, ahead_ns, behind_ns) // NANOSECONDS_PER_SECOND
    return Difference(seconds, ahead_ns > behind_ns)
