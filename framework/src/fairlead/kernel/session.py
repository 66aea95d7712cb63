"""Sessions: the commands, in the name of one owner."""

from __future__ import annotations

from typing import Unpack

from msgspec.structs import replace

from fairlead.domain.changes import ChangeKind, ChangeResult
from fairlead.domain.closings import CloseResult
from fairlead.domain.episodes import EpisodeView
from fairlead.domain.identifiers import (
    to_client_order_id,
    to_key,
    to_name,
    to_symbol,
)
from fairlead.domain.orders import OrderView, PositionView
from fairlead.domain.proposals import Proposal
from fairlead.domain.requests import PacingPolicy
from fairlead.errors import InvalidInput
from fairlead.kernel.command_maker import ChangeWishes, CloseWishes, CommandMaker, Saying, to_wait_ns
from fairlead.kernel.core.inputs import SubmitProposal
from fairlead.kernel.door import submission
from fairlead.kernel.history import Filters
from fairlead.kernel.operator_commands import OperatorCommands
from fairlead.kernel.results import CommandResult, ExecutionResult, FlattenResult
from fairlead.kernel.settings import to_pacing_policy


class Session:
    """What one owner may do. Made by `Kernel.session`; orders of other owners are out of its reach."""

    def __init__(self, kernel: OperatorCommands, owner: str, *, hedging: bool = False) -> None:
        self._kernel = kernel
        self.owner = to_name(owner, "owner")
        self.hedging = hedging
        self._maker = CommandMaker(kernel, self.owner)

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
        kernel.commands.check_usable()
        started_ns = kernel.clock.monotonic_ns()
        given = self._input(proposal, idempotency_key)
        if pacing is not None:
            given = replace(given, pacing=to_pacing_policy(pacing, "pacing"))
        if wait_max_ms is not None:
            given = replace(given, wait_max_ns=to_wait_ns(wait_max_ms))
        view = await kernel.commands.submit(given)
        return ExecutionResult(view, kernel.clock.monotonic_ns() - started_ns, kernel.closed)

    async def modify_order(self, client_order_id: str, **wishes: Unpack[ChangeWishes]) -> ChangeResult:
        """Change a working order of this owner in place: its quantity, limit price or trigger price.

        *quantity* is the whole of the order, what was filled included. Returns when the venue has done
        it (``MODIFIED``) or not, each with its code and reason, or with ``PENDING`` when no answer came:
        `change_settled` waits until the venue's evidence has told. Until then the larger of old and new
        is reserved. What it adds is judged by the risk checks; what raises neither quantity nor a price
        is not. With an idempotency key, a repeated call answers with the first change, also after a restart.
        Canceling the await cancels nothing.

        Where the venue's rate limit does not let it out at once it waits, or is denied, as `execute` says
        of *pacing* and *wait_max_ms*.

        Raises `UnknownName` when no such order was ever made here, `NumberRefused` for prices and
        quantities off the grid, `InvalidInput` for a term that the order has not, or a key that was
        used for something else, `JournalUnavailable` when the wish could not be recorded.
        """
        return await self._change(ChangeKind.MODIFY, client_order_id, wishes)

    async def replace_order(self, client_order_id: str, **wishes: Unpack[ChangeWishes]) -> ChangeResult:
        """Cancel a working order of this owner, and make another for what the venue proves to be left.

        For venues that change nothing in place. The two are never alive together, and together they never
        fill more than *quantity*. Returns when the new order has reached the venue (``REPLACED``, with its
        id in *new_order_id*), when nothing was left, or with what came between. The wish survives a
        restart; a cancel of the order takes it back. Arguments and errors are those of `modify_order`.
        """
        return await self._change(ChangeKind.REPLACE, client_order_id, wishes)

    async def change_settled(self, change_id: str) -> ChangeResult:
        """Wait until it is known what came of a change, whoever asked for it, also after a restart.

        Raises `UnknownName` for an id that no change here had.
        """
        return await self._kernel.commands.change_settled(change_id)

    async def _change(self, kind: ChangeKind, client_order_id: str, wishes: ChangeWishes) -> ChangeResult:
        commands = self._kernel.commands
        order = await commands.known_order(to_client_order_id(client_order_id, "client_order_id"))
        return await commands.change(CommandMaker(self._kernel, self.owner).change(kind, order, wishes))

    async def cancel(self, client_order_id: str) -> CommandResult:
        """Ask to cancel an order of this owner.

        Accepted means that the request is recorded and goes to the venue; the end comes from the venue.
        Raises `UnknownName` when no such order was ever made here.
        """
        return await self._kernel.cancel(to_client_order_id(client_order_id, "client_order_id"), self.owner)

    async def cancel_all(
        self, symbol: str | None = None, book: str | None = None, *, idempotency_key: str | None = None
    ) -> CommandResult:
        """Ask to cancel every live order of this owner, of one symbol or book where one is named.

        *names* of the answer are all of them; each is asked for once. The ends come from the venue.
        Raises `InvalidInput` for a key that was used for another command.
        """
        return await self._kernel.commands.cancel_all(self._maker.cancel_all(symbol, book, idempotency_key))

    async def close_position(
        self, symbol: str, book: str | None = None, **wishes: Unpack[CloseWishes]
    ) -> CloseResult:
        """Close the position in the owner's book, or in a book named, and wait until that is done.

        What is held less what live exits may take already is sold (or bought back) at the market, or at
        *limit_price*; what an exit leaves is tried again, with growing pauses, at most
        ``close_attempts_max`` times. *cancel_entries* also cancels this owner's orders that would add to
        it. *position_id* names a hedging position. Everyone who asks for the same gets the same answer; a
        flat position is answered at once. The wish survives a restart; canceling the await cancels nothing.

        Raises `UnknownName` for a symbol without rules, `NumberRefused` for a price off the grid,
        `InvalidInput` for a key that was used for another command, `JournalUnavailable` when the wish
        could not be recorded.
        """
        if self.hedging and wishes.get("position_id") is None:
            problem = "in a hedging session every proposal has a position of its own"
            raise InvalidInput("position_id", problem, fix="Pass an order's position_id, or use flatten.")
        return await self._kernel.commands.close_position(self._maker.close_position(symbol, book, wishes))

    async def flatten(
        self, symbol: str | None = None, book: str | None = None, *, idempotency_key: str | None = None
    ) -> FlattenResult:
        """Cancel what works in the owner's book, or a book named, then close what is held, and wait for it.

        Until it is done, orders that would add to these positions are denied (``CLOSING``). An exit that
        is working is canceled first, and its quantity sold when the venue has confirmed that. The wish
        survives a restart. Raises what `close_position` raises.
        """
        return await self._kernel.commands.flatten(self._maker.flatten(symbol, book, idempotency_key))

    async def annotate(self, client_order_id: str, **saying: Unpack[Saying]) -> CommandResult:
        """Say something about an order of this owner, working or finished: a note, tags, metadata.

        *note* takes the place of the one before, and an empty one takes it away; tags are added and
        removed; metadata entries take the place of those of the same name. What is not named stays, so
        the same command twice says the same as once. It is journaled, and refused with ``FOREIGN_OWNER`` or
        ``TOO_MANY_REMARKS``. Raises `UnknownName` for an order that was never made here,
        `TextRefused` for text of a wrong shape or size, and `InvalidInput` for a command that says nothing
        or for a key that was used for another.
        """
        name = to_client_order_id(client_order_id, "client_order_id")
        return await self._kernel.commands.annotate(self._maker.annotate(name, saying))

    async def annotate_episode(
        self,
        symbol: str,
        number: int,
        *,
        book: str | None = None,
        position_id: str = "",
        **saying: Unpack[Saying],
    ) -> CommandResult:
        """Say something about an episode that this owner's order opened, open or over; see `annotate`."""
        where = to_symbol(symbol, "symbol"), book or self.owner, position_id
        return await self._kernel.commands.annotate(self._maker.annotate((*where, number), saying))

    async def adopt_order(
        self, venue_order_id: str, *, book: str = "", symbol: str = "", note: str = ""
    ) -> CommandResult:
        """Take over an order of the account that nobody here sent: from here on it is this owner's.

        It is named by the venue's id; *symbol* is needed when it is over already, *book* is the owner's
        unless said. Its fills are booked, what it may still fill is reserved, and it can be canceled like any
        other. No check is asked: it is a fact at the venue. *names* of the answer holds its client order id,
        which is the same however often it is asked for. Refused with the reason when the venue does not tell
        enough, or when it is somebody's already. Raises `ExchangeFault` when the venue could not be asked,
        `JournalUnavailable`, `NotRunning`.
        """
        maker = CommandMaker(self._kernel, self.owner)
        wish = maker.adoption(venue_order_id, self.owner, book, symbol, note)
        return await self._kernel.commands.adopt(wish)

    def order(self, client_order_id: str) -> OrderView | None:
        """Return an order that memory holds, whoever owns it; see `find_order` for older ones."""
        return self._kernel.order(client_order_id)

    async def find_order(self, client_order_id: str) -> OrderView | None:
        """Return any order ever made here, from memory or from the store."""
        return await self._kernel.find_order(client_order_id)

    def position(self, symbol: str, book: str | None = None, position_id: str = "") -> PositionView | None:
        """Return the open position in the owner's book, or nothing when it is flat.

        *position_id* is that of a hedging position; see `open_positions` for all of them.
        """
        return self._kernel.position(symbol, book or self.owner, position_id)

    def open_positions(self, symbol: str | None = None, book: str | None = None) -> tuple[PositionView, ...]:
        """Return every open position in the owner's book, of one symbol or of all."""
        where = book or self.owner
        return tuple(
            position
            for position in self._kernel.positions()
            if position.quantity and position.book == where and symbol in (None, position.symbol)
        )

    def episode(self, symbol: str, book: str | None = None, position_id: str = "") -> EpisodeView | None:
        """Return the open episode of a position in the owner's book, or nothing when it is flat."""
        return self._kernel.episode(symbol, book or self.owner, position_id)

    async def episodes(self, **filters: Unpack[Filters]) -> tuple[EpisodeView, ...]:
        """Return this owner's episodes, the newest first, with the ids of their orders and fills.

        What is durable is read: it holds everything that this bot has been told by now. See `Filters` for
        what may be asked for. Raises `UnknownName`, `TextRefused`, `NumberRefused` or `InvalidInput` for
        filters of the wrong shape.
        """
        return await self._kernel.history.episodes({"owner": self.owner, **filters})

    async def orders(self, **filters: Unpack[Filters]) -> tuple[OrderView, ...]:
        """Return this owner's orders, the newest first, finished ones too; see `episodes`."""
        return await self._kernel.history.orders({"owner": self.owner, **filters})

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
            self._kernel.new_client_order_id,
            hedging=self.hedging,
        )
