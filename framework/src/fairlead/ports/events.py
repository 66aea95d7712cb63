"""What an observing plugin is told, after the fact is durable: see `fairlead.domain.events`."""

from fairlead.domain.events import Event, FillBooked, KernelChanged, OrderChanged, PositionChanged

__all__ = ["Event", "FillBooked", "KernelChanged", "OrderChanged", "PositionChanged"]
