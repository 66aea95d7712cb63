"""The fold of what is said about orders and episodes, which changes nothing else about them."""

from __future__ import annotations

from fairlead.domain.command_records import EpisodeAnnotated, OrderAnnotated
from fairlead.domain.order_kinds import OrderSide
from tests.core.kernel.bench import BTC
from tests.core.kernel.folding import (
    Fold,
    at,
    corrected,
    order,
    remembered,
)

SELL = OrderSide.SELL
MAIN = f"{BTC} main"


def test_an_order_has_the_words_that_were_said_last() -> None:
    """All three as the record says; whoever repeats the key is told that it was done."""
    fold = Fold(order(note="old", tags=("old",)))
    said = OrderAnnotated("x", "bot", "new", ("one", "two"), (("a", "1"),), "key", "digest")
    assert fold.changes(said) == {
        **at("orders.x", note="new", tags=("one", "two"), metadata=(("a", "1"),)),
        "dirty.orders": ["x"],
        **remembered("x", '[true,"","",[]]', 20, 2),
    }


def test_an_order_that_is_over_stays_until_its_words_are_durable() -> None:
    """What is said about it last is not in the store yet: it may not leave memory before that."""
    fold = Fold(order(approved=False), order("y", approved=False))
    assert fold.changes(OrderAnnotated("x", "bot", "new", (), ()))["finished.x"] == 3
    assert list(fold.state.finished.items()) == [("x", 3), ("y", 2)]


def test_an_episode_that_is_annotated_leaves_memory_last() -> None:
    """The words are its own; one that is over is the last changed, and one that goes on does not leave."""
    trades = [corrected(), corrected(side=SELL), corrected(), corrected(side=SELL), corrected()]
    fold = Fold(*trades)

    def said(number: int, key: str = "") -> EpisodeAnnotated:
        return EpisodeAnnotated(
            BTC, "main", "", number, "bot", "word", ("tag",), (("a", "1"),), key, "digest"
        )

    words = {"note": "word", "tags": ("tag",), "metadata": (("a", "1"),)}
    assert fold.changes(said(3)) == {"dirty.episodes": [f"{MAIN} 3"], **at(f"episodes.{MAIN} 3", **words)}
    changes = fold.changes(said(1, "key"))
    assert changes["dirty.episodes"] == [f"{MAIN} 1"]
    assert list(fold.state.ended.items()) == [((BTC, "main", "", 2), 4), ((BTC, "main", "", 1), 7)]
    entry = fold.state.commands["bot", "key"]
    assert (entry.client_order_id, entry.command_digest, entry.created_ns) == (f"{BTC} main  1", "digest", 70)
