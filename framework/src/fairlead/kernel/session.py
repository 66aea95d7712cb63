"""Sessions: the commands, in the name of one owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from fairlead.domain.identifiers import (
    UNIQUE_DIGITS,
    excerpt_of,
    to_client_order_id,
    to_key,
    to_name,
)
from fairlead.domain.orders import OrderView, PositionView
from fairlead.domain.proposals import Proposal
from fairlead.domain.requests import PacingPolicy
from fairlead.errors import InvalidInput
from fairlead.kernel.door import submission
from fairlead.kernel.inputs import SubmitProposal
from fairlead.kernel.results import CommandResult, ExecutionResult
from fairlead.kernel.settings import to_pacing_policy
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND

if TYPE_CHECKING:
    from fairlead.kernel.kernel import Kernel


class Session:
    """What one owner may do. Made by `Kernel.session`; orders of other owners are out of its reach."""

    def __init__(self, kernel: Kernel, owner: str) -> None:
        self._kernel = kernel
        self.owner = to_name(owner, "owner")

    async def execute(
        self,
        proposal: Proposal,
        *,
        idempotency_key: str | None = None,
        pacing: PacingPolicy | str | None = None,
        wait_max_ms: int | None = None,
    ) -> ExecutionResult:
        """Get the proposal done exactly once, and say how far it got.

        Returns when the order is denied, working, closed, or its outcome is unknown; `closed()` of
        the result waits for the end. With an idempotency key, a repeated call answers with the order
        of the first, also after a restart. Canceling the await cancels nothing at the venue.

        An order that the venue's rate limit does not let out at once waits for its pace, which an
        `OrderChanged` event with an `OrderPaced` record announces, or is denied with ``PACE_EXCEEDED``:
        with *pacing* ``"refuse"``, or when it would wait longer than *wait_max_ms*. Left out, entries
        follow the kernel's settings and reductions wait as long as it takes.

        Raises `UnknownName` for a symbol without rules, `NumberRefused` for prices and quantities off
        the grid, `InvalidInput` for a key that was used for something else, `JournalUnavailable` when
        the intent could not be recorded, `NotRunning` and `WrongThread`.
        """
        kernel = self._kernel
        kernel.check_usable()
        started_ns = kernel.clock.monotonic_ns()
        given = self._input(proposal, idempotency_key)
        if pacing is not None:
            given = replace(given, pacing=to_pacing_policy(pacing, "pacing"))
        if wait_max_ms is not None:
            given = replace(given, wait_max_ns=_to_wait(wait_max_ms) * NANOSECONDS_PER_MILLISECOND)
        view = await kernel.commands.submit(given)
        return ExecutionResult(view, kernel.clock.monotonic_ns() - started_ns, kernel.closed)

    async def cancel(self, client_order_id: str) -> CommandResult:
        """Ask to cancel an order of this owner.

        Accepted means that the request is recorded and goes to the venue; the end comes from the venue.
        Raises `UnknownName` when no such order was ever made here.
        """
        return await self._kernel.cancel(to_client_order_id(client_order_id, "client_order_id"), self.owner)

    def order(self, client_order_id: str) -> OrderView | None:
        """Return an order that memory holds, whoever owns it; see `find_order` for older ones."""
        return self._kernel.order(client_order_id)

    async def find_order(self, client_order_id: str) -> OrderView | None:
        """Return any order ever made here, from memory or from the store."""
        return await self._kernel.find_order(client_order_id)

    def position(self, symbol: str, book: str | None = None) -> PositionView | None:
        """Return the open position in the owner's book, or nothing when it is flat."""
        return self._kernel.position(symbol, book or self.owner)

    def _input(self, proposal: Proposal, idempotency_key: str | None) -> SubmitProposal:
        if not isinstance(proposal, Proposal):
            raise InvalidInput(
                "proposal", f"a {type(proposal).__name__} is not a Proposal", fix="Use Proposal.buy."
            )
        return submission(
            proposal,
            self._kernel.instruments,
            self.owner,
            "" if idempotency_key is None else to_key(idempotency_key, "idempotency_key"),
            lambda: self._kernel.new_client_order_id(UNIQUE_DIGITS),
        )


def _to_wait(value: object) -> int:
    if type(value) is int and value >= 0:
        return value
    problem = f"{excerpt_of(value)} is not a whole number of milliseconds"
    raise InvalidInput("wait_max_ms", problem, fix="Pass 0 or more.")
