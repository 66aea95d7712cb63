"""One endpoint as a notifier of the kernel: makes the body, signs it, sends it, says what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fairlead.errors import InvalidInput
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, Clock
from fairlead.ports.notices import DeliveryOutcome, DeliverySettings, DeliveryVerdict, Notice
from fairlead_webhook.outcomes import failure_of, outcome_of
from fairlead_webhook.payload import body_of
from fairlead_webhook.selection import wanted
from fairlead_webhook.sending import Answer, Sender
from fairlead_webhook.settings import EndpointSettings, WebhookSettings, notifier_name
from fairlead_webhook.signing import signed_headers
from fairlead_webhook.veil import Veil

if TYPE_CHECKING:
    from fairlead_webhook.network import Resolve


class WebhookNotifier:
    """Tells one URL. Keeps nothing between attempts but open connections."""

    def __init__(
        self, endpoint: str, settings: EndpointSettings, clock: Clock, *, resolve: Resolve | None = None
    ) -> None:
        self._name = notifier_name(endpoint)
        self._settings = settings
        self._clock = clock
        self._delivery = settings.schedule.delivery()
        self._sender = Sender(settings, clock, Veil(settings.target(), settings.secrets), resolve)

    @property
    def name(self) -> str:
        """Return the name: `webhook.` and the endpoint's."""
        return self._name

    @property
    def delivery(self) -> DeliverySettings:
        """Return how often and how long is tried."""
        return self._delivery

    def wants(self, notice: Notice) -> bool:
        """Tell whether the endpoint's filter lets the notice through."""
        return wanted(self._settings, notice)

    async def deliver(self, notice: Notice, attempt: int) -> DeliveryOutcome:
        """Try once, within `attempt_timeout_ms` from the look-up of the name to the end of the answer.

        What no body can be made of is given up at once. An address that is blocked is tried again, as any
        other failure: nothing has left this machine, and a name that is put right may still be told.
        """
        del attempt
        try:
            body = body_of(notice, self._settings.body_bytes_max)
            headers = signed_headers(self._settings.secrets, notice.event_id, body, self._clock.wall_ns())
        except InvalidInput as refusal:
            return DeliveryOutcome(DeliveryVerdict.NEVER, f"no body can be made of it: {refusal}")
        return await self._sent(headers, body.encode("ascii"))

    async def close(self) -> None:
        """Close the connections."""
        await self._sender.close()

    async def _sent(self, headers: Sequence[tuple[str, str]], body: bytes) -> DeliveryOutcome:
        limits, answer = self._delivery, Answer()
        try:
            async with self._clock.timeout_ns(limits.attempt_timeout_ms * NANOSECONDS_PER_MILLISECOND):
                await self._sender.post(headers, body, answer)
        except Exception as error:  # isolation point: whatever the network throws, the attempt has failed
            if not answer.status:
                return DeliveryOutcome(DeliveryVerdict.AGAIN, failure_of(error))
        return outcome_of(
            answer, self._clock.wall_ns(), limits.retry_after_max_ms * NANOSECONDS_PER_MILLISECOND
        )


def notifiers_of(settings: WebhookSettings, clock: Clock) -> list[WebhookNotifier]:
    """Return a notifier for each endpoint, in the order of the settings."""
    return [WebhookNotifier(name, each, clock) for name, each in settings.endpoints.items()]
