"""Each sampled scenario does what its name says when nothing disturbs it, or its crashes prove little."""

from __future__ import annotations

import pytest

from tests.simulation.invariants import Journal
from tests.simulation.scenarios.registry import SCENARIOS
from tests.simulation.test_scenarios import SEED, story_of

ENDS: dict[str, dict[str, str]] = {
    "paced_bot": {
        "one": "filled",
        "two": "filled",
        "three": "not_sent",
        "four": "filled",
        "five": "filled",
        "six": "filled",
        "close": "filled",
    },
    "operated_bot": {"lost": "canceled", "": "filled"},
    "changing_bot": {"grow": "filled", "shrink": "canceled", "swap": "canceled", "": "canceled"},
    "doubtful_cancels": {"fills": "filled", "rests": "canceled", "lies": "canceled"},
    "overtaken_modifies": {"grow": "filled", "shrink": "filled"},
    "early_fills": {"buy": "filled", "sell": "filled"},
    "twice_told": {"": "filled"},
    "half_told": {"": "filled"},
    "not_streamed": {"": "filled"},
    "broken_stream": {"": "filled"},
    "shared_trade_ids": {"one": "filled", "two": "filled"},
    "expires_at_venue": {"dated": "expired"},
    "expires_here": {"dated": "canceled"},
    "given_up": {"ghost": "canceled"},
    "permanent_ids": {"": "filled"},
    "refused_and_filled": {"lied": "canceled", "told": "filled"},
    "switched": {"first": "filled", "denied": "denied", "reduces": "filled", "last": "filled"},
    "stopped": {"rests": "canceled", "first": "canceled", "second": "filled"},
    "two_owners": {"entry": "canceled", "short": "filled", "": "filled"},
    "remarks": {"said": "filled"},
    "flips": {"long": "filled", "short": "filled", "flat": "filled"},
    "hedges": {"long": "filled", "short": "filled", "": "filled"},
    "two_symbols": {
        "rests:BTC/USDT": "canceled",
        "rests:ETH/USDT": "canceled",
        "trades:BTC/USDT": "filled",
        "trades:ETH/USDT": "filled",
    },
    "triggered": {"stop": "filled", "limit": "filled"},
    "funded": {"buy": "filled"},
    "token_fees": {"buy": "filled", "sell": "filled"},
    "received_fees": {"buy": "filled", "sell": "filled"},
    "adopted": {"own": "filled", "": "filled"},
    "foreign_canceled": {"own": "filled"},
    "turned_away": {"one": "filled", "two": "filled", "three": "filled", "rests": "canceled"},
}
"""How the order of each key ends; those without a key are looked at together."""

TOLD: dict[str, set[str]] = {
    "paced_bot": {"order_paced", "budget_spent"},
    "operated_bot": {"position_corrected", "adjustment_booked", "order_adopted", "absent", "order_annotated"},
    "changing_bot": {"REPLACED", "change_unresolved", "modify_rejected", "replace_moved"},
    "doubtful_cancels": {"cancel_requested", "canceled"},
    "overtaken_modifies": {"modify_started", "change_ended"},
    "half_told": {"source:history", "source:stream"},
    "not_streamed": {"source:history"},
    "broken_stream": {"venue_silent", "source:history"},
    "expires_here": {"cancel_requested", "order_filled"},
    "expires_at_venue": {"expired", "order_filled"},
    "given_up": {"resolved_by_operator", "zombie", "corrected_end"},
    "permanent_ids": {"outcome_unknown", "absent"},
    "refused_and_filled": {"rejected", "zombie", "late_fill"},
    "stopped": {"cancel_requested", "command_taken"},
    "two_owners": {"FOREIGN_OWNER", "closing_ended", "CLOSED"},
    "remarks": {"order_annotated", "episode_annotated"},
    "hedges": {"closing_ended", "CLOSED"},
    "two_symbols": {"cancel_requested", "command_taken"},
    "triggered": {"triggered"},
    "funded": {"adjustment_booked"},
    "adopted": {"foreign_order", "order_adopted"},
    "foreign_canceled": {"foreign_cancel_requested"},
    "turned_away": {"limited"},
}
"""What is on record besides, at least: kinds, events, anomalies, and from where fills came."""


def words_of(journal: Journal) -> set[str]:
    """Return what is on record: kinds, events, anomalies, codes, and the sources of fills."""
    words = {kind for kind, _ in journal.records}
    words |= {str(record["event"]) for _, record in journal.records if record.get("event")}
    words |= {str(record["anomaly"]) for record in journal.of("anomaly")}
    words |= {str(record["code"]) for _, record in journal.records if record.get("code")}
    return words | {f"source:{record['source']}" for record in journal.of("order_filled")}


@pytest.mark.parametrize("name", [name for name, scenario in SCENARIOS.items() if scenario.is_sampled])
def test_a_scenario_ends_as_its_name_says(name: str) -> None:
    """Its orders end as told, and what makes it what it is has happened."""
    scenario = SCENARIOS[name]
    with scenario.make_world(SEED) as world:
        world.run_generation(scenario.life)
        scenario.check(world)
        journal = Journal(world.disk)
    ends = {str(row["idempotency_key"]): str(row["state"]) for row in journal.orders.values()}
    assert ends == ENDS[name]
    assert TOLD.get(name, set()) <= words_of(journal)


def test_early_fills_come_before_the_acknowledgement() -> None:
    """The first order is filled before its answer, the second although its answer never comes."""
    scenario = SCENARIOS["early_fills"]
    with scenario.make_world(SEED) as world:
        world.run_generation(scenario.life)
        journal = Journal(world.disk)
    for name in journal.orders:
        assert "order_accepted" not in story_of(journal, name)
