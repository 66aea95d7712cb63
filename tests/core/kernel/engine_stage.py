"""An engine on a stage: its decisions are what a test says, and its journal keeps what it is given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from fairlead.domain.records import Record
from fairlead.domain.values import Value
from fairlead.kernel.core.effects import Effect
from fairlead.kernel.core.market import Market
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.decide.decide import decide
from fairlead.kernel.decide.rules import Rules
from fairlead.kernel.engine import engine
from fairlead.kernel.engine.engine import Engine
from fairlead.kernel.gate.gate import Gate
from fairlead.kernel.journal.outputs import StepOutput
from fairlead.kernel.settings import KernelSettings
from fairlead.ports.exchange import ExchangeCapabilities, Fence
from fairlead.ports.risk import Fact, RiskCheck
from fairlead.ports.store import OutboxRow
from fairlead.testing import run
from tests.core.kernel.bench import Yes
from tests.core.kernel.folding import Fold
from tests.core.kernel.pacing_limits import order_limits
from tests.core.reference.bookkeeping import HandClock

NOW = 500


class Told(Value):
    """An input of which a test says what is decided."""

    records: tuple[Record, ...] = ()
    effects: tuple[Effect, ...] = ()
    command_id: int = 0


class Clock(HandClock):
    """One whose monotonic time is not its wall time."""

    def monotonic_ns(self) -> int:
        """Return 7 ns more."""
        return self.now_ns + 7


class Kept:
    """A journal that keeps what it was given, and has stored nothing."""

    durable_sequence = 0

    def __init__(self) -> None:
        self.added: list[tuple[list[tuple[int, int, Record]], list[OutboxRow], StepOutput]] = []

    def add(
        self, entries: list[tuple[int, int, Record]], outbox: list[OutboxRow], output: StepOutput
    ) -> None:
        """Keep it."""
        self.added.append((entries, outbox, output))


class Counting(Yes):
    """A check that counts the facts that it is told, and breaks at a word."""

    name = "counting"
    stateless = False

    def __init__(self, breaks_at: str = "") -> None:
        self.breaks_at = breaks_at
        self.told: list[str] = []

    def initial(self) -> str:
        """Begin at nothing."""
        return "0"

    def fold(self, value: str, fact: Fact) -> str:
        """Count."""
        self.told.append(fact.KIND)
        if self.breaks_at == fact.KIND:
            raise ValueError("broken")
        return str(int(value) + 1)


class Stage:
    """An engine with a kept journal on a state of some records; it decides what an input of `Told` says."""

    def __init__(self, *records: Record, checks: tuple[RiskCheck, ...] = (), paced: bool = False) -> None:
        self.clock = Clock(NOW)
        self.journal = Kept()
        settings = KernelSettings(account="test")
        market = Market.of(settings)
        gate = Gate(checks, self.clock, market, budget_ns=10**9)
        limits = order_limits() if paced else None
        rules = Rules.of(settings, gate, ExchangeCapabilities(fence=Fence.DEADLINE), limits)
        journal: Any = self.journal  # it has what an engine uses of a journal
        self.state = Fold(*records).state
        self.engine = Engine(self.state, rules, self.clock, journal)

    def step(
        self, *records: Record, effects: tuple[Effect, ...] = (), command_id: int = 0
    ) -> StepOutput | None:
        """Take one step; return what it gives out, or nothing when it gave nothing."""
        before = len(self.journal.added)
        given: Any = Told(records, effects, command_id)
        self.engine.process(given)
        return self.journal.added[-1][2] if len(self.journal.added) > before else None

    def waits(self, name: str, *, until_closed: bool = False) -> asyncio.Future[object]:
        """Let somebody wait for an order, a closing or a change."""
        return self.engine.wait_for(name, until_closed=until_closed)


def decide_as_told(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Have engines decide what an input of `Told` says; return the inputs that they were asked about."""
    inputs: list[object] = []

    def told(state: EngineState, given: Any, rules: Rules, now_ns: int) -> tuple[list[Record], list[Effect]]:  # noqa: ANN401 - any input
        inputs.append(given)
        if isinstance(given, Told):
            return list(given.records), list(given.effects)
        return decide(state, given, rules, now_ns)

    monkeypatch.setattr(engine, "decide", told)
    return inputs


def in_loop(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a test whose futures need a loop."""
    run(main)


def values(output: StepOutput | None) -> list[object]:
    """Return what is delivered, in order."""
    return [] if output is None else [each.value for each in output.deliveries]
