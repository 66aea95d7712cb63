"""Tapes drawn by Hypothesis: a crowded little market in which everything meets everything."""

from __future__ import annotations

from decimal import Decimal

import hypothesis.strategies as st

from tests.paper.tape_script import Step, TapeScript

NAMES = st.sampled_from("abcdefgh")


def _decimals(low: int, high: int, unit: str) -> st.SearchStrategy[str]:
    return st.integers(low, high).map(lambda number: f"{Decimal(number) * Decimal(unit):f}")


PRICES = _decimals(190, 210, "0.5")
TRADES = st.tuples(st.just("trade"), PRICES, _decimals(1, 60, "0.05") | _decimals(1, 3_000, "0.001"))
SIZES = _decimals(1, 60, "0.05") | _decimals(5, 4_000, "0.001")
FORCES = st.sampled_from(["", "", "", "ioc", "fok"]) | st.integers(1, 60).map(lambda until: f"gtd {until}")
FLAGS = st.sampled_from(["", "", "", "post_only", "reduce_only"])


@st.composite
def orders(draw: st.DrawFn) -> tuple[str, ...]:
    """Draw an order of any type, with terms that go together."""
    kind = draw(
        st.sampled_from(
            [
                *("market", "limit", "limit", "limit", "stop", "stop_limit"),
                *("take_profit", "take_profit_limit", "trail", "trail_rate"),
            ]
        )
    )
    words = [draw(st.sampled_from(["buy", "sell"])), draw(NAMES), draw(SIZES), kind]
    if kind == "trail":
        words.append(draw(_decimals(1, 60, "0.1")))
    elif kind == "trail_rate":
        words.append(draw(_decimals(1, 60, "0.001")))
    elif kind not in ("market", "limit"):
        words.append(draw(PRICES))
    if kind.endswith("limit"):
        words.append(draw(PRICES))
    force = draw(FORCES) if kind == "limit" else draw(st.sampled_from(["", "gtd 40"]))
    flag = draw(FLAGS)
    if kind == "market":
        force = ""
    if flag == "post_only" and (kind != "limit" or force in ("ioc", "fok")):
        flag = ""
    return (*words, *force.split(), *flag.split())


@st.composite
def changes(draw: st.DrawFn) -> tuple[str, ...]:
    """Draw a change; it may fit the order or not."""
    words = ["modify", draw(NAMES), draw(SIZES)]
    shape = draw(st.sampled_from(["limit", "limit", "trigger", "both", "none"]))
    if shape in ("limit", "both"):
        words += ["limit", draw(PRICES)]
    if shape in ("trigger", "both"):
        words += ["trigger", draw(PRICES)]
    return tuple(words)


@st.composite
def books(draw: st.DrawFn) -> tuple[str, ...]:
    """Draw a book: up to three levels on each side of a middle."""
    middle = draw(st.integers(195, 205))
    sides = []
    for sign in (-1, 1):
        steps = sorted(draw(st.sets(st.integers(1, 6), min_size=1, max_size=3)))
        levels = [f"{Decimal(middle + sign * step) / 2:f}:{draw(SIZES)}" for step in steps]
        sides.append(",".join(levels))
    return ("book", *sides)


MOVES = st.sampled_from(
    [
        ("deposit", "USDT", "12.5"),
        ("deposit", "BTC", "0.25"),
        ("withdraw", "USDT", "40"),
        ("withdraw", "BTC", "1"),
    ]
)
CANCELS = st.tuples(st.just("cancel"), NAMES)


@st.composite
def rules(draw: st.DrawFn) -> dict[str, str]:
    """Draw the settings of a venue."""
    chosen = {
        "locking": draw(st.sampled_from(["per_order", "none"])),
        "fee_in": draw(st.sampled_from(["quote", "base", "received"])),
        "participation": draw(st.sampled_from(["1", "0.75", "0.3"])),
        "queue_ahead": draw(st.sampled_from(["0", "0.5", "2"])),
        "queue_ahead_trades": draw(st.sampled_from(["0", "1", "2.5"])),
        "queue_cancels": draw(st.sampled_from(["0", "0.1", "1"])),
    }
    slippage = draw(st.sampled_from(["", "slippage_ticks=1", "slippage_rate=0.003", "depth=1,2,3,0.7"]))
    return {**chosen, **dict(pair.split("=") for pair in slippage.split())}


@st.composite
def tapes(draw: st.DrawFn, *, with_books: bool) -> TapeScript:
    """Draw a whole tape."""
    steps = [*[TRADES] * 6, *[orders()] * 6, changes(), CANCELS, MOVES]
    if with_books:
        steps += [books()] * 3
    words = [draw(TRADES), *draw(st.lists(st.one_of(*steps), min_size=15, max_size=40))]
    opening = {
        "USDT": draw(st.sampled_from(["150", "100000"])),
        "BTC": draw(st.sampled_from(["0", "3", "500"])),
    }
    return TapeScript("random", draw(rules()), opening, [Step(list(step)) for step in words])
