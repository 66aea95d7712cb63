"""What several checks remember: the orders of a window of time, each by a few words about it.

An order counts from its approval on. When its first attempt begins it gets that instant; one that ends
before was never sent and is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from fairlead.ports.risk import AttemptStarted, Fact, OrderEnded, OrderInitialized
from fairlead_riskhooks.stored import dump, load

NANOSECONDS_PER_MILLISECOND = 1_000_000

Words = tuple[str, ...]


class Recent(msgspec.Struct):
    """Orders that were approved and not sent yet by client order id; and those sent, oldest first."""

    waiting: dict[str, Words] = {}
    sent: list[tuple[int, Words]] = []

    def within(self, now_ns: int, window_ns: int) -> Iterator[Words]:
        """Yield the words of each order that is younger than the window, those not sent yet included."""
        yield from self.waiting.values()
        yield from (words for sent_ns, words in self.sent if now_ns - sent_ns < window_ns)


NOTHING = dump(Recent())


def fold_recent(
    value: str, fact: Fact, describe: Callable[[OrderInitialized], Words], window_ns: int, most: int
) -> str:
    """Return what is remembered after the fact, as text.

    Orders that reduce are left out. Of orders with the same words only the newest *most* are kept.
    """
    if isinstance(fact, OrderInitialized):
        if not fact.approved or fact.reduces:
            return value
        recent = load(value, Recent)
        recent.waiting[fact.client_order_id] = describe(fact)
        return dump(recent)
    if isinstance(fact, AttemptStarted):
        return _sent(value, fact, window_ns, most)
    if isinstance(fact, OrderEnded):
        recent = load(value, Recent)
        return value if recent.waiting.pop(fact.order.client_order_id, None) is None else dump(recent)
    return value


def _sent(value: str, fact: AttemptStarted, window_ns: int, most: int) -> str:
    recent = load(value, Recent)
    words = recent.waiting.pop(fact.client_order_id, None)
    if words is None:  # a further attempt of an order that is counted, or one that reduces
        return value
    now_ns = fact.not_before_ns
    recent.sent = [each for each in recent.sent if now_ns - each[0] < window_ns]
    recent.sent.append((now_ns, words))
    alike = [each for each in recent.sent if each[1] == words]
    for each in alike[:-most]:
        recent.sent.remove(each)
    return dump(recent)
