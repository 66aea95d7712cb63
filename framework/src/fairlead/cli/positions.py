"""`fairlead positions`: the positions of a store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
    from fairlead.domain.episodes import EpisodeView
    from fairlead.kernel.history import Filters

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
EPISODE_COLUMNS = (
    "position",
    "episode",
    "side and peak",
    "average entry",
    "average exit",
    "net",
    "fees",
    "fills",
    "opened (UTC)",
    "closed (UTC)",
    "tags and note",
)


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @app.command("positions")
    def positions(  # noqa: PLR0913 - an argument for each option
        *,
        store: StoreOption = None,
        store_plugin: PluginOption = DEFAULT_PLUGIN,
        config: ConfigOption = None,
        only_open: Annotated[bool, typer.Option("--open", help="Leave flat ones out.")] = False,
        history: Annotated[
            bool, typer.Option("--history", help="List episodes instead: each life from flat to flat.")
        ] = False,
        symbol: SymbolOption = None,
        book: BookOption = None,
        owner: OwnerOption = None,
        tag: TagOption = None,
        note: NoteOption = None,
        since: SinceOption = None,
        until: UntilOption = None,
        last: Annotated[int, typer.Option(help="At most so many episodes, the newest.", min=1)] = 100,
        as_json: JsonOption = False,
    ) -> None:
        """List the positions of a store; realized and net are before and after fees.

        With --history, episodes, newest first; the filters go with it.
        """
        place = StorePlace(store, store_plugin, config)
        filters = filters_of(symbol, book, owner, tag, note, since, until)
        if history:
            _print_episodes(place, {**filters, "limit": last}, as_json=as_json)
            return
        if filters:
            raise typer.BadParameter("filters go with --history", param_hint=f"--{min(filters)}")
        _print_positions(place, only_open=only_open, as_json=as_json)


def _print_positions(place: StorePlace, *, only_open: bool, as_json: bool) -> None:
    from fairlead.cli import output

    rows = read_place(place, lambda reader: reader.rows("positions"))
    shown = [row for row in rows if row["quantity"] or not only_open]
    if as_json:
        output.print_json({"positions": shown})
    elif not shown:
        output.print_line("No positions.")
    else:
        output.print_table(POSITION_COLUMNS, [position_cells(row) for row in shown])


def _print_episodes(place: StorePlace, filters: Filters, *, as_json: bool) -> None:
    from fairlead.cli import output
    from fairlead.kernel.history import found_episodes, search_of

    wanted = search_of(filters, "opened_ns")
    found = read_place(place, lambda reader: found_episodes(reader, wanted))
    if as_json:
        output.print_json({"episodes": found})
    elif not found:
        output.print_line("No episodes.")
    else:
        output.print_table(EPISODE_COLUMNS, [episode_cells(episode) for episode in found])


def episode_cells(episode: EpisodeView) -> tuple[object, ...]:
    """Return the cells of an episode."""
    from fairlead.cli.wording import plain_number, rounded, time_of

    entry, exit_ = episode.average_entry_price, episode.average_exit_price
    fees = ", ".join(f"{plain_number(amount)} {name}" for name, amount in episode.fees_by_currency.items())
    return (
        _place(episode.symbol, episode.book, episode.position_id),
        episode.number,
        f"{episode.side.value} {plain_number(episode.peak_quantity)}",
        rounded(entry) if entry is not None else None,
        rounded(exit_) if exit_ is not None else None,
        f"{plain_number(episode.net_pnl)} {episode.currency}",
        fees,
        len(episode.fills),
        time_of(episode.opened_ns),
        time_of(episode.closed_ns) if episode.closed_ns else "open",
        "; ".join(part for part in (" ".join(episode.tags), episode.note) if part),
    )


def _place(symbol: str, book: str, position_id: str) -> object:
    """Return what a position is found by; a hedging one's id is that of the order that began it."""
    from fairlead.cli.output import Shortened
    from fairlead.domain.order_names import ending_of

    place = f"{symbol} {book}"
    return Shortened(f"{place} {position_id}", f"{place} {ending_of(position_id)}") if position_id else place


def position_cells(row: Mapping[str, Any]) -> tuple[object, ...]:
    """Return the cells of a position's row."""
    from fairlead.cli.wording import rounded, time_of
    from fairlead.domain.numbers import average, subtract

    quantity, cost = row["quantity"], row["cost"]
    return (
        _place(row["symbol"], row["book"], row["position_id"]),
        quantity or "flat",
        cost if quantity else None,
        rounded(average(cost, quantity)) if quantity else None,
        row["realized_pnl"],
        row["fees"],
        f"{subtract(row['realized_pnl'], row['fees']):f} {row['currency']}",
        time_of(row["opened_ns"]),
    )
