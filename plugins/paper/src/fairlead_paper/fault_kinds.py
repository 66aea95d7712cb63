"""The kinds of fault that a client's transport can inject."""

from __future__ import annotations

from enum import StrEnum


class FaultKind(StrEnum):
    """What goes wrong between client and venue; each is drawn and counted by itself.

    Faults of a request: ``LOST_REQUEST`` never reaches the venue; ``LOST_ANSWER`` is done there, but
    the answer is lost; ``LATE_ANSWER`` is answered late, but within the timeout; ``LATE_REQUEST``
    arrives after the client gave up, and before its deadline; ``EXPIRED_REQUEST`` arrives after its
    deadline; ``RATE_LIMITED`` is not looked at; ``GARBAGE_ANSWER`` is done, but the answer is
    unreadable. Faults of the stream: ``DUPLICATE_REPORT`` comes twice; ``DELAYED_REPORT`` comes late,
    so that others overtake it; ``REORDERED_REPORT`` changes places with the next one;
    ``DISCONNECT`` breaks the stream and loses what is reported until it is back. Fault of the
    history: ``DUPLICATE_FILL`` repeats a fill within a page. Fault of both: ``LATE_FILL`` tells a fill, in
    the stream and in every reading, only after its order has ended, or the request timeout has passed.
    """

    LOST_REQUEST = "lost_request"
    LOST_ANSWER = "lost_answer"
    LATE_ANSWER = "late_answer"
    LATE_REQUEST = "late_request"
    EXPIRED_REQUEST = "expired_request"
    RATE_LIMITED = "rate_limited"
    GARBAGE_ANSWER = "garbage_answer"
    DUPLICATE_REPORT = "duplicate_report"
    DELAYED_REPORT = "delayed_report"
    REORDERED_REPORT = "reordered_report"
    DISCONNECT = "disconnect"
    DUPLICATE_FILL = "duplicate_fill"
    LATE_FILL = "late_fill"
