"""Kernel settings: every interval, limit and threshold, with its unit in its name."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum

import attrs

from fairlead.domain.anomalies import Severity
from fairlead.domain.identifiers import excerpt_of, to_name
from fairlead.domain.instruments import to_asset
from fairlead.domain.money import Conversion, check_conversions
from fairlead.domain.numbers import ONE, ZERO, to_decimal, to_positive
from fairlead.domain.reconciliation import DriftedPolicy, ForeignPolicy
from fairlead.domain.requests import PacingPolicy
from fairlead.domain.trading_days import TradingDay
from fairlead.errors import SettingRefused, UnknownName
from fairlead.kernel.anomaly_settings import AnomalySettings, to_anomaly_settings, to_severity
from fairlead.kernel.setting_fields import flag, limit, limit_or_zero, path
from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND


def _account(value: object) -> str:
    return to_name(value, "kernel.account")


def _fill_price_band(value: object) -> Decimal:
    return to_positive(value, "kernel.fill_price_band")


def _price_jump_band(value: object) -> Decimal:
    return to_positive(value, "kernel.price_jump_band")


def _reporting_currency(value: object) -> str:
    return "" if value == "" else to_asset(value, "kernel.reporting_currency")


def _conversions(value: Iterable[Conversion]) -> tuple[Conversion, ...]:
    conversions = tuple(value)
    check_conversions(conversions)
    return conversions


def _share(value: object) -> Decimal:
    share = to_decimal(value, "kernel.pacing_reserve")
    if ZERO <= share < ONE:
        return share
    raise SettingRefused(
        "kernel.pacing_reserve",
        f"{share} is not a fraction from 0 to below 1",
        fix='Write "0.20" to keep a fifth, or "0" to keep nothing.',
    )


def to_pacing_policy(value: object, field: str) -> PacingPolicy:
    """Return the policy of that name; raises `UnknownName` for anything else."""
    if isinstance(value, str) and value in set(PacingPolicy):
        return PacingPolicy(value)
    raise UnknownName(field, excerpt_of(value), tuple(each.value for each in PacingPolicy))


def _policy(value: object) -> PacingPolicy:
    return to_pacing_policy(value, "kernel.pacing_policy")


def _missing_policy(value: object) -> Severity:
    return to_severity(value, "kernel.missing_policy")


def _foreign_policy(value: object) -> ForeignPolicy:
    if isinstance(value, str) and value in set(ForeignPolicy):
        return ForeignPolicy(value)
    raise UnknownName("kernel.foreign_policy", excerpt_of(value), tuple(each.value for each in ForeignPolicy))


def _drifted_policy(value: object) -> DriftedPolicy:
    if isinstance(value, str) and value in set(DriftedPolicy):
        return DriftedPolicy(value)
    raise UnknownName("kernel.drifted_policy", excerpt_of(value), tuple(each.value for each in DriftedPolicy))


def _adopt_owner(value: object) -> str:
    return "" if value == "" else to_name(value, "kernel.adopt_owner")


class OnStop(StrEnum):
    """What a kernel that is stopped does about its orders and positions first."""

    LEAVE = "leave"
    CANCEL_ENTRIES = "cancel_entries"
    FLATTEN = "flatten"


def _on_stop(value: object) -> OnStop:
    if isinstance(value, str) and value in set(OnStop):
        return OnStop(value)
    raise UnknownName("kernel.on_stop", excerpt_of(value), tuple(each.value for each in OnStop))


class BalanceCheck(StrEnum):
    """Whether orders beyond the free balance are denied; ``REQUIRED``: also where it is not known."""

    KNOWN = "known"
    REQUIRED = "required"
    OFF = "off"


def _balance_check(value: object) -> BalanceCheck:
    if isinstance(value, str) and value in set(BalanceCheck):
        return BalanceCheck(value)
    raise UnknownName("kernel.balance_check", excerpt_of(value), tuple(each.value for each in BalanceCheck))


@attrs.frozen(kw_only=True)
class KernelSettings:
    """Everything that can be set about one kernel; durations end in ``_ms`` (milliseconds)."""

    account: str = attrs.field(
        converter=_account,
        metadata={
            "doc": "the account, in whose name the store and the client order ids are",
            "example": '"main"',
        },
    )
    order_deadline_ms: int = limit(5_000, "venue deadline of an order request, where the venue has deadlines")
    deadline_margin_ms: int = limit(
        1_000, "waited beyond a deadline before a look-up counts; bounds clock skew"
    )
    start_attempts_max: int = limit(
        3, "attempts to read the venue's rules, and to reconcile, before a start gives up"
    )
    request_timeout_ms: int = limit(
        10_000, "longest wait for one answer of the venue; then the outcome is unknown"
    )
    look_up_interval_ms: int = limit(1_000, "pause between two look-ups of the same order")
    look_up_interval_max_ms: int = limit(
        60_000, "that pause, and the one after a failed reconciliation, doubles up to this"
    )
    limited_attempts_max: int = limit(5, "attempts of an order or modify refused for the venue's rate limit")
    approval_ttl_ms: int = limit(
        30_000, "what waits for the rate limit with an older approval is judged again; else it is NOT_SENT"
    )
    rules_interval_ms: int = limit(
        3_600_000, "how often the venue's rules and fees are read again, beside start and refusals"
    )
    rules_pause_ms: int = limit(
        60_000, "shortest time from one such reading to the next that a refusal leads to"
    )
    price_max_age_ms: int = limit(60_000, "a price older than this is stale and is not used")
    price_ahead_max_ms: int = limit(
        5_000, "a price whose time lies further ahead than this is refused; bounds clock skew"
    )
    price_jump_band: Decimal = attrs.field(
        default=Decimal("0.10"),
        converter=_price_jump_band,
        metadata={"doc": "a price further from the last than this fraction needs a second to confirm it"},
    )
    price_queue_max: int = limit(
        10_000, "prices kept for a slow reader of a stream; of older ones the lows and highs"
    )
    price_source_pause_ms: int = limit(
        1_000, "pause before a plugin's price source that failed is started again; it doubles each time"
    )
    price_source_pause_max_ms: int = limit(
        60_000, "the pause doubles up to this; a source that ran for so long begins anew"
    )
    component_timeout_ms: int = limit(
        10_000, "longest wait for a plugin's component to start, and again for it to stop"
    )
    check_budget_ms: int = limit(50, "time one risk check may take; a slower answer denies")
    check_hang_ms: int = limit(2_000, "a risk check still running then is interrupted and the kernel halts")
    close_attempts_max: int = limit(
        5, "exits that a closing makes before it ends with what is left and says why"
    )
    close_retry_ms: int = limit(1_000, "pause after an exit that left something; it doubles with each exit")
    loop_block_max_ms: int = limit(
        2_000, "an event loop that does not run for so long is told of, with the place that holds it up"
    )
    commit_timeout_ms: int = limit(10_000, "a commit that takes longer is uncertain")
    recovery_attempts_max: int = limit(10, "attempts to reopen the store before the kernel gives up")
    recovery_window_ms: int = limit(
        60_000, "as many recoveries as attempts within this, and the kernel gives up"
    )
    recovery_interval_ms: int = limit(500, "pause between two attempts to reopen the store")
    batch_steps_max: int = limit(1_000, "new commands wait while so many steps are gathered")
    closed_orders_max: int = limit(
        10_000, "finished orders kept in memory; older ones are read from the store when they are asked for"
    )
    closed_order_max_age_ms: int = limit(
        3_600_000, "a finished order that has not changed for so long leaves memory as well"
    )
    snapshot_interval_ms: int = limit(60_000, "how often a snapshot of every open position is taken")
    snapshot_write_interval_ms: int = limit(
        300_000, "snapshots are gathered for so long and then written together"
    )
    snapshot_batch_max: int = limit(
        100, "snapshots gathered in memory; as soon as there are so many they are written together"
    )
    stream_queue_max: int = limit(10_000, "events kept for a slow reader of a stream; older ones are dropped")
    callback_failures_max: int = limit(
        5, "failures in a row after which an event callback or an observing plugin is muted"
    )
    stop_timeout_ms: int = limit(
        10_000, "longest wait for what on_stop does, and again for effects under way, when the kernel stops"
    )
    on_stop: OnStop = attrs.field(
        default=OnStop.CANCEL_ENTRIES,
        converter=_on_stop,
        metadata={"doc": "what a stop does first: leave orders alone, cancel entries, or flatten"},
    )
    fill_price_band: Decimal = attrs.field(
        default=Decimal("0.10"),
        converter=_fill_price_band,
        metadata={"doc": "fraction of the reference price"},
    )
    fill_ahead_max_ms: int = limit(
        5_000, "a fill whose time lies further ahead than this is booked and noted; bounds clock skew"
    )
    reporting_currency: str = attrs.field(
        default="",
        converter=_reporting_currency,
        metadata={"doc": "currency in which limits are counted over all symbols; none when empty"},
    )
    conversions: tuple[Conversion, ...] = attrs.field(
        default=(), converter=_conversions, metadata={"doc": "ways from one currency to another"}
    )
    trading_day: TradingDay = attrs.field(
        default=TradingDay(), metadata={"doc": "when a trading day begins, for daily limits"}
    )
    pacing_policy: PacingPolicy = attrs.field(
        default=PacingPolicy.WAIT,
        converter=_policy,
        metadata={
            "doc": "what becomes of an entry that the venue's rate limit does not let out: wait, refuse"
        },
    )
    pacing_wait_max_ms: int = limit(
        60_000, "an entry that would wait longer for the rate limit is denied; it is not sent after that"
    )
    pacing_query_wait_max_ms: int = limit(
        10_000, "a look-up or read that waited so long goes with cancels and reductions"
    )
    pacing_age_margin_ms: int = limit(
        1_000, "taken off an order's age where its cancel is priced by age; bounds latency and clock skew"
    )
    pacing_reserve: Decimal = attrs.field(
        default=Decimal("0.20"),
        converter=_share,
        metadata={"doc": "fraction of each rate limit that only cancels and reductions may use"},
    )
    reconcile_interval_ms: int = limit(
        60_000, "how often the kernel reconciles with the venue, beside start and reconnect"
    )
    poll_interval_ms: int = limit(
        5_000, "the same where the exchange client does not stream, and while its stream is down"
    )
    reports_waiting_max: int = limit(
        50_000, "reports of the stream that may wait; what is more is dropped, and read from the history"
    )
    stream_silence_max_ms: int = limit(
        30_000, "a venue that goes unheard for longer reduces trading until it is heard again"
    )
    missing_policy: Severity = attrs.field(
        default=Severity.REDUCE,
        converter=_missing_policy,
        metadata={
            "doc": "what a working order that the venue does not know does to trading: note, reduce, halt"
        },
    )
    foreign_policy: ForeignPolicy = attrs.field(
        default=ForeignPolicy.LEAVE,
        converter=_foreign_policy,
        metadata={"doc": "what is done about an open order that is not ours: leave, adopt, cancel, halt"},
    )
    adopt_owner: str = attrs.field(
        default="",
        converter=_adopt_owner,
        metadata={"doc": "owner and book of the orders that foreign_policy adopts; needed with it"},
    )
    drifted_policy: DriftedPolicy = attrs.field(
        default=DriftedPolicy.HALT,
        converter=_drifted_policy,
        metadata={"doc": "what a net position other than the sum of our books does: report, reduce, halt"},
    )
    drift_tolerance_steps: int = limit_or_zero(
        0, "lot steps by which the venue's net position may differ from the sum of our books"
    )
    history_overlap_ms: int = limit(
        60_000, "fills as young as this are read again, for venues whose history lists some of them late"
    )
    balances_interval_ms: int = limit(
        60_000, "how often a scheduled reconciliation reads the venue's balances and ledger as well"
    )
    balances_debounce_ms: int = limit(
        1_000, "balances are read so long after a fill; fills meanwhile are covered by the same reading"
    )
    balance_check: BalanceCheck = attrs.field(
        default=BalanceCheck.KNOWN,
        converter=_balance_check,
        metadata={"doc": "deny spot orders beyond the free balance: where known, required, off"},
    )
    anomalies: AnomalySettings = attrs.field(
        default=AnomalySettings(),
        converter=to_anomaly_settings,
        metadata={"doc": "what each anomaly does to trading: note, reduce, halt"},
    )
    delivery_mark_interval_ms: int = limit(
        1_000, "how often it is written how far notifiers were told; a kernel that dies repeats as much"
    )
    notices_held_max: int = limit(1_000, "notices that memory holds for one notifier; more wait in the store")
    notice_gather_ms: int = limit_or_zero(
        50,
        "what became durable is read for notifiers after so long, with what gathered meanwhile; 0: at once",
    )
    notice_spacing_ms: int = limit_or_zero(
        10,
        "while there is trading, at most one attempt begins in so long for each notifier; 0: as many as may",
    )
    notify_on_stop_ms: int = limit_or_zero(
        5_000, "a stop waits at most so long for notifiers to be told what they are owed; 0: not at all"
    )
    control_socket: str = path("Unix socket on which an operator reaches the running kernel; none when empty")
    control_connections_max: int = limit(8, "callers on the control socket at a time; more are turned away")
    control_timeout_ms: int = limit(
        60_000, "a caller on the control socket that says nothing for so long is left"
    )
    kill_switch_file: str = path("the kernel halts when this file appears; none when empty")
    kill_switch_interval_ms: int = limit(1_000, "how often the kernel looks for the kill switch file")
    log_events: bool = flag("log each durable event, with owner, order, symbol and sequence as fields")
    live: bool = flag("orders are real; a real venue needs it, and a risk check that tells a limit")
    allow_unchecked: bool = flag("run without any risk check; simulated venues only")
    start_disabled: bool = flag("stay DISABLED after reconciliation")

    def __attrs_post_init__(self) -> None:
        if self.stream_silence_max_ms <= self.poll_interval_ms:
            raise SettingRefused(
                "kernel.stream_silence_max_ms",
                f"{self.stream_silence_max_ms} is not above poll_interval_ms, {self.poll_interval_ms}",
                fix="Between two polls a venue is silent for as long; leave room for slow ones.",
            )

        if (self.foreign_policy is ForeignPolicy.ADOPT) != bool(self.adopt_owner):
            raise SettingRefused(
                "kernel.adopt_owner",
                'belongs to foreign_policy = "adopt", and that to it',
                fix="Set both, or neither.",
            )

    def ns(self, name: str) -> int:
        """Return a duration setting in nanoseconds; *name* without its ``_ms``."""
        value: int = getattr(self, f"{name}_ms")
        return value * NANOSECONDS_PER_MILLISECOND
