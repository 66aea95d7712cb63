"""The venue's rate limit, as it counts it; and the same limit as a model for the kernel.

One counter an account: what it asks for raises the counter, which falls again at a constant rate. A
request that would raise it above its capacity is not looked at. A cancel or a modify costs more while
its order is young. The venue's count is its own (fractions, no code of the framework's), so that a kernel
that paces wrongly is found out here.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from fairlead.ports.clock import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND
from fairlead.ports.pacing import DecayingCounter, Limit, Price, RateLimits, RequestKind
from fairlead_paper import messages as say
from fairlead_paper.exact import ZERO, multiply, subtract
from fairlead_paper.settings import READS_AT_ONCE, RateLimitSettings


class Throttle:
    """Counts the requests of every account, and turns away what is too much."""

    def __init__(self, settings: RateLimitSettings | None) -> None:
        self._settings = settings
        self._used: dict[str, tuple[Fraction, int]] = {}
        self.refused = 0
        """How many requests were turned away."""

    @property
    def is_on(self) -> bool:
        """Tell whether there is a limit."""
        return self._settings is not None

    def price(self, request: say.Request, order_age_ns: int) -> Decimal:
        """Return what the request costs; *order_age_ns* is that of the order it is about."""
        limit = self._settings
        if limit is None:
            return ZERO
        if isinstance(request, say.Place):
            return limit.order
        if isinstance(request, say.Cancel):
            return limit.cancel_young if self._is_young(order_age_ns, limit) else limit.cancel
        if isinstance(request, say.Modify):
            return limit.modify_young if self._is_young(order_age_ns, limit) else limit.modify
        reads = (say.Find, say.ReadOpen, say.ReadFills, say.ReadBalances, say.ReadLedger, say.ReadRules)
        return limit.read if isinstance(request, reads) else ZERO

    @staticmethod
    def _is_young(order_age_ns: int, limit: RateLimitSettings) -> bool:
        return order_age_ns < limit.young_ms * NANOSECONDS_PER_MILLISECOND

    def refusal(self, account: str, cost: Decimal, now_ns: int) -> say.Limited | None:
        """Count a request; or return the refusal of one that is too much, which counts for nothing."""
        limit = self._settings
        if limit is None or not cost:
            return None
        used, then_ns = self._used.get(account, (Fraction(0), now_ns))
        rate = Fraction(limit.per_second) / NANOSECONDS_PER_SECOND
        now_ns = max(now_ns, then_ns)
        used = max(Fraction(0), used - (now_ns - then_ns) * rate)
        over = used + Fraction(cost) - Fraction(limit.capacity)
        if over > 0:
            self.refused += 1
            retry_after_ns = -(-over // rate)
            return say.Limited("rate_limited: too many requests", int(retry_after_ns))
        self._used[account] = used + Fraction(cost), now_ns
        return None


def model_of(settings: RateLimitSettings | None) -> RateLimits | None:
    """Return the limit as the kernel's pacing model, or nothing when there is none."""
    if settings is None:
        return None
    cancel_extra = subtract(settings.cancel_young, settings.cancel)
    modify_extra = subtract(settings.modify_young, settings.modify)
    read = Price(settings.read)
    return RateLimits(
        (
            Limit(
                "paper",
                DecayingCounter(settings.capacity, settings.per_second),
                {
                    RequestKind.SUBMIT: Price(settings.order),
                    RequestKind.CANCEL: Price(settings.cancel, by_age=((settings.young_ms, cancel_extra),)),
                    RequestKind.MODIFY: Price(settings.modify, by_age=((settings.young_ms, modify_extra),)),
                    RequestKind.LOOK_UP: Price(multiply(settings.read, Decimal(READS_AT_ONCE))),
                    RequestKind.OPEN_ORDERS: read,
                    RequestKind.FILLS: read,
                    RequestKind.BALANCES: read,
                    RequestKind.INSTRUMENTS: read,
                },
            ),
        )
    )
