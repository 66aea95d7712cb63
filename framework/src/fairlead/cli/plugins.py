"""`fairlead plugins`: which plugins are installed, in which state, and why one was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import attrs
import typer

from fairlead.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from fairlead.plugins.records import PluginRecord

_COLUMNS = ("name", "distribution", "version", "API", "state", "order", "kinds", "hooks")


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @app.command("plugins")
    def plugins(
        *,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
        check: Annotated[bool, typer.Option("--check", help="Exit with 1 when any is refused.")] = False,
    ) -> None:
        """List the installed plugins, and say why one is refused or a command of one is passed over.

        Every one is imported and linted, as a kernel would do that loads it; none is started. The
        order is by name; in a kernel it is the configuration's.
        """
        code = _list_plugins(as_json=as_json, check=check)
        raise typer.Exit(code)


def _list_plugins(*, as_json: bool, check: bool) -> ExitCode:
    from fairlead.cli import output
    from fairlead.hookspecs import API_VERSION, ENTRY_POINT_GROUP
    from fairlead.plugins.manager import PluginManager
    from fairlead.plugins.records import PluginState

    manager = PluginManager()
    manager.autoload()
    records = manager.records()
    refused = [record for record in records if record.state is PluginState.REFUSED]
    skipped = manager.commands().skipped
    if as_json:
        output.print_json(
            {
                "api": API_VERSION,
                "group": ENTRY_POINT_GROUP,
                "plugins": [{**attrs.asdict(record), "kinds": _kinds(record)} for record in records],
                "skipped": [
                    {"name": each.record.name, "hook": each.hook, "reason": each.reason} for each in skipped
                ],
            }
        )
    elif not records:
        output.print_line("No plugin is installed.")
    else:
        output.print_table(_COLUMNS, [_row(record) for record in records])
        for record in refused:
            output.print_line(f"Refused: {record.origin}: {record.reason}.")
        for each in skipped:
            output.print_line(f"Passed over: {each.record.origin}, hook {each.hook}: {each.reason}.")
    return ExitCode.FOUND_WRONG if check and (refused or skipped) else ExitCode.OK


def _kinds(record: PluginRecord) -> list[str]:
    """Return the kinds of the plugin's hooks, in the order of `HookKind`."""
    from fairlead.hookspecs import HOOK_KINDS, HookKind

    used = {HOOK_KINDS[hook] for hook in record.hooks}
    return [kind.value for kind in HookKind if kind in used]


def _row(record: PluginRecord) -> tuple[object, ...]:
    from fairlead.plugins.lint import HOOK_PREFIX

    version = f"{record.version} (editable)" if record.editable else record.version
    return (
        record.name,
        record.distribution,
        version,
        record.requires_api,
        record.state,
        record.order or None,
        ", ".join(_kinds(record)),
        [hook.removeprefix(HOOK_PREFIX) for hook in record.hooks],
    )
