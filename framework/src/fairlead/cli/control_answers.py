"""How the longer answers of a running kernel are printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any


def print_report(found: Mapping[str, Any], *, as_json: bool) -> None:
    """Print the report of a reconciliation: an entry a line, and how many there are of each class."""
    from fairlead.cli import output
    from fairlead.domain.order_names import ending_of

    if as_json:
        output.print_json(found)
        return
    rows: list[tuple[object, ...]] = [
        (
            each["found"],
            each["symbol"],
            output.Shortened(each["client_order_id"], ending_of(each["client_order_id"])),
            each["venue_order_id"],
            each["concluded"],
        )
        for each in found["entries"]
    ]
    rows += [
        (
            each["found"],
            each["symbol"],
            each["book"],
            f"{each['at_venue']}, ours {each['ours']}" if each["at_venue"] is not None else each["ours"],
            each["concluded"],
        )
        for each in found["positions"]
    ]
    rows += [
        ("unbalanced", each["asset"], "", f"{each['at_venue']}, ours {each['derived']}", "noted")
        for each in found["balances"]
    ]
    output.print_table(("class", "symbol", "order or book", "at the venue", "concluded"), rows)
    counted = Counter(row[0] for row in rows)
    told = [f"{count} {name}" for name, count in counted.items()] or ["nothing is live"]
    output.print_line(f"{', '.join(told)}, {found['fills_booked']} trades were news")


def print_status(found: Mapping[str, Any], *, as_json: bool) -> None:
    """Print how a kernel is: its trading state, its counts, its components."""
    from fairlead.cli import output

    if as_json:
        output.print_json(found)
        return
    output.print_line(f"{found['account']}: trading is {found['trading_state']} ({found['trading_reason']})")
    output.print_line(
        f"{found['live_orders']} live orders, {found['open_positions']} open positions, "
        f"durable up to record {found['durable_sequence']} of {found['sequence']}"
    )
    output.print_table(
        ("component", "state", "problem"),
        [(part["name"], part["state"], part["problem"]) for part in found["components"]],
    )
