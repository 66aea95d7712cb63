"""An operator's word that the venue is right and we are not: of a net position, of a balance."""

from __future__ import annotations

from functools import partial

import attrs
from msgspec.structs import replace

from fairlead.errors import InvalidInput
from fairlead.kernel.commands import Commands, answer_of
from fairlead.kernel.core.account_inputs import AcceptBalance
from fairlead.kernel.core.inputs import AcceptDrift
from fairlead.kernel.parts import Parts
from fairlead.kernel.results import CommandResult


@attrs.frozen
class Acceptances:
    """Ask the venue once more, and have the difference booked when it still holds what the operator saw."""

    parts: Parts
    commands: Commands

    async def drift(self, command: AcceptDrift) -> CommandResult:
        """Book the difference between the venue's net position and our books, once history has been read.

        Raises `InvalidInput` where the venue keeps no positions, `ExchangeFault` when it could not be asked.
        """
        reconciler, symbol = self.parts.reconciler, command.symbol
        await self._reconcile(f"{command.by} accepts drift of {symbol}")
        position = await self.commands.asked("booked", partial(reconciler.venue_position, symbol))
        if position is None:
            problem = "the venue keeps no positions that could be compared"
            raise InvalidInput("symbol", problem, fix="Of spot, compare balances.")
        self._check()
        price = position.average_price if command.price is None else command.price
        command_id, future = self.parts.engine.new_command()
        self.parts.engine.process(
            replace(command, at_venue=position.quantity, price=price, command_id=command_id)
        )
        return await answer_of(future)

    async def balance(self, command: AcceptBalance) -> CommandResult:
        """Book the difference between the venue's balance of an asset and ours, once it is certain.

        Raises `InvalidInput` where the client tells no balances, `ExchangeFault` when it could not be asked.
        """
        if not self.parts.client.capabilities.balances:
            problem = "the client tells no balances that could be compared"
            raise InvalidInput("asset", problem, fix="Of contracts, compare net positions.")
        await self._reconcile(f"{command.by} accepts the balance of {command.asset}")
        account, asset = self.parts.reconciler.account, command.asset
        entry = account.entry_of(asset)
        # What was not found twice is no difference yet, and nothing that could be accepted.
        is_certain = not entry.difference or entry in account.differing
        command_id, future = self.parts.engine.new_command()
        self.parts.engine.process(replace(command, entry=entry, is_certain=is_certain, command_id=command_id))
        return await answer_of(future)

    async def _reconcile(self, why: str) -> None:
        self._check()
        await self.commands.asked("booked", partial(self.parts.reconciler.run, why))
        self._check()  # it may have been stopped meanwhile

    def _check(self) -> None:
        self.commands.check_usable()
        self.commands.check_journal()
