"""What commands answer: typed results with reasons."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs

from fairlead.domain.numbers import text_of
from fairlead.domain.order_table import Phase
from fairlead.domain.orders import OrderStatus, OrderView


@attrs.frozen
class ExecutionResult:
    """The answer to `execute`: the order as it was when the call was answered.

    *elapsed_ns* is the time from the call to the answer.
    """

    order: OrderView
    elapsed_ns: int
    _closed: Callable[[str], Awaitable[OrderView]] = attrs.field(repr=False, eq=False)

    @property
    def client_order_id(self) -> str:
        """Return the id under which the order is found for ever."""
        return self.order.client_order_id

    @property
    def status(self) -> OrderStatus:
        """Return the one-word status at the time of the answer."""
        return self.order.status

    @property
    def denied(self) -> bool:
        """Tell whether the order was denied by us; `reasons` says why."""
        return self.order.phase is Phase.DENIED

    @property
    def unresolved(self) -> bool:
        """Tell whether the outcome is not known yet; it will be, by the venue's evidence."""
        return self.order.phase is Phase.UNRESOLVED

    @property
    def reasons(self) -> str:
        """Return every denial or the last cause, in words."""
        return self.order.detail

    async def closed(self) -> OrderView:
        """Wait for the order's end and return it as it then is. Canceling the wait cancels nothing else."""
        if self.order.is_closed:
            return self.order
        return await self._closed(self.order.client_order_id)

    def summary(self) -> str:
        """Return one line for people."""
        order = self.order
        what = f"{order.side.value} {text_of(order.quantity)} {order.symbol} {order.order_type.value}"
        sizing = order.sizing
        if sizing is not None:
            what += f" for {sizing.by.value} {text_of(sizing.requested)}"
        reasons = f" ({self.reasons})" if self.reasons else ""
        return f"{order.status.value}: {what}, filled {text_of(order.filled_quantity)}{reasons}"


@attrs.frozen
class CommandResult:
    """The answer to a command such as cancel: accepted, or refused with a code and a reason."""

    accepted: bool
    code: str
    reason: str
