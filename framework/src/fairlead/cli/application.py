"""The typer application: a group whose commands are imported when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any

import rich  # noqa: F401 - every command prints with it, so its absence is told at once
import typer
from typer.core import TyperGroup
from typer.main import get_command

from fairlead import __version__
from fairlead.cli.answer_timeout import ANSWER_TIMEOUT_MS, AnswerTimeoutOption, keep_answer_timeout
from fairlead.cli.output import print_note
from fairlead.cli.plugin_commands import PluginCommands, command_of

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
    by_plugins = PluginCommands(commands)

    class LazyGroup(TyperGroup):
        """Lists all commands, and imports one when it is used; plugins are asked last."""

        def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - typer's own signature
            return [*commands, *by_plugins.names()]

        def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002 - typer's own signature
            if cmd_name in commands:
                return command_of(cmd_name, commands[cmd_name])
            return by_plugins.listed(cmd_name)

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - typer's own signature
            if args[0] not in commands:
                _refuse_typo(ctx, args[0], self.list_commands(ctx))
            name, command, rest = super().resolve_command(ctx, args)
            if name is not None and name not in commands:
                command = by_plugins.loaded(name)
            return name, command, rest

        def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - typer's own signature
            super().format_commands(ctx, formatter)
            for text in by_plugins.passed_over:
                print_note(f"Passed over: {text}.")

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


def _refuse_typo(ctx: typer.Context, typed: str, known: Sequence[str]) -> None:
    """Refuse what no command is called but nearly; typer's own guess does not see lazy ones."""
    likely = get_close_matches(typed, known, n=1)
    if likely and typed not in known:
        ctx.fail(f"No such command {typed!r}. Did you mean {likely[0]!r}?")


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer passes the option's value alone
    if wanted:
        typer.echo(f"fairlead {__version__}")
        raise typer.Exit


def _root(
    *,
    answer_timeout_ms: AnswerTimeoutOption = ANSWER_TIMEOUT_MS,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    del version
    keep_answer_timeout(answer_timeout_ms)
