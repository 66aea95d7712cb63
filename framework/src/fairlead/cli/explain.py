"""`fairlead explain ORDER`: why an order is in the state it is in, from the journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer

from fairlead.cli.store_access import (
    DEFAULT_PLUGIN,
    ConfigOption,
    JsonOption,
    PluginOption,
    StoreOption,
    StorePlace,
    journal_of,
    read_place,
)

if TYPE_CHECKING:
    from fairlead.cli.story import StoryLine
    from fairlead.domain.records import Record
    from fairlead.ports.store import StoreReader


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @app.command("explain")
    def explain(
        *,
        order: Annotated[
            str, typer.Argument(help="The order's id: ours, its beginning or end, the venue's, or its key.")
        ],
        store: StoreOption = None,
        store_plugin: PluginOption = DEFAULT_PLUGIN,
        config: ConfigOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """Tell the story of one order: who asked, what was judged, sent, answered and concluded, and why."""
        from fairlead.cli import output

        found = read_place(StorePlace(store, store_plugin, config), lambda reader: explained(reader, order))
        if as_json:
            output.print_json(found)
        else:
            _print(found)


@attrs.frozen
class Explanation:
    """An order's row, its story, and the episodes of positions that its fills belong to."""

    client_order_id: str
    order: Mapping[str, Any]
    story: Sequence[StoryLine]
    episodes: Sequence[str] = ()
    archived: str = ""


async def explained(reader: StoreReader, name: str) -> Explanation:
    """Return the story of the order that the name means.

    Raises `UnknownName` when no order, or more than one, is meant.
    """
    from fairlead.cli.story import tell
    from fairlead.domain.records import KernelStarted
    from fairlead.kernel.journal.codec import decode

    order = await order_of(reader, name)
    client_order_id = str(order["client_order_id"])
    mark = client_order_id.encode()
    records: list[tuple[int, int, Record]] = [
        (envelope.sequence, envelope.ts_ns, decode(envelope))
        async for envelope in journal_of(reader)
        if envelope.kind == KernelStarted.KIND or mark in envelope.payload
    ]
    fills = await reader.rows_where("fills", "client_order_id", client_order_id)
    story = tell(client_order_id, records)
    return Explanation(client_order_id, order, story, _episodes(fills), await _archived(reader, order))


async def _archived(reader: StoreReader, order: Mapping[str, Any]) -> str:
    """Say where the beginning of the story is, when that was archived and the order was not."""
    from fairlead.cli.archives import anchors_of

    anchors = [each for each in await anchors_of(reader) if each.archive]
    if not anchors or order["created_ns"] > anchors[-1].ts_ns:
        return ""
    return (
        f"What happened up to record {anchors[-1].sequence} is in archives, the last {anchors[-1].archive}."
    )


def _episodes(fills: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    """Return a sentence for each episode that the fills belong to; a flip's belong to two."""
    found: dict[str, None] = {}
    for fill in fills:
        place = " ".join(part for part in (fill["symbol"], fill["book"], fill["position_id"]) if part)
        if fill["flipped"]:
            found[f"It ended episode {fill['episode'] - 1} of {place} and turned the position round."] = None
        found[f"Its fills are part of episode {fill['episode']} of {place}."] = None
    return tuple(found)


async def order_of(reader: StoreReader, name: str) -> Mapping[str, Any]:
    """Return the row of the order that the name means: our id or an end of it, the venue's id, or the key.

    Raises `UnknownName` when there is none, which says in which archive it is, and `InvalidInput` when there
    are several.
    """
    from fairlead.errors import UnknownName

    try:
        return _row_meant(name, await reader.rows("orders"))
    except UnknownName as unknown:
        if where := await archives_with(reader, name):
            raise UnknownName("order", name, fix=f"{where} Give that file to --store.") from unknown
        raise


def _row_meant(name: str, orders: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    from fairlead.domain.order_names import only_one, order_meant

    rows = {str(row["client_order_id"]): row for row in orders}
    exact = [
        each
        for each, row in rows.items()
        if name and name in (each, row["venue_order_id"], row["idempotency_key"])
    ]
    if exact:
        return rows[only_one(name, exact)]
    return rows[order_meant(name, rows, fix="List them with `fairlead orders`.")]


async def archives_with(reader: StoreReader, name: str) -> str:
    """Say which archive holds the order, or which were not found; "" when there is none."""
    from fairlead.cli.archives import anchors_of, open_archive
    from fairlead.errors import ConfigurationRefused, UnknownName

    anchors = [each for each in await anchors_of(reader) if each.archive]
    away = []
    for anchor in reversed(anchors):
        try:
            async with open_archive(reader, anchor) as archive:
                _row_meant(name, await archive.rows("orders"))
                return f"It was archived and is in {anchor.archive}."
        except UnknownName:
            continue
        except ConfigurationRefused:
            away.append(anchor.archive)
    return f"It may be in {', '.join(away)}, not found beside the store." if away else ""


def _print(found: Explanation) -> None:
    from fairlead.cli import output
    from fairlead.cli.wording import plain_number, size_of, time_of

    order = found.order
    output.print_line(f"Order {found.client_order_id}: {size_of(order)}")
    lines: list[tuple[object, ...]] = []
    shown = 0
    for line in found.story:
        lines.append((time_of(line.ts_ns) if line.ts_ns != shown else None, line.sequence, line.text))
        shown = line.ts_ns
    output.print_table(("time (UTC)", "record", "what happened"), lines)
    for sentence in (*found.episodes, *((found.archived,) if found.archived else ())):
        output.print_line(sentence)
    state = str(order["state"]).upper()
    filled = f"{plain_number(order['filled_quantity'])} of {plain_number(order['quantity'])} filled"
    output.print_line(f"Now it is {state}, {filled}.")
