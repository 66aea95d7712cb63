"""The cool-down: after a loss, or after a stop, a symbol rests for a while."""

from __future__ import annotations

from typing import ClassVar

import attrs
import msgspec

from fairlead.ports.numbers import ZERO
from fairlead.ports.risk import (
    ALLOW,
    Deny,
    EpisodeEnded,
    EpisodeView,
    Fact,
    Judgement,
    OrderEnded,
    OrderView,
    RiskRequest,
    RiskView,
)
from fairlead_riskhooks import __version__, reason_codes
from fairlead_riskhooks.fields import check_one_given, is_count
from fairlead_riskhooks.recent_orders import NANOSECONDS_PER_MILLISECOND
from fairlead_riskhooks.stored import dump, load

_STOPS = frozenset({"stop", "stop_limit", "trailing_stop"})
# fixed: what a signed integer of 64 bits holds; a rest beyond it never ends
_LATEST_NS = 2**63 - 1


@attrs.frozen(kw_only=True)
class CoolDownSettings:
    """How long a symbol rests; at least one is given, and the longer rest counts.

    *after_loss_ms* begins when a position was closed at a loss after fees, *after_stop_ms* when a stop order
    that reduces a position has filled, at a loss or not.
    """

    after_loss_ms: int | None = attrs.field(
        default=None,
        validator=is_count,
        metadata={"doc": "rest of a symbol after a position that lost; none when left out"},
    )
    after_stop_ms: int | None = attrs.field(
        default=None,
        validator=is_count,
        metadata={"doc": "rest of a symbol after a stop order that filled; none when left out"},
    )

    def __attrs_post_init__(self) -> None:
        check_one_given(self, "after_loss_ms", "after_stop_ms")


class Rests(msgspec.Struct):
    """Until when each symbol rests, wall nanoseconds, with the code of the reason.

    *lost* names symbols whose loss has only the venue's time yet: ours comes with the end of the order.
    """

    symbols: dict[str, tuple[int, str]] = {}
    lost: list[str] = []


@attrs.frozen
class CoolDown:
    """Denies new exposure in a symbol, for every owner and book, while it rests."""

    settings: CoolDownSettings
    name: str = attrs.field(default="cool_down", init=False)
    version: str = attrs.field(default=__version__, init=False)
    stateless: ClassVar[bool] = False

    def initial(self) -> str:
        """Return no rests."""
        return dump(Rests())

    def fold(self, value: str, fact: Fact) -> str:
        """Let a symbol rest after a loss or a stop."""
        if isinstance(fact, EpisodeEnded):
            return self._lost(value, fact.episode)
        return self._order_ended(value, fact.order) if isinstance(fact, OrderEnded) else value

    def _lost(self, value: str, episode: EpisodeView) -> str:
        """Rest from the venue's time of the closing trade on, which may be wrong, or long ago."""
        rest_ms = self.settings.after_loss_ms
        if rest_ms is None or not episode.realized_pnl < episode.fees:
            return value
        rests = load(value, Rests)
        _rest(rests, episode.symbol, episode.closed_ns, rest_ms, reason_codes.COOL_DOWN_AFTER_LOSS)
        if episode.symbol not in rests.lost:
            rests.lost.append(episode.symbol)
        return dump(rests)

    def _order_ended(self, value: str, order: OrderView) -> str:
        """Rest from our time on: an order that closed a position ends in the same step, as a rule."""
        settings, rests = self.settings, load(value, Rests)
        if order.symbol in rests.lost and settings.after_loss_ms is not None:
            rests.lost.remove(order.symbol)
            code = reason_codes.COOL_DOWN_AFTER_LOSS
            _rest(rests, order.symbol, order.closed_ns, settings.after_loss_ms, code)
        stopped = order.reduces and order.order_type.value in _STOPS and order.filled_quantity > ZERO
        if stopped and settings.after_stop_ms is not None:
            code = reason_codes.COOL_DOWN_AFTER_STOP
            _rest(rests, order.symbol, order.closed_ns, settings.after_stop_ms, code)
        _forget_over(rests, order.closed_ns)
        return dump(rests)

    def judge(self, request: RiskRequest, view: RiskView, value: str) -> Judgement:
        """Deny while the symbol rests."""
        until_ns, code = load(value, Rests).symbols.get(request.symbol, (0, ""))
        if request.reduces or not view.now_ns < until_ns:
            return ALLOW
        remaining_ms = (until_ns - view.now_ns) // NANOSECONDS_PER_MILLISECOND + 1
        return Deny(
            code,
            f"{request.symbol} rests for another {remaining_ms} ms.",
            (("until_ns", str(until_ns)), ("remaining_ms", str(remaining_ms))),
        )


def _rest(rests: Rests, symbol: str, since_ns: int, rest_ms: int, code: str) -> None:
    """Add this rest; the longer one of a symbol counts."""
    until_ns = min(since_ns + rest_ms * NANOSECONDS_PER_MILLISECOND, _LATEST_NS)
    rests.symbols[symbol] = max(rests.symbols.get(symbol, (0, "")), (until_ns, code))


def _forget_over(rests: Rests, now_ns: int) -> None:
    """Drop the rests that are over by our time; a venue's time may be wrong, and ends no other symbol's."""
    rests.symbols = {name: rest for name, rest in rests.symbols.items() if rest[0] > now_ns}
