"""What an answer, or its absence, means for a notice.

Only a 2xx is success; 410 means that the receiver is gone. Everything else may do better later, also what
looks final: a receiver that is deployed badly answers 400 or 404 for an hour, and a notice that was given
up then would be lost for nothing. The schedule ends it soon enough.
"""

from __future__ import annotations

import errno
import re
import ssl
from collections.abc import Iterator
from http import HTTPStatus

from fairlead.ports.clock import NANOSECONDS_PER_SECOND
from fairlead.ports.notices import DELIVERED, DeliveryOutcome, DeliveryVerdict
from fairlead_webhook.dates import date_ns, difference_of
from fairlead_webhook.sending import Answer

_ASKS_FOR_A_PAUSE = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_SECONDS = re.compile(r"[0-9]+", re.ASCII)
# fixed: 300 years in seconds; a longer number is the same as the longest pause that is allowed
_DIGITS_MAX = 10

# fixed: OpenSSL's numbers for what people ask about
_CERTIFICATES = {
    10: "it is over",
    9: "it is not valid yet",
    18: "it is signed by itself",
    19: "its authority is not trusted",
    20: "its authority is not trusted",
    62: "it is for another name",
    64: "it is for another address",
}


def outcome_of(answer: Answer, now_ns: int, retry_after_max_ns: int) -> DeliveryOutcome:
    """Return what an answer means, *now_ns* being the time of day when it came."""
    status = answer.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return DELIVERED
    detail = f"HTTP {status}{_meaning(status)}"
    difference = difference_of(answer.date, now_ns, now_ns)
    if difference is not None and difference.is_too_much:  # an attempt's own time is no matter against that
        detail = f"{detail}, and {difference}"
    if answer.excerpt:
        detail = f"{detail}: {answer.excerpt}"
    if status == HTTPStatus.GONE:
        return DeliveryOutcome(DeliveryVerdict.GONE, detail)
    pause_ns = None
    if status in _ASKS_FOR_A_PAUSE:
        pause_ns = retry_after_ns(answer.retry_after, now_ns, retry_after_max_ns)
    return DeliveryOutcome(DeliveryVerdict.AGAIN, detail, pause_ns)


def retry_after_ns(text: str, now_ns: int, longest_ns: int) -> int | None:
    """Return the pause that a `Retry-After` asks for (RFC 9110), at most *longest_ns*.

    Nothing for what is neither a number of seconds nor a date, or lies in the past.
    """
    text = text.strip()
    if _SECONDS.fullmatch(text):
        seconds = int(text[:_DIGITS_MAX]) if len(text) <= _DIGITS_MAX else longest_ns
        return min(seconds * NANOSECONDS_PER_SECOND, longest_ns)
    moment_ns = date_ns(text)
    if moment_ns is None or moment_ns <= now_ns:
        return None
    return min(moment_ns - now_ns, longest_ns)


def failure_of(error: Exception) -> str:
    """Return in a few words why there was no answer."""
    if type(error).__name__ == "AddressBlocked":
        return f"blocked: {error}"
    if isinstance(error, TimeoutError):
        return "no answer within the attempt's time"
    return told(error)


def told(error: BaseException) -> str:
    """Return class and code of an error and of what lies below it, never its text: it may hold a secret."""
    names: list[str] = []
    for each in _chain(error):
        code = _code(each)
        name = type(each).__name__ + (f" {code}" if code else "")
        if name not in names:
            names.append(name)
    return " from ".join(names)


def _meaning(status: int) -> str:
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return ", a redirect, which is never followed"
    try:
        return f" {HTTPStatus(status).phrase}"
    except ValueError:
        return ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _code(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        meaning = _CERTIFICATES.get(error.verify_code)
        return f"{error.verify_code}, the certificate: {meaning}" if meaning else str(error.verify_code)
    if isinstance(error, OSError) and error.errno:
        return errno.errorcode.get(error.errno, str(error.errno))
    return ""
