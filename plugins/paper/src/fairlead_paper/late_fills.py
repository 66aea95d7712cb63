"""Fills that the venue tells late: not before their order has ended, or some time has passed."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.ports.exchange import FillReport
from fairlead_paper.messages import Fills, Find, ReadFills, Reply, Request, Shelf


class LateFills:
    """Holds fills back, in the stream and in every reading, as where trades lag behind orders."""

    def __init__(self) -> None:
        self._held: dict[str, FillReport] = {}

    def hold(self, fill: FillReport) -> None:
        """Hold a fill back."""
        self._held[fill.trade_id] = fill

    def of(self, venue_order_id: str) -> Sequence[str]:
        """Return the trade ids of the order's fills that are held back, oldest first."""
        return [name for name, fill in self._held.items() if fill.venue_order_id == venue_order_id]

    def release(self, trade_id: str) -> FillReport | None:
        """Let a fill be known; nothing when it is known already."""
        return self._held.pop(trade_id, None)

    def forget(self) -> None:
        """Let everything be known, without telling it: the history has it."""
        self._held.clear()

    def conceal(self, request: Request, reply: Reply) -> Reply:
        """Return the reply without what is held back.

        The history ends before the first such fill, with the cursor that was asked for: what comes later is
        read when this fill is.
        """
        if not self._held or not isinstance(reply, Fills):
            return reply
        if isinstance(request, Find) and request.shelf is Shelf.TRADES:
            return Fills([fill for fill in reply.fills if fill.trade_id not in self._held])
        if isinstance(request, ReadFills):
            for place, fill in enumerate(reply.fills):
                if fill.trade_id in self._held:
                    return Fills(reply.fills[:place], request.cursor, more=False)
        return reply
