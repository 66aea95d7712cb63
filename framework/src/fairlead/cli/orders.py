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
# fixed: a matter of layout; no state that lasts has a longer name, and a moment is shown to the second
_STATE_WIDTH = 10
_SECONDS = len("2026-01-01 00:00:00")


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
            print_orders(ordered)


def _search_of(filters: Filters, *, live: bool) -> Search:
    from fairlead.kernel.history import search_of

    wanted = search_of(filters, "created_ns")
    alive: tuple[tuple[str, bool], ...] = (("live", True),) if live else ()
    return replace(wanted, equal=(*wanted.equal, *alive), newest_by="", limit=0)


def print_orders(rows: Sequence[Mapping[str, Any]], *, title: str = "") -> None:
    """Print a table, or where it does not fit two lines an order."""
    from fairlead.cli import output

    cells = [order_cells(row) for row in rows]
    if output.fits(_COLUMNS, cells):
        output.print_table(_COLUMNS, cells, title=title)
        return
    if title:
        output.print_line(title)
    for row in rows:
        for line in order_lines(row, output.terminal_width()):
            output.print_line(line)


def order_lines(row: Mapping[str, Any], width: int) -> tuple[str, str]:
    """Return an order as two lines; why it is as it is is cut off where the width ends."""
    from fairlead.cli.output import cropped, escaped
    from fairlead.cli.wording import plain_number, size_of, time_of
    from fairlead.domain.order_names import ending_of

    owner = f"{row['owner']}/{row['book']}"
    state = f"{row['state']:{_STATE_WIDTH}}"
    first = "  ".join((ending_of(row["client_order_id"]), state, size_of(row), owner))
    fees = f"fees {plain_number(row['fees'])}" if row["fees"] else ""
    second = "  ".join(part for part in (time_of(row["created_ns"])[:_SECONDS], _filled(row), fees) if part)
    code, detail = row["denial_code"], row["detail"]
    why = detail if code in detail else f"{code}: {detail}"
    room = width - len(second) - len("    ")
    return escaped(first), "  " + (f"{second}  {cropped(why, room)}" if why and room > 0 else second)


def _filled(row: Mapping[str, Any]) -> str:
    from fairlead.cli.wording import plain_number, rounded
    from fairlead.domain.numbers import average

    filled = row["filled_quantity"]
    if not filled:
        return ""
    price = rounded(average(row["filled_value"], filled))
    return f"filled at {price}" if filled == row["quantity"] else f"filled {plain_number(filled)} at {price}"


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
