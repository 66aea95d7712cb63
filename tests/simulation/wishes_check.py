"""What a bot asked for, what the journal says of it, and what the venue was asked for: all three are one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from fairlead import CloseResult, ExecutionResult, TimeInForce
from fairlead_paper.records import VenueOrder
from tests.simulation.drawn_wishes import Wish
from tests.simulation.invariants import Journal

Problems = list[str]
Heard = Sequence[tuple[Wish, object]]
"""What a bot had asked for, and what it was told then."""
TERMS = (
    "side", "order_type", "time_in_force", "expire_ns", "post_only", "reduce_only", "limit_price", "quantity",
)  # fmt: skip
"""What venue and journal must say alike of an order."""


def wish_problems(journal: Journal, orders: Sequence[VenueOrder], heard: Heard) -> Problems:
    """Return what was asked for and recorded, or sent, or told otherwise."""
    intents = {str(record["client_order_id"]): record for record in journal.of("order_initialized")}
    return [
        *_intents(intents, heard),
        *_sent(journal, intents, orders),
        *_ends(journal, heard),
    ]


def _intents(intents: Mapping[str, Mapping[str, Any]], heard: Heard) -> Problems:
    """The order of a wish is what was wished, under its key."""
    problems = []
    for wish, told in heard:
        if not isinstance(told, ExecutionResult):
            continue
        name = told.client_order_id
        intent = intents.get(name)
        if intent is None:
            problems.append(f"told of and not recorded: {told}")
            continue
        wanted = terms_of(wish)
        differing = {
            name: intent.get(name, 0) for name, term in wanted.items() if intent.get(name, 0) != term
        }
        if differing:
            problems.append(f"wanted {wanted}, and the journal has {differing}: {name}")
        if told.denied == intent["approved"]:
            problems.append(f"told otherwise than recorded whether it was denied: {name}")
    return problems


def terms_of(wish: Wish) -> dict[str, object]:
    """Return the terms that the order of a wish must have; of a target only the key."""
    proposal = wish.proposal()
    terms: dict[str, object] = {"idempotency_key": wish.key}
    if wish.kind == "target":
        return terms
    price = proposal.limit_price
    return terms | {
        "side": "sell" if wish.kind == "sell" else "buy",
        "quantity": wish.quantity,
        "limit_price": None if price is None else wish.price,
        "expire_ns": proposal.expire_ns or 0,
        "time_in_force": "gtd" if wish.kind == "dated" else proposal.time_in_force.value,
    }


def _sent(
    journal: Journal, intents: Mapping[str, Mapping[str, Any]], orders: Sequence[VenueOrder]
) -> Problems:
    """The venue holds, or held, each order under the terms that are recorded, as they were changed last.

    Of a change whose order ended before anybody heard what became of it, both ends are right.
    """
    changed = {str(record["client_order_id"]): record["terms"] for record in journal.of("order_updated")}
    wanted = {str(record["change_id"]): record["terms"] for record in journal.of("change_requested")}
    unheard = {
        str(record["client_order_id"]): wanted[record["change_id"]]
        for record in journal.of("change_ended")
        if record["code"] == "ORDER_CLOSED"
    }
    problems = []
    for order in orders:
        name = order.client_order_id
        if name in intents:
            recorded = {**intents[name], **changed.get(name, {})}
            differing = _differing(recorded, order)
            if differing and (name not in unheard or _differing(recorded | unheard[name], order)):
                problems.append(f"{differing} at the venue, and not here: {name}")
    return problems


def _differing(recorded: Mapping[str, Any], order: VenueOrder) -> dict[str, object]:
    """Return what the venue holds otherwise than is recorded."""
    terms = dict(recorded)
    if terms["time_in_force"] == "gtd" and order.time_in_force is TimeInForce.GTC:
        terms |= {"time_in_force": "gtc", "expire_ns": 0}  # such a venue keeps no dates: the kernel ends it
    found = {}
    for name in TERMS:
        here, there = terms.get(name), getattr(order, name)
        if isinstance(there, Decimal) and here is not None:
            here = Decimal(here)
        if (here or None) != (there or None):
            found[name] = there
    return found


def _ends(journal: Journal, heard: Heard) -> Problems:
    """What a bot was told of a closing is what is recorded of it."""
    ended = {str(record["closing_id"]): record for record in journal.of("closing_ended")}
    problems = []
    for _, told in heard:
        if isinstance(told, CloseResult) and told.closing_id in ended:
            record = ended[told.closing_id]
            if (told.code.value, told.quantity_left) != (record["code"], Decimal(record["quantity_left"])):
                problems.append(f"told {told.code}, recorded {record['code']}: {told.closing_id}")
    return problems
