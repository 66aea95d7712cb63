"""Recovery from a commit that failed, hung or is uncertain, and from a step that broke.

Sending stops at once, but for cancels. The store is reopened, which fences whatever was still on its
way to it, and its head says what was proven. Everything after that is discarded, state is rebuilt from
the store, the venue's evidence is fetched again, and the kernel goes on; or it gives up, and says so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import attrs

from fairlead.domain.anomalies import AnomalyKind
from fairlead.domain.changes import is_change
from fairlead.domain.closings import is_closing
from fairlead.domain.order_table import OrderEvent
from fairlead.domain.records import OrderEventNoted
from fairlead.errors import CommitUncertain, JournalDamaged, RowRuleBroken, StaleEpoch, StoreFault, StoreHeld
from fairlead.kernel.apply.exposure import count_on_position
from fairlead.kernel.core.effects import SendCancel
from fairlead.kernel.core.inputs import InFlightLost, TroubleSeen
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.engine.engine import Engine
from fairlead.kernel.journal.journal import Entry, SealedBatch
from fairlead.kernel.journal.outputs import StepOutput
from fairlead.kernel.journal.restore import (
    load_change,
    load_closing,
    load_order,
    load_position,
    restore_state,
)
from fairlead.kernel.settings import KernelSettings
from fairlead.kernel.venue.dispatcher import Dispatcher
from fairlead.ports.clock import Clock
from fairlead.ports.store import JournalHead, Opened, Store

_FATAL = (StaleEpoch, StoreHeld, JournalDamaged, RowRuleBroken)


@attrs.frozen
class RecoveryHooks:
    """What the recovery tells the rest of the kernel, and what it asks of it."""

    release: Callable[[StepOutput], None]
    recovered: Callable[[str], None]
    give_up: Callable[[Exception], None]
    on_their_way: Callable[[], frozenset[str]]


@attrs.define(slots=True)
class Rebuilt:
    """A state that was read back from the store, and whether the batch in doubt is part of it."""

    opened: Opened
    state: EngineState
    proven: bool


class Recovery:
    """Brings memory back to what is proven to be on disk."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        engine: Engine,
        dispatcher: Dispatcher,
        settings: KernelSettings,
        hooks: RecoveryHooks,
    ) -> None:
        self._store = store
        self._clock = clock
        self._engine = engine
        self._dispatcher = dispatcher
        self._hooks = hooks
        self._attempts_max = settings.recovery_attempts_max
        self._interval_ns = settings.ns("recovery_interval")
        self._timeout_ns = settings.ns("commit_timeout")
        self._window_ns = settings.ns("recovery_window")
        self._times: list[int] = []
        self.count = 0
        self._in_a_row = 0
        self._batches = -1

    async def after_failed_commit(self, sealed: SealedBatch, error: Exception) -> None:
        """Find out what became of the batch, and go on from there."""
        engine = self._engine
        engine.suspended = True
        self.count += 1
        entries, outputs = engine.journal.gathered
        self._send_cancels([*sealed.entries, *entries], [*sealed.outputs, *outputs])
        self._count_in_a_row()
        circling = sealed.batch is None and self._is_too_often()
        rebuilt = error if circling else await self._rebuilt(sealed, error)
        if isinstance(rebuilt, Exception):
            self._hooks.give_up(rebuilt)
            engine.fail_outputs(sealed.outputs, rebuilt)
            return
        discarded = engine.journal.discard()
        if not rebuilt.proven:
            discarded = [*sealed.outputs, *discarded]
        engine.rebuild(rebuilt.state)
        engine.journal.follow(rebuilt.state, rebuilt.opened.head)
        if rebuilt.proven:
            for output in sealed.outputs:
                self._hooks.release(output)
        name = type(error).__name__
        engine.take_back(discarded, f"The journal failed ({name}) and was recovered.")
        fate = "proven" if rebuilt.proven else "discarded"
        in_store = sealed.batch is not None or self._is_read_fault(sealed, error)
        kind = AnomalyKind.JOURNAL_RECOVERED if in_store else AnomalyKind.COMPONENT_FAILED
        self._resume(kind, f"{name}: {error}; the last batch was {fate}")

    def _count_in_a_row(self) -> None:
        """Count the recoveries since a batch was last stored: a store may open and still take nothing."""
        batches = self._engine.journal.batches
        self._in_a_row = self._in_a_row + 1 if batches == self._batches else 1
        self._batches = batches

    def _is_too_often(self) -> bool:
        """Tell whether recovering goes round in circles: something breaks again with good memory.

        Commits that fail are the store's doing and are counted in a row; this counts steps that break and
        rows that cannot be read, for which a store that works is no help.
        """
        now_ns = self._clock.monotonic_ns()
        self._times = [each for each in self._times if now_ns - each < self._window_ns]
        self._times.append(now_ns)
        return len(self._times) > self._attempts_max

    def _send_cancels(self, entries: list[Entry], outputs: list[StepOutput]) -> None:
        """Cancels go out while the journal is unusable, of orders of which nothing else is in doubt.

        An order whose own intent or acceptance is not durable yet may not be at the venue; its cancel
        goes out with its batch, or is said again by whoever waits for it.
        """
        doubtful = {
            getattr(record, "client_order_id", "")
            for _, _, record in entries
            if not (type(record) is OrderEventNoted and record.event is OrderEvent.CANCEL_REQUESTED)
        }
        for output in outputs:
            for effect in output.effects:
                if type(effect) is SendCancel and effect.client_order_id not in doubtful:
                    self._dispatcher.dispatch(effect)

    async def _rebuilt(self, sealed: SealedBatch, error: Exception) -> Rebuilt | Exception:
        """Reopen the store and read state back, again and again; return why when that is given up."""
        problem: Exception = error
        patient = self._in_a_row > 1 or self._is_read_fault(sealed, error)
        for attempt in range(self._attempts_max - self._in_a_row + 1):
            if isinstance(problem, _FATAL):
                return problem
            if attempt or patient:
                await self._clock.sleep_ns(self._interval_ns)
            try:
                async with self._clock.timeout_ns(self._timeout_ns):
                    opened = await self._store.reopen()
                    proven = self._is_proven(sealed, opened.head)
                    return Rebuilt(opened, await self._read_back(sealed, opened), proven)
            except Exception as again:  # supervision point: whatever a store raises, try again, then give up
                problem = again
        what = f"The store could not be reopened, or took nothing: {type(problem).__name__}: {problem}"
        return problem if isinstance(problem, _FATAL) else CommitUncertain(what)

    @staticmethod
    def _is_read_fault(sealed: SealedBatch, error: Exception) -> bool:
        """Tell whether the store failed to give out an order, and nothing was being committed."""
        return sealed.batch is None and isinstance(error, StoreFault)

    def _is_proven(self, sealed: SealedBatch, head: JournalHead) -> bool:
        """Tell whether the batch is on disk; raises `JournalDamaged` when something else is."""
        batch = sealed.batch
        if batch is not None and head == JournalHead(batch.last_sequence, batch.head_hash):
            return True
        if head != self._engine.journal.head:
            detail = "the store's head is neither before nor after the last batch"
            raise JournalDamaged(head.sequence, detail)
        return False

    async def _read_back(self, sealed: SealedBatch, opened: Opened) -> EngineState:
        """Return the state at the store's head, with every order that someone may ask for."""
        old = self._engine.state
        state = await restore_state(self._store, old.account, opened)
        doubtful = self._doubtful(sealed)
        for name, order in old.orders.items():
            if order.state.is_final and name not in doubtful and name not in state.orders:
                state.orders[name] = order
                count_on_position(state, order)
                if order.position_id:
                    await load_position(self._store, state, order.key)
        for name in doubtful:
            await _loader(name)(self._store, state, name)
        return state

    def _doubtful(self, sealed: SealedBatch) -> dict[str, None]:
        """Return the orders that memory may hold otherwise than the disk, and those waited for."""
        engine = self._engine
        entries, outputs = engine.journal.gathered
        names: Iterable[str] = [
            *engine.doubtful,
            *engine.awaited,
            *(getattr(record, "client_order_id", "") for _, _, record in [*sealed.entries, *entries]),
            *(each.client_order_id for output in [*sealed.outputs, *outputs] for each in output.deliveries),
        ]
        return dict.fromkeys(name for name in names if name)

    def _resume(self, kind: AnomalyKind, detail: str) -> None:
        engine = self._engine
        engine.suspended = False
        with engine.eviction:  # what was read back for those who wait stays until they are answered
            engine.process(TroubleSeen(kind.value, "journal", detail))
            engine.process(InFlightLost(self._hooks.on_their_way(), "the journal was recovered"))
            for name in engine.awaited:
                engine.recheck(name)
        self._hooks.recovered("the journal was recovered")


def _loader(name: str) -> Callable[[Store, EngineState, str], Awaitable[object]]:
    """Return what reads back whatever has such a name."""
    if is_change(name):
        return load_change
    return load_closing if is_closing(name) else load_order
