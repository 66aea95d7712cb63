"""How a courier keeps back while there is trading: attempts share one thread with the orders."""

from __future__ import annotations

# fixed: so many spacings without anything that became durable, and there is no trading to be kept out of
QUIET_SPACINGS = 5


class Restraint:
    """Spaces the beginnings of attempts while there is trading. A spacing of 0 holds nothing back."""

    def __init__(self, spacing_ns: int) -> None:
        self._spacing_ns = spacing_ns
        self._quiet_from_ns = 0
        self._free_from_ns = 0

    def traded(self, now_ns: int) -> None:
        """Something has become durable at this moment, of the monotonic clock."""
        self._quiet_from_ns = now_ns + QUIET_SPACINGS * self._spacing_ns

    def began(self, now_ns: int) -> None:
        """An attempt has begun."""
        self._free_from_ns = now_ns + self._spacing_ns

    def wait_ns(self, now_ns: int) -> int:
        """Return for how long no attempt may begin; 0 when one may."""
        return max(0, min(self._free_from_ns, self._quiet_from_ns) - now_ns)
