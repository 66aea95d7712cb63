"""`fairlead orders`: the orders of a store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from fairlead.cli.store_access import DEFAULT_PLUGIN, JsonOption, PluginOption, StoreOption, read_store

_COLUMNS = ("order", "state", "owner/book", "what", "filled", "average", "fees", "created (UTC)", "why")


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @app.command("orders")
    def orders(
        *,
        store: StoreOption,
        store_plugin: PluginOption = DEFAULT_PLUGIN,
        live: Annotated[bool, typer.Option("--live", help="Only orders that are not closed.")] = False,
        last: Annotated[int, typer.Option(help="Only so many, the newest; 0 for all.", min=0)] = 0,
        as_json: JsonOption = False,
    ) -> None:
        """List the orders of a store, oldest first."""
        from fairlead.cli import output

        rows = read_store(store, store_plugin, lambda reader: reader.rows("orders", live_only=live))
        ordered = sorted(rows, key=lambda row: (row["created_ns"], row["client_order_id"]))[-last:]
        if as_json:
            output.print_json({"orders": ordered})
        elif not ordered:
            output.print_line("No orders.")
        else:
            output.print_table(_COLUMNS, [order_cells(row) for row in ordered])


def order_cells(row: Mapping[str, Any]) -> tuple[object, ...]:
    """Return the cells of an order's row."""
    from fairlead.cli.wording import rounded, size_of, time_of
    from fairlead.domain.numbers import ZERO, average

    filled = row["filled_quantity"]
    return (
        row["client_order_id"],
        row["denial_code"] or row["state"],
        f"{row['owner']}/{row['book']}",
        size_of(row),
        filled or None,
        rounded(average(row["filled_value"], filled)) if filled > ZERO else None,
        row["fees"] or None,
        time_of(row["created_ns"]),
        row["detail"],
    )
