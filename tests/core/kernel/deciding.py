"""Deciding on a state that a test lays out: exactly which records and effects follow from one input."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from fairlead import KernelSettings
from fairlead.domain.anomalies import AnomalyKind, Severity
from fairlead.domain.orders import Order
from fairlead.domain.records import AnomalyNoted, Record, TradingStateChanged
from fairlead.domain.trading_state import TradingState
from fairlead.kernel.core.effects import Effect
from fairlead.kernel.core.inputs import Input
from fairlead.kernel.core.market import Market
from fairlead.kernel.core.state import EngineState
from fairlead.kernel.decide.decide import decide
from fairlead.kernel.decide.rules import Rules
from fairlead.kernel.gate.gate import Gate
from fairlead.ports.exchange import ExchangeCapabilities, Fence
from fairlead.ports.pacing import PacingModel
from fairlead.ports.risk import ALLOW, Fact, Judgement, RiskCheck, RiskRequest, RiskView
from tests.core.kernel.bench import BTC, instrument
from tests.core.kernel.folding import Fold, order
from tests.core.reference.bookkeeping import HandClock

NOW_NS = 1_000_000_000_000
SECOND_NS = 1_000_000_000
MONOTONIC_NS = 5_000
"""The monotonic time of the step."""

Outcome = tuple[list[Record], list[Effect]]


def rules_of(
    *,
    fence: Fence = Fence.DEADLINE,
    horizon_ns: int = 0,
    modify: bool = True,
    checks: Sequence[RiskCheck] = (),
    model: PacingModel | None = None,
    **settings: Any,  # noqa: ANN401 - settings of every type
) -> Rules:
    """Return rules under which a look-up waits for a second, and for at most eight."""
    told = {"look_up_interval_ms": 1_000, "look_up_interval_max_ms": 8_000, "approval_ttl_ms": 5_000}
    kept = KernelSettings(account="test", **{**told, "close_retry_ms": 2_000, **settings})
    gate = Gate(checks, HandClock(NOW_NS), Market.of(kept), budget_ns=10**12)
    return Rules.of(
        kept, gate, ExchangeCapabilities(fence=fence, horizon_ns=horizon_ns, modify=modify), model
    )


class Deciding:
    """A state with the rules that decide on it: trading, reconciled, and with the rules of BTC/USDT.

    *pace_ns* is the time of the budgets in its steps.
    """

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules = rules or rules_of()
        self.fold = Fold()
        self.state: EngineState = self.fold.state
        self.state.instruments = {BTC: instrument(BTC)}
        self.state.reconciled = True
        self.state.trading = TradingState.ACTIVE
        self.pace_ns = 0

    def order(self, name: str = "x", /, *, terms: dict[str, object] | None = None, **facts: object) -> Order:
        """Lay out a live order: these terms in its record, and these facts as they are by now."""
        self.fold.changes(order(name, **(terms or {})))
        made = self.state.orders[name]
        made.created_ns = made.updated_ns = NOW_NS
        for fact, value in facts.items():
            setattr(made, fact, value)
        return made

    def hold(self, quantity: str) -> None:
        """Lay out a position in the book main, negative for short."""
        position = self.state.position_of((BTC, "main", ""), "USDT")
        position.quantity = Decimal(quantity)

    def on(self, given: Input, now_ns: int = NOW_NS) -> Outcome:
        """Return what follows from an input."""
        self.state.monotonic_ns, self.state.pace.now_ns = MONOTONIC_NS, self.pace_ns
        return decide(self.state, given, self.rules, now_ns)


def reduced(kind: AnomalyKind, detail: str, subject: str = "x") -> list[Record]:
    """Return the records of an anomaly after which only reductions pass."""
    reduces = TradingStateChanged(TradingState.REDUCING, f"{kind.value}: {detail}", "kernel")
    return [AnomalyNoted(kind, Severity.REDUCE, subject, detail), reduces]


class Asked:
    """A risk check that allows or denies, and keeps what it was asked about."""

    version = "1"
    stateless = True

    def __init__(self, name: str, judgement: Judgement = ALLOW) -> None:
        self.name = name
        self.requests: list[RiskRequest] = []
        self._judgement = judgement

    def initial(self) -> str:
        """Keep no value."""
        return ""

    def fold(self, value: str, fact: Fact) -> str:  # noqa: ARG002 - the port's
        """Learn nothing."""
        return value

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:  # noqa: ARG002 - same
        """Answer as told."""
        self.requests.append(request)
        return self._judgement
