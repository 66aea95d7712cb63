"""Patience: a read at the start that fails is asked again, later and later, and then given up.

For reads only: what sends an order is never asked twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fairlead.errors import ExchangeFault
from fairlead.plugins.redaction import redacted
from fairlead.ports.clock import Clock


async def patiently(
    what: str,
    read: Callable[[], Awaitable[object]],
    clock: Clock,
    pause_ns: int,
    check: Callable[[], None],
    *,
    attempts_max: int,
) -> None:
    """Read, at most *attempts_max* times with doubling pauses; *check* raises what makes that pointless.

    Raises `ExchangeFault` from the last failure.
    """
    problem: Exception | None = None
    for attempt in range(attempts_max):
        if attempt:
            await clock.sleep_ns(pause_ns << (attempt - 1))
        try:
            await read()
        except Exception as error:  # supervision point: tried again, then refused
            problem = error
        else:
            return
        check()
    raise ExchangeFault(
        f"{what} failed {attempts_max} times: {type(problem).__name__}: {redacted(str(problem))}",
        not_done="Trading was not enabled and the kernel did not start.",
        fix="See to the connection, then start again; nothing is lost.",
    ) from problem
