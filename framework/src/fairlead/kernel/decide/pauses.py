"""How long to wait for the next look-up of an order of which something is not known."""

from __future__ import annotations

from fairlead.domain.orders import Order
from fairlead.kernel.decide.rules import Rules


def pause_ns(order: Order, rules: Rules, now_ns: int) -> int:
    """Return how long to wait for the next look-up: as long as was waited so far, within bounds."""
    waited = max(now_ns - order.updated_ns, rules.look_up_interval_ns)
    return min(waited, rules.look_up_interval_max_ns)
