"""`fairlead orders`: the orders of a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec.structs import replace

from fairlead.cli.history_options import (
    BookOption,
    NoteOption,
    OwnerOption,
    SinceOption,
    SymbolOption,
    TagOption,
    UntilOption,
    filters_of,
)
from fairlead.cli.store_access import (
    DEFAULT_PLUGIN,
    ConfigOption,
    JsonOption,
    PluginOption,
    StoreOption,
    StorePlace,
    read_place,
)

if TYPE_CHECKING:
    from fairlead.kernel.history import Filters
    from fairlead.ports.searches import Search

_COLUMNS = ("order", "state", "owner/book", "what", "filled", "average", "fees", "created (UTC)", "why")


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @app.command("orders")
    def orders(  # noqa: PLR0913 - an argument for each option
        *,
        store: StoreOption = None,
        store_plugin: PluginOption = DEFAULT_PLUGIN,
        config: ConfigOption = None,
        live: Annotated[bool, typer.Option("--live", help="Only orders that are not closed.")] = False,
        symbol: SymbolOption = None,
        book: BookOption = None,
        owner: OwnerOption = None,
        tag: TagOption = None,
        note: NoteOption = None,
        since: SinceOption = None,
        until: UntilOption = None,
        last: Annotated[int, typer.Option(help="Only so many, the newest; 0 for all.", min=0)] = 0,
        as_json: JsonOption = False,
    ) -> None:
        """List the orders of a store, oldest first."""
        from fairlead.cli import output

        wanted = _search_of(filters_of(symbol, book, owner, tag, note, since, until), live=live)
        rows = read_place(
            StorePlace(store, store_plugin, config), lambda reader: reader.search("orders", wanted)
        )
        ordered = sorted(rows, key=lambda row: (row["created_ns"], row["client_order_id"]))[-last:]
        if as_json:
            output.print_json({"orders": ordered})
        elif not ordered:
            output.print_line("No orders.")
        else:
            _print(ordered)


def _search_of(filters: Filters, *, live: bool) -> Search:
    from fairlead.kernel.history import search_of

    wanted = search_of(filters, "created_ns")
    alive: tuple[tuple[str, bool], ...] = (("live", True),) if live else ()
    return replace(wanted, equal=(*wanted.equal, *alive), newest_by="", limit=0)


def _print(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print a table, or where it does not fit two lines an order."""
    from fairlead.cli import output

    cells = [order_cells(row) for row in rows]
    if output.fits(_COLUMNS, cells):
        output.print_table(_COLUMNS, cells)
        return
    state_width = max(len(str(row[1])) for row in cells)
    for row in cells:
        for line in order_lines(row, state_width, output.terminal_width()):
            output.print_line(line)


def order_lines(cells: Sequence[object], state_width: int, width: int) -> tuple[str, str]:
    """Return an order's cells as two lines; why it is as it is is cut off where the width ends."""
    from fairlead.cli.output import cell, cropped

    order, state, owner, what, filled, average_price, fees, created, why = (
        cell(value, short=True) if value else "" for value in cells
    )
    done = f"filled {filled} at {average_price}" if filled else ""
    parts = (created, owner, done, f"fees {fees}" if fees else "")
    second = "    " + "  ".join(part for part in parts if part)
    room = width - len(second) - 2
    return f"{order}  {state:{state_width}}  {what}", f"{second}  {cropped(why, room)}".rstrip()


def order_cells(row: Mapping[str, Any]) -> tuple[object, ...]:
    """Return the cells of an order's row."""
    from fairlead.cli.output import Shortened
    from fairlead.cli.wording import rounded, size_of, time_of
    from fairlead.domain.numbers import ZERO, average
    from fairlead.domain.order_names import ending_of

    filled = row["filled_quantity"]
    return (
        Shortened(row["client_order_id"], ending_of(row["client_order_id"])),
        row["denial_code"] or row["state"],
        f"{row['owner']}/{row['book']}",
        size_of(row),
        filled or None,
        rounded(average(row["filled_value"], filled)) if filled > ZERO else None,
        row["fees"] or None,
        time_of(row["created_ns"]),
        row["detail"],
    )
