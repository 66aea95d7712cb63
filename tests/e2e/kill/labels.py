"""Places at which a process kills itself, by wrappers around its store and its exchange client.

There is no switch in production code: the wrappers are the child's own parts, as any bot could have.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from fairlead.ports.clock import Clock
from fairlead.ports.exchange import (
    Answer,
    FillPage,
    Instrument,
    LookUp,
    ModifyRequest,
    OrderReport,
    ReportSink,
    SubmitRequest,
)
from fairlead.ports.store import COLUMN_NAMES, Batch, Opened
from fairlead_paper.client import PaperClient
from fairlead_sqlstore.settings import SqlStoreSettings
from fairlead_sqlstore.store import SqlStore

T = TypeVar("T")

BEFORE_COMMIT = "before_commit"
AFTER_COMMIT = "after_commit_before_send"
AFTER_SEND = "after_send"
AFTER_ANSWER = "after_answer_before_commit"
AFTER_TOLD = "after_told_before_mark"
DURING_START = "during_start"
LABELS = (BEFORE_COMMIT, AFTER_COMMIT, AFTER_SEND, AFTER_ANSWER, AFTER_TOLD, DURING_START)
MARK = COLUMN_NAMES["notifiers"].index("mark")
STARTING_POINTS = 5
"""Store opened, venue connected, rules read, history read, open orders read."""


class Labels:
    """Counts how often each place was reached, and dies at the one that was ordered."""

    def __init__(self, label: str, nth: int) -> None:
        self._fatal = (label, nth)
        self._counts: dict[str, int] = {}

    def reached(self, label: str) -> None:
        """Say that the process is at this place; when it is the one, this call does not return."""
        count = self._counts[label] = self._counts.get(label, 0) + 1
        if (label, count) == self._fatal:
            os.kill(os.getpid(), signal.SIGKILL)


class LabelledStore(SqlStore):
    """The SQL store, with places around the commit of an intent and before what was told is marked."""

    def __init__(self, settings: SqlStoreSettings, labels: Labels) -> None:
        super().__init__(settings)
        self._labels = labels
        self._mark: int | None = None

    async def open(self, account: str, holder: str) -> Opened:
        """See `Store.open`."""
        opened = await super().open(account, holder)
        self._labels.reached(DURING_START)
        return opened

    async def append(self, batch: Batch) -> None:
        """See `Store.append`."""
        has_intent = any(
            envelope.kind in ("attempt_started", "modify_started") for envelope in batch.envelopes
        )
        if has_intent:
            self._labels.reached(BEFORE_COMMIT)
        if self._marks_as_told(batch):
            self._labels.reached(AFTER_TOLD)
        await super().append(batch)
        if has_intent:
            self._labels.reached(AFTER_COMMIT)

    def _marks_as_told(self, batch: Batch) -> bool:
        """Tell whether the notifier was told more since the mark before; a life's first does not count."""
        marks = [row.values[MARK] for row in batch.rows if row.table == "notifiers"]
        if not marks:
            return False
        before, self._mark = self._mark, int(marks[-1] or 0)
        return before is not None and self._mark > before


class LabelledClient:
    """The paper client, with places around a submit and within the start."""

    def __init__(self, inner: PaperClient, clock: Clock, labels: Labels) -> None:
        self.name = inner.name
        self.capabilities = inner.capabilities
        self._inner = inner
        self._clock = clock
        self._labels = labels
        self.cancel = inner.cancel
        self.balances = inner.balances
        self.ledger_since = inner.ledger_since
        self.disconnect = inner.disconnect

    async def connect(self, sink: ReportSink) -> None:
        """See `ExchangeClient.connect`."""
        await self._inner.connect(sink)
        self._labels.reached(DURING_START)

    async def instruments(self) -> Sequence[Instrument]:
        """See `ExchangeClient.instruments`."""
        return await self._then(DURING_START, self._inner.instruments())

    async def submit(self, request: SubmitRequest) -> Answer:
        """Send, and be somewhere between the request's bytes and the answer's."""
        asked = asyncio.get_running_loop().create_task(self._inner.submit(request))
        await self._clock.sleep_ns(0)  # the request is written in the task's first step
        self._labels.reached(AFTER_SEND)
        answer = await asked
        self._labels.reached(AFTER_ANSWER)
        return answer

    async def modify(self, request: ModifyRequest) -> Answer:
        """As a submit."""
        asked = asyncio.get_running_loop().create_task(self._inner.modify(request))
        await self._clock.sleep_ns(0)  # the request is written in the task's first step
        self._labels.reached(AFTER_SEND)
        answer = await asked
        self._labels.reached(AFTER_ANSWER)
        return answer

    async def look_up(self, client_order_id: str, symbol: str) -> LookUp:
        """See `ExchangeClient.look_up`."""
        return await self._inner.look_up(client_order_id, symbol)

    async def open_orders(self) -> Sequence[OrderReport]:
        """See `ExchangeClient.open_orders`."""
        return await self._then(DURING_START, self._inner.open_orders())

    async def fills_since(self, cursor: str) -> FillPage:
        """See `ExchangeClient.fills_since`."""
        return await self._then(DURING_START, self._inner.fills_since(cursor))

    async def _then(self, label: str, question: Awaitable[T]) -> T:
        answer = await question
        self._labels.reached(label)
        return answer
