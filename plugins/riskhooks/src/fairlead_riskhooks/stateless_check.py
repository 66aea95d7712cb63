"""What checks that remember nothing have in common."""

from __future__ import annotations

from typing import ClassVar

from fairlead.ports.risk import Fact


class StatelessCheck:
    """Keeps no value: all that it judges by is in the request and in the view, or in its settings."""

    __slots__ = ()

    stateless: ClassVar[bool] = True

    def initial(self) -> str:
        """Return the empty value."""
        return ""

    def fold(self, value: str, fact: Fact) -> str:
        """Return the value as it is."""
        del fact
        return value
