"""What commands answer: typed results with reasons."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs

from fairlead.domain.closings import CloseResult
from fairlead.domain.numbers import text_of
from fairlead.domain.order_table import Phase
from fairlead.domain.orders import OrderStatus, OrderView
from fairlead.errors import NotRunning


async def _detached(_client_order_id: str) -> OrderView:
    raise NotRunning("The result was read back and belongs to no kernel.", fix="Ask one with find_order.")


@attrs.frozen
class ExecutionResult:
    """The answer to `execute`: the order as it was when the call was answered.

    *elapsed_ns* is the time from the call to the answer. One that was read back from a dictionary
    belongs to no kernel and cannot wait.
    """

    order: OrderView
    elapsed_ns: int
    _closed: Callable[[str], Awaitable[OrderView]] = attrs.field(default=_detached, repr=False, eq=False)

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
    """The answer to a command such as cancel: accepted, or refused with a code and a reason.

    *names* are the client order ids it was about, where it was about several (`cancel_all`).
    """

    accepted: bool
    code: str
    reason: str
    names: tuple[str, ...] = ()


@attrs.frozen
class FlattenResult:
    """The answer to `flatten`: how each position's closing ended, or why there was none."""

    accepted: bool
    code: str
    reason: str
    closings: tuple[CloseResult, ...] = ()

    @property
    def is_flat(self) -> bool:
        """Tell whether nothing is held any more of what the command was about."""
        return self.accepted and all(closing.is_flat for closing in self.closings)


@attrs.frozen
class StopReport:
    """What a kernel did about its orders and positions before it stopped, and what it left.

    *policy* is the setting ``on_stop``. *left_orders* are still live and *left_positions* (symbol, book,
    position id) still open; both are as right after the next start. *problem* says what kept it from more.
    """

    policy: str
    canceled: tuple[str, ...] = ()
    left_orders: tuple[str, ...] = ()
    left_positions: tuple[tuple[str, str, str], ...] = ()
    problem: str = ""
