"""What can be set about the SQL store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs

from fairlead.errors import SettingRefused
from fairlead.hookspecs import PluginContext
from fairlead.ports.settings import structure_settings

# fixed: default and bound of a setting below
BUSY_TIMEOUT_MS = 5_000
BUSY_TIMEOUT_MS_MAX = 60_000


def _checked_path(instance: object, attribute: object, value: str | Path) -> None:
    del instance, attribute
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        raise _refused("path", f"{value!r} is not a file path", 'Write a path, such as "bot.sqlite".')
    if str(value) == ":memory:" or str(value).startswith("file:"):
        raise _refused(
            "path", f"{value!r} is not a file", "Name a file; for tests use fairlead.testing.memory_store."
        )


def _checked_folder(instance: object, attribute: attrs.Attribute[Any], value: str | Path) -> None:
    del instance
    if not isinstance(value, str | Path) or "\0" in str(value):
        raise _refused(attribute.name, f"{value!r} is not a folder", 'Write a path, such as "backups".')


def _checked_timeout(instance: object, attribute: object, value: int) -> None:
    del instance, attribute
    if type(value) is not int or not 0 <= value <= BUSY_TIMEOUT_MS_MAX:
        raise _refused(
            "busy_timeout_ms",
            f"{value!r} is not a whole number from 0 to {BUSY_TIMEOUT_MS_MAX}",
            "Write 5000.",
        )


def _checked_flag(instance: object, attribute: attrs.Attribute[bool], value: object) -> None:
    del instance
    if type(value) is not bool:
        raise _refused(attribute.name, f"{value!r} is not true or false", "Write true or false.")


@attrs.frozen
class SqlStoreSettings:
    """Settings of the SQL store."""

    path: str | Path = attrs.field(
        validator=_checked_path,
        metadata={"example": '"bot.sqlite"', "doc": "the SQLite file, on a local disk"},
    )
    busy_timeout_ms: int = attrs.field(
        default=BUSY_TIMEOUT_MS,
        validator=_checked_timeout,
        metadata={
            "doc": "how long a write waits for a program that holds SQLite's lock, before it counts as failed"
        },
    )
    check_on_open: bool = attrs.field(
        default=True,
        validator=_checked_flag,
        metadata={
            "doc": "whether quick_check runs over the whole file at every start; a second per gigabyte"
        },
    )

    backup_before_upgrade: bool = attrs.field(
        default=True,
        validator=_checked_flag,
        metadata={"doc": "whether a verified copy is made before a newer version changes the schema"},
    )
    backup_folder: str | Path = attrs.field(
        default="",
        validator=_checked_folder,
        metadata={"example": '"backups"', "doc": "where copies go; beside the database when it is not said"},
    )
    archive_folder: str | Path = attrs.field(
        default="",
        validator=_checked_folder,
        metadata={
            "example": '"archives"',
            "doc": "where archives go and are looked for; beside the database when it is not said",
        },
    )

    @classmethod
    def structured(cls, context: PluginContext) -> SqlStoreSettings:
        """Return the settings from the plugin's own configuration table, or raise `ConfigurationRefused`."""
        settings = structure_settings(cls, context.configuration, "plugins.sqlstore")
        folders = settings.backup_folder, settings.archive_folder
        backups, archives = (context.path(folder) if str(folder) else "" for folder in folders)
        path = context.path(settings.path)
        return attrs.evolve(settings, path=path, backup_folder=backups, archive_folder=archives)


def _refused(key: str, problem: str, fix: str) -> SettingRefused:
    return SettingRefused(f"sqlstore.{key}", problem, fix=fix)
