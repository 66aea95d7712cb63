"""`fairlead positions`: the positions of a store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from fairlead.cli.store_access import DEFAULT_PLUGIN, JsonOption, PluginOption, StoreOption, read_store

POSITION_COLUMNS = (
    "position",
    "quantity",
    "cost",
    "average entry",
    "realized",
    "fees",
    "net",
    "opened (UTC)",
)


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @app.command("positions")
    def positions(
        *,
        store: StoreOption,
        store_plugin: PluginOption = DEFAULT_PLUGIN,
        only_open: Annotated[bool, typer.Option("--open", help="Leave flat ones out.")] = False,
        as_json: JsonOption = False,
    ) -> None:
        """List the positions of a store; realized and net are before and after fees."""
        from fairlead.cli import output

        rows = read_store(store, store_plugin, lambda reader: reader.rows("positions"))
        shown = [row for row in rows if row["quantity"] or not only_open]
        if as_json:
            output.print_json({"positions": shown})
        elif not shown:
            output.print_line("No positions.")
        else:
            output.print_table(POSITION_COLUMNS, [position_cells(row) for row in shown])


def position_cells(row: Mapping[str, Any]) -> tuple[object, ...]:
    """Return the cells of a position's row."""
    from fairlead.cli.wording import rounded, time_of
    from fairlead.domain.numbers import average, subtract

    quantity, cost = row["quantity"], row["cost"]
    return (
        f"{row['symbol']} {row['book']}",
        quantity or "flat",
        cost if quantity else None,
        rounded(average(cost, quantity)) if quantity else None,
        row["realized_pnl"],
        row["fees"],
        f"{subtract(row['realized_pnl'], row['fees']):f} {row['currency']}",
        time_of(row["opened_ns"]),
    )
