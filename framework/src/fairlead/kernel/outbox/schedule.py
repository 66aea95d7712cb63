"""What follows from one attempt: pure, with the draw of the pause handed in."""

from __future__ import annotations

import attrs

from fairlead.kernel.outbox.book import Delivery, DeliveryState, NotifierAccount
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.ports.notices import DeliveryOutcome, DeliverySettings, DeliveryVerdict

# fixed: the resolution of a drawn pause, 64 bits
DRAW_DIGITS = 16
HEXADECIMAL = 16  # fixed: the base in which ids are drawn
_DRAWS: int = HEXADECIMAL**DRAW_DIGITS
_LATEST_NS = 2**63 - 1  # fixed: the last time that a store can hold, whatever a notifier's pauses are


def pause_ns(settings: DeliverySettings, attempts: int, draw: int, retry_after_ns: int | None) -> int | None:
    """Return how long to wait after that many failed attempts; nothing when that was the last one.

    The pause is drawn between half and whole; what the receiver asked for lengthens it, within the limit.
    """
    if attempts > len(settings.retry_pauses_ms):
        return None
    whole = settings.retry_pauses_ms[attempts - 1] * NANOSECONDS_PER_MILLISECOND
    drawn = whole - whole // 2 * draw // _DRAWS
    asked = min(retry_after_ns or 0, settings.retry_after_max_ms * NANOSECONDS_PER_MILLISECOND)
    return max(drawn, asked)


def has_expired(settings: DeliverySettings, ts_ns: int, now_ns: int) -> bool:
    """Tell whether a notice of that time is too old to be told."""
    after_ms = settings.expires_after_ms
    return after_ms is not None and now_ns - ts_ns > after_ms * NANOSECONDS_PER_MILLISECOND


def settle_delivery(
    delivery: Delivery, outcome: DeliveryOutcome, settings: DeliverySettings, now_ns: int, draw: int
) -> None:
    """Book an attempt on its delivery: delivered, again after a pause, or dead.

    Where the receiver is gone for good the notice itself is as good as before, and waits.
    """
    delivery.attempts += 1
    delivery.detail = outcome.detail
    delivery.next_at_ns = 0
    if outcome.verdict is DeliveryVerdict.DELIVERED:
        delivery.state = DeliveryState.DELIVERED
    elif outcome.verdict is DeliveryVerdict.NEVER:
        delivery.state = DeliveryState.DEAD
    elif outcome.verdict is DeliveryVerdict.AGAIN:
        pause = pause_ns(settings, delivery.attempts, draw, outcome.retry_after_ns)
        if pause is None:
            delivery.state = DeliveryState.DEAD
        else:
            delivery.next_at_ns = min(now_ns + pause, _LATEST_NS)


@attrs.frozen
class Fare:
    """How a notifier fares after an attempt: whether its circuit opened, and why it is disabled, if it is."""

    opened: bool = False
    disabled: str = ""


def settle_account(
    account: NotifierAccount, outcome: DeliveryOutcome, settings: DeliverySettings, now_ns: int
) -> Fare:
    """Book an attempt on the notifier: its circuit, and whether it goes on being told at all.

    A notice that is refused for good (`NEVER`) shows that somebody is there: the notifier has not failed.
    """
    if outcome.verdict is DeliveryVerdict.GONE:
        account.disabled, account.reason = True, outcome.detail or "the receiver is gone for good"
        return Fare(disabled=account.reason)
    if outcome.verdict is not DeliveryVerdict.AGAIN:
        account.failures = account.failing_since_ns = account.circuit_until_ns = 0
        return Fare()
    account.failures += 1
    account.failing_since_ns = account.failing_since_ns or now_ns
    if now_ns - account.failing_since_ns >= settings.disable_after_ms * NANOSECONDS_PER_MILLISECOND:
        account.disabled = True
        account.reason = f"it has failed for {settings.disable_after_ms} ms without a success"
        return Fare(disabled=account.reason)
    if account.failures < settings.circuit_failures:
        return Fare()
    was_closed = not account.circuit_until_ns
    pause = settings.circuit_pause_ms * NANOSECONDS_PER_MILLISECOND
    account.circuit_until_ns = min(now_ns + pause, _LATEST_NS)
    return Fare(opened=was_closed)
