"""`fairlead balances`: what each balance is made of, of a store or of a running kernel."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
    from fairlead.ports.store import StoreReader


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @app.command("balances")
    def balances(
        *,
        store: StoreOption = None,
        store_plugin: PluginOption = DEFAULT_PLUGIN,
        config: ConfigOption = None,
        control: Annotated[
            Path | None, typer.Option("--socket", help="Ask the running kernel behind this socket instead.")
        ] = None,
        as_json: JsonOption = False,
    ) -> None:
        """List every asset: opening inventory, fills and adjustments, and what the venue holds.

        What the venue holds, what is locked and free of that and by how much it drifts is known to a running
        kernel only.
        """
        if control is None:
            shown = read_place(StorePlace(store, store_plugin, config), _stored)
        else:
            from fairlead.cli.control import request

            shown = request(control, "balances")["balances"]
        _print(shown, as_json=as_json)


async def _stored(reader: StoreReader) -> list[dict[str, str | None]]:
    from fairlead.domain.account import BalanceView, balance_dict
    from fairlead.domain.numbers import ZERO

    parts: dict[str, Mapping[str, Any]] = {}
    for row in await reader.rows("inventory"):
        parts[str(row["asset"])] = row
    views = []
    for row in await reader.rows("balances"):
        part = parts.get(str(row["asset"]), {"opening": ZERO, "adjustments": ZERO})
        figures: Any = part["opening"], part["adjustments"], row["total"]
        views.append(BalanceView(str(row["asset"]), *figures))
    return [balance_dict(view) for view in views]


def _print(shown: list[dict[str, str | None]], *, as_json: bool) -> None:
    from fairlead.cli import output
    from fairlead.domain.account import FIGURES

    if as_json:
        output.print_json({"balances": shown})
    elif not shown:
        output.print_line("No balances.")
    else:
        columns = ("asset", *FIGURES)
        heads = tuple(name.replace("_", " ") for name in columns)
        output.print_table(heads, [tuple(row[name] for name in columns) for row in shown])
