"""How a notifier fares, in words for `kernel.health()` and `fairlead status`."""

from __future__ import annotations

from fairlead.kernel.outbox.courier import Courier
from fairlead.ports.clock import NANOSECONDS_PER_SECOND


def problem_of(courier: Courier, durable: int, now_ns: int) -> str:
    """Return what is amiss with a notifier in a line; nothing when all is well."""
    account = courier.account
    behind = durable - courier.owing.read
    parts = [
        f"disabled: {account.reason}" if account.disabled else "",
        "circuit open" if account.circuit_until_ns else "",
        f"{courier.owing.waiting} waiting to be tried again" if courier.owing.waiting else "",
        f"{behind} records behind" if behind and (account.disabled or account.circuit_until_ns) else "",
        f"{courier.owing.dead} dead letters" if courier.owing.dead else "",
    ]
    told = [part for part in parts if part]
    oldest_ns = courier.owing.oldest_ns()
    if told and oldest_ns:
        told.append(f"the oldest is {max(now_ns - oldest_ns, 0) // NANOSECONDS_PER_SECOND} s old")
    return f"notifier {courier.name}: {', '.join(told)}" if told else ""
