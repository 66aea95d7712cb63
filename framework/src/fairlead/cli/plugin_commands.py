"""Commands that installed plugins bring: found when the help lists them or none of ours is meant.

A plugin that is refused, or whose command cannot be listed, costs nothing but itself: the help says what
was passed over. One whose module breaks ends with an error that names the plugin.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand
from typer.main import get_group

from fairlead.errors import PluginRefused

if TYPE_CHECKING:
    from fairlead.plugins.records import PluginRecord
    from fairlead.ports.tools import PluginCommand


class PluginCommands:
    """The commands by plugins beside those of the tool itself; asks the plugins on first use."""

    def __init__(self, taken: Collection[str]) -> None:
        self._taken = taken
        self._found: Mapping[str, tuple[PluginCommand, PluginRecord]] | None = None
        self.passed_over: Sequence[str] = ()

    def names(self) -> list[str]:
        """Return the commands' names, sorted."""
        return sorted(self._commands())

    def listed(self, name: str) -> TyperCommand | None:
        """Return what the help shows of a command; imports nothing of its module."""
        if name not in self._commands():
            return None
        return TyperCommand(name, help=self._commands()[name][0].about, callback=lambda: None)

    def loaded(self, name: str) -> Any:  # noqa: ANN401 - a click command, of whichever click typer brings
        """Return the command itself. Raises `PluginRefused` that names the plugin when it cannot be had."""
        from fairlead.plugins.register import FAULTS, told

        command, record = self._commands()[name]
        try:
            return command_of(name, command.module)
        except FAULTS as error:  # isolation point: a broken command costs only itself
            raise PluginRefused(
                f"The command {name} of {record.origin} cannot be loaded: {told(error)}.",
                not_done="Nothing was done.",
                fix="Tell its author, or uninstall it.",
            ) from error

    def _commands(self) -> Mapping[str, tuple[PluginCommand, PluginRecord]]:
        if self._found is None:
            from fairlead.plugins.manager import PluginManager

            manager = PluginManager()
            manager.autoload()
            offered = manager.commands()
            self.passed_over = [
                *(f"{each.record.origin}, hook {each.hook}: {each.reason}" for each in offered.skipped),
                *(
                    f"{record.origin}: {command.name} is a command of the tool itself"
                    for command, record in offered.provided
                    if command.name in self._taken
                ),
            ]
            self._found = {
                command.name: (command, record)
                for command, record in offered.provided
                if command.name not in self._taken
            }
        return self._found


def command_of(name: str, module: str) -> Any:  # noqa: ANN401 - a click command, of whichever click typer brings
    """Import a module and return the command of that name that its ``add_to`` registers."""
    single = typer.Typer(rich_markup_mode=None)
    single.callback()(lambda: None)
    import_module(module).add_to(single)
    return get_group(single).commands[name]
