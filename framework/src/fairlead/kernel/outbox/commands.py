"""An operator's word about notifiers: recorded first, then carried out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from fairlead.domain.identifiers import to_line, to_name
from fairlead.domain.notifier_records import NotifierAction
from fairlead.errors import UnknownName
from fairlead.kernel.core.notifier_inputs import DecideNotifier
from fairlead.kernel.decide.rules import OPERATOR
from fairlead.kernel.engine.engine import Engine
from fairlead.kernel.journal.journal import Journal
from fairlead.kernel.outbox.book import Delivery, DeliveryState
from fairlead.kernel.outbox.courier import Courier
from fairlead.kernel.outbox.events import sequence_of
from fairlead.kernel.outbox.relay import Relay
from fairlead.ports.searches import Search
from fairlead.ports.store import Store


class NotifierCommands:
    """Takes an operator's word through the door, and has the courier follow it once it is durable.

    A kernel that dies in between has recorded it and not done it: say it again, it does no more.
    """

    def __init__(
        self, engine: Engine, journal: Journal, store: Store, relay: Relay, check_usable: Callable[[], None]
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._store = store
        self._relay = relay
        self._check_usable = check_usable

    async def record(
        self,
        action: NotifierAction,
        notifier: str,
        *,
        note: str,
        event_ids: Sequence[str] = (),
        by: str = OPERATOR,
    ) -> asyncio.Future[object]:
        """Record the word; return the future of its answer.

        Raises `UnknownName` for a notifier that this kernel has not, or an event that is not in the outbox.
        """
        self._check_usable()
        text, name = to_line(note, "note"), to_name(by, "by")
        courier = self._courier(notifier)
        wanted = tuple(dict.fromkeys(event_ids))
        if wanted:
            known = {each.event_id for each in await self._found(courier, wanted)}
            for event_id in wanted:
                if event_id not in known:
                    raise UnknownName("delivery", event_id, tuple(sorted(known)))
            self._check_usable()
        command_id, future = self._engine.new_command()
        self._engine.process(DecideNotifier(action, notifier, wanted, name, text, command_id))
        return future

    async def carry_out(
        self, action: NotifierAction, notifier: str, *, note: str, event_ids: Sequence[str] = ()
    ) -> int:
        """Do what was recorded, and wait until that is durable; return how many notices it was about."""
        courier = self._courier(notifier)
        count = 0
        if action is NotifierAction.ENABLE:
            courier.enable()
        elif action is NotifierAction.DISABLE:
            courier.disable(note)
        else:
            found = await self._found(courier, tuple(event_ids))
            change = courier.replay if action is NotifierAction.REPLAY else courier.discard
            count = sum(change(each) for each in found)
        courier.owing.write()
        await self._journal.settled()
        return count

    def _courier(self, notifier: str) -> Courier:
        couriers = self._relay.couriers
        if notifier not in couriers:
            raise UnknownName("notifier", notifier, tuple(couriers))
        return couriers[notifier]

    async def dead_letters(self, notifier: str, since_ns: int | None, until_ns: int | None) -> list[str]:
        """Return the ids of the notifier's dead letters that got their row in that time, in order.

        Raises `UnknownName` for a notifier that this kernel has not.
        """
        found = await self._found(self._courier(notifier), ())
        return [
            each.event_id
            for each in found
            if (since_ns is None or each.created_ns >= since_ns)
            and (until_ns is None or each.created_ns < until_ns)
        ]

    async def _found(self, courier: Courier, event_ids: Sequence[str]) -> list[Delivery]:
        """Return these deliveries, or every dead letter, as they are now and durable."""
        courier.owing.write()
        await self._journal.settled()
        if event_ids:
            each = [await self._of_event(courier, event_id) for event_id in event_ids]
            return [delivery for delivery in each if delivery is not None]
        return await self._with_rows(courier, ("state", DeliveryState.DEAD.value))

    async def _of_event(self, courier: Courier, event_id: str) -> Delivery | None:
        """Return the delivery of an event; one that waits in memory, or was told at once, has no row yet."""
        rows = await self._with_rows(courier, ("event_id", event_id))
        if rows:
            return rows[0]
        sequence = sequence_of(event_id)
        if sequence is None or sequence > courier.owing.read:
            return None
        for row in await self._store.outbox(sequence - 1, 1):
            if row.event_id == event_id:
                told, held = DeliveryState.DELIVERED, courier.owing.with_row(row.subject, event_id)
                return held or Delivery(courier.name, row.sequence, event_id, row.kind, row.subject, told)
        return None

    async def _with_rows(self, courier: Courier, which: tuple[str, str]) -> list[Delivery]:
        wanted = Search(equal=(("notifier", courier.name), which))
        return [Delivery.from_row(row) for row in await self._store.search("deliveries", wanted)]
