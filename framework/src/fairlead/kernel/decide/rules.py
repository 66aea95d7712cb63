"""What `decide` is given beside state and input: the settings, the gate, the venue's capabilities."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from fairlead.domain.anomalies import AnomalyKind, Severity
from fairlead.domain.records import AnomalyNoted, Record, TradingStateChanged
from fairlead.domain.trading_state import TradingState
from fairlead.kernel.core.effects import Effect
from fairlead.kernel.core.market import Market
from fairlead.kernel.core.state import UNHEARD, EngineState
from fairlead.kernel.decide.severities import severities_of
from fairlead.kernel.gate.gate import Gate
from fairlead.kernel.pacing.pacing import PaceStep, Pacing
from fairlead.kernel.settings import KernelSettings
from fairlead.ports.exchange import ExchangeCapabilities
from fairlead.ports.pacing import PacingModel

KERNEL = "kernel"
OPERATOR = "operator"
ALWAYS_NOTED = frozenset(
    {
        AnomalyKind.JOURNAL_RECOVERED,
        AnomalyKind.VENUE_SILENT,
        AnomalyKind.COMPONENT_FAILED,
        AnomalyKind.PRICE_SOURCE_FAILED,
        AnomalyKind.CHECK_HUNG,
        AnomalyKind.RULES_NOT_READ,
        AnomalyKind.LOOP_BLOCKED,
        AnomalyKind.NOTIFIER_DISABLED,
        AnomalyKind.NOTICE_ROW_REFUSED,
    }
)
"""Anomalies that are news each time, whatever was noted before."""


@attrs.define(slots=True)
class Rules:
    """Constant while a kernel runs. Durations are nanoseconds, taken from the settings once."""

    settings: KernelSettings
    gate: Gate
    capabilities: ExchangeCapabilities
    order_deadline_ns: int
    deadline_margin_ns: int
    look_up_interval_ns: int
    look_up_interval_max_ns: int
    approval_ttl_ns: int
    market: Market
    close_retry_ns: int
    severities: Mapping[AnomalyKind, Severity]
    history_overlap_ns: int
    fill_ahead_max_ns: int
    pacing: Pacing | None = None

    @classmethod
    def of(
        cls,
        settings: KernelSettings,
        gate: Gate,
        capabilities: ExchangeCapabilities,
        model: PacingModel | None = None,
    ) -> Rules:
        """Return the rules of a kernel with these settings; *model* replaces the client's own limits."""
        return cls(
            settings,
            gate,
            capabilities,
            settings.ns("order_deadline"),
            settings.ns("deadline_margin"),
            settings.ns("look_up_interval"),
            settings.ns("look_up_interval_max"),
            settings.ns("approval_ttl"),
            gate.market,
            settings.ns("close_retry"),
            severities_of(settings),
            settings.ns("history_overlap"),
            settings.ns("fill_ahead_max"),
            Pacing.of(settings, model or capabilities.pacing),
        )


class Step:
    """What one input led to so far: records to apply in order, and effects to carry out after."""

    __slots__ = ("_pace", "_severities", "effects", "records")

    def __init__(self, severities: Mapping[AnomalyKind, Severity]) -> None:
        self._severities = severities
        self.records: list[Record] = []
        self.effects: list[Effect] = []
        self._pace: PaceStep | None = None

    @property
    def pace(self) -> PaceStep:
        """Return what this step took of the venue's budgets so far."""
        if self._pace is None:
            self._pace = PaceStep()
        return self._pace

    def note(self, state: EngineState, kind: AnomalyKind, subject: str, detail: str) -> None:
        """Record an anomaly, and let its severity act on the trading state in the same step.

        The same words about the same subject are recorded once while the kernel runs.
        """
        if kind not in ALWAYS_NOTED and (kind, subject, detail) in state.noted:
            return
        severity = self._severities[kind]
        self.records.append(AnomalyNoted(kind, severity, subject, detail))
        last = next((each for each in reversed(self.records) if type(each) is TradingStateChanged), None)
        trading, reason = (state.trading, state.trading_reason) if last is None else (last.state, last.reason)
        # A silence ends by itself; what is noted during it must outlast that.
        passing = trading is TradingState.REDUCING and reason == UNHEARD
        target = _sterner(TradingState.ACTIVE if passing else trading, severity)
        if target is not None:
            self.records.append(TradingStateChanged(target, f"{kind.value}: {detail}", KERNEL))


def _sterner(now: TradingState, severity: Severity) -> TradingState | None:
    if severity is Severity.HALT and now is not TradingState.HALTED:
        return TradingState.HALTED
    if severity is Severity.REDUCE and now in (TradingState.ACTIVE, TradingState.DISABLED):
        return TradingState.REDUCING
    return None
