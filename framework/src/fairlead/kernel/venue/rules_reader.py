"""The venue's rules and fees: read at start, at an interval, and after a refusal that names them.

A reading that fails leaves the old ones in force and is made again, later and later. The rules of a symbol
that the venue no longer lists stay as well, for what is left of it: its orders and positions; what is new is
denied by `fairlead.kernel.decide.offers`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from fairlead.domain.anomalies import AnomalyKind
from fairlead.domain.instrument_changes import rule_changes, withdrawals
from fairlead.domain.instruments import Instrument
from fairlead.domain.requests import RequestKind
from fairlead.errors import ExchangeFault
from fairlead.kernel.core.inputs import TroubleSeen
from fairlead.kernel.core.rule_inputs import RulesDiffer
from fairlead.kernel.engine.engine import Engine
from fairlead.kernel.settings import KernelSettings
from fairlead.kernel.venue.admission import Admission
from fairlead.kernel.venue.timers import Timers
from fairlead.ports.clock import Clock
from fairlead.ports.exchange import ExchangeClient

RULES = "rules"
"""The name of the task that reads, and the subject of its anomaly."""

RULES_TIMER = "read rules"
"""The name under which its timer comes back; no order is called so."""

ON_SCHEDULE = "on schedule"


class RulesReader:
    """Keeps `EngineState.instruments` what the venue says; makes one reading at a time.

    *spawn* runs the reading as a task of that name, *take* brings an input to the door.
    """

    def __init__(
        self,
        client: ExchangeClient,
        clock: Clock,
        engine: Engine,
        admission: Admission,
        timers: Timers,
        settings: KernelSettings,
        logger: logging.Logger,
    ) -> None:
        self._client = client
        self._clock = clock
        self._engine = engine
        self._admission = admission
        self._timers = timers
        self._logger = logger
        self._interval_ns = settings.ns("rules_interval")
        self._rest_ns = settings.ns("rules_pause")
        self._pauses_ns = settings.ns("look_up_interval"), settings.ns("look_up_interval_max")
        self._pause_ns = self._pauses_ns[0]
        self._reason = ON_SCHEDULE
        self._began_ns = clock.monotonic_ns()
        self._reading = False
        self._running = False
        self.spawn: Callable[[str, Coroutine[Any, Any, None]], object] = lambda _name, work: work.close()
        self.take: Callable[[RulesDiffer | TroubleSeen], None] = lambda _given: None
        timers.name(RULES_TIMER, self._due)

    async def read_first(self) -> None:
        """Read the rules before anything is decided; raises whatever the client raises."""
        self._engine.state.instruments = dict(await self._read())
        self._engine.state.withdrawn = {}

    def start(self) -> None:
        """Begin the schedule: the kernel runs."""
        self._running = True
        self._timers.wake_in(RULES_TIMER, self._interval_ns)

    def stop(self) -> None:
        """Begin no reading any more."""
        self._running = False

    def refused(self, reason: str) -> None:
        """The venue refused for one of its rules: read them again, but not with every such refusal."""
        if self._running:
            self._reason = f"the venue refused: {reason}"
            rested_ns = self._clock.monotonic_ns() - self._began_ns
            self._timers.wake_in(RULES_TIMER, self._rest_ns - rested_ns)

    def _due(self) -> None:
        if not self._running or self._engine.journal.has_ended:
            return
        if self._reading:  # what that one reads may be older than the refusal that came meanwhile
            self._timers.wake_in(RULES_TIMER, self._rest_ns)
            return
        self._reading = True
        self.spawn(RULES, self._read_again())

    async def _read_again(self) -> None:
        reason, self._reason = self._reason, ON_SCHEDULE
        wait_ns = self._interval_ns
        try:
            await self._take(await self._read(), reason)
            self._pause_ns = self._pauses_ns[0]
        except Exception as error:  # supervision point: the old rules stay, and they are read again
            if self._reason == ON_SCHEDULE:  # else a refusal came meanwhile, and its reason is the newer one
                self._reason = reason
            self._failed(type(error).__name__)
            wait_ns = self._pause_ns
        finally:
            self._reading = False
            self._timers.wake_in(RULES_TIMER, wait_ns)

    async def _read(self) -> Mapping[str, Instrument]:
        self._began_ns = self._clock.monotonic_ns()
        await self._admission.admit(RequestKind.INSTRUMENTS)
        read = await self._admission.answer(RequestKind.INSTRUMENTS, self._client.instruments())
        if not all(type(instrument) is Instrument for instrument in read):
            raise ExchangeFault("The client answered something else than the rules of its symbols.")
        return {instrument.symbol: instrument for instrument in read}

    async def _take(self, read: Mapping[str, Instrument], reason: str) -> None:
        """Go by what was read, and say what differs; once more after a recovery that took that back."""
        if not read:
            raise ExchangeFault("The client answered with no rules at all.")
        engine = self._engine
        known = engine.state.instruments
        changes = rule_changes(known, engine.state.withdrawn, read)
        withdrawn = withdrawals(known, read)
        engine.state.instruments = {**read, **{symbol: known[symbol] for symbol in withdrawn}}
        engine.state.withdrawn = withdrawn
        told = not changes
        while not told:
            waits, rebuilds = engine.suspended, engine.rebuilds
            self.take(RulesDiffer(reason, changes))
            await engine.journal.settled()
            told = waits or rebuilds == engine.rebuilds
        if changes:
            names = sorted({change.symbol for change in changes})
            self._logger.warning("The venue's rules changed (%s): %s", ascii(reason), ", ".join(names))

    def _failed(self, problem: str) -> None:
        """Say that the rules could not be read, as an anomaly only the first time in a row."""
        self._logger.warning("The venue's rules could not be read and the old ones stay: %s", problem)
        if self._pause_ns == self._pauses_ns[0]:
            self.take(TroubleSeen(AnomalyKind.RULES_NOT_READ.value, RULES, problem))
        self._pause_ns = min(2 * self._pause_ns, self._pauses_ns[1])
