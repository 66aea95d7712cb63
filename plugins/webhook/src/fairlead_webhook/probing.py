"""What `fairlead doctor --connect` looks at: whether an endpoint answers, and what its clock says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, Clock
from fairlead.ports.tools import ProbeFinding
from fairlead_webhook.dates import TOLERANCE_SECONDS, difference_of
from fairlead_webhook.outcomes import failure_of
from fairlead_webhook.sending import Answer, Sender
from fairlead_webhook.settings import EndpointSettings, WebhookSettings, notifier_name
from fairlead_webhook.veil import Veil

if TYPE_CHECKING:
    from fairlead_webhook.network import Resolve

# fixed: no clock that is kept right is off by this much, and one that is not drifts on
NOTE_SECONDS = 30


class EndpointProbe:
    """Looks at one endpoint with a HEAD request, which tells the receiver nothing."""

    connects = True

    def __init__(
        self, endpoint: str, settings: EndpointSettings, clock: Clock, *, resolve: Resolve | None = None
    ) -> None:
        self._name = notifier_name(endpoint)
        self._timeout_ns = settings.schedule.attempt_timeout_ms * NANOSECONDS_PER_MILLISECOND
        self._clock = clock
        self._sender = Sender(settings, clock, Veil(settings.target(), settings.secrets), resolve)

    @property
    def name(self) -> str:
        """Return the name of the endpoint's notifier."""
        return self._name

    async def examine(self) -> Sequence[ProbeFinding]:
        """Return what keeps notices from arriving; any answer at all is enough for the connection."""
        answer, before_ns = Answer(), self._clock.wall_ns()
        try:
            async with self._clock.timeout_ns(self._timeout_ns):
                await self._sender.look(answer)
        except Exception as error:  # isolation point: whatever the network throws, it cannot be reached
            if not answer.status:
                fix = "Nothing would be delivered. See that the receiver runs and the URL leads to it."
                return [ProbeFinding(f"cannot be reached ({failure_of(error)}). {fix}")]
        finally:
            await self._sender.close()
        return clock_findings(answer.date, before_ns, self._clock.wall_ns())


def clock_findings(date: str, before_ns: int, after_ns: int) -> Sequence[ProbeFinding]:
    """Return what the date of an answer says, between whose request and arrival our clock showed these."""
    difference = difference_of(date, before_ns, after_ns)
    if difference is None or difference.seconds < NOTE_SECONDS:
        return []
    fix = "Have both machines set their clocks by the network."
    if difference.is_too_much:
        why = f"it refuses every notice, for a signature holds for {TOLERANCE_SECONDS} s"
        return [ProbeFinding(f"{difference}: {why}. {fix}")]
    why = f"from {TOLERANCE_SECONDS} s on it refuses every notice"
    return [ProbeFinding(f"{difference}; {why}. {fix}", is_note=True)]


def probes_of(settings: WebhookSettings, clock: Clock) -> list[EndpointProbe]:
    """Return a probe for each endpoint, in the order of the settings."""
    return [EndpointProbe(name, each, clock) for name, each in settings.endpoints.items()]
