"""What an observing plugin does on each kind of event."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from fairlead.domain.events import Event, FillBooked, KernelChanged, OrderChanged, PositionChanged

OBSERVE_HOOKS: Mapping[str, type[Event]] = {
    "fairlead_order_event": OrderChanged,
    "fairlead_fill": FillBooked,
    "fairlead_position_event": PositionChanged,
    "fairlead_kernel_event": KernelChanged,
}
"""Every observe hook, with the kind of event that it is called for."""

Handler = Callable[[Event], object]


@attrs.frozen
class Observer:
    """One plugin that observes: its name, and what is called for each kind of event."""

    name: str
    handlers: Mapping[type[Event], tuple[Handler, ...]]
