"""A client that stops in the middle of an order, so that the kill finds one in flight."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from fairlead.cli.demo.settings import Moment
from fairlead.ports.exchange import Answer, ExchangeClient, SubmitRequest


class HoldingClient:
    """An exchange client like the one it wraps, until `arm` was called: then its next submit never ends.

    *announce* is told the client order id once the order is where it was to be held: journaled but not
    sent, or answered by the venue but not yet known to the kernel.
    """

    def __init__(self, client: ExchangeClient, moment: Moment, announce: Callable[[str], None]) -> None:
        self._client = client
        self._moment = moment
        self._announce = announce
        self.is_armed = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._client, name)

    def arm(self) -> None:
        """Hold the next order."""
        self.is_armed = True

    async def submit(self, request: SubmitRequest) -> Answer:
        """Pass the order on, unless it is the one to be held."""
        if self.is_armed and self._moment is Moment.BEFORE_SEND:
            await self._hold(request.client_order_id)
        answer = await self._client.submit(request)
        if self.is_armed:
            await self._hold(request.client_order_id)
        return answer

    async def _hold(self, client_order_id: str) -> None:
        self._announce(client_order_id)
        await asyncio.get_running_loop().create_future()


def as_client(holding: HoldingClient) -> ExchangeClient:
    """Return it under the port's type; what it does not define itself is the wrapped client's."""
    return cast("ExchangeClient", holding)
