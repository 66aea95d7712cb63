"""`fairlead journal`: verify it, replay it up to a record, and give it out line by line."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairlead.cli.exit_codes import ExitCode
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
    from fairlead.cli.replaying import Replayed
    from fairlead.kernel.journal.verify import VerifyReport
    from fairlead.ports.store import StoreReader

# fixed: what fits a screen; the count of all is printed beside it
_LISTED_MAX = 20


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Look after the journal.", no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(group, name="journal")
    group.callback()(lambda: None)
    group.command("verify")(verify)
    group.command("replay")(replay)
    group.command("export")(export)


def verify(
    *,
    store: StoreOption = None,
    store_plugin: PluginOption = DEFAULT_PLUGIN,
    config: ConfigOption = None,
    with_archives: Annotated[
        bool, typer.Option("--with-archives", help="Verify the archives too: the whole chain.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check every record's hash, fold all of them, and compare the result with the stored rows.

    Exits with 1, and names the first damaged record or every differing row, when something disagrees. Of a
    journal whose older part was archived, the rest is folded on from its anchor.
    """
    from fairlead.cli import output

    report, archived = read_place(
        StorePlace(store, store_plugin, config), lambda reader: _verified_all(reader, with_archives)
    )
    if as_json:
        output.print_json({"ok": report.ok, "archived_records": archived, "report": report})
    else:
        _print(report, archived)
    raise typer.Exit(ExitCode.OK if report.ok else ExitCode.FOUND_WRONG)


async def _verified_all(reader: StoreReader, with_archives: bool) -> tuple[VerifyReport, int]:  # noqa: FBT001 - one caller
    """Return what verification found, and how many records of archives belong to it."""
    from attrs import evolve

    from fairlead.cli.archives import anchors_of, problems_of

    report = await verified(reader)
    anchors = [each for each in await anchors_of(reader) if each.archive] if with_archives else []
    records, problems = await problems_of(reader, anchors)
    return evolve(report, problems=(*problems, *report.problems)), records


async def verified(reader: StoreReader) -> VerifyReport:
    """Verify the journal, and that it reaches the head which the store states."""
    from attrs import evolve

    from fairlead.cli.archives import anchors_of
    from fairlead.kernel.journal.verify import verify_journal

    report = await verify_journal(reader, await anchors_of(reader))
    head = await reader.head()
    if report.ok and report.head != head:
        problem = (
            f"Journal record {report.head.sequence + 1}: the store says that it ends with {head.sequence}."
        )
        report = evolve(report, problems=(problem,))
    return report


def _print(report: VerifyReport, archived: int) -> None:
    from fairlead.cli import output

    if report.ok:
        before = f"{archived} records in archives and " if archived else ""
        output.print_line(
            f"The journal is whole: {before}{report.records} records in one chain, "
            f"and their fold equals {report.rows_compared} rows."
        )
        return
    output.print_line(f"The journal is damaged; {report.records} records before that are whole.")
    for problem in report.problems[:_LISTED_MAX]:
        output.print_line(f"- {problem}")
    if len(report.problems) > _LISTED_MAX:
        output.print_line(f"- and {len(report.problems) - _LISTED_MAX} more")


def replay(
    *,
    store: StoreOption = None,
    store_plugin: PluginOption = DEFAULT_PLUGIN,
    config: ConfigOption = None,
    at: Annotated[int | None, typer.Option(help="The record to stop after; the last one.", min=1)] = None,
    since: Annotated[
        int | None, typer.Option(help="Show what changed after this record instead.", min=0)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Fold the journal from its beginning, or from its anchor, and show what was held after a record.

    With --since, every row that records after that one made or changed. At the last record the rows are
    compared with the stored ones; exits with 1 when they differ.
    """
    from fairlead.cli import output, replaying

    place = StorePlace(store, store_plugin, config)
    found = read_place(place, lambda reader: replaying.replayed(reader, at, since))
    if as_json:
        output.print_json(found)
    else:
        _print_replay(found)
    raise typer.Exit(ExitCode.FOUND_WRONG if found.problems else ExitCode.OK)


def _print_replay(found: Replayed) -> None:
    from fairlead.cli import output, replaying
    from fairlead.cli.wording import time_of

    output.print_line(f"After record {found.sequence} ({time_of(found.ts_ns)} UTC): trading {found.trading}.")
    if found.changes is not None:
        if found.changes:
            output.print_table(
                replaying.CHANGE_COLUMNS, [replaying.change_cells(each) for each in found.changes]
            )
        else:
            output.print_line("Nothing changed.")
    else:
        _print_rows(found.rows)
    for problem in found.problems:
        output.print_line(f"- {problem}")


def _print_rows(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    from fairlead.cli import output, replaying

    live = [row for row in rows["orders"] if row["live"]]
    held = [row for row in rows["positions"] if row["quantity"]]
    for title, columns, cells in (
        ("Live orders:", replaying.ORDER_COLUMNS, [replaying.order_cells(row) for row in live]),
        ("Positions:", replaying.POSITION_COLUMNS, [replaying.position_cells(row) for row in held]),
        ("Balances:", ("asset", "total"), [(row["asset"], row["total"]) for row in rows["balances"]]),
    ):
        if cells:
            output.print_table(columns, cells, title=title)
        else:
            output.print_line(f"{title} none.")


def export(
    *,
    store: StoreOption = None,
    store_plugin: PluginOption = DEFAULT_PLUGIN,
    config: ConfigOption = None,
    after: Annotated[int, typer.Option(help="Begin after this record.", min=0)] = 0,
) -> None:
    """Print the journal as JSON lines, a record each, with its hash; progress goes to stderr.

    The payload is a text of JSON, byte for byte what the hash covers. A last line that is cut off is told by
    its missing line break: go on with --after the record before it.
    """
    from fairlead.cli import output, replaying
    from fairlead.cli.progress import progress_bar

    place = StorePlace(store, store_plugin, config)
    with progress_bar("Records exported") as progress:
        count, last = asyncio.run(replaying.exported(place, after, progress))
    output.print_note(f"{count} records; the last is {last}.")
