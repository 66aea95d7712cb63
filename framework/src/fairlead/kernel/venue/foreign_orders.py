"""Orders of the account that we did not send: taken over when asked, and what the policy does with others.

What the venue tells of such an order is read here; everything that follows is decided behind the door.
"""

from __future__ import annotations

from typing import cast

from fairlead.domain.reconciliation import ForeignPolicy, Found, ReconcileEntry
from fairlead.domain.requests import RequestKind
from fairlead.errors import JournalUnavailable
from fairlead.kernel.core.inputs import AdoptOrder, CancelForeign, Wish
from fairlead.kernel.core.readable import look_up_problem, outside_text, report_problem, sound_answer
from fairlead.kernel.core.strangers import is_ours, our_name, renamed
from fairlead.kernel.decide.rules import KERNEL
from fairlead.kernel.engine.engine import Engine
from fairlead.kernel.venue.admission import Admission
from fairlead.kernel.venue.inbox import Inbox
from fairlead.ports.clock import Clock
from fairlead.ports.exchange import ExchangeClient, LookUp, OrderFinder, OrderReport

LEFT_ALONE = "left alone"
NO_ADOPTION = "The exchange client cannot take orders over"
NOT_LISTED = "No open order has this id; name its symbol if it is over already"
HALF_READ = "One of the venue's lists could not be read; try again"


class ForeignOrders:
    """Reads what the venue tells of orders that are not ours, and carries the policy out."""

    def __init__(
        self, client: ExchangeClient, clock: Clock, engine: Engine, inbox: Inbox, admission: Admission
    ) -> None:
        self._client = client
        self._clock = clock
        self._engine = engine
        self._inbox = inbox
        self._admission = admission

    async def read(self, wish: Wish) -> AdoptOrder:
        """Return the input that takes an order over, with what the venue tells of it, and the order loaded.

        What could not be read is said in it, so that its refusal is on record. Raises what the client raises.
        """
        symbol = wish.symbol
        if not self._client.capabilities.adoption:
            return self._input(wish, symbol, NO_ADOPTION)
        if not symbol:
            listed = await self._listed(wish.venue_order_id)
            if listed is None:
                return self._input(wish, "", NOT_LISTED)
            symbol = listed.symbol
        await self._admission.admit(RequestKind.LOOK_UP, symbol)
        asked = self._clock.wall_ns(), self._clock.monotonic_ns()
        finder = cast("OrderFinder", self._client)  # its capabilities say that it is one
        question = finder.find(wish.venue_order_id, symbol)
        found = await self._admission.answer(RequestKind.LOOK_UP, question, symbol)
        given = self._input(wish, symbol, "", found, asked)
        await self._inbox.ensure_known(given.client_order_id)
        return given

    async def _listed(self, venue_order_id: str) -> OrderReport | None:
        await self._admission.admit(RequestKind.OPEN_ORDERS)
        listed = await self._admission.answer(RequestKind.OPEN_ORDERS, self._client.open_orders())
        same = (each for each in listed if not report_problem(each) and each.venue_order_id == venue_order_id)
        return next(same, None)

    def _input(
        self, wish: Wish, symbol: str, problem: str, found: object = None, asked: tuple[int, int] = (0, 0)
    ) -> AdoptOrder:
        venue_id = wish.venue_order_id
        known_as = ""
        if type(found) is LookUp and found.report is not None and not report_problem(found.report):
            known_as = found.report.client_order_id
        name = our_name(known_as, venue_id, symbol, self._engine.state.account_tag)
        told: LookUp | None = None
        if not problem:
            result = renamed(found, venue_id, name)
            problem = look_up_problem(result, name)
            told = None if problem else cast("LookUp", result)
            if told is not None and not told.complete:
                problem, told = HALF_READ, None
        return AdoptOrder(
            name,
            venue_id,
            known_as,
            wish.owner,
            wish.book,
            wish.by,
            wish.note,
            wish.operator,
            None if told is None else told.report,
            () if told is None else told.fills,
            problem,
            *asked,
        )

    async def follow_policy(self, report: OrderReport) -> ReconcileEntry:
        """Do what the policy says about an open order that is not ours, and say what was done.

        Raises what the client raises, and `JournalUnavailable` when nothing could be recorded.
        """
        policy = self._engine.rules.settings.foreign_policy
        ours = is_ours(report.client_order_id, self._engine.state.account_tag)
        if policy is ForeignPolicy.ADOPT and not ours:
            return await self._adopt(report)
        if policy is ForeignPolicy.CANCEL and not ours:
            return await self._cancel(report)
        return _entry(Found.FOREIGN, report, LEFT_ALONE)

    async def _adopt(self, report: OrderReport) -> ReconcileEntry:
        owner = self._engine.rules.settings.adopt_owner
        wish = Wish(
            venue_order_id=report.venue_order_id, owner=owner, book=owner, by=KERNEL, symbol=report.symbol
        )
        rebuilds = self._engine.rebuilds
        given = await self.read(wish)
        if self._engine.rebuilds != rebuilds:
            raise JournalUnavailable("The journal was recovered meanwhile.", fix="It is made again.")
        self._engine.process(given)
        order = self._engine.state.orders.get(given.client_order_id)
        if order is None or not order.adopted:
            return _entry(Found.FOREIGN, report, "could not be taken over; the refusal is in the journal")
        return _entry(Found.ADOPTED, report, f"taken over by {owner}", given.client_order_id)

    async def _cancel(self, report: OrderReport) -> ReconcileEntry:
        """Ask the venue to cancel, once that is on record; an order that stays is found again."""
        name = our_name(
            report.client_order_id, report.venue_order_id, report.symbol, self._engine.state.account_tag
        )
        self._engine.process(CancelForeign(name, report))
        rebuilds = self._engine.rebuilds
        await self._engine.journal.settled()
        if self._engine.rebuilds != rebuilds:
            raise JournalUnavailable("The journal was recovered meanwhile.", fix="It is made again.")
        await self._admission.admit(RequestKind.CANCEL, report.symbol)
        question = self._client.cancel("", report.venue_order_id, report.symbol)
        answer = sound_answer(await self._admission.answer(RequestKind.CANCEL, question, report.symbol))
        return _entry(Found.FOREIGN, report, f"cancel {answer.outcome.value}")


def _entry(found: Found, report: OrderReport, concluded: str, name: str = "") -> ReconcileEntry:
    return ReconcileEntry(
        found,
        name or outside_text(report.client_order_id),
        outside_text(report.venue_order_id),
        outside_text(report.symbol),
        concluded,
    )
