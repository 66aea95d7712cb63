"""What every kind of anomaly does to trading: the configured severities and the policies of the classes."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from fairlead.domain.anomalies import AnomalyKind, Severity
from fairlead.domain.reconciliation import DRIFTED_SEVERITY, ForeignPolicy
from fairlead.kernel.anomaly_settings import AnomalySettings
from fairlead.kernel.settings import KernelSettings


def severities_of(settings: KernelSettings) -> Mapping[AnomalyKind, Severity]:
    """Return the severity of every kind of anomaly under these settings."""
    names = [field.name for field in attrs.fields(AnomalySettings)]
    severities: dict[AnomalyKind, Severity] = {
        AnomalyKind(name): getattr(settings.anomalies, name) for name in names
    }
    halts = settings.foreign_policy is ForeignPolicy.HALT
    severities[AnomalyKind.MISSING_AT_VENUE] = settings.missing_policy
    severities[AnomalyKind.FOREIGN_ORDER] = Severity.HALT if halts else Severity.NOTE
    severities[AnomalyKind.POSITION_DRIFTED] = DRIFTED_SEVERITY[settings.drifted_policy]
    return severities
