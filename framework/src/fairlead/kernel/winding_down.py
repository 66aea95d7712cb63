"""What a kernel does about its orders and positions before it stops: the policy ``on_stop``.

Whatever could not be done in time stays as it is, in the journal and at the venue, and is as right after
the next start: a cancel that was asked for is asked again, a flatten under way goes on.
"""

from __future__ import annotations

import logging

from fairlead.errors import FairleadError
from fairlead.kernel.commands import Commands
from fairlead.kernel.core.inputs import CancelAll, Flatten
from fairlead.kernel.decide.rules import KERNEL
from fairlead.kernel.parts import Parts
from fairlead.kernel.results import StopReport
from fairlead.kernel.settings import OnStop


async def wind_down(parts: Parts, commands: Commands, flatten_id: str, logger: logging.Logger) -> StopReport:
    """Carry out the policy within ``stop_timeout_ms``, and say what was done and what is left."""
    policy = parts.settings.on_stop
    canceled: tuple[str, ...] = ()
    problem = ""
    if policy is not OnStop.LEAVE:
        commands.is_stopping = True
        try:
            async with parts.clock.timeout_ns(parts.settings.ns("stop_timeout")):
                if policy is OnStop.FLATTEN:
                    await commands.flatten(Flatten(flatten_id, KERNEL, "", "", 0, operator=True))
                else:
                    entries = CancelAll(KERNEL, "", "", 0, operator=True, entries_only=True)
                    canceled = (await commands.cancel_all(entries)).names
                    for name in canceled:
                        await commands.closed(name)
        except TimeoutError:
            problem = "the time for it ran out"
        except FairleadError as error:
            problem = f"{type(error).__name__}: {error}"
    report = _report(parts, policy, canceled, problem)
    if problem:
        logger.warning(
            "Stopping by the policy %s was not finished (%s): %d orders are live, %d positions open.",
            policy.value,
            problem,
            len(report.left_orders),
            len(report.left_positions),
        )
    return report


def _report(parts: Parts, policy: OnStop, canceled: tuple[str, ...], problem: str) -> StopReport:
    state = parts.engine.state
    live = tuple(name for name, order in state.orders.items() if order.state.is_live)
    open_keys = tuple(key for key, position in state.positions.items() if position.is_open)
    return StopReport(policy.value, canceled, live, open_keys, problem)
