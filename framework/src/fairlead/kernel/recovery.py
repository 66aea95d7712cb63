"""Recovery from a commit that failed, hung or is uncertain, and from a step that broke.

Sending stops at once. The store is reopened, which fences whatever was still on its way to it, and
its head says what was proven. Everything after that is discarded, state is rebuilt from the store,
the venue's evidence is fetched again, and the kernel goes on; or it gives up, and says so.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from fairlead.domain.anomalies import AnomalyKind
from fairlead.errors import CommitUncertain, JournalDamaged, StaleEpoch, StoreFault, StoreHeld
from fairlead.kernel.dispatcher import Dispatcher
from fairlead.kernel.engine import Engine
from fairlead.kernel.inputs import InFlightLost, TroubleSeen
from fairlead.kernel.journal import SealedBatch
from fairlead.kernel.outputs import StepOutput
from fairlead.kernel.restore import restore_state
from fairlead.kernel.settings import KernelSettings
from fairlead.ports.clock import Clock
from fairlead.ports.store import JournalHead, Opened, Store

_FATAL = (StaleEpoch, StoreHeld, JournalDamaged)


@attrs.frozen
class RecoveryHooks:
    """What the recovery tells the rest of the kernel."""

    release: Callable[[StepOutput], None]
    recovered: Callable[[str], None]
    give_up: Callable[[Exception], None]


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
        self.count = 0

    async def after_failed_commit(self, sealed: SealedBatch, error: Exception) -> None:
        """Find out what became of the batch, and go on from there."""
        engine = self._engine
        engine.suspended = True
        self.count += 1
        opened = await self._reopened(error)
        if opened is None:
            return
        batch = sealed.batch
        base = (
            engine.journal.head
            if batch is None
            else JournalHead(batch.first_sequence - 1, batch.previous_hash)
        )
        proven = batch is not None and opened.head == JournalHead(batch.last_sequence, batch.head_hash)
        if not proven and opened.head != base:
            detail = "the store's head is neither before nor after the last batch"
            self._hooks.give_up(JournalDamaged(opened.head.sequence, detail))
            return
        discarded = engine.journal.discard()
        if not proven:
            discarded = [*sealed.outputs, *discarded]
        await self._rebuild(opened)
        if proven:
            for output in sealed.outputs:
                self._hooks.release(output)
        why = f"The journal failed ({type(error).__name__}) and was recovered."
        engine.fail_discarded(discarded, why)
        kind = AnomalyKind.JOURNAL_RECOVERED if batch is not None else AnomalyKind.COMPONENT_FAILED
        self._resume(
            kind, f"{type(error).__name__}: {error}; the last batch was {'proven' if proven else 'discarded'}"
        )

    async def _reopened(self, error: Exception) -> Opened | None:
        """Reopen the store, again and again; nothing when it was given up."""
        problem: Exception = error
        if isinstance(error, _FATAL):
            self._hooks.give_up(error)
            return None
        for attempt in range(self._attempts_max):
            if attempt:
                await self._clock.sleep_ns(self._interval_ns)
            try:
                async with self._clock.timeout_ns(self._timeout_ns):
                    return await self._store.reopen()
            except _FATAL as fatal:
                self._hooks.give_up(fatal)
                return None
            except (StoreFault, OSError, TimeoutError) as again:
                problem = again
        self._hooks.give_up(
            CommitUncertain(f"The store could not be reopened: {type(problem).__name__}: {problem}")
        )
        return None

    async def _rebuild(self, opened: Opened) -> None:
        engine = self._engine
        old = engine.state
        state = await restore_state(self._store, old.account, opened)
        state.instruments, state.prices, state.strangers = old.instruments, old.prices, old.strangers
        engine.state = state
        engine.journal.follow(state, opened.head)

    def _resume(self, kind: AnomalyKind, detail: str) -> None:
        engine = self._engine
        engine.suspended = False
        engine.process(TroubleSeen(kind.value, "journal", detail))
        engine.process(InFlightLost(self._dispatcher.in_flight, "the journal was recovered"))
        self._hooks.recovered("the journal was recovered")
