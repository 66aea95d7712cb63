"""The typer application: a group whose commands are imported when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any

import rich  # noqa: F401 - every command prints with it, so its absence is told at once
import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from fairlead import __version__

_ABOUT = "An execution kernel that trading bots embed. Commands only read, unless their help says otherwise."


def run(commands: Mapping[str, str], arguments: Sequence[str]) -> int:
    """Run one command line over these commands (name -> module) and return its exit code."""
    group = get_command(_application(commands))
    try:
        group.main(args=list(arguments), prog_name="fairlead")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    return 0


def _application(commands: Mapping[str, str]) -> typer.Typer:
    class LazyGroup(TyperGroup):
        """Lists all commands, and imports one when it is used."""

        def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - typer's own signature
            return list(commands)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002 - typer's own signature
            return _loaded(cmd_name, commands[cmd_name]) if cmd_name in commands else None

    app = typer.Typer(
        name="fairlead",
        help=_ABOUT,
        cls=LazyGroup,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    return app


def _loaded(name: str, module: str) -> Any:  # noqa: ANN401 - a click command, of whichever click typer brings
    single = typer.Typer(rich_markup_mode=None)
    single.callback()(lambda: None)
    import_module(module).add_to(single)
    return get_group(single).commands[name]


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer passes the option's value alone
    if wanted:
        typer.echo(f"fairlead {__version__}")
        raise typer.Exit


def _root(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    del version
