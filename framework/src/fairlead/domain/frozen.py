"""Records that are frozen by type and by test, not by a run-time guard.

A frozen attrs class costs four times as much to create as an open one, and an order's round trip
creates several. So a record is an ordinary slotted attrs class whose fields the type checker treats
as read-only (every assignment is a mypy error), and a test walks the sources for any that hides.
"""

from __future__ import annotations

from typing import TypeVar, dataclass_transform

import attrs

Cls = TypeVar("Cls", bound=type)


@dataclass_transform(frozen_default=True, field_specifiers=(attrs.field,))
def record(cls: Cls) -> Cls:
    """Make the class a slotted attrs record that the type checker holds to be frozen."""
    return attrs.define(cls, slots=True, eq=True)
