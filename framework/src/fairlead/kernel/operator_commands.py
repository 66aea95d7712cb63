"""What an operator may tell a kernel to do, in the name of no owner; and the waits for what was told."""

from __future__ import annotations

from typing import Unpack

from fairlead.domain.closings import CloseResult
from fairlead.domain.identifiers import DRAWN_DIGITS, new_order_id, to_client_order_id, to_line
from fairlead.domain.numbers import Number
from fairlead.domain.orders import OrderView
from fairlead.domain.reconciliation import ReconcileReport
from fairlead.domain.trading_state import TradingState
from fairlead.kernel.acceptances import Acceptances
from fairlead.kernel.command_maker import CloseWishes, CommandMaker, Saying
from fairlead.kernel.commands import Commands
from fairlead.kernel.decide.rules import OPERATOR
from fairlead.kernel.parts import Parts
from fairlead.kernel.readings import Readings
from fairlead.kernel.results import CommandResult, FlattenResult
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND
from fairlead.ports.ids import Ids


class OperatorCommands(Readings):
    """The part of `Kernel` that an operator uses, over the control socket too."""

    def __init__(self, parts: Parts, commands: Commands, ids: Ids) -> None:
        super().__init__(parts, commands)
        self._ids = ids
        self._acceptances = Acceptances(parts, commands)

    def new_client_order_id(self) -> str:
        """Return a fresh client order id of this account."""
        now_ms = self.clock.wall_ns() // NANOSECONDS_PER_MILLISECOND
        return new_order_id(self._state.account_tag, now_ms, self._ids.unique_hex(DRAWN_DIGITS))

    async def closed(self, client_order_id: str) -> OrderView:
        """Wait for an order's end."""
        return await self.commands.closed(client_order_id)

    async def cancel(self, client_order_id: str, by: str, *, operator: bool = False) -> CommandResult:
        """Cancel an order in the name of its owner, or of the operator.

        While the journal is unusable the request goes out all the same, and is recorded when it is back.
        Raises `UnknownName` for an order that was never made here, and what ended the journal for good.
        """
        return await self.commands.cancel(client_order_id, by, operator=operator)

    async def cancel_all(
        self, symbol: str | None = None, book: str | None = None, *, idempotency_key: str | None = None
    ) -> CommandResult:
        """Cancel every live order of every owner, as the operator; see `Session.cancel_all`."""
        return await self.commands.cancel_all(self._operator.cancel_all(symbol, book, idempotency_key))

    async def close_position(self, symbol: str, book: str, **wishes: Unpack[CloseWishes]) -> CloseResult:
        """Close the position of any book, as the operator; see `Session.close_position`."""
        return await self.commands.close_position(self._operator.close_position(symbol, book, wishes))

    async def flatten(
        self, symbol: str | None = None, book: str | None = None, *, idempotency_key: str | None = None
    ) -> FlattenResult:
        """Cancel and close everything of every owner, as the operator; see `Session.flatten`."""
        return await self.commands.flatten(self._operator.flatten(symbol, book, idempotency_key))

    async def set_trading_state(
        self, state: TradingState, *, reason: str, by: str = OPERATOR
    ) -> CommandResult:
        """Set the trading state and return when that is durable."""
        return await self.commands.set_trading_state(state, reason=reason, by=by)

    async def annotate(self, client_order_id: str, **saying: Unpack[Saying]) -> CommandResult:
        """Say something about an order of any owner, as the operator; see `Session.annotate`."""
        name = to_client_order_id(client_order_id, "client_order_id")
        return await self.commands.annotate(self._operator.annotate(name, saying))

    async def resolve_not_placed(
        self, client_order_id: str, *, note: str, by: str = OPERATOR
    ) -> CommandResult:
        """Record an operator's decision that an unresolved order was never placed.

        Refused for every other order. Raises `UnknownName` for one that was never made here.
        """
        return await self.commands.resolve(client_order_id, note=note, by=by, missing=False)

    async def resolve_missing(self, client_order_id: str, *, note: str, by: str = OPERATOR) -> CommandResult:
        """Record an operator's decision that a working order which the venue does not know is over.

        It becomes CANCELED and gives its reservation back; should it fill or show itself after all, that is
        booked or canceled as for any closed order. Refused unless a complete look-up did not find it. Raises
        `UnknownName` for an order that was never made here.
        """
        return await self.commands.resolve(client_order_id, note=note, by=by, missing=True)

    async def adopt_order(
        self, venue_order_id: str, *, owner: str, book: str = "", symbol: str = "", note: str = ""
    ) -> CommandResult:
        """Take over, as the operator, an order that nobody here sent; see `Session.adopt_order`.

        *owner* is whose it becomes. One that carries an id of this account which the journal does not hold
        keeps that id.
        """
        return await self.commands.adopt(self._operator.adoption(venue_order_id, owner, book, symbol, note))

    async def accept_drift(
        self,
        symbol: str,
        *,
        at_venue: Number,
        note: str,
        book: str = OPERATOR,
        price: Number | None = None,
    ) -> CommandResult:
        """Record an operator's word that the venue's net position is right and our books are not.

        The difference is booked in *book* as a `PositionCorrected` record of the operator's, at *price*, else
        at what the venue says, else at a fresh price; a pair's balances stay. *at_venue* is the net that the
        operator saw: refused when the venue holds something else by now. Raises `UnknownName` for a symbol
        without rules, `InvalidInput` where the client tells none, `ExchangeFault` when it could not be asked.
        """
        return await self._acceptances.drift(self._operator.acceptance(symbol, at_venue, book, price, note))

    async def accept_balance(self, asset: str, *, at_venue: Number, note: str) -> CommandResult:
        """Record an operator's word that the venue's balance of an asset is right and ours is not.

        The difference is booked as an adjustment of the kind `CORRECTION`. *at_venue* is the total that the
        operator saw: refused when the venue holds something else by now. Raises as `accept_drift` does.
        """
        return await self._acceptances.balance(self._operator.balance_acceptance(asset, at_venue, note))

    async def reconcile(self, reason: str = "asked for") -> ReconcileReport:
        """Reconcile with the venue now."""
        self.commands.check_usable()
        self.commands.check_journal()
        return await self._parts.reconciler.run(to_line(reason, "reason"))

    async def settled(self) -> None:
        """Wait until everything that was decided so far is durable and given out.

        Raises what ended the journal for good.
        """
        await self._parts.journal.settled()

    @property
    def _operator(self) -> CommandMaker:
        return CommandMaker(self, OPERATOR, operator=True)
