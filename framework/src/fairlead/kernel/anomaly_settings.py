"""What each anomaly does to trading: the table of defaults, with whatever the configuration overrides.

A class of a reconciliation (missing, foreign, drifted) is no key here: each has a policy of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import attrs

from fairlead.domain.anomalies import BY_POLICY, MEANING, SEVERITY, AnomalyKind, Severity
from fairlead.domain.identifiers import excerpt_of
from fairlead.errors import InvalidInput, SettingRefused, UnknownName


def to_severity(value: object, field: str) -> Severity:
    """Return the severity of that name; raises `UnknownName` for anything else."""
    if isinstance(value, str) and value in set(Severity):
        return Severity(value)
    raise UnknownName(field, excerpt_of(value), tuple(each.value for each in Severity))


def _describe(_cls: type[object], fields: list[attrs.Attribute[object]]) -> list[attrs.Attribute[object]]:
    """Give each field its converter, which knows its name, and the meaning of its kind."""
    return [
        field.evolve(
            converter=partial(to_severity, field=f"kernel.anomalies.{field.name}"),
            metadata={"doc": MEANING[AnomalyKind(field.name)]},
        )
        for field in fields
    ]


@attrs.frozen(kw_only=True, field_transformer=_describe)
class AnomalySettings:
    """The severity of each kind of anomaly: *note* records, *reduce* stops new exposure, *halt* waits."""

    illegal_event: Severity = SEVERITY[AnomalyKind.ILLEGAL_EVENT]
    contradiction: Severity = SEVERITY[AnomalyKind.CONTRADICTION]
    unexpected_life: Severity = SEVERITY[AnomalyKind.UNEXPECTED_LIFE]
    zombie: Severity = SEVERITY[AnomalyKind.ZOMBIE]
    late_fill: Severity = SEVERITY[AnomalyKind.LATE_FILL]
    corrected_end: Severity = SEVERITY[AnomalyKind.CORRECTED_END]
    overfill: Severity = SEVERITY[AnomalyKind.OVERFILL]
    trade_differs: Severity = SEVERITY[AnomalyKind.TRADE_DIFFERS]
    impossible_fill: Severity = SEVERITY[AnomalyKind.IMPOSSIBLE_FILL]
    unknown_own_order: Severity = SEVERITY[AnomalyKind.UNKNOWN_OWN_ORDER]
    balance_drifted: Severity = SEVERITY[AnomalyKind.BALANCE_DRIFTED]
    fill_corrected: Severity = SEVERITY[AnomalyKind.FILL_CORRECTED]
    position_liquidated: Severity = SEVERITY[AnomalyKind.POSITION_LIQUIDATED]
    rollover_charged: Severity = SEVERITY[AnomalyKind.ROLLOVER_CHARGED]
    unreadable_report: Severity = SEVERITY[AnomalyKind.UNREADABLE_REPORT]
    price_out_of_band: Severity = SEVERITY[AnomalyKind.PRICE_OUT_OF_BAND]
    stale_price: Severity = SEVERITY[AnomalyKind.STALE_PRICE]
    terms_differ: Severity = SEVERITY[AnomalyKind.TERMS_DIFFER]
    residue: Severity = SEVERITY[AnomalyKind.RESIDUE]
    journal_recovered: Severity = SEVERITY[AnomalyKind.JOURNAL_RECOVERED]
    venue_silent: Severity = SEVERITY[AnomalyKind.VENUE_SILENT]
    component_failed: Severity = SEVERITY[AnomalyKind.COMPONENT_FAILED]
    price_source_failed: Severity = SEVERITY[AnomalyKind.PRICE_SOURCE_FAILED]
    check_hung: Severity = SEVERITY[AnomalyKind.CHECK_HUNG]
    rules_not_read: Severity = SEVERITY[AnomalyKind.RULES_NOT_READ]
    time_ahead: Severity = SEVERITY[AnomalyKind.TIME_AHEAD]
    loop_blocked: Severity = SEVERITY[AnomalyKind.LOOP_BLOCKED]
    notifier_disabled: Severity = SEVERITY[AnomalyKind.NOTIFIER_DISABLED]
    notice_row_refused: Severity = SEVERITY[AnomalyKind.NOTICE_ROW_REFUSED]


def to_anomaly_settings(value: object) -> AnomalySettings:
    """Return the severities of a mapping from kind to severity, by name or enumeration.

    Raises `UnknownName` for a kind that there is not, and `SettingRefused` for one that is a class of a
    reconciliation, with the setting that decides it.
    """
    if isinstance(value, AnomalySettings):
        return value
    if not isinstance(value, Mapping):
        problem = f"{excerpt_of(value)} is no mapping from kinds of anomaly to severities"
        raise InvalidInput("kernel.anomalies", problem, fix='Pass {"overfill": "reduce"}, say.')
    known = {field.name for field in attrs.fields(AnomalySettings)}
    policies = {kind.value: setting for kind, setting in BY_POLICY.items()}
    for name in value:
        if name in policies:
            problem = "is a class of a reconciliation, not decided here"
            raise SettingRefused(f"kernel.anomalies.{name}", problem, fix=f"Set kernel.{policies[name]}.")
        if name not in known:
            raise UnknownName("kernel.anomalies", excerpt_of(name), tuple(sorted(known)))
    return AnomalySettings(**{str(name): severity for name, severity in value.items()})
