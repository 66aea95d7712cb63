"""The input about the venue's rules: what a further reading of them says that the one before did not."""

from __future__ import annotations

from fairlead.domain.instrument_changes import RuleChange
from fairlead.domain.values import Value


class RulesDiffer(Value):
    """The rules were read again, for this reason, and are not what they were."""

    reason: str
    changes: tuple[RuleChange, ...]
