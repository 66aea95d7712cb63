"""`fairlead fills`: the fills of a store, as a table, a document or comma-separated values."""

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
    from fairlead.ports.store import Scalar, StoreReader

COLUMNS = ("time (UTC)", "order", "owner/book", "what", "value", "fee", "position", "trade")
_OF_ORDERS = ("owner", "tag", "note")
"""Filters on what only the order of a fill knows."""


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @app.command("fills")
    def fills(  # noqa: PLR0913 - an argument for each option
        *,
        store: StoreOption = None,
        store_plugin: PluginOption = DEFAULT_PLUGIN,
        config: ConfigOption = None,
        order: Annotated[
            str | None, typer.Option("--order", help="Only of this order: its id, or an end of it.")
        ] = None,
        symbol: SymbolOption = None,
        book: BookOption = None,
        owner: OwnerOption = None,
        tag: TagOption = None,
        note: NoteOption = None,
        since: SinceOption = None,
        until: UntilOption = None,
        last: Annotated[int, typer.Option(help="Only so many, the newest; 0 for all.", min=0)] = 0,
        as_json: JsonOption = False,
        as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    ) -> None:
        """List the fills of a store in the order in which they were booked; times are the venue's."""
        from fairlead.cli import output

        if as_json and as_csv:
            raise typer.BadParameter("one form at a time", param_hint="--json / --csv")
        filters = filters_of(symbol, book, owner, tag, note, since, until)
        place = StorePlace(store, store_plugin, config)
        found = read_place(place, lambda reader: found_fills(reader, filters, order))[-last:]
        if as_json:
            output.print_json({"fills": found})
        elif as_csv:
            output.print_csv(_NAMES, [[row[name] for name in _NAMES] for row in found])
        elif not found:
            output.print_line("No fills.")
        else:
            _print(found)


_NAMES = (
    "ts_event",
    "time",
    "client_order_id",
    "trade_id",
    "owner",
    "book",
    "symbol",
    "side",
    "quantity",
    "price",
    "value",
    "currency",
    "fee",
    "fee_currency",
    "liquidity",
    "position_id",
    "episode",
    "flipped",
    "source",
    "tags",
    "note",
    "sequence",
)
"""The columns of comma-separated values; a document has the same keys."""


async def found_fills(reader: StoreReader, filters: Filters, order: str | None) -> list[Mapping[str, Scalar]]:
    """Return the fills that are wanted, each with what is known of its order, as they were booked.

    Raises `UnknownName` when *order* means no order, or more than one.
    """
    from fairlead.cli.wording import time_of
    from fairlead.kernel.history import search_of

    of_orders: Any = {name: value for name, value in filters.items() if name in _OF_ORDERS}
    of_fills: Any = {name: value for name, value in filters.items() if name not in _OF_ORDERS}
    wanted_orders = replace(search_of(of_orders, "created_ns"), newest_by="", limit=0)
    orders = {str(row["client_order_id"]): row for row in await reader.search("orders", wanted_orders)}
    wanted = replace(search_of(of_fills, "ts_event"), newest_by="", limit=0)
    if order is not None:
        wanted = replace(wanted, equal=(*wanted.equal, ("client_order_id", await _meant(reader, order))))
    rows = [
        row
        for row in await reader.search("fills", wanted)
        if not of_orders or row["client_order_id"] in orders
    ]
    rows.sort(key=_booked)
    return [
        _with_order(row, orders.get(str(row["client_order_id"]), {}), time_of(_event_ns(row))) for row in rows
    ]


async def _meant(reader: StoreReader, name: str) -> str:
    from fairlead.cli.explain import order_of

    return str((await order_of(reader, name))["client_order_id"])


def _booked(row: Mapping[str, Any]) -> tuple[int, str]:
    """Return what fills are sorted by: those of one record by the venue's id."""
    return row["sequence"], row["trade_id"]


def _event_ns(row: Mapping[str, Any]) -> int:
    moment: int = row["ts_event"]
    return moment


def _with_order(row: Mapping[str, Scalar], order: Mapping[str, Scalar], time: str) -> Mapping[str, Scalar]:
    known = {name: order.get(name, "") for name in ("owner", "tags", "note")}
    return {**row, **known, "time": time}


def _print(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print a table, or where it does not fit two lines a fill."""
    from fairlead.cli import output

    cells = [fill_cells(row) for row in rows]
    if output.fits(COLUMNS, cells):
        output.print_table(COLUMNS, cells)
        return
    for row in cells:
        time, order, owner, what, value, fee, episode, trade = (output.cell(each, short=True) for each in row)
        output.print_line(f"{time}  {what}  {order}")
        output.print_line(f"  {value}, fee {fee}  {owner}  position {episode}  {trade}")


def fill_cells(row: Mapping[str, Any]) -> Sequence[object]:
    """Return the cells of a fill."""
    from fairlead.cli.output import Shortened
    from fairlead.cli.wording import plain_number
    from fairlead.domain.order_names import ending_of

    price = plain_number(row["price"])
    return (
        row["time"],
        Shortened(row["client_order_id"], ending_of(row["client_order_id"])),
        f"{row['owner']}/{row['book']}",
        f"{row['side']} {plain_number(row['quantity'])} {row['symbol']} at {price}",
        f"{plain_number(row['value'])} {row['currency']}",
        f"{plain_number(row['fee'])} {row['fee_currency']} ({row['liquidity']})",
        _episode_of(row),
        row["trade_id"],
    )


def _episode_of(row: Mapping[str, Any]) -> str:
    """Return the episode, and the one that the fill ended before when it turned the position round."""
    number = row["episode"]
    return f"{number - 1} and {number}" if row["flipped"] else f"{number}"
