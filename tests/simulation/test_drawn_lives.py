"""Lives drawn from seeds hold every promise, and the same seed is the same life.

`tox -e simulation` lives many more of them, and compares digests between Pythons.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from fairlead.testing.fault_plan import FaultPlan
from tests.campaign import campaign_size
from tests.simulation.drawn_lives import Options, run
from tests.simulation.floors import too_few

Record = Callable[[str, object], None]


def lives(first: int, last: int, record_property: Record) -> None:
    """Live the lives of these seeds, and have what happened in them printed."""
    faults: Counter[str] = Counter()
    records: Counter[str] = Counter()
    deaths: Counter[str] = Counter()
    steps = crashes = 0
    for seed in range(first, last + 1):
        done = run(seed)
        steps, crashes, faults = steps + done.steps, crashes + done.crashes, faults + done.faults
        records, deaths = records + done.records, deaths + done.deaths
    assert too_few(records, last - first + 1) == []
    assert crashes > (last - first) // 10
    reports = ("report of an order", "report of a fill", "price")
    assert {f"{fate} {report}" for fate in ("lost", "repeated") for report in reports} <= set(faults)
    calls = {f"death at exchange.{request}.sent" for request in ("submit", "cancel")}
    assert {"death at a step", *calls} <= set(deaths)
    told = ", ".join(f"{count} {name}" for name, count in sorted((faults + deaths).items()))
    said = f"{last - first + 1} lives of {steps} steps, {crashes} crashes, {told}: no violation"
    record_property("kills", said)


def test_drawn_lives_hold_every_promise(record_property: Record) -> None:
    """Whatever is drawn: nothing lost, nothing doubled, and the books are the venue's."""
    lives(1, 150, record_property)


def test_drawn_lives_tell_everything(record_property: Record) -> None:
    """With an endpoint: nothing lost, made up or out of order, over faults, deaths and recoveries."""
    faults: Counter[str] = Counter()
    count = campaign_size("TOLD_LIVES", default=60)
    crashes = 0
    for seed in range(1, count + 1):
        done = run(seed, Options.drawn(seed, has_endpoint=True))
        crashes, faults = crashes + done.crashes, faults + done.faults
    kinds = {
        "notice refused", "notice failed", "notice unanswered", "notice answered late", "notice slow",
        "endpoint down",
    }  # fmt: skip
    assert kinds <= set(faults)
    told = ", ".join(f"{faults[kind]} {kind}" for kind in sorted(kinds))
    record_property("kills", f"{count} lives with an endpoint, {crashes} crashes, {told}: nothing lost")


def test_lives_with_and_without_an_endpoint_are_drawn() -> None:
    """In some somebody is told; whatever else the seed draws is the same."""
    drawn = [Options.drawn(seed) for seed in range(1, 101)]
    assert 5 < sum(options.has_endpoint for options in drawn) < 30
    for seed, options in enumerate(drawn, start=1):
        assert options.lanes == Options.drawn(seed, has_endpoint=not options.has_endpoint).lanes
        assert options.has_endpoint or options.plan == FaultPlan.drawn(seed)


def test_an_endpoint_can_be_switched_off() -> None:
    """What fails without one, too, is reduced to a life in which nobody is told."""
    options = Options.drawn(3, has_endpoint=True)
    assert any(not simpler.has_endpoint for simpler in options.simpler())


def test_a_seed_is_one_life() -> None:
    """Run again, a seed takes the same steps: its failure can be looked at."""
    for seed in (3, 77):
        first, again = run(seed), run(seed)
        assert (first.digest, first.steps, first.faults) == (again.digest, again.steps, again.faults)
    told = Options.drawn(3, has_endpoint=True)
    assert run(3, told) == run(3, told)
