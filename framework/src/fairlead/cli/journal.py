"""`fairlead journal verify`: whether the chain, the fold and the rows of a store agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    from fairlead.kernel.journal.verify import VerifyReport
    from fairlead.ports.store import StoreReader

# fixed: what fits a screen; the count of all is printed beside it
_LISTED_MAX = 20


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    group = typer.Typer(help="Look after the journal.", no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(group, name="journal")
    group.callback()(lambda: None)

    @group.command("verify")
    def verify(
        *,
        store: StoreOption = None,
        store_plugin: PluginOption = DEFAULT_PLUGIN,
        config: ConfigOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """Check every record's hash, fold all of them, and compare the result with the stored rows.

        Exits with 1, and names the first damaged record or every differing row, when something disagrees.
        """
        from fairlead.cli import output

        report = read_place(StorePlace(store, store_plugin, config), verified)
        if as_json:
            output.print_json({"ok": report.ok, "report": report})
        else:
            _print(report)
        raise typer.Exit(ExitCode.OK if report.ok else ExitCode.FOUND_WRONG)


async def verified(reader: StoreReader) -> VerifyReport:
    """Verify the journal, and that it reaches the head which the store states."""
    from attrs import evolve

    from fairlead.kernel.journal.verify import verify_journal

    report = await verify_journal(reader)
    head = await reader.head()
    if report.ok and report.head != head:
        problem = (
            f"Journal record {report.head.sequence + 1}: the store says that it ends with {head.sequence}."
        )
        report = evolve(report, problems=(problem,))
    return report


def _print(report: VerifyReport) -> None:
    from fairlead.cli import output

    if report.ok:
        output.print_line(
            f"The journal is whole: {report.records} records in one chain, "
            f"and their fold equals {report.rows_compared} rows."
        )
        return
    output.print_line(f"The journal is damaged; {report.records} records before that are whole.")
    for problem in report.problems[:_LISTED_MAX]:
        output.print_line(f"- {problem}")
    if len(report.problems) > _LISTED_MAX:
        output.print_line(f"- and {len(report.problems) - _LISTED_MAX} more")
