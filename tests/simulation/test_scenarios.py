"""The crashed scenarios do what their names say when nothing disturbs them, and repeat exactly."""

from __future__ import annotations

import pytest

from tests.simulation.invariants import Journal, Record
from tests.simulation.market import MarketWorld
from tests.simulation.scenarios.busy import busy_bot
from tests.simulation.scenarios.lost_ways import ANSWER_LOST, REQUEST_LATE, REQUEST_LOST, Lossy, lost_answers
from tests.simulation.scenarios.one_order import one_limit_order
from tests.simulation.scenarios.paced import LIMITED, paced_bot
from tests.simulation.scenarios.registry import SCENARIOS, experiment

SEED = 1


def story_of(journal: Journal, client_order_id: str) -> list[str]:
    """Return what happened to one order, in words."""
    return [_word(kind, record) for kind, record in journal.records if _is_about(record, client_order_id)]


def _is_about(record: Record, client_order_id: str) -> bool:
    return record.get("client_order_id") == client_order_id


def _word(kind: str, record: Record) -> str:
    return str(record["event"]) if kind == "order_event" else kind


def by_quantity(journal: Journal) -> dict[str, str]:
    """Return the client order id of each quantity that was ordered."""
    return {str(record["quantity"]): record["client_order_id"] for record in journal.of("order_initialized")}


def test_one_order_is_submitted_acknowledged_partly_filled_and_filled() -> None:
    """The whole plain life, with more than one part."""
    with MarketWorld(SEED) as world:
        world.run_generation(one_limit_order)
        journal = Journal(world.disk)
    (name,) = journal.orders
    story = story_of(journal, name)
    assert story[:4] == ["order_initialized", "attempt_started", "order_accepted", "order_filled"]
    assert set(story[3:]) == {"order_filled"}
    assert len(story[3:]) > 1
    assert journal.orders[name]["state"] == "filled"


def test_lost_ways_end_in_a_fill_a_proof_of_absence_and_a_late_life() -> None:
    """Answer lost: found and filled. Request lost: NOT_PLACED by proof. Late: unresolved, then filled."""
    with MarketWorld(SEED, fate=Lossy()) as world:
        world.run_generation(lost_answers)
        journal = Journal(world.disk)
    names = by_quantity(journal)
    answer_lost, lost, late = (names[str(key)] for key in (ANSWER_LOST, REQUEST_LOST, REQUEST_LATE))
    assert journal.orders[answer_lost]["state"] == "filled"
    assert story_of(journal, lost)[2:] == ["outcome_unknown", "absent"]
    assert journal.orders[lost]["state"] == "not_placed"
    assert journal.orders[lost]["closed_ns"] > journal.orders[lost]["deadline_ns"]
    assert story_of(journal, late)[2] == "outcome_unknown"
    assert journal.orders[late]["state"] == "filled"


def test_the_busy_bot_races_a_fill_reduces_and_is_denied() -> None:
    """A trade is booked while the cancel is on its way; the sale is known to reduce; the crumb is denied."""
    with MarketWorld(SEED) as world:
        world.run_generation(busy_bot)
        journal = Journal(world.disk)
    orders = {str(row["idempotency_key"]): row for row in journal.orders.values()}
    story = story_of(journal, orders["open"]["client_order_id"])
    assert "order_filled" in story[story.index("cancel_requested") :]
    assert orders["close"]["reduces"] is True
    assert orders["close"]["state"] == "filled"
    assert orders["tiny"]["state"] == "denied"


def test_the_paced_bot_waits_cancels_what_waits_and_has_its_exit_overtake() -> None:
    """Some entries wait, one of them is never sent, and the sale that came last goes before those left."""
    with MarketWorld(SEED, place=LIMITED) as world:
        world.run_generation(paced_bot)
        journal = Journal(world.disk)
    orders = {str(row["idempotency_key"]): row for row in journal.orders.values()}
    waited = {str(record["client_order_id"]) for record in journal.of("order_paced")}
    assert len(waited) >= 3
    assert [row["state"] for row in orders.values()].count("not_sent") == 1
    assert orders["close"]["state"] == "filled"
    sent = [record["client_order_id"] for record in journal.of("attempt_started")]
    assert sent.index(orders["close"]["client_order_id"]) < len(sent) - 1
    assert world.throttle.refused == 0


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_repeats_exactly(name: str) -> None:
    """The same seed gives the same steps and crash points, or a crash could not be repeated."""
    assert experiment(name).undisturbed() == experiment(name).undisturbed()
